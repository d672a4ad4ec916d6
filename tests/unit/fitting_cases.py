"""Exact landmarks of synthetic faces in motion, for the tests of the label fitter."""

from dataclasses import dataclass

import numpy as np
from synthetic import synthetic_rig

from speechface.fitting.clip import FitSettings
from speechface.fitting.face import Face
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.synthesis.visemes import INDEX

__all__ = ["Case", "moving_face", "PRECISE", "FOCAL", "FPS"]

FOCAL, FPS = 1200.0, 25.0
#: Trusts exact landmarks far more than the prior.
PRECISE = FitSettings(noise_mm=0.01, sparsity=1.0, smoothness=0.5, iterations=20)


@dataclass
class Case:
    """A face and its exact motion; `observed` pixels from the principal point, y up."""

    rig: object
    face: Face
    weights: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    observed: np.ndarray


def project(points, rotation, translation, focal=FOCAL):
    camera = points @ rotation.transpose(0, 2, 1) + translation[:, None]
    return focal * camera[..., :2] / -camera[..., 2:]


def smooth_noise(rng, frames, columns, width):
    from scipy.ndimage import gaussian_filter1d

    noise = gaussian_filter1d(rng.normal(size=(frames + 8 * width, columns)), width, axis=0)
    noise = noise[4 * width : 4 * width + frames]
    return noise / noise.std(0)


def moving_face(
    seed=0, *, frames=30, channels=("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp"), coefficients=None
):
    """A face whose `channels` and head move smoothly; `coefficients` of its identity, else the rig's mean."""
    rng = np.random.default_rng(seed)
    rig = synthetic_rig(seed)
    face = Face.of_rig(rig, PROFILE)
    if coefficients is not None:
        face = face.of_actor(coefficients)
    weights = np.zeros((frames, 52))
    weights[:, [INDEX[name] for name in channels]] = np.clip(
        0.3 + 0.25 * smooth_noise(rng, frames, len(channels), 3), 0, 1
    )
    rotation = matrix_from_euler(smooth_noise(rng, frames, 3, 5) * (0.05, 0.1, 0.04))
    translation = np.array([8.0, 15.0, -900.0]) + 5 * smooth_noise(rng, frames, 3, 5)
    points = face.landmarks(weights)
    return Case(rig, Face.of_rig(rig, PROFILE), weights, rotation, translation, project(points, rotation, translation))
