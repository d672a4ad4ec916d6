"""Metrics of models that draw samples: how good each is, how good the best, and how they differ."""

from itertools import combinations

import numpy as np

from speechface.geometry.ibug import MOUTH
from speechface.metrics.geometry import squared_lengths
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums, mean_of, ratio

__all__ = ["DIVERSITY", "DIVERSITY_MOUTH", "LVE_BEST", "LVE_MEAN", "RMSE_OF_MEAN"]


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    """Sums over frames, in mm; nothing where there is one answer."""
    if motion.samples is None or len(motion.samples) < 2:
        return {}
    bases = motion.bases
    out: dict[str, float] = {"n_sampled": len(motion)}
    if bases.lips.shape[2]:
        errors = [np.sqrt(squared_lengths(sample - motion.true, bases.lips).max(1)).sum(dtype=np.float64)
                  for sample in motion.samples]  # fmt: skip
        out |= {"lve_samples": np.mean(errors), "lve_best": min(errors)}
    points = [bases.landmark_motion(sample) for sample in motion.samples]
    apart = [np.linalg.norm(a - b, axis=-1).astype(np.float64) for a, b in combinations(points, 2)]
    out["apart"] = np.mean([pair.mean(1).sum() for pair in apart])
    out["apart_mouth"] = np.mean([pair[:, MOUTH].mean(1).sum() for pair in apart])
    error = bases.landmark_motion(np.mean(motion.samples, 0) - motion.true)[:, MOUTH]
    out["mean_mouth_sq"] = np.square(error, dtype=np.float64).sum(-1).mean(1).sum()
    return out


_NAMES = ("n_sampled", "lve_samples", "lve_best", "apart", "apart_mouth", "mean_mouth_sq")
_STATISTICS = Statistics(dict.fromkeys(_NAMES, ()), _of_clip)


def _rmse(sums: Sums) -> np.ndarray:
    return np.sqrt(ratio(sums["mean_mouth_sq"], sums["n_sampled"]))


LVE_MEAN = Metric(
    "mm", "lower", mean_of("lve_samples", "n_sampled"),
    "lip vertex error (`lve_mm`), mean over samples; models that draw several", _STATISTICS,
)  # fmt: skip
LVE_BEST = Metric(
    "mm", "lower", mean_of("lve_best", "n_sampled"), "the same of each clip's best sample", _STATISTICS,
)  # fmt: skip
DIVERSITY = Metric(
    "mm", "", mean_of("apart", "n_sampled"),
    "diversity: mean distance of the 68 landmarks between two samples (after Stan et al. 2023, FaceDiffuser)",
    _STATISTICS,
)  # fmt: skip
DIVERSITY_MOUTH = Metric(
    "mm", "", mean_of("apart_mouth", "n_sampled"), "the same of the 20 mouth landmarks", _STATISTICS,
)  # fmt: skip
RMSE_OF_MEAN = Metric(
    "mm", "lower", _rmse, "mouth RMSE (`rmse_mouth_mm`) of the mean of all samples", _STATISTICS,
)  # fmt: skip
