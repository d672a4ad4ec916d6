"""The sound itself around each video frame, the input of networks that learn their own filters."""

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from speechface.audio.feature import Feature
from speechface.audio.levels import LevelSettings
from speechface.audio.windows import windows
from speechface.settings import Settings

__all__ = ["FEATURE", "WaveformSettings", "waveform", "sizes", "FULL_SCALE"]

#: Rows hold samples in steps of 16 bits: a sound of full scale 1.0 reaches this.
FULL_SCALE = 32767
#: Samples of the lower rate that soxr's filter hears on either side (66), and some for rounding.
_FILTER = 72


def sizes(*, row_sr: int, window_ms: float, look_ahead_ms: float) -> tuple[int, int]:
    """Return samples of one row and of the look-ahead."""
    return round(window_ms / 1000 * row_sr), round(look_ahead_ms / 1000 * row_sr)


def waveform(
    audio: np.ndarray, ends: ArrayLike, *, sr: int, row_sr: int, window_ms: float, look_ahead_ms: float
) -> np.ndarray:
    """Cut one stretch of resampled sound for each video frame.

    Parameters
    ----------
    audio : ndarray (n_samples,), float32, mono, full scale 1.0
    ends : ndarray (n,), int
        Sample at which each video frame ends (`speechface.audio.windows.frame_end_samples`).
    sr : int, Hz, of `audio`
    row_sr : int, Hz, of the rows
    window_ms : float, ms, length of a row
    look_ahead_ms : float, ms, how far after the frame's end the row ends

    Returns
    -------
    ndarray (n, round(window_ms / 1000 * row_sr)), float32
        Whole numbers from -32768 to 32767, 16-bit samples; oldest first. Sound outside the clip is silence.

    Raises
    ------
    ValueError
        If `row_sr` is above `sr` or a row has less than two samples.

    Notes
    -----
    The clip is resampled once by soxr's filter of linear phase, which hears 66 samples of the lower rate (4 ms at
    16 kHz) past the row's end. It keeps what lies below 0.91 of half the lower rate and leaves less than -140 dB of
    what lies above half.
    """
    import soxr

    size, ahead = sizes(row_sr=row_sr, window_ms=window_ms, look_ahead_ms=look_ahead_ms)
    if row_sr > sr:
        raise ValueError(f"sr is {row_sr} Hz; it must not be above the sound's {sr} Hz")
    if size < 2:
        raise ValueError(f"a row has {size} samples; raise window_ms")
    sound = audio if row_sr == sr else soxr.resample(np.asarray(audio, np.float32), sr, row_sr, quality="HQ")
    stored = np.rint(np.asarray(sound, np.float32) * FULL_SCALE).clip(-FULL_SCALE - 1, FULL_SCALE)
    return windows(stored, np.rint(np.asarray(ends) * (row_sr / sr)).astype(np.int64) + ahead, size)


class WaveformSettings(Settings):
    """The sound itself around each video frame, for networks that learn their own filters."""

    RENAMED: ClassVar = {"rate": "sr"}

    sr: int = Field(16000, ge=8000)
    """Sampling rate of the rows, Hz; at most audio.sr."""
    window_ms: float = Field(80, ge=20, le=5000)
    """Length of a row, ms; at least one frame."""
    look_ahead_ms: float = Field(100, ge=0, le=5000)
    """How far after the frame's end a row ends, ms; 0 is causal."""
    levels: bool = False
    """Bring the level of speech to one value before, so that loudness and distance of the microphone do not matter."""
    storage: Literal["int16"] = "int16"
    """Number format of the table: 16-bit samples."""


def _own_sizes(settings: WaveformSettings) -> dict[str, Any]:
    return {"row_sr": settings.sr, "window_ms": settings.window_ms, "look_ahead_ms": settings.look_ahead_ms}


def _problem(settings: WaveformSettings, sr: int) -> str:
    return f"sr is {settings.sr} Hz; it must be at most audio.sr ({sr} Hz)" if settings.sr > sr else ""


def _reach(settings: WaveformSettings, sr: int) -> tuple[int, int]:
    size, ahead = sizes(**_own_sizes(settings))
    heard = _FILTER if settings.sr != sr else 0
    return tuple(math.ceil((n + heard) * sr / settings.sr) for n in (size - ahead, ahead))  # type: ignore[return-value]


FEATURE = Feature(
    problem=_problem,
    version=2,
    settings=WaveformSettings,
    compute=lambda audio, ends, sr, settings: waveform(audio, ends, sr=sr, **_own_sizes(settings)),
    shape=lambda settings: sizes(**_own_sizes(settings))[:1],
    kind="samples",
    storage=lambda settings: settings.storage,
    look_ahead_ms=lambda settings: settings.look_ahead_ms,
    description=lambda settings: {"unit": f"16-bit samples at {settings.sr} Hz, oldest first"},
    reach=_reach,
    levels=lambda settings: LevelSettings() if settings.levels else None,
)
