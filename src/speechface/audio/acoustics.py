"""Log-mel, MFCC with deltas and chroma: a row of numbers for each video frame.

What is computed
----------------
The window of a video frame ends with the frame and has ``(n_hops - 1) * hop_length + ceil(0.025 * sr)`` samples
(2,127 by default). Step j of it is a power spectrum of `n_fft` samples centred `j * hop_length` after the window's
start, so no step hears anything after the window's end. From each step come

- log-mel: 10 log10 of Slaney's mel bands, not more than 80 dB below the clip's loudest band;
- MFCC: the first `n_mfcc` coefficients of its orthonormal DCT-II;
- delta: librosa's (Savitzky-Golay, first order, 9 hops wide) of the clip's MFCC track, in units a hop; the track runs
  through all steps of all frames and is read 4 hops to either side by linear interpolation, held at the clip's ends;
- delta-delta: the same of the delta track;
- chroma: pitch classes from the same power spectrum, A = 440 Hz, the largest of each step set to 1.

Deltas look ahead: 4 hops (46 ms), delta-deltas 8 hops (93 ms). All else ends with the frame.

Differences from the report (listing A.4)
-----------------------------------------
The report runs librosa on each window alone. There (1) the mirror image of the window stands for the sound before it;
here, by default, that sound itself does (``pad_mode: clip``). (2) A delta of 9 hops over the 5 columns of one window
sees mostly repeated edges; here it sees the clip. (3) Its chroma is a constant-Q transform that has 17 samples left in
the low octaves and a tuning estimated anew for every frame; here the tuning is fixed and the spectrum is the mel
bands'. (4) It takes ``amplitude_to_db`` of a power, which doubles all decibels of the log-mel and halves their range;
here they are plain.
"""

import functools
import math
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from speechface.audio.feature import Feature
from speechface.audio.filters import (
    POWER_FLOOR,
    chroma_filterbank,
    dct_matrix,
    log_in_place,
    mel_filterbank,
    window_spectra,
)
from speechface.settings import Settings

__all__ = [
    "AcousticsSettings",
    "FEATURE",
    "acoustics",
    "delta",
    "layout",
    "log_mel",
    "n_values",
    "normalise_chroma",
    "step_positions",
    "window_size",
]

#: Range of the log-mel below the clip's loudest band, dB, and width of a delta, hops: librosa's defaults.
_TOP_DB = np.float32(80)
_DELTA_WIDTH = 9
#: Windows of one pass.
_CHUNK = 16


def window_size(*, sr: int, hop_length: int, n_hops: int) -> int:
    """Samples of one window: all steps' hops and 25 ms."""
    return (n_hops - 1) * hop_length + math.ceil(0.025 * sr)


def step_positions(ends: ArrayLike, *, sr: int, hop_length: int, n_hops: int) -> np.ndarray:
    """Return the sample at the centre of every step: ends (n,) -> (n, n_hops), int64."""
    start = np.asarray(ends, np.int64) - window_size(sr=sr, hop_length=hop_length, n_hops=n_hops)
    return start[:, None] + hop_length * np.arange(n_hops)


def layout(*, n_hops: int, n_mels: int, n_mfcc: int, n_chroma: int) -> dict[str, list[Any]]:
    """Return what the numbers of a row mean: name -> [start, stop, [bands, steps]], in order."""
    parts = {
        "log_mel": n_mels, "mfcc": n_mfcc, "mfcc_delta": n_mfcc, "mfcc_delta2": n_mfcc, "chroma": n_chroma,
    }  # fmt: skip
    found: dict[str, list[Any]] = {}
    start = 0
    for name, bands in parts.items():
        found[name] = [start, start + bands * n_hops, [bands, n_hops]]
        start += bands * n_hops
    return found


def n_values(*, n_hops: int, n_mels: int, n_mfcc: int, n_chroma: int) -> int:
    """Numbers of one row, 537 by default."""
    return n_hops * (n_mels + 3 * n_mfcc + n_chroma)


@functools.cache
def _filters(sr: int, n_fft: int, n_mels: int, n_chroma: int) -> np.ndarray:
    """Mel bands and pitch classes side by side, (1 + n_fft // 2, n_mels + n_chroma)."""
    mel = mel_filterbank(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=0, fmax=sr / 2)
    return np.ascontiguousarray(np.vstack([mel, chroma_filterbank(sr=sr, n_fft=n_fft, n_chroma=n_chroma)]).T)


def _bands(
    audio: np.ndarray,
    ends: np.ndarray,
    *,
    sr: int,
    hop_length: int,
    n_hops: int,
    n_fft: int,
    n_mels: int,
    n_chroma: int,
    pad_mode: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Power in mel bands and pitch classes: (n, n_hops, n_mels), (n, n_hops, n_chroma), float32."""
    size = window_size(sr=sr, hop_length=hop_length, n_hops=n_hops)
    filters = _filters(sr, n_fft, n_mels, n_chroma)
    out = np.empty((len(ends), n_hops, filters.shape[1]), np.float32)
    spectra = window_spectra(
        audio, ends, size, n_fft=n_fft, hop_length=hop_length, n_hops=n_hops, pad_mode=pad_mode, chunk=_CHUNK
    )
    for rows, power in spectra:
        np.matmul(power.reshape(-1, power.shape[-1]), filters, out=out[rows].reshape(-1, filters.shape[1]))
    return out[..., :n_mels], out[..., n_mels:]


def log_mel(mel_power: np.ndarray) -> np.ndarray:
    """Decibels of mel power, not more than 80 below the loudest of the whole array; ``librosa.power_to_db``."""
    decibels = np.maximum(mel_power, POWER_FLOOR)
    log_in_place(decibels)
    decibels *= np.float32(10 / np.log(10))
    if decibels.size:
        np.maximum(decibels, decibels.max() - _TOP_DB, out=decibels)
    return decibels


def delta(tracks: ArrayLike, positions: np.ndarray, *, hop_length: int) -> np.ndarray:
    """Rate of change of tracks in units a hop: librosa's delta for samples that need not be evenly spaced.

    Parameters
    ----------
    tracks : ndarray (m, c)
    positions : ndarray (m,), samples
        Where the tracks were measured, in any order.
    hop_length : int, samples

    Returns
    -------
    ndarray (m, c), float32
        ``sum_i i * track(position + i * hop_length) / sum_i i^2`` for i from -4 to 4, the track interpolated linearly
        and held beyond its ends. With positions one hop apart this is ``librosa.feature.delta(mode="nearest")``.
    """
    known, first, back = np.unique(positions, return_index=True, return_inverse=True)
    tracks = np.asarray(tracks, np.float32)[first]
    half = _DELTA_WIDTH // 2
    out = np.zeros_like(tracks)
    for step in range(1, half + 1):
        for sign in (1, -1):
            place = np.clip(known + sign * step * hop_length, known[0], known[-1])
            right = np.searchsorted(known, place)
            left = np.maximum(right - 1, 0)
            gap = np.maximum(known[right] - known[left], 1)
            fraction = ((place - known[left]) / gap).astype(np.float32)[:, None]
            value = tracks[left] + fraction * (tracks[right] - tracks[left])
            out += np.float32(sign * step) * value
    out /= np.float32(2 * sum(i * i for i in range(1, half + 1)))
    return out[back]


def normalise_chroma(chroma: np.ndarray) -> np.ndarray:
    """Divide each step's pitch classes by their largest: (..., n_chroma); silence stays 0."""
    largest = chroma.max(axis=-1, keepdims=True)
    return np.divide(chroma, largest, out=np.zeros_like(chroma), where=largest > np.finfo(np.float32).tiny)


def acoustics(
    audio: np.ndarray,
    ends: np.ndarray,
    *,
    sr: int,
    hop_length: int,
    n_hops: int,
    n_fft: int,
    n_mels: int,
    n_mfcc: int,
    n_chroma: int,
    pad_mode: str,
) -> np.ndarray:
    """Compute the row of numbers of every video frame; see the module's text for what they are.

    Parameters
    ----------
    audio : ndarray (n_samples,), float32, mono, full scale 1.0
        The whole clip: deltas and the log-mel's floor are the clip's.
    ends : ndarray (n,), int
        Ends of the windows (`speechface.audio.windows.frame_end_samples`).
    sr : int, Hz
    hop_length, n_fft : int, samples
    n_hops, n_mels, n_mfcc, n_chroma : int
    pad_mode : {'clip', 'constant', 'reflect'}
        What stands in the n_fft / 2 samples before a window: the sound itself, zeros, or the window's mirror image as
        in the report. After the window come zeros, or with 'reflect' its mirror image.

    Returns
    -------
    ndarray (n, n_values), float32
        Parts in the order of `layout`; within a part, the steps of band 0, then of band 1, and so on.
    """
    mel, chroma = _bands(audio, ends, sr=sr, hop_length=hop_length, n_hops=n_hops, n_fft=n_fft, n_mels=n_mels,
                         n_chroma=n_chroma, pad_mode=pad_mode)  # fmt: skip
    n = len(mel)
    decibels = log_mel(mel)
    mfcc = decibels.reshape(n * n_hops, n_mels) @ dct_matrix(n_mfcc, n_mels).T
    if n:
        places = step_positions(ends, sr=sr, hop_length=hop_length, n_hops=n_hops).ravel()
        first = delta(mfcc, places, hop_length=hop_length)
        second = delta(first, places, hop_length=hop_length)
    else:
        first = second = mfcc
    out = np.empty((n, n_values(n_hops=n_hops, n_mels=n_mels, n_mfcc=n_mfcc, n_chroma=n_chroma)), np.float32)
    parts = layout(n_hops=n_hops, n_mels=n_mels, n_mfcc=n_mfcc, n_chroma=n_chroma)
    values = {"log_mel": decibels, "mfcc": mfcc, "mfcc_delta": first, "mfcc_delta2": second,
              "chroma": normalise_chroma(chroma)}  # fmt: skip
    for name, (start, stop, (bands, steps)) in parts.items():
        by_band = values[name].reshape(n, steps, bands).transpose(0, 2, 1)
        out[:, start:stop] = by_band.reshape(n, bands * steps)
    return out


class AcousticsSettings(Settings):
    """Log-mel, MFCC with deltas and chroma, the input of the acoustic networks."""

    RENAMED: ClassVar = {"n_steps": "n_hops"}

    hop_length: int = Field(512, ge=64, le=65536)
    """Hop, samples."""
    n_hops: int = Field(3, ge=1, le=1000)
    """Hops a video frame."""
    n_fft: int = Field(2048, ge=256, le=65536, multiple_of=2)
    """STFT size, samples."""
    n_mels: int = Field(128, ge=20, le=512)
    """Mel bands."""
    n_mfcc: int = Field(13, ge=5)
    """Cepstral coefficients; at most n_mels."""
    n_chroma: int = Field(12, ge=12, le=120)
    """Chroma bins."""
    pad_mode: Literal["clip", "constant", "reflect"] = "clip"
    """What stands before a window at the STFT's edge: the clip's own sound, zeros, or the window mirrored as in the
    report."""
    storage: Literal["float16", "float32"] = "float16"
    """Number format of the table."""

    @model_validator(mode="after")
    def _no_more_coefficients_than_bands(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc is {self.n_mfcc}; it must be at most n_mels ({self.n_mels})")
        if self.n_mels > self.n_fft // 2:
            raise ValueError(f"n_mels is {self.n_mels}; it must be at most half of n_fft ({self.n_fft})")
        return self


def _problem(settings: AcousticsSettings, sr: int) -> str:
    size = window_size(sr=sr, hop_length=settings.hop_length, n_hops=settings.n_hops)
    if settings.pad_mode == "reflect" and settings.n_fft // 2 >= size:
        return f"pad_mode is reflect; at {sr} Hz it needs windows ({size} samples) longer than n_fft / 2"
    return ""


def _sizes(settings: AcousticsSettings) -> dict[str, int]:
    return {name: getattr(settings, name) for name in ("n_hops", "n_mels", "n_mfcc", "n_chroma")}


FEATURE = Feature(
    version=2,
    settings=AcousticsSettings,
    compute=lambda audio, ends, sr, settings: acoustics(
        audio, ends, sr=sr, hop_length=settings.hop_length, n_fft=settings.n_fft, pad_mode=settings.pad_mode,
        **_sizes(settings),
    ),
    shape=lambda settings: (n_values(**_sizes(settings)),),
    kind="vector",
    storage=lambda settings: settings.storage,
    look_ahead_ms=lambda settings: 93.0,
    problem=_problem,
    description=lambda settings: {
        "layout": layout(**_sizes(settings)),
        "unit": "log-mel dB, MFCC of dB, deltas per hop, chroma 0 to 1",
    },
)  # fmt: skip
