"""What a landmark detector is: the protocol of everything that finds points in a face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from speechface.settings import Settings

__all__ = ["Detector", "DetectorSettings"]


class DetectorSettings(Settings):
    """Face landmarks: keys of all detectors."""

    detector: str = "dlib"
    """dlib, its frontal detector and 68 points. It decides which other keys there are."""
    min_detection_rate: float = Field(0.5, ge=0, le=1)
    """A clip with a smaller fraction of frames with a face is excluded."""


@dataclass(frozen=True)
class Detector:
    """One landmark detector.

    Parameters
    ----------
    settings : class of `DetectorSettings`, the keys of section landmarks
    open : function (settings) -> object with ``track(images) -> Tracks``
    """

    settings: type[DetectorSettings]
    open: Callable[[Any], Any]
