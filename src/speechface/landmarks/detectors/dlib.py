"""dlib's frontal face detector and 68-point predictor, as in the report, and all that is peculiar to them.

The models are loaded and the predictor evaluated in `speechface.landmarks.model`; how they err was measured by
benchmarks/calibrate_errors.py on rendered faces with exact truth.
"""

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

import numpy as np
from pydantic import Field

from speechface.geometry import ibug
from speechface.landmarks.detector import Contact, Detector, DetectorSettings, Eye, Profile, Tracks

__all__ = ["DETECTOR", "DlibSettings", "ERRORS", "PROFILE"]

#: Common errors of the points; written by benchmarks/calibrate_errors.py.
ERRORS = "dlib_errors.json"


class DlibSettings(DetectorSettings):
    """dlib's 68 points."""

    detect_every: int = Field(10, ge=1)
    """Frames between checks of the tracked face by the detector; in between its box is rebuilt from the last
    landmarks."""
    detect_height: int = Field(240, ge=60)
    """Images taller than twice this are first reduced to about this height to search for a face, pixels."""
    jittered_boxes: int = Field(3, ge=1, le=5)
    """Predictions averaged over this many shifted boxes: 1 is fastest, 3 lessen the jitter by more than a third at
    three times the predictor's cost, 5 by half."""
    clahe_clip: float = Field(2.0, ge=0)
    """Contrast limit of the local histogram equalisation, in mean histogram counts; 0, no limit."""


def _weights() -> np.ndarray:
    """Jaw, brows, nose, eyes, outer and inner lips. The inner lips are dlib's least faithful points (correlation of the
    gap with the truth on rendered faces 0.69, of the outer 0.91)."""
    weights = np.repeat([0.5, 0.7, 1.0, 1.3, 1.2, 0.7], [17, 10, 9, 12, 12, 8])
    weights[list(ibug.MOUTH_CORNERS)] = 0.6  # dlib lets the mouth's corners drop with the jaw
    return weights


def _error_modes() -> np.ndarray:
    text = resources.files(__package__).joinpath(ERRORS).read_text(encoding="utf-8")
    return np.array(json.loads(text)["modes_mm"])


PROFILE = Profile(
    scheme="ibug68",
    n_points=ibug.N_POINTS,
    jaw=ibug.JAW,
    right_brow=ibug.RIGHT_BROW,
    left_brow=ibug.LEFT_BROW,
    nose=ibug.NOSE,
    mouth=ibug.MOUTH,
    right_eye=Eye(ibug.RIGHT_EYE, ibug.RIGHT_EYE_CORNERS, ibug.RIGHT_LID_PAIRS),
    left_eye=Eye(ibug.LEFT_EYE, ibug.LEFT_EYE_CORNERS, ibug.LEFT_LID_PAIRS),
    mouth_corners=ibug.MOUTH_CORNERS,
    lip_pairs=ibug.INNER_LIP_PAIRS,
    chin=ibug.CHIN,
    weights=_weights(),
    # inner lips, outer lips, mouth corners: dlib's constant error for an actor cancels, and so does much of the head's
    # motion
    pairs=np.array([*ibug.INNER_LIP_PAIRS, ibug.OUTER_LIP_MIDDLE, ibug.MOUTH_CORNERS]),
    pair_weights=np.array([0.9, 0.9, 0.9, 2.0, 2.0]),
    error_modes_mm=_error_modes,
    # these points never meet: on recordings shut lips have a gap of 0.002 to 0.025, by the actor, and vary by as much
    contact=Contact(usual=0.008, largest=0.04, sure=0.004, open=0.012),
    noise_mm=1.5,
    offset_mm=3.0,
    # dlib's points keep a closed eye half open: 0.45 of the open one on recorded faces, 0.6 on rendered ones
    closed_eye=0.55,
    blink_below=0.75,
    blink_spread=0.05,
    lid_trust=0.3,
    # least squares on the synthetic actors 1 to 20 against exact truth; on actors 21 to 24 the expected error
    # correlates with the true one by 0.50
    expected_error_mm=(0.54, 0.14, 0.17, 0.27),
    ibug=lambda landmarks: landmarks,
    # upright faces of ten people have 1.9 and more, with the mouth covered 0.9; those upside down at most 0.2
    sure_score=0.7,
)


class _Tracker:
    """dlib's models, loaded, and the tracker of one face."""

    def __init__(self, settings: DlibSettings):
        from speechface.landmarks.model import DlibFace

        self._settings = settings
        self._face = DlibFace(clahe_clip=settings.clahe_clip, jittered_boxes=settings.jittered_boxes)

    def track(self, images: Iterable[Any]) -> Tracks:
        """Follow the face through one clip's images (objects with ``gray``)."""
        from speechface.landmarks.tracking import FaceTracker

        settings = self._settings
        tracker = FaceTracker(
            self._face, detect_every=settings.detect_every, detect_height=settings.detect_height,
            points=ibug.N_POINTS, ibug=PROFILE.ibug,
        )  # fmt: skip
        return tracker.follow(images)


DETECTOR = Detector(settings=DlibSettings, open=_Tracker, profile=PROFILE)
