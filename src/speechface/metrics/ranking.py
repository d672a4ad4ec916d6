"""The evaluated clips of a model from the best to the worst, and the model to show."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from speechface.metrics.registry import METRICS
from speechface.tables import Table

__all__ = ["best_model", "ranked_clips"]

_SCORES = ("rmse_mouth_mm", "lip_gap_r")


def best_model(models: Table, names: Sequence[str]) -> str:
    """The model among `names` that is best in validation by a table of compare-models; else the first."""
    if not len(models):
        return names[0]
    errors = {
        str(model): float(error)
        for model, error, best in zip(models["model"], models["validation_mm"], models["best"])
        if best
    }
    return min((name for name in names if name in errors), default=names[0], key=lambda name: errors[name])


def ranked_clips(evaluation: Table) -> tuple[str, list[dict[str, Any]]]:
    """Evaluated clips of the split test, or of predict where none was tested, least error of the mouth first.

    Parameters
    ----------
    evaluation : a table of 'evaluate'

    Returns
    -------
    split : str
    clips : list of dict with ``clip`` (id), ``rmse_mouth_mm``, ``lip_gap_r`` (None where not defined)
    """
    splits = evaluation["split"].astype(str)
    for split in ("test", "predict"):
        rows = np.flatnonzero((splits == split) & (evaluation["n_frames"] > 0))
        if len(rows):
            break
    else:
        return "test", []
    sums = {name: values[rows] for name, values in evaluation.columns.items()}
    scores = {name: METRICS[name].value(sums) for name in _SCORES}
    ids = evaluation.clip_ids()
    clips = [
        {"clip": ids[row], **{key: float(v[k]) if np.isfinite(v[k]) else None for key, v in scores.items()}}
        for k, row in enumerate(rows)
    ]
    return split, sorted(clips, key=lambda clip: (clip["rmse_mouth_mm"], clip["clip"]))
