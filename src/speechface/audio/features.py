"""The features that networks may take as input: one registry for commands, networks and `animate`.

To add one, write its function in a module of this package and add a line to `FEATURES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from speechface.audio import acoustics as _acoustics
from speechface.audio import log_mel as _log_mel
from speechface.audio import spectrogram as _spectrogram
from speechface.audio import waveform as _waveform
from speechface.audio.windows import frame_end_samples
from speechface.errors import ClipError

__all__ = ["FEATURES", "Feature", "compute", "description", "shape"]


@dataclass(frozen=True)
class Feature:
    """How one feature is made.

    Parameters
    ----------
    section : str
        Config section with its settings, also the name of the workflow's stage and of its table column.
    compute : callable (audio, ends, sr, settings) -> ndarray (n, *shape), float32
    shape : callable (settings) -> tuple of int
    description : callable (settings) -> dict
        JSON-able facts for the table's metadata.
    """

    section: str
    compute: Callable
    shape: Callable
    description: Callable


def _only(settings, *names):
    return {name: settings[name] for name in names}


_SPECTROGRAM = ("n_fft", "hop_length", "n_hops", "pad_mode", "reference", "top_db")
_LOG_MEL = ("n_hops", "hop_ms", "window_ms", "look_ahead_ms", "n_mels", "fmin", "fmax", "floor_db")
_WAVEFORM = ("rate", "window_ms", "look_ahead_ms")
_ACOUSTIC_SIZES = ("n_steps", "n_mels", "n_mfcc", "n_chroma")


def _compute_spectrogram(audio, ends, sr, settings):
    return _spectrogram.spectrogram(audio, ends, **_only(settings, *_SPECTROGRAM))


def _compute_acoustics(audio, ends, sr, settings):
    return _acoustics.acoustics(
        audio, ends, sr=sr, **_only(settings, "hop_length", "n_fft", "pad_mode", *_ACOUSTIC_SIZES)
    )


def _compute_log_mel(audio, ends, sr, settings):
    return _log_mel.log_mel(audio, ends, sr=sr, **_only(settings, *_LOG_MEL))


def _compute_waveform(audio, ends, sr, settings):
    return _waveform.waveform(audio, ends, sr=sr, **_only(settings, *_WAVEFORM))


#: name -> Feature. The name is a model's `feature` setting.
FEATURES = {
    "spectrogram": Feature(
        section="spectrogram",
        compute=_compute_spectrogram,
        shape=lambda settings: (settings["n_fft"] // 2, settings["n_hops"]),
        description=lambda settings: {
            "window_samples": _spectrogram.window_size(**_only(settings, "hop_length", "n_hops")),
            "unit": f"0 loudest, 1 {settings['top_db']:g} dB or more below; rows from 0 Hz up",
        },
    ),
    "acoustics": Feature(
        section="acoustics",
        compute=_compute_acoustics,
        shape=lambda settings: (_acoustics.n_values(**_only(settings, *_ACOUSTIC_SIZES)),),
        description=lambda settings: {
            "layout": _acoustics.layout(**_only(settings, *_ACOUSTIC_SIZES)),
            "unit": "log-mel dB, MFCC of dB, deltas per hop, chroma 0 to 1",
        },
    ),
    "log_mel": Feature(
        section="log_mel",
        compute=_compute_log_mel,
        shape=lambda settings: (settings["n_hops"], settings["n_mels"]),
        description=lambda settings: {
            "unit": f"dB, {settings['floor_db']:g} or more; oldest hop first, low bands first"
        },
    ),
    "waveform": Feature(
        section="waveform",
        compute=_compute_waveform,
        shape=lambda settings: _waveform.sizes(**_only(settings, *_WAVEFORM))[:1],
        description=lambda settings: {"unit": f"16-bit samples at {settings['rate']} Hz, oldest first"},
    ),
}


def compute(name, audio, times, *, fps, sr, settings):
    """Compute a feature for every video frame of a clip.

    Parameters
    ----------
    name : str, key of `FEATURES`
    audio : ndarray (n_samples,), float32, mono, full scale 1.0; sample 0 is at time 0
    times : array_like (n,), seconds, increasing
    fps : float, frames/s, the length of the last frame
    sr : int, Hz
    settings : dict, the resolved config section of the feature

    Returns
    -------
    ndarray (n, *shape(name, settings)), float32

    Raises
    ------
    ClipError
        If the sound is empty or not finite, the times do not increase, or the sizes do not fit the sampling rate.
    """
    audio, times = np.asarray(audio), np.asarray(times, np.float64)
    if audio.ndim != 1 or not len(audio):
        raise ClipError(f"the sound is empty (shape {audio.shape}), expected mono samples")
    if not np.isfinite(audio).all():
        raise ClipError("the sound holds values that are not finite")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ClipError("the frame times do not increase")
    ends = frame_end_samples(times, fps=fps, sr=sr)
    try:
        return FEATURES[name].compute(audio, ends, sr, settings)
    except ValueError as error:
        raise ClipError(f"{name} at {sr} Hz: {error}") from None


def shape(name, settings):
    """Return the shape of one frame's feature, e.g. (128, 32)."""
    return FEATURES[name].shape(settings)


def description(name, settings):
    """Return JSON-able facts about the feature's numbers, for a table's metadata."""
    return FEATURES[name].description(settings)
