"""The sound itself around each video frame, the input of networks that learn their own filters."""

import math

import numpy as np

from speechface.audio.windows import windows

__all__ = ["waveform", "sizes", "FULL_SCALE"]

#: Rows hold samples in steps of 16 bits: a sound of full scale 1.0 reaches this.
FULL_SCALE = 32767


def sizes(*, rate, window_ms, look_ahead_ms):
    """Return samples of one row and of the look-ahead."""
    return round(window_ms / 1000 * rate), round(look_ahead_ms / 1000 * rate)


def waveform(audio, ends, *, sr, rate, window_ms, look_ahead_ms):
    """Cut one stretch of resampled sound for each video frame.

    Parameters
    ----------
    audio : ndarray (n_samples,), float32, mono, full scale 1.0
    ends : ndarray (n,), int
        Sample at which each video frame ends (`speechface.audio.windows.frame_end_samples`).
    sr : int, Hz, of `audio`
    rate : int, Hz, of the rows
    window_ms : float, ms, length of a row
    look_ahead_ms : float, ms, how far after the frame's end the row ends

    Returns
    -------
    ndarray (n, round(window_ms / 1000 * rate)), float32
        Whole numbers from -32768 to 32767, 16-bit samples; oldest first. Sound outside the clip is silence.

    Raises
    ------
    ValueError
        If `rate` is above `sr` or a row has less than two samples.

    Notes
    -----
    The clip is resampled once by a polyphase filter of linear phase, which hears up to 10 samples of the lower rate
    (0.6 ms at 16 kHz) past the row's end.
    """
    from scipy.signal import resample_poly

    size, ahead = sizes(rate=rate, window_ms=window_ms, look_ahead_ms=look_ahead_ms)
    if rate > sr:
        raise ValueError(f"rate is {rate} Hz; it must not be above the sound's {sr} Hz")
    if size < 2:
        raise ValueError(f"a row has {size} samples; raise window_ms")
    common = math.gcd(rate, sr)
    sound = audio if rate == sr else resample_poly(audio, rate // common, sr // common)
    stored = np.rint(np.asarray(sound, np.float32) * FULL_SCALE).clip(-FULL_SCALE - 1, FULL_SCALE)
    return windows(stored, np.rint(np.asarray(ends) * (rate / sr)).astype(np.int64) + ahead, size)
