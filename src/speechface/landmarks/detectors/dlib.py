"""dlib's frontal face detector and 68-point predictor, as in the report."""

from pydantic import Field

from speechface.landmarks.detector import Detector, DetectorSettings

__all__ = ["DETECTOR", "DlibSettings"]


class DlibSettings(DetectorSettings):
    """dlib's 68 points."""

    detect_every: int = Field(10, ge=1)
    """Frames between checks of the tracked face by the detector; in between its box is rebuilt from the last
    landmarks."""
    detect_height: int = Field(240, ge=60)
    """Images taller than twice this are first reduced to about this height to search for a face, pixels."""
    jittered_boxes: int = Field(3, ge=1, le=5)
    """Predictions averaged over this many shifted boxes: 1 is fastest, 3 lessen the jitter by more than a third at three
    times the predictor's cost, 5 by half."""
    clahe_clip: float = Field(2.0, ge=0)
    """Contrast limit of the local histogram equalisation, in mean histogram counts; 0, no limit."""


DETECTOR = Detector(settings=DlibSettings, open=lambda settings: None)
