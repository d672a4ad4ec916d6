"""Metrics of how much brows and head move, prediction over label."""

import numpy as np

from speechface.geometry.ibug import BROWS
from speechface.geometry.rotation import geodesic_angle, matrix_from_euler
from speechface.metrics.curves import frame_duration
from speechface.metrics.metric import ClipMotion, Metric, Statistics, mean_of

__all__ = ["AMPLITUDE_BROWS", "AMPLITUDE_HEAD", "HEAD_SPEED", "HEAD_SPEED_LABELS", "head_speed"]


def head_speed(rotation: np.ndarray, frames: np.ndarray, frame_s: float) -> np.ndarray:
    """Angular speed from each frame to the next, degrees/s: rotations (n, 3) rad -> (n - 1,), NaN beside gaps."""
    poses = matrix_from_euler(rotation)
    speed = np.degrees(geodesic_angle(poses[1:], poses[:-1])) / frame_s
    return np.where(np.diff(frames) == 1, speed, np.nan)


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    heights = [
        points[:, BROWS, 1].mean(1, dtype=np.float64) for points in (motion.predicted_landmarks, motion.true_landmarks)
    ]
    out = {"brows_std": heights[0].std(), "brows_std_label": heights[1].std()}
    if motion.predicted_rotation is None or motion.true_rotation is None:
        return out
    frame_s = frame_duration(motion.times, motion.frames)
    for suffix, rotation in (("", motion.predicted_rotation), ("_label", motion.true_rotation)):
        out["head_std" + suffix] = np.degrees(np.sqrt(np.var(rotation, 0, dtype=np.float64).sum()))
        if frame_s:
            speed = head_speed(rotation, motion.frames, frame_s)
            out["head_speed" + suffix], out["n_head_speed"] = np.nansum(speed), np.isfinite(speed).sum()
    return out


_NAMES = (
    "brows_std",
    "brows_std_label",
    "head_std",
    "head_std_label",
    "head_speed",
    "head_speed_label",
    "n_head_speed",
)
_STATISTICS = Statistics(dict.fromkeys(_NAMES, ()), _of_clip)

AMPLITUDE_BROWS = Metric(
    "", "one", mean_of("brows_std", "brows_std_label"),
    "how far brows move: std over a clip of the mean height of their 10 landmarks, prediction over label", _STATISTICS,
)  # fmt: skip
AMPLITUDE_HEAD = Metric(
    "", "one", mean_of("head_std", "head_std_label"),
    "the same of the head: root of the summed variances of its three angles; models with rotation only", _STATISTICS,
)  # fmt: skip
HEAD_SPEED = Metric(
    "deg/s", "", mean_of("head_speed", "n_head_speed"), "mean angular speed of the predicted head", _STATISTICS,
)  # fmt: skip
HEAD_SPEED_LABELS = Metric(
    "deg/s", "", mean_of("head_speed_label", "n_head_speed"),
    "the same of the labels, for models with rotation", _STATISTICS,
)  # fmt: skip
