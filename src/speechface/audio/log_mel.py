"""Log-mel spectrum around each video frame, the input of the sequence networks.

Each video frame gets its own short row of hops, laid out from the frame's end and not from the clip's start: any
frame rate, constant or not, then works without resampling sound or labels, the table has one row a video frame as every
other, and a row shows the same stretch of sound for 25, 29.97 and 30 frames/s. The rows overlap (70 ms of
hops at 33 or 40 ms a frame), so that no sound falls between two frames. A dense layer over a row is
then a strided convolution from the hop rate to the video rate; layers over time follow in the network.

Hop j of frame k is one spectrum of `window` samples that ends at ``end_k + look_ahead - (n_hops - 1 - j) * hop``: the
last one ends exactly `look_ahead` after the frame does. Nothing later is heard.
"""

import functools
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from speechface.audio.feature import Feature
from speechface.audio.filters import PowerSpectra, log_in_place, mel_filterbank
from speechface.audio.levels import LevelSettings
from speechface.audio.windows import even_chunk, windows
from speechface.settings import Settings

__all__ = ["FEATURE", "LogMelSettings", "log_mel", "sizes"]

#: Video frames of one pass: their work arrays stay in the processor's cache.
_CHUNK = 8


def sizes(*, sr: int, hop_ms: float, window_ms: float, look_ahead_ms: float) -> tuple[int, int, int, int]:
    """Return hop, window, look-ahead and FFT size in samples.

    The FFT is the first power of two that is not shorter than the window, which is padded with zeros up to it.
    """
    hop, window, ahead = (round(ms / 1000 * sr) for ms in (hop_ms, window_ms, look_ahead_ms))
    return hop, window, ahead, 1 << max(window - 1, 1).bit_length()


@functools.cache
def _filters(sr: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Mel bands (bins, n_mels) of the bins below `fmax`; the others weigh nothing."""
    bank = mel_filterbank(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    heard = int(np.flatnonzero(bank.any(0)).max(initial=0)) + 1
    return np.ascontiguousarray(bank[:, :heard].T)


def log_mel(
    audio: np.ndarray,
    ends: np.ndarray,
    *,
    sr: int,
    n_hops: int,
    hop_ms: float,
    window_ms: float,
    look_ahead_ms: float,
    n_mels: int,
    fmin: float,
    fmax: float,
    floor_db: float,
) -> np.ndarray:
    """Compute the rows of log-mel spectra of all video frames.

    Parameters
    ----------
    audio : ndarray (n_samples,), float32, mono, full scale 1.0
    ends : ndarray (n,), int
        Sample at which each video frame ends (`speechface.audio.windows.frame_end_samples`).
    sr : int, Hz
    n_hops : int, spectra a video frame
    hop_ms, window_ms : float, ms; rounded to samples (10 and 25 ms are 441 and 1,102 samples at 44.1 kHz)
    look_ahead_ms : float, ms, how far after the frame's end the last window ends
    n_mels : int, bands of Slaney's scale
    fmin, fmax : float, Hz, lower edge of the first and upper edge of the last band
    floor_db : float, dB; lower values are raised to it

    Returns
    -------
    ndarray (n, n_hops, n_mels), float32, dB
        ``max(10 log10(filters @ |DFT(hann * window)|^2), floor_db)``, oldest hop first. Sound outside the clip is
        silence. Equal to librosa's (``power_to_db`` with ref 1, no top_db) on the same windows.

    Raises
    ------
    ValueError
        If the bands reach above sr / 2 or a hop or window has no sample.
    """
    hop, window, ahead, n_fft = sizes(sr=sr, hop_ms=hop_ms, window_ms=window_ms, look_ahead_ms=look_ahead_ms)
    if not fmin < fmax <= sr / 2:
        raise ValueError(f"fmax is {fmax:g} Hz; it must be above fmin ({fmin:g}) and not above sr / 2 ({sr / 2:g})")
    if hop < 1 or window < 2:
        raise ValueError(f"a hop has {hop} and a window {window} samples; raise hop_ms or window_ms")
    filters = _filters(sr, n_fft, n_mels, float(fmin), float(fmax))
    n, span = len(ends), (n_hops - 1) * hop + window
    out = np.empty((n, n_hops, n_mels), np.float32)
    chunk = even_chunk(n, _CHUNK)
    sound = np.zeros((chunk, span), np.float32)
    hops = np.lib.stride_tricks.sliding_window_view(sound, window, axis=1)[:, ::hop]
    stft = PowerSpectra(n_fft=n_fft, shape=(chunk, n_hops), window=window)
    for start in range(0, n, chunk):
        rows = slice(start, min(start + chunk, n))
        count = rows.stop - rows.start
        windows(audio, np.asarray(ends[rows]) + ahead, span, out=sound[:count])
        power = stft(hops)[:count, :, : len(filters)]
        out[rows] = (power.reshape(count * n_hops, -1) @ filters).reshape(count, n_hops, n_mels)
    np.maximum(out, np.float32(10 ** (floor_db / 10)), out=out)
    log_in_place(out)
    out *= np.float32(10 / np.log(10))
    return np.maximum(out, np.float32(floor_db), out=out)


class LogMelSettings(Settings):
    """Log-mel spectrum around each video frame, the input of the sequence networks."""

    n_mels: int = Field(80, ge=8, le=512)
    """Mel bands."""
    fmin: float = Field(50, ge=0)
    """Lower edge of the first band, Hz."""
    fmax: float = Field(7600, gt=0)
    """Upper edge of the last band, Hz; at most half of audio.sr."""
    window_ms: float = Field(25, ge=5, le=1000)
    """Length of one spectrum's window, ms."""
    hop_ms: float = Field(10, ge=1, le=1000)
    """Step from spectrum to spectrum, ms."""
    n_hops: int = Field(8, ge=2, le=1000)
    """Spectra a video frame; n_hops * hop_ms should cover at least one frame."""
    look_ahead_ms: float = Field(100, ge=0, le=5000)
    """How far after the frame's end the last spectrum ends, ms; 0 is causal, more than 100 brought nothing more."""
    floor_db: float = Field(-65, ge=-200, lt=0)
    """Lower values are raised to this, dB of the band's power; a little above the noise of 16 bits."""
    levels: bool = False
    """Bring the level of speech to one value before, so that loudness and distance of the microphone do not matter."""
    storage: Literal["float16", "float32"] = "float16"
    """Number format of the table."""

    @model_validator(mode="after")
    def _bands_rise(self) -> Self:
        if self.fmin >= self.fmax:
            raise ValueError(f"fmin is {self.fmin:g} Hz; it must be below fmax ({self.fmax:g} Hz)")
        return self


def _problem(settings: LogMelSettings, sr: int) -> str:
    if settings.fmax > sr / 2:
        return f"fmax is {settings.fmax:g} Hz; sound of audio.sr {sr} Hz holds nothing above {sr / 2:g} Hz"
    return ""


def _compute(audio: np.ndarray, ends: np.ndarray, sr: int, settings: LogMelSettings) -> np.ndarray:
    return log_mel(audio, ends, sr=sr, **settings.model_dump(exclude={"storage", "levels"}))


def _reach(settings: LogMelSettings, sr: int) -> tuple[int, int]:
    hop, window, ahead, _ = sizes(
        sr=sr, hop_ms=settings.hop_ms, window_ms=settings.window_ms, look_ahead_ms=settings.look_ahead_ms
    )
    return (settings.n_hops - 1) * hop + window - ahead, ahead


FEATURE = Feature(
    version=2,
    settings=LogMelSettings,
    compute=_compute,
    shape=lambda settings: (settings.n_hops, settings.n_mels),
    kind="hops",
    storage=lambda settings: settings.storage,
    look_ahead_ms=lambda settings: settings.look_ahead_ms,
    problem=_problem,
    description=lambda settings: {"unit": f"dB, {settings.floor_db:g} or more; oldest hop first, low bands first"},
    reach=_reach,
    levels=lambda settings: LevelSettings() if settings.levels else None,
)
