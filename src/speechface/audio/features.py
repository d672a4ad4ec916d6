"""The features that networks may take as input, and how one is computed.

To add one, write a module with a `Feature` and add a line to `FEATURES`.
"""

from typing import Any

import numpy as np

from speechface.audio.feature import Feature
from speechface.audio.levels import normalise
from speechface.audio.windows import frame_end_samples
from speechface.errors import ClipError
from speechface.registry import Registry
from speechface.settings import Settings

__all__ = ["FEATURES", "compute", "settings_of_table"]

#: name -> Feature. The name is the config section, the workflow's stage, the table's column and a model's `feature`.
FEATURES = Registry("feature", {
    "spectrogram": "speechface.audio.spectrogram:FEATURE",
    "acoustics": "speechface.audio.acoustics:FEATURE",
    "log_mel": "speechface.audio.log_mel:FEATURE",
    "waveform": "speechface.audio.waveform:FEATURE",
})  # fmt: skip


def compute(name: str, audio: np.ndarray, times: np.ndarray, *, fps: float, sr: int, settings: Settings) -> np.ndarray:
    """Compute a feature for every video frame of a clip, the level of its speech normalised where the settings say so.

    Parameters
    ----------
    name : str, key of `FEATURES`
    audio : ndarray (n_samples,), float32, mono, full scale 1.0; sample 0 is at time 0
    times : array_like (n,), seconds, increasing
    fps : float, frames/s, the length of the last frame
    sr : int, Hz
    settings : the feature's section

    Returns
    -------
    ndarray (n, *shape(settings)), float32

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
    feature: Feature = FEATURES[name]
    levels = feature.levels(settings)
    if levels is not None:
        audio = normalise(audio, sr=sr, settings=levels)
    try:
        return feature.compute(audio, frame_end_samples(times, fps=fps, sr=sr), sr, settings)
    except ValueError as error:
        raise ClipError(f"{name} at {sr} Hz: {error}") from None


def settings_of_table(name: str, stored: dict[str, Any]) -> Settings:
    """Return the settings that a table or model of feature `name` was made with, from its metadata.

    `stored` may hold other facts as well, such as the sampling rate of the sound; they are left out.
    """
    kind = FEATURES[name].settings
    return kind.parse({key: value for key, value in stored.items() if key in kind.model_fields}, f"feature {name}")
