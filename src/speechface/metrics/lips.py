"""Metrics of the lip gap: correlation and lag; and the part of a recording in which there is speech."""

import numpy as np

from speechface.metrics.correlation import correlation
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums, mean_of

__all__ = ["GAP_R", "GAP_R_SPEECH", "LAG", "MAX_LAG", "STILL_MM", "gap_correlation", "lag_correlations", "speech_span"]

#: Lags from -MAX_LAG to MAX_LAG frames are tried.
MAX_LAG = 10
#: A lip gap with a smaller standard deviation does not move: no correlation can be computed from it.
STILL_MM = 1e-3
#: Fewer frames than this give no correlation.
_MIN_FRAMES = 5
#: Loudness windows, and how far below the loud level the background may be taken to lie.
_LEVEL_WINDOW_S = 0.02
_LEVEL_RANGE_DB = 60.0
#: Where the threshold of speech lies between the loud level (0) and the background (1).
_THRESHOLD_FRACTION = 0.5
#: Lips open before the sound and close after it.
_MARGIN_S = 0.1


def gap_correlation(predicted: np.ndarray, true: np.ndarray) -> float:
    """Correlation of two lip-gap curves (n,), mm.

    Returns NaN where the true gap stands still or fewer than 5 frames are given (nothing to agree with), and
    0 where only the prediction stands still: a face that does not move has no merit.
    """
    return correlation(predicted, true, still=STILL_MM, least=_MIN_FRAMES, of_still=0.0)


def lag_correlations(predicted: np.ndarray, true: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Correlation of the lip gaps for every lag from -10 to 10 frames.

    Parameters
    ----------
    predicted, true : ndarray (n,), mm
    frames : ndarray (n,), int, ascending; frames may be missing

    Returns
    -------
    r : ndarray (21,)
        ``r[lag + 10]`` compares the prediction at frame k + lag with the truth at frame k: the best lag is
        positive where the prediction comes late. NaN everywhere if either curve stands still or the clip
        has fewer than 31 frames (a shift by 10 would leave too little).
    """
    undefined = np.full(2 * MAX_LAG + 1, np.nan)
    if len(frames) < 3 * MAX_LAG + 1 or min(np.std(predicted), np.std(true)) < STILL_MM:
        return undefined
    length = frames[-1] - frames[0] + 1
    late, base = np.zeros((2, length + 2 * MAX_LAG)), np.zeros((2, length))  # value and presence
    late[0, frames - frames[0] + MAX_LAG] = predicted - np.mean(predicted)
    late[1, frames - frames[0] + MAX_LAG] = 1
    base[0, frames - frames[0]] = true - np.mean(true)
    base[1, frames - frames[0]] = 1
    late = np.lib.stride_tricks.sliding_window_view(late, length, axis=1)  # row lag + 10 is shifted by the lag
    both = late[1] * base[1]
    count = both.sum(1)
    if count.min() < _MIN_FRAMES:
        return undefined
    a = both * (late[0] - ((both * late[0]).sum(1) / count)[:, None])
    b = both * (base[0] - ((both * base[0]).sum(1) / count)[:, None])
    spread = np.square(a).sum(1) / count, np.square(b).sum(1) / count
    if np.min(spread) < STILL_MM**2:
        return undefined
    return (a * b).sum(1) / count / np.sqrt(spread[0] * spread[1])


def speech_span(audio: np.ndarray, *, sr: int) -> tuple[float, float] | None:
    """First and last moment of speech, by loudness.

    The level is measured in windows of 20 ms. The threshold lies half way (in dB) from the loud level (95th
    percentile) to the background (5th percentile, at most 60 dB lower): a fixed distance would call room noise
    speech in one set and lose soft consonants in another. The span runs from the first to the last two
    successive windows above it, pauses included, with 0.1 s on both sides, since lips open before the sound and
    close after it.

    Parameters
    ----------
    audio : ndarray (n,), float, in [-1, 1]
    sr : int, Hz

    Returns
    -------
    (start, stop) : seconds, or None where the recording is digital silence
    """
    size = max(int(round(_LEVEL_WINDOW_S * sr)), 1)
    n = len(audio) // size
    power = np.square(np.asarray(audio[: n * size], np.float64)).reshape(n, size).mean(1)
    if n < 2 or power.max() <= 0:
        return None
    level = 10 * np.log10(np.maximum(power, power.max() * 1e-12))
    loud = np.percentile(level, 95)
    quiet = max(np.percentile(level, 5), loud - _LEVEL_RANGE_DB)
    active = level >= loud - _THRESHOLD_FRACTION * (loud - quiet)
    runs = np.nonzero(active[1:] & active[:-1])[0]
    if len(runs) == 0:
        runs = np.nonzero(active)[0]
    return runs[0] * size / sr - _MARGIN_S, (runs[-1] + 2) * size / sr + _MARGIN_S


def _of_clip(motion: ClipMotion) -> dict[str, np.ndarray | float]:
    """Values of the clip, where they are defined, and how many."""
    predicted, true = motion.predicted_gap, motion.true_gap
    found: dict[str, np.ndarray | float] = {"lip_gap_r": gap_correlation(predicted, true)}
    if motion.speech is not None:
        found["lip_gap_r_speech"] = gap_correlation(predicted[motion.speech], true[motion.speech])
    found["lip_lag_r"] = lag_correlations(predicted, true, motion.frames)
    counts = {"lip_gap_r": "n_lip_gap_r", "lip_gap_r_speech": "n_lip_gap_r_speech", "lip_lag_r": "n_lip_lag"}
    defined = {name: value for name, value in found.items() if np.all(np.isfinite(value))}
    return {**defined, **{counts[name]: 1 for name in defined}}


def _best_lag(sums: Sums) -> np.ndarray:
    lag = np.argmax(sums["lip_lag_r"], -1) - float(MAX_LAG)
    return np.where(np.asarray(sums["n_lip_lag"]) > 0, lag, np.nan)


_SINGLE = ("lip_gap_r", "n_lip_gap_r", "lip_gap_r_speech", "n_lip_gap_r_speech", "n_lip_lag")
_STATISTICS = Statistics({**dict.fromkeys(_SINGLE, ()), "lip_lag_r": (2 * MAX_LAG + 1,)}, _of_clip)

GAP_R = Metric(
    "", "higher", mean_of("lip_gap_r", "n_lip_gap_r"),
    "correlation of the inner lip gap over a clip; mean over clips", _STATISTICS,
)  # fmt: skip
GAP_R_SPEECH = Metric(
    "", "higher", mean_of("lip_gap_r_speech", "n_lip_gap_r_speech"),
    "the same within the clip's speech span", _STATISTICS,
)  # fmt: skip
LAG = Metric(
    "frames", "zero", _best_lag,
    "lag of the best lip-gap correlation (mean over clips), -10 to 10; positive: the prediction is late", _STATISTICS,
)  # fmt: skip
