"""Windows of sound that end with their video frame."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["even_chunk", "frame_end_samples", "windows"]


def frame_end_samples(times: ArrayLike, *, fps: float, sr: int) -> np.ndarray:
    """Return the sample at which every video frame's window ends.

    Parameters
    ----------
    times : array_like (n,), seconds
        Presentation time of every frame; sample 0 of the sound is at time 0.
    fps : float, frames/s
        Gives the length of the last frame, which no later frame ends.
    sr : int, Hz

    Returns
    -------
    ndarray (n,), int64
        Frame k's window is ``audio[end - size : end]``: it ends at sample round(t_{k+1} * sr).

    Notes
    -----
    Rounding each time on its own, instead of adding a whole number of samples a frame, keeps the error below half a
    sample for ever; ``floor(sr / fps)`` samples a frame lose 113 samples in 8 s at 29.97 frames/s.
    """
    times = np.asarray(times, np.float64)
    if times.ndim != 1:
        raise ValueError(f"times must be one-dimensional, found shape {times.shape}")
    if not len(times):
        return np.zeros(0, np.int64)
    following = np.append(times[1:], times[-1] + 1 / float(fps))
    return np.rint(following * sr).astype(np.int64)


def windows(audio: ArrayLike, ends: ArrayLike, size: int, out: np.ndarray | None = None) -> np.ndarray:
    """Cut one window for each end; sound outside the clip is silence.

    Parameters
    ----------
    audio : ndarray (n_samples,), mono, full scale 1.0
    ends : ndarray (n,), int
        One past the last sample of each window, in any order; may lie outside the clip.
    size : int, samples
    out : ndarray (n, size), float32, optional
        Where to write: large arrays are better kept than allocated anew for every stretch of a long clip.

    Returns
    -------
    ndarray (n, size), float32
        Row k is ``audio[ends[k] - size : ends[k]]`` with zeros where there is no sample.
    """
    audio = np.asarray(audio)
    if audio.ndim != 1:
        raise ValueError(f"audio must be mono of shape (n_samples,), found {audio.shape}")
    starts = np.asarray(ends, np.int64) - size
    if out is None:
        out = np.empty((len(starts), size), np.float32)
    if not len(starts):
        return out
    first, last = int(starts.min()), int(starts.max()) + size
    stretch = np.zeros(last - first, np.float32)
    inside = slice(max(first, 0), max(min(last, len(audio)), 0))
    if inside.start < inside.stop:
        stretch[inside.start - first : inside.stop - first] = audio[inside]
    for row, start in zip(out, (starts - first).tolist()):  # plain copies: twice as fast as fancy indexing
        row[:] = stretch[start : start + size]
    return out


def even_chunk(n: int, most: int) -> int:
    """Rows of one pass so that `n` rows fall into passes of nearly the same size, `most` at most."""
    return max(-(-n // max(-(-n // most), 1)), 1)
