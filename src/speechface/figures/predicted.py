"""Predictions of several models beside the labels, for the figures that show what the models do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechface.clip_tables import ClipTable, ClipTables
from speechface.figures.common import NothingToShow
from speechface.figures.style import BASELINES
from speechface.metrics.ranking import ranked_clips
from speechface.tables import read_table

__all__ = ["Compared", "Ranked", "by_model", "compared", "ranked"]


@dataclass(frozen=True)
class Ranked:
    """`split` that was evaluated, `models` from the best on (baselines last), `clips` of each, best first."""

    split: str
    models: list[str]
    clips: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Compared:
    """`label` and `predicted` weights (n, channels) of the same frames; `times` (n,), s; `used` bool (n,);
    channels that no landmark shows are 0."""

    times: np.ndarray
    used: np.ndarray
    label: np.ndarray
    predicted: np.ndarray


def by_model(paths: Iterable[str]) -> dict[str, ClipTables]:
    """Prediction tables by the model that their metadata name."""
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(str(ClipTable(path).meta.get("model", "model")), []).append(path)
    return {model: ClipTables(own) for model, own in found.items()}


def ranked(paths: Sequence[str]) -> Ranked:
    """Models and their clips by the error of the mouth, from tables of 'evaluate'."""
    found: dict[str, list[dict[str, Any]]] = {}
    split = ""
    for path in paths:
        table = read_table(path)
        split, clips = ranked_clips(table)
        if clips:
            found.setdefault(str(table.meta["model"]), clips)
    if not found:
        raise NothingToShow("no clip was evaluated")

    def rank(name: str) -> tuple[bool, float]:
        return name in BASELINES, float(np.mean([clip["rmse_mouth_mm"] for clip in found[name]]))

    return Ranked(split, sorted(found, key=rank), found)


def compared(clip_id: str, labels: ClipTables, predictions: ClipTables, channels: Sequence[str]) -> Compared | None:
    """Labels and prediction of a clip on `channels`, frame by frame; None where one of them has no rows."""
    if clip_id not in labels or clip_id not in predictions:
        return None
    label, prediction = labels.read(clip_id), predictions.read(clip_id)
    if not (label.usable and prediction.usable and len(label) and len(prediction)):
        return None
    _, mine, its = np.intersect1d(label["frame"], prediction["frame"], return_indices=True)
    observed = np.asarray(label.meta.get("observed") or [True] * len(channels), bool)
    return Compared(
        label["time"][mine],
        label["used"].astype(bool)[mine],
        np.where(observed, label.stack(channels)[mine], 0),
        np.where(observed, prediction.stack(channels)[its], 0),
    )
