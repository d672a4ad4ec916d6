"""What a feature is: the protocol of every input that networks may take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from speechface.audio.levels import LevelSettings
from speechface.settings import Settings

__all__ = ["Feature", "Kind"]

#: What one row is, so that a family of models knows which encoder can read it: an image (bands, hops), a vector of
#: plain numbers, a few spectra (hops, bands) oldest first, or samples of sound.
Kind = Literal["image", "vector", "hops", "samples"]


@dataclass(frozen=True)
class Feature:
    """How one feature is made.

    Parameters
    ----------
    settings : class of `Settings`
        Its section of the configuration, which has the feature's name.
    compute : function (audio, ends, sr, settings) -> ndarray (n, *shape), float32
        `audio` (n_samples,) float32 mono, full scale 1.0; `ends` (n,) int, sample at which each video frame ends; `sr`
        Hz. Sound outside the clip is silence. ValueError with one sentence where sizes and sampling rate do not go
        together.
    shape : function (settings) -> tuple of int, of one row
    kind : what one row is, see `Kind`
    storage : function (settings) -> "uint8" (for values in [0, 1]) or the name of a NumPy type, as the table stores it
    look_ahead_ms : function (settings) -> float
        How far behind its frame's end a row hears, ms.
    description : function (settings) -> dict of JSON values for the table's metadata: unit, layout
    problem : function (settings, sr) -> str
        Why no sound of that sampling rate (Hz) can be taken, beginning with the key; "" where it can.
    reach : function (settings, sr) -> (before, after) or None
        All samples that a row depends on: from `before` ahead of its frame's end to `after` behind it. None, as by
        default: the whole clip, so that a row cannot be computed while the sound still goes on.
    levels : function (settings) -> `LevelSettings` or None
        How the level of speech is brought to one value before `compute` is given the sound; None, as by default: not.
    version : int, counts changes of what `compute` gives for the same sound and settings
    """

    settings: type[Settings]
    compute: Callable[[np.ndarray, np.ndarray, int, Any], np.ndarray]
    shape: Callable[[Any], tuple[int, ...]]
    kind: Kind
    storage: Callable[[Any], str]
    look_ahead_ms: Callable[[Any], float]
    description: Callable[[Any], dict[str, Any]]
    problem: Callable[[Any, int], str] = lambda settings, sr: ""
    version: int = 1
    reach: Callable[[Any, int], tuple[int, int] | None] = lambda settings, sr: None
    levels: Callable[[Any], LevelSettings | None] = lambda settings: None
