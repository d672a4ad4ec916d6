"""dlib's and MediaPipe's points of the same face: MediaPipe finds and follows it, dlib's predictor looks where it is.

The table holds dlib's 68 points, then MediaPipe's 478. Both err, and differently: a fit to both errs less.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from speechface.geometry import ibug, mesh478
from speechface.landmarks.detector import Detector, Eye, Points, Profile, Tracks
from speechface.landmarks.detectors import dlib, mediapipe

__all__ = ["DETECTOR", "BothSettings", "PROFILE"]


class BothSettings(mediapipe.MediapipeSettings):
    """dlib's 68 and MediaPipe's 478 points."""

    jittered_boxes: int = Field(3, ge=1, le=5)
    """Predictions of dlib averaged over this many shifted boxes."""
    clahe_clip: float = Field(2.0, ge=0)
    """Contrast limit of the local histogram equalisation for dlib, in mean histogram counts; 0, no limit."""


def _modes() -> np.ndarray:
    """Common errors (m, 546, 2) of the one detector and of the other."""
    first, second = (np.asarray(profile.error_modes_mm()) for profile in (dlib.PROFILE, mediapipe.PROFILE))
    modes = np.zeros((len(first) + len(second), PROFILE.n_points, 2))
    modes[: len(first), : ibug.N_POINTS], modes[len(first) :, ibug.N_POINTS :] = first, second
    return modes


def _profile() -> Profile:
    """MediaPipe's profile after dlib's points: these give the jaw line, and stand beside MediaPipe's of brows, nose and
    outer lips. Inner lips and lids, which dlib tells worse, are MediaPipe's alone."""
    mesh, shift = mediapipe.PROFILE, ibug.N_POINTS

    def moved(points: Points) -> np.ndarray:
        return mesh.numbers(points) + shift

    def pairs(of: Any) -> tuple[tuple[int, int], ...]:
        return tuple((a + shift, b + shift) for a, b in of)

    def eye(of: Eye) -> Eye:
        return Eye(moved(of.points), pairs([of.corners])[0], pairs(of.lids))

    assert mesh.irises is not None
    right, left = mesh.irises
    inner = np.setdiff1d(mesh.numbers(mesh.fitted), mesh.numbers(mesh.jaw))
    first = np.setdiff1d(np.arange(shift), [*range(shift)[ibug.EYES], *range(shift)[ibug.INNER_LIPS]])
    return replace(
        mesh, scheme="ibug68+mediapipe478", n_points=shift + mesh.n_points, jaw=dlib.PROFILE.jaw,
        chin=dlib.PROFILE.chin, right_brow=moved(mesh.right_brow), left_brow=moved(mesh.left_brow),
        nose=moved(mesh.nose), mouth=moved(mesh.mouth), right_eye=eye(mesh.right_eye), left_eye=eye(mesh.left_eye),
        mouth_corners=pairs([mesh.mouth_corners])[0], lip_pairs=pairs(mesh.lip_pairs),
        fitted=np.concatenate([first, inner + shift]), irises=(moved(right), moved(left)),
        weights=np.concatenate([dlib.PROFILE.weights, mesh.weights]),
        pairs=np.concatenate([dlib.PROFILE.pairs, mesh.pairs + shift]),
        pair_weights=np.concatenate([dlib.PROFILE.pair_weights, mesh.pair_weights]),
        error_modes_mm=_modes, ibug=lambda landmarks: landmarks[..., ibug.N_POINTS + mesh478.IBUG, :],
    )  # fmt: skip


PROFILE = _profile()


class _Tracker:
    """Models of both, loaded, and the tracker of one face."""

    def __init__(self, settings: BothSettings):
        from speechface.landmarks.mesh.finder import JointFinder
        from speechface.landmarks.mesh.landmarker import FaceLandmarker
        from speechface.landmarks.model import DlibFace

        self._settings = settings
        face = DlibFace(clahe_clip=settings.clahe_clip, jittered_boxes=settings.jittered_boxes)
        self._finder = JointFinder(FaceLandmarker(settings.model), face)

    def track(self, images: Iterable[Any]) -> Tracks:
        """Follow the face through one clip's images (`speechface.media.Image`)."""
        from speechface.landmarks.tracking import FaceTracker

        tracker = FaceTracker(
            self._finder, detect_every=self._settings.detect_every, points=PROFILE.n_points, ibug=PROFILE.ibug
        )
        return tracker.follow(images)


DETECTOR = Detector(settings=BothSettings, open=_Tracker, profile=PROFILE)
