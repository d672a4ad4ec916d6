"""Curves over the frames of a clip, for metrics of moments: gaps filled, turning points, level of the sound."""

import numpy as np
from scipy.signal import find_peaks

__all__ = ["frame_duration", "level_curve", "runs", "turning_points", "whole_curve"]

#: Range of a level below its loudest moment, dB.
LEVEL_RANGE_DB = 60.0


def frame_duration(times: np.ndarray | None, frames: np.ndarray) -> float | None:
    """Time from a video frame to the next, s, or None where it is not known: times (n,), s, and indices of frames."""
    if times is None or len(frames) < 2 or times[-1] <= times[0]:
        return None
    return float((times[-1] - times[0]) / (frames[-1] - frames[0]))


def whole_curve(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Values (n,) or (n, d) of frames (n,), ascending, on all frames from the first to the last: those missing follow a
    straight line."""
    every = np.arange(frames[0], frames[-1] + 1)
    if values.ndim == 1:
        return np.interp(every, frames, values)
    return np.stack([np.interp(every, frames, column) for column in values.T], 1)


def turning_points(curve: np.ndarray, *, prominence: float) -> tuple[np.ndarray, np.ndarray]:
    """Places of the highest and of the lowest points (n,) that stand out by `prominence` at least; not at the ends."""
    return find_peaks(curve, prominence=prominence)[0], find_peaks(-curve, prominence=prominence)[0]


def runs(flags: np.ndarray) -> np.ndarray:
    """First and last + 1 of each run of True: (n_runs, 2), int."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def level_curve(sound: tuple[np.ndarray, int], times: np.ndarray, *, window_s: float) -> np.ndarray:
    """Level of the sound around moments, dB below the loudest of them: (n,), from -60 to 0.

    sound : (samples (m,), rate in Hz); times (n,), s, centres of windows of `window_s` seconds.
    """
    samples, sr = sound
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    edges = [np.clip(np.rint((times + side * window_s / 2) * sr).astype(int), 0, len(samples)) for side in (-1, 1)]
    power = np.maximum(energy[edges[1]] - energy[edges[0]], 0)
    loudest = power.max(initial=0)
    if loudest <= 0:
        return np.full(len(times), -LEVEL_RANGE_DB)
    return 10 * np.log10(np.maximum(power / loudest, 10 ** (-LEVEL_RANGE_DB / 10)))
