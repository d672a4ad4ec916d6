"""Metrics of head motion and the beat of speech."""

import numpy as np
from scipy.signal import find_peaks

from speechface.metrics.amplitude import head_speed
from speechface.metrics.curves import frame_duration, level_curve, whole_curve
from speechface.metrics.metric import ClipMotion, Metric, Statistics, mean_of

__all__ = ["BEATS", "BEATS_LABELS", "consistency", "head_beats", "sound_beats"]

#: How near a beat of the head is to one of the sound, s (standard deviation).
SIGMA_S = 0.1
#: An onset of the sound, heard in steps of 10 ms, rises by this within `RISE_S`, at least `APART_S` from others.
_STEP_S, _WINDOW_S = 0.01, 0.03
RISE_DB, RISE_S, APART_S = 9.0, 0.05, 0.1
#: A beat of the head is a minimum of its speed that stands out by this, degrees/s.
PROMINENCE = 1.0


def sound_beats(sound: tuple[np.ndarray, int]) -> np.ndarray:
    """Moments, s, at which the level of the sound rises most: (n,)."""
    times = np.arange(0, len(sound[0]) / sound[1], _STEP_S)
    reach = round(RISE_S / _STEP_S)
    if len(times) <= reach:
        return np.zeros(0)
    level = level_curve(sound, times, window_s=_WINDOW_S)
    rise = level[reach:] - level[:-reach]
    return times[find_peaks(rise, height=RISE_DB, distance=round(APART_S / _STEP_S))[0]] + RISE_S / 2


def head_beats(rotation: np.ndarray, frames: np.ndarray, times: np.ndarray, frame_s: float) -> np.ndarray:
    """Moments, s, at which the head all but stops: rotations (n, 3) rad of frames (n,) at times (n,) -> (k,)."""
    whole = whole_curve(rotation, frames)
    speed = head_speed(whole, np.arange(len(whole)), frame_s)
    return times[0] + frame_s * (find_peaks(-speed, prominence=PROMINENCE)[0] + 0.5)


def consistency(beats: np.ndarray, others: np.ndarray) -> float:
    """Sum over beats (n,), s, of exp(-d^2 / 2 sigma^2), d to the nearest of `others` (m,), one at least."""
    nearest = np.abs(beats[:, None] - others[None]).min(1, initial=np.inf)
    return float(np.exp(-np.square(nearest) / (2 * SIGMA_S**2)).sum())


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    frame_s = frame_duration(motion.times, motion.frames)
    if motion.predicted_rotation is None or motion.true_rotation is None or motion.times is None or not frame_s:
        return {}
    heard = np.zeros(0) if motion.sound is None else sound_beats(motion.sound)
    if not len(heard):
        return {}
    out: dict[str, float] = {}
    for suffix, rotation in (("", motion.predicted_rotation), ("_label", motion.true_rotation)):
        beats = head_beats(rotation, motion.frames, motion.times, frame_s)
        out |= {"beats" + suffix: consistency(beats, heard), "n_beats" + suffix: len(beats)}
    return out


_STATISTICS = Statistics(dict.fromkeys(("beats", "n_beats", "beats_label", "n_beats_label"), ()), _of_clip)

BEATS = Metric(
    "", "", mean_of("beats", "n_beats"),
    "beat consistency: mean over moments at which the head all but stops of exp(-d^2 / 2 s^2), d the time to the "
    "nearest onset of the sound, s 0.1 s (Li et al. 2021, AI Choreographer; Liu et al. 2022, BEAT); with rotation only",
    _STATISTICS,
)  # fmt: skip
BEATS_LABELS = Metric("", "", mean_of("beats_label", "n_beats_label"), "the same of the labels", _STATISTICS)
