"""Metrics of blinks: how often and how long, beside the labels' own."""

import numpy as np
from scipy.signal import find_peaks

from speechface.metrics.curves import frame_duration, whole_curve
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums, mean_of, ratio
from speechface.rig.channels import columns

__all__ = ["DURATION", "DURATION_LABELS", "RATE", "RATE_LABELS", "blinks"]

#: A blink closes the eyes by this at least (mean weight of both sides), for no longer than `LONGEST_S`.
DEPTH, LONGEST_S = 0.3, 0.5
_CHANNELS = ("eyeBlinkLeft", "eyeBlinkRight")


def blinks(closed: np.ndarray, frames: np.ndarray, frame_s: float) -> np.ndarray:
    """Durations, s, of a clip's blinks, each at half its depth: closure of the lids (n,) of frames (n,) -> (k,)."""
    closed = whole_curve(closed, frames)
    _, found = find_peaks(closed, prominence=DEPTH, width=(0, LONGEST_S / frame_s), rel_height=0.5)
    return found["widths"] * frame_s


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    frame_s = frame_duration(motion.times, motion.frames)
    lids = columns(motion.bases.channels, _CHANNELS)
    if not frame_s or not lids or not motion.bases.observed[lids].all():
        return {}
    out = {"blink_minutes": (motion.frames[-1] - motion.frames[0] + 1) * frame_s / 60}
    for suffix, weights in (("", motion.predicted), ("_label", motion.true)):
        found = blinks(weights[:, lids].mean(1), motion.frames, frame_s)
        out |= {"n_blinks" + suffix: len(found), "blink_ms" + suffix: 1000 * found.sum()}
    return out


_NAMES = ("blink_minutes", "n_blinks", "blink_ms", "n_blinks_label", "blink_ms_label")
_STATISTICS = Statistics(dict.fromkeys(_NAMES, ()), _of_clip)


def _rate(count: str):
    def value(sums: Sums) -> np.ndarray:
        return ratio(sums[count], sums["blink_minutes"])

    return value


RATE = Metric(
    "1/min", "", _rate("n_blinks"),
    "blinks a minute: peaks of the mean of eyeBlinkLeft and Right that stand out by 0.3 for at most 0.5 s",
    _STATISTICS,
)  # fmt: skip
RATE_LABELS = Metric("1/min", "", _rate("n_blinks_label"), "the same of the labels", _STATISTICS)
DURATION = Metric("ms", "", mean_of("blink_ms", "n_blinks"), "mean width of a blink at half its depth", _STATISTICS)
DURATION_LABELS = Metric("ms", "", mean_of("blink_ms_label", "n_blinks_label"), "the same of the labels", _STATISTICS)
