"""Metrics of the 68 landmarks on the rig: distances, and how much of the mouth's motion is explained."""

import numpy as np

from speechface.geometry.ibug import BROWS, EYES, MOUTH, N_POINTS
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums, ratio

__all__ = [
    "R2C_MOUTH", "R2C_MOUTH_XY", "R2_MOUTH", "R2_MOUTH_XY", "RMSE", "RMSE_BROWS", "RMSE_EYES", "RMSE_MOUTH",
    "RMSE_MOUTH_CENTRED", "RMSE_MOUTH_CENTRED_XY", "RMSE_MOUTH_XY",
]  # fmt: skip

_AXES = {"": slice(0, 3), "_xy": slice(0, 2)}
_N_MOUTH = MOUTH.stop - MOUTH.start


def _of_clip(motion: ClipMotion) -> dict[str, np.ndarray]:
    """Sums of squared distances, mm^2: of prediction and truth, of truth and training mean, and the same centred."""
    moved, target = motion.predicted_landmarks, motion.true_landmarks
    mean = motion.bases.landmark_motion(motion.mean_weights)
    error = np.square(moved - target, dtype=np.float64)
    mouth, truth = moved[:, MOUTH].astype(np.float64), target[:, MOUTH].astype(np.float64)
    total = np.square(truth - mean[MOUTH])
    centred_truth = truth - truth.mean(0)
    centred_error = np.square(mouth - mouth.mean(0) - centred_truth)
    out = {}
    for suffix, axes in _AXES.items():
        out["landmarks_sq" + suffix] = error[..., axes].sum((0, 2))
        out["mouth_total_sq" + suffix] = total[..., axes].sum()
        out["mouth_centred_sq" + suffix] = centred_error[..., axes].sum()
        out["mouth_centred_total_sq" + suffix] = np.square(centred_truth[..., axes]).sum()
    return out


_OF_MOUTH = ("mouth_total_sq", "mouth_centred_sq", "mouth_centred_total_sq")
_STATISTICS = Statistics(
    {f"landmarks_sq{suffix}": (N_POINTS,) for suffix in _AXES}
    | {name + suffix: () for name in _OF_MOUTH for suffix in _AXES},
    _of_clip,
)


def _rmse(points: slice, meaning: str, suffix: str = "") -> Metric:
    count = points.stop - points.start

    def value(sums: Sums) -> np.ndarray:
        return np.sqrt(ratio(sums["landmarks_sq" + suffix][..., points].sum(-1), count * sums["n_frames"]))

    return Metric("mm", "lower", value, meaning, _STATISTICS)


def _rmse_centred(meaning: str, suffix: str = "") -> Metric:
    def value(sums: Sums) -> np.ndarray:
        return np.sqrt(ratio(sums["mouth_centred_sq" + suffix], _N_MOUTH * sums["n_frames"]))

    return Metric("mm", "lower", value, meaning, _STATISTICS)


def _explained(meaning: str, suffix: str = "") -> Metric:
    def value(sums: Sums) -> np.ndarray:
        return 1 - ratio(sums["landmarks_sq" + suffix][..., MOUTH].sum(-1), sums["mouth_total_sq" + suffix])

    return Metric("", "higher", value, meaning, _STATISTICS)


def _explained_centred(meaning: str, suffix: str = "") -> Metric:
    def value(sums: Sums) -> np.ndarray:
        return 1 - ratio(sums["mouth_centred_sq" + suffix], sums["mouth_centred_total_sq" + suffix])

    return Metric("", "higher", value, meaning, _STATISTICS)


RMSE = _rmse(
    slice(0, N_POINTS), "root of the mean squared 3D distance of the 68 landmarks, mean identity, no head motion"
)
RMSE_MOUTH = _rmse(MOUTH, "the same of the 20 mouth landmarks")
RMSE_MOUTH_XY = _rmse(MOUTH, "the same in x and y alone", "_xy")
RMSE_EYES = _rmse(EYES, "the same of the 12 eye landmarks")
RMSE_BROWS = _rmse(BROWS, "the same of the 10 brow landmarks")
R2_MOUTH = _explained("1 - squared error / squared distance to the training mean, of the mouth landmarks")
R2_MOUTH_XY = _explained("the same in x and y alone", "_xy")
R2C_MOUTH = _explained_centred("the same with each clip's mean removed on both sides")
R2C_MOUTH_XY = _explained_centred("the same in x and y alone", "_xy")
RMSE_MOUTH_CENTRED = _rmse_centred("mouth RMSE with each clip's mean removed on both sides")
RMSE_MOUTH_CENTRED_XY = _rmse_centred("the same in x and y alone", "_xy")
