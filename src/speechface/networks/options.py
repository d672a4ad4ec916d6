"""What may be changed of a trained model that draws: ``--option KEY=VALUE``."""

from collections.abc import Mapping, Sequence

import numpy as np

from speechface.errors import ModelError

__all__ = ["OPTIONS", "by_part", "read_options"]

#: Numbers; beside them there are the model's styles.
OPTIONS = ("steps", "guidance", "temperature", "mouth_temperature")
_MOUTH = ("jaw", "mouth", "tongue")


def read_options(options: Mapping[str, str], styles: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Options as they are written, with a model's styles ("emotion=happy", "speaker=set/a"): numbers of `OPTIONS`, and
    how much of each style; ModelError for others."""
    numbers, amounts = {}, {}
    for name, text in options.items():
        if name in OPTIONS:
            numbers[name] = _number(name, text)
            continue
        which, _, amount = text.partition(":")
        if f"{name}={which}" not in styles:
            raise ModelError(
                f"option {name}={text}: the model knows {', '.join([*OPTIONS, *styles])}; give one of them"
            )
        amounts[f"{name}={which}"] = _number(name, amount or "1")
    return numbers, amounts


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
        if value >= 0:
            return value
    except ValueError:
        pass
    raise ModelError(f"option {name}={text}: expected a number from 0 on")


def by_part(columns: Sequence[str], of_mouth: float, of_others: float) -> np.ndarray:
    """One number a column (n,), float32: another for jaw, mouth and tongue than for all else."""
    return np.array([of_mouth if name.startswith(_MOUTH) else of_others for name in columns], np.float32)
