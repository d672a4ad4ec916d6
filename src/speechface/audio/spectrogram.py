"""The image of sound that the convolutional networks see, one for each video frame."""

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from speechface.audio.feature import Feature
from speechface.audio.filters import POWER_FLOOR, log_in_place, window_spectra
from speechface.settings import Settings

__all__ = ["FEATURE", "SpectrogramSettings", "spectrogram", "window_size"]

#: Windows of one pass: their work arrays stay in the processor's cache.
_CHUNK = 8


def window_size(*, hop_length: int, n_hops: int) -> int:
    """Samples of one window: ``(n_hops - 1) * hop_length``, so that its centred STFT has exactly `n_hops` columns.

    With n_fft = 2 * hop_length, as in the report, this is ``(n_hops - 3) * hop_length + n_fft`` (3,968 by default).
    """
    return (n_hops - 1) * hop_length


def spectrogram(
    audio: np.ndarray,
    ends: np.ndarray,
    *,
    n_fft: int,
    hop_length: int,
    n_hops: int,
    pad_mode: str,
    reference: str,
    top_db: float,
) -> np.ndarray:
    """Compute one log-magnitude spectrogram for each window.

    Parameters
    ----------
    audio : ndarray (n_samples,), float32, mono, full scale 1.0
    ends : ndarray (n,), int
        Ends of the windows (`speechface.audio.windows.frame_end_samples`).
    n_fft, hop_length : int, samples
    n_hops : int
        Columns; the window has `window_size` samples.
    pad_mode : {'constant', 'reflect'}
        The STFT is centred inside the window: n_fft / 2 samples before and after it are zeros or its mirror image,
        never the sound around it.
    reference : {'window', 'clip'}
        What 0 dB is: the loudest value of the same window (as in the report; erases loudness) or of all windows.
    top_db : float, dB
        Range below the reference.

    Returns
    -------
    ndarray (n, n_fft // 2, n_hops), float32 in [0, 1]
        Distance below the reference in units of `top_db`: 0 is the loudest value, 1 is `top_db` or more below it. A
        window without any value above librosa's floor (magnitude 1e-5) is silence and all 1. Row 0 is 0 Hz; the highest
        bin counts for the reference but is dropped.

    Notes
    -----
    Source: report, listing A.5: ``|amplitude_to_db(|stft|, ref=max, top_db=80)| / 80``. Differences: 3,968 instead of
    4,224 samples (the listing's gives 34 columns), padding is stated, silence is 1 instead of 0. Equal to librosa run
    window by window.
    """
    n, half = len(ends), n_fft // 2
    out = np.empty((n, half, n_hops), np.float32)
    loudest = np.empty(n, np.float32)
    size = window_size(hop_length=hop_length, n_hops=n_hops)
    spectra = window_spectra(
        audio, ends, size, n_fft=n_fft, hop_length=hop_length, n_hops=n_hops, pad_mode=pad_mode, chunk=_CHUNK,
        precision=np.float64,
    )  # fmt: skip
    for rows, power in spectra:
        power.max(axis=(1, 2), out=loudest[rows])
        np.maximum(power, POWER_FLOOR, out=power)
        logs = log_in_place(power)[..., :half].transpose(0, 2, 1)
        if reference == "window":
            _refer(logs, loudest[rows], top_db, out=out[rows])
        else:
            out[rows] = logs
    silent = loudest <= POWER_FLOOR
    if reference == "clip" and n:
        _refer(out, loudest.max(keepdims=True), top_db, out=out)
    out[silent] = 1
    return out


def _refer(logs: np.ndarray, loudest: np.ndarray, top_db: float, out: np.ndarray) -> None:
    """Write logarithms of power (n, bins, hops) as fractions of `top_db` below `loudest` (n,), from 0 to 1."""
    scale = np.float32(-10 / np.log(10) / top_db)
    level = np.log(np.maximum(loudest, POWER_FLOOR))
    np.subtract(logs, level[:, None, None], out=out)
    out *= scale
    np.clip(out, 0, 1, out=out)


class SpectrogramSettings(Settings):
    """Input of the convolutional networks, one image a video frame."""

    n_fft: int = Field(256, ge=32, le=65536, multiple_of=2)
    """STFT size, samples; n_fft / 2 frequency bins are kept."""
    hop_length: int = Field(128, ge=8)
    """STFT hop, samples."""
    n_hops: int = Field(32, ge=4, le=4096)
    """Columns of one window, which has (n_hops - 1) * hop_length samples."""
    pad_mode: Literal["constant", "reflect"] = "constant"
    """What stands before and after a window at the STFT's edges."""
    reference: Literal["window", "clip"] = "window"
    """0 dB is the loudest value of the window (as in the report; erases loudness) or of the clip."""
    top_db: float = Field(80, gt=0, le=200)
    """Range kept below the reference, dB."""
    storage: Literal["uint8", "float16", "float32"] = "uint8"
    """uint8 (error at most 1/510 of top_db), float16 (1/4096) or float32."""

    @model_validator(mode="after")
    def _no_sample_skipped(self) -> Self:
        if self.hop_length > self.n_fft:
            raise ValueError(
                f"hop_length is {self.hop_length}; it must not exceed n_fft ({self.n_fft}), or samples are skipped"
            )
        size = window_size(hop_length=self.hop_length, n_hops=self.n_hops)
        if self.pad_mode == "reflect" and self.n_fft // 2 >= size:
            raise ValueError(
                f"pad_mode is reflect; it needs windows, (n_hops - 1) * hop_length = {size} samples, longer than n_fft "
                f"/ 2 = {self.n_fft // 2}"
            )
        return self


def _compute(audio: np.ndarray, ends: np.ndarray, sr: int, settings: SpectrogramSettings) -> np.ndarray:
    return spectrogram(
        audio, ends, n_fft=settings.n_fft, hop_length=settings.hop_length, n_hops=settings.n_hops,
        pad_mode=settings.pad_mode, reference=settings.reference, top_db=settings.top_db,
    )  # fmt: skip


def _reach(settings: SpectrogramSettings, sr: int) -> tuple[int, int] | None:
    size = window_size(hop_length=settings.hop_length, n_hops=settings.n_hops)
    return (size, 0) if settings.reference == "window" else None


FEATURE = Feature(
    version=3,
    settings=SpectrogramSettings,
    compute=_compute,
    shape=lambda settings: (settings.n_fft // 2, settings.n_hops),
    kind="image",
    storage=lambda settings: settings.storage,
    look_ahead_ms=lambda settings: 0.0,
    description=lambda settings: {
        "window_samples": window_size(hop_length=settings.hop_length, n_hops=settings.n_hops),
        "unit": f"0 loudest, 1 {settings.top_db:g} dB or more below; rows from 0 Hz up",
    },
    reach=_reach,
)
