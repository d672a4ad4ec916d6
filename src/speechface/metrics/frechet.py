"""The metric of how alike two sets of motion are, whatever happens when."""

import numpy as np

from speechface.geometry.ibug import BROWS, CHIN, LEFT_LID_PAIRS, MOUTH_CORNERS, RIGHT_LID_PAIRS
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums

__all__ = ["FRECHET", "frechet_distance", "motion_features"]

#: Features: lip gap, mouth width, chin height, brow height, opening of the eyes, and the change of each.
N_FEATURES = 10
#: A deviation below this counts as it, mm.
_FLOOR_MM = 0.01


def motion_features(landmarks: np.ndarray, gap: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """What a face does, without its clip's mean: displacements (n, 68, 3) mm, lip gap (n,) -> (n_pairs, 10)."""
    points = landmarks.astype(np.float64)
    upper, lower = zip(*RIGHT_LID_PAIRS, *LEFT_LID_PAIRS)
    right, left = MOUTH_CORNERS
    values = np.stack([
        gap, points[:, left, 0] - points[:, right, 0], points[:, CHIN, 1], points[:, BROWS, 1].mean(1),
        (points[:, upper, 1] - points[:, lower, 1]).mean(1),
    ], 1)  # fmt: skip
    values -= values.mean(0)
    return np.concatenate([values[1:], np.diff(values, axis=0)], 1)[np.diff(frames) == 1]


def frechet_distance(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> np.ndarray:
    """|mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) of Gaussians: (..., d) and (..., d, d) -> (...,).

    Source: Heusel et al. 2017 (FID). The trace of the root is the sum of the roots of the eigenvalues of A B, which are
    not negative but for rounding.
    """
    roots = np.sqrt(np.maximum(np.linalg.eigvals(cov_a @ cov_b).real, 0)).sum(-1)
    trace = np.trace(cov_a, axis1=-2, axis2=-1) + np.trace(cov_b, axis1=-2, axis2=-1)
    return np.square(mean_a - mean_b).sum(-1) + np.maximum(trace - 2 * roots, 0)


def _of_clip(motion: ClipMotion) -> dict[str, np.ndarray | int]:
    out: dict[str, np.ndarray | int] = {}
    for suffix, points, gap in (
        ("", motion.predicted_landmarks, motion.predicted_gap), ("_label", motion.true_landmarks, motion.true_gap),
    ):  # fmt: skip
        features = motion_features(points, gap, motion.frames)
        out |= {
            "motion" + suffix: features.sum(0),
            "motion_sq" + suffix: features.T @ features,
            "n_motion": len(features),
        }
    return out


def _value(sums: Sums) -> np.ndarray:
    count = np.asarray(sums["n_motion"], float)
    known = count > N_FEATURES
    count = np.where(known, count, 1)[..., None]
    moments = {}
    for suffix in ("", "_label"):
        mean = sums["motion" + suffix] / count
        outer = mean[..., :, None] * mean[..., None, :]
        moments[suffix] = mean, sums["motion_sq" + suffix] / count[..., None] - outer
    deviation = np.sqrt(np.maximum(np.diagonal(moments["_label"][1], axis1=-2, axis2=-1), _FLOOR_MM**2))
    scale = deviation[..., :, None] * deviation[..., None, :]
    (mean, cov), (mean_label, cov_label) = moments[""], moments["_label"]
    found = frechet_distance(mean / deviation, cov / scale, mean_label / deviation, cov_label / scale)
    return np.where(known, found, np.nan)


FRECHET = Metric(
    "", "lower", _value,
    "Fréchet distance of motion: of Gaussians through lip gap, mouth width, chin, brows, eye opening and their changes "
    "from frame to frame, without each clip's mean, in units of the labels' deviations (Heusel et al. 2017)",
    Statistics({
        "motion": (N_FEATURES,), "motion_label": (N_FEATURES,), "motion_sq": (N_FEATURES, N_FEATURES),
        "motion_sq_label": (N_FEATURES, N_FEATURES), "n_motion": (),
    }, _of_clip),
)  # fmt: skip
