"""MediaPipe's Face Landmarker, 478 points with irises, and all that is peculiar to them.

Its networks are run by `speechface.landmarks.mesh`, without the package mediapipe.
"""

import functools
import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

import numpy as np
from pydantic import Field

from speechface.geometry import mesh478
from speechface.landmarks.detector import Contact, Detector, DetectorSettings, Eye, Profile, Tracks
from speechface.settings import PathText

__all__ = ["DETECTOR", "MediapipeSettings", "PROFILE"]


class MediapipeSettings(DetectorSettings):
    """The 478 points of MediaPipe's Face Landmarker."""

    model: PathText = "resources/face_landmarker.task"
    """The model file; `speechface fetch-model` downloads it."""
    detect_every: int = Field(10, ge=1)
    """Frames between checks of the tracked face by the detector; in between the crop follows the last landmarks."""

    def files(self) -> list[str]:
        """The model file."""
        return [self.model]


#: Skin between the features: cheeks, upper lip, chin, between the brows.
_SKIN = (50, 280, 101, 330, 36, 266, 205, 425, 187, 411, 207, 427, 212, 432, 202, 422, 204, 424, 164, 18, 200, 199, 175,
         151, 9, 8)  # fmt: skip
#: Labels are fitted to these: the network's other points follow from them.
_FITTED = np.unique(np.concatenate([
    mesh478.OUTER_LIPS, mesh478.INNER_LIPS, mesh478.RIGHT_EYE, mesh478.LEFT_EYE, mesh478.RIGHT_BROW, mesh478.LEFT_BROW,
    mesh478.NOSE, mesh478.JAW, _SKIN,
]))  # fmt: skip


#: Noise and common errors of these points; written by benchmarks/calibrate_noise.py.
ERRORS = "mediapipe_errors.json"
#: What the rig lacks beside what the detector errs, mm, and the noise that a weight of 1 stands for.
_RIG_MM, _UNIT_MM = 0.8, 1.2


@functools.cache
def _errors() -> tuple[np.ndarray, np.ndarray]:
    """Noise (478,), mm, infinite where it was not measured, and common errors (m, 478, 2)."""
    content = json.loads(resources.files(__package__).joinpath(ERRORS).read_text(encoding="utf-8"))
    noise, modes = np.full(mesh478.N_POINTS, np.inf), np.array(content["modes_mm"])
    noise[_FITTED] = content["noise_mm"]
    everywhere = np.zeros((len(modes), mesh478.N_POINTS, 2))
    everywhere[:, _FITTED] = modes
    everywhere[:, mesh478.JAW] = 0
    return noise, everywhere


def _weights() -> np.ndarray:
    weights = _UNIT_MM**2 / (_errors()[0] ** 2 + _RIG_MM**2)
    weights[mesh478.JAW] = 0.1  # they slide over the skin when the head turns
    return weights


PROFILE = Profile(
    scheme="mediapipe478",
    n_points=mesh478.N_POINTS,
    jaw=mesh478.JAW,
    right_brow=mesh478.RIGHT_BROW,
    left_brow=mesh478.LEFT_BROW,
    nose=mesh478.NOSE,
    mouth=mesh478.LIPS,
    right_eye=Eye(mesh478.RIGHT_EYE, mesh478.RIGHT_EYE_CORNERS, mesh478.RIGHT_LID_PAIRS),
    left_eye=Eye(mesh478.LEFT_EYE, mesh478.LEFT_EYE_CORNERS, mesh478.LEFT_LID_PAIRS),
    fitted=_FITTED,
    irises=(mesh478.RIGHT_IRIS, mesh478.LEFT_IRIS),
    # on drawn heads; up and down the irises' points follow the lids rather than the irises
    iris_gain=(0.85, 0.3),
    # by eye on frames of ten people: shut lips have a gap of 0.001 to 0.008, the next wider one is 0.006 to 0.01 more
    contact=Contact(usual=0.004, largest=0.009, sure=0.004, open=0.01),
    mouth_corners=mesh478.MOUTH_CORNERS,
    lip_pairs=mesh478.INNER_LIP_PAIRS,
    chin=mesh478.CHIN,
    weights=_weights(),
    # on recordings the gap of the lips is better known than on the drawn heads that gave the noise
    pairs=np.array([*mesh478.INNER_LIP_PAIRS, mesh478.OUTER_LIP_MIDDLE, mesh478.MOUTH_CORNERS]),
    pair_weights=np.ones(len(mesh478.INNER_LIP_PAIRS) + 2),
    error_modes_mm=lambda: _errors()[1],
    # the numbers from here on are not measured yet: dlib's, but for the eyes, which this detector shuts
    noise_mm=1.5,
    offset_mm=3.0,
    closed_eye=0.3,
    blink_below=0.6,
    blink_spread=0.05,
    lid_trust=1.0,
    expected_error_mm=(0.54, 0.14, 0.17, 0.27),
    ibug=lambda landmarks: landmarks[..., mesh478.IBUG, :],
    # upright faces of ten people have 16.8 and more, the mouth covered or not, those upside down 10 at most
    sure_score=13.0,
)


class _Tracker:
    """The networks, loaded, and the tracker of one face."""

    def __init__(self, settings: MediapipeSettings):
        from speechface.landmarks.mesh.finder import MeshFinder
        from speechface.landmarks.mesh.landmarker import FaceLandmarker

        self._settings = settings
        self._face = MeshFinder(FaceLandmarker(settings.model))

    def track(self, images: Iterable[Any]) -> Tracks:
        """Follow the face through one clip's images (`speechface.media.Image`)."""
        from speechface.landmarks.tracking import FaceTracker

        tracker = FaceTracker(
            self._face, detect_every=self._settings.detect_every, points=mesh478.N_POINTS, ibug=PROFILE.ibug
        )
        return tracker.follow(images)


DETECTOR = Detector(settings=MediapipeSettings, open=_Tracker, profile=PROFILE)
