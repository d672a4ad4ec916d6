"""Metrics of the rig's dense mesh: lips, upper face and the whole face."""

import numpy as np

from speechface.metrics.geometry import FRAMES_AT_ONCE, squared_lengths
from speechface.metrics.metric import ClipMotion, Metric, Statistics, mean_of
from speechface.metrics.moments import Moments

__all__ = ["FDD", "LVE", "LVE_SQUARED", "MVE"]


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    """``lve``, ``lve2``, ``mve`` are sums over frames, ``fdd`` is the clip's; `FRAMES_AT_ONCE` frames at a time."""
    bases, out = motion.bases, dict.fromkeys(("lve", "lve2", "mve", "fdd"), 0.0)
    spread = [Moments(bases.upper_face.shape[2:]) for _ in range(2)]
    for start in range(0, len(motion), FRAMES_AT_ONCE):
        part = slice(start, start + FRAMES_AT_ONCE)
        error = motion.predicted[part] - motion.true[part]
        if bases.lips.shape[2]:
            worst = squared_lengths(error, bases.lips).max(1).astype(np.float64)
            out["lve2"] += worst.sum()
            out["lve"] += np.sqrt(worst).sum()
        distance = squared_lengths(error, bases.face)
        out["mve"] += np.sqrt(distance, out=distance).sum(dtype=np.float64) / max(distance.shape[1], 1)
        for moments, weights in zip(spread, (motion.true[part], motion.predicted[part])):
            moments.update(squared_lengths(weights, bases.upper_face))
    out["fdd"] = (spread[0].std - spread[1].std).sum() / max(bases.n_upper_face, 1)
    return out


_STATISTICS = Statistics(dict.fromkeys(("lve", "lve2", "mve", "fdd"), ()), _of_clip)

LVE = Metric(
    "mm", "lower", mean_of("lve", "n_frames"), "mean over frames of the largest lip-vertex distance", _STATISTICS
)
LVE_SQUARED = Metric(
    "mm^2", "lower", mean_of("lve2", "n_frames"),
    "mean over frames of the largest squared lip-vertex distance (CodeTalker, torchmetrics)", _STATISTICS,
)  # fmt: skip
MVE = Metric(
    "mm", "lower", mean_of("mve", "n_frames"),
    "mean distance of all vertices that some observed channel moves", _STATISTICS,
)  # fmt: skip
FDD = Metric(
    "mm^2", "zero", mean_of("fdd", "n_clips"),
    "upper face: mean over vertices of std over time of |motion|^2, truth minus prediction; mean over clips",
    _STATISTICS,
)  # fmt: skip
