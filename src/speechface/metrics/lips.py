"""Agreement of two lip-gap curves, and the part of a recording in which there is speech."""

import numpy as np

__all__ = ["correlation", "lag_correlations", "speech_span", "MAX_LAG", "STILL_MM"]

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
_THRESHOLD_SHARE = 0.5
#: Lips open before the sound and close after it.
_MARGIN_S = 0.1


def correlation(predicted, true):
    """Pearson correlation of two lip-gap curves (n,), mm.

    Returns NaN where the true gap stands still or fewer than 5 frames are given (nothing to agree with), and
    0 where only the prediction stands still: a face that does not move has no merit.
    """
    if len(true) < _MIN_FRAMES or np.std(true) < STILL_MM:
        return np.nan
    if np.std(predicted) < STILL_MM:
        return 0.0
    a, b = predicted - np.mean(predicted), true - np.mean(true)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def lag_correlations(predicted, true, frames):
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


def speech_span(audio, *, sr):
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
    active = level >= loud - _THRESHOLD_SHARE * (loud - quiet)
    runs = np.nonzero(active[1:] & active[:-1])[0]
    if len(runs) == 0:
        runs = np.nonzero(active)[0]
    return runs[0] * size / sr - _MARGIN_S, (runs[-1] + 2) * size / sr + _MARGIN_S
