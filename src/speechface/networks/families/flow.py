"""Networks that draw: what sound does not decide is sampled, not averaged."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from speechface.errors import ModelError
from speechface.networks.families import network
from speechface.networks.families.base import Family, Predictor, TrainingJob
from speechface.networks.families.sequence import SequenceSettings

__all__ = ["FAMILY", "OPTIONS", "FlowSettings", "by_part", "read_options"]

#: What may be changed of a trained model, beside styles.
OPTIONS = ("steps", "guidance", "temperature", "mouth_temperature")
_MOUTH = ("jaw", "mouth", "tongue")


class FlowSettings(SequenceSettings):
    """Keys of family flow: a network of family sequence, and a field that moves noise to motion, told what it knows."""

    TRAINING: ClassVar = {"frames_per_step": 300, "epochs": 40, "frames_per_epoch": 0, "weight_decay": 0.02}

    outputs: Literal["weights", "weights_rotation"] = "weights_rotation"
    """The rig's weights, or 3 head rotations as well."""
    best_by: Literal["loss", "mouth"] = "loss"
    """Which epoch's network is kept: least validation loss of the field, or least mouth RMSE of the trunk in
    validation."""
    loss_flow: float = Field(1.0, ge=0)
    """Factor of the field's loss: mean squared error of the direction, in deviations of the train table."""
    field_channels: int = Field(128, ge=8)
    """Width of the field."""
    untold: float = Field(0.15, ge=0, lt=1)
    """Fraction of training sequences in which the field is not told the sound; guidance needs it."""
    styles: list[Literal["emotion", "speaker"]] = ["emotion", "speaker"]
    """What has a learnt vector: emotions, where the clip table knows them, and speakers."""
    steps: int = Field(8, ge=1, le=64)
    """Steps from noise to motion. This and the keys below can be changed when the model is used (--option)."""
    guidance: float = Field(1.25, ge=0)
    """How far the field of the mouth that knows the sound is followed beyond the one that does not: 1, no further."""
    temperature: float = Field(1.0, ge=0)
    """Deviation of the noise that all but the mouth begins with; 0 gives one answer."""
    mouth_temperature: float = Field(0.3, ge=0)
    """The same of mouth, jaw and tongue, which sound decides."""


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


def _train(job: TrainingJob) -> Predictor | None:
    from speechface.networks.flow_training import FLOW

    return network.train(job, FLOW)


def _restore(content: dict[str, Any]) -> Predictor:
    from speechface.networks.flow_model import restore

    return restore(content)


def _configure(model: Any, options: Mapping[str, str]) -> Predictor:
    return model.configured(options)


FAMILY = Family(
    FlowSettings, network.content, _restore, train=_train, configure=_configure, export_onnx=network.export_onnx
)
