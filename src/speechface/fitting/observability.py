"""Which channels 68 landmarks can tell."""

import numpy as np

from speechface.fitting.eyes import EYE_CHANNELS
from speechface.fitting.face import INNER, MIXING
from speechface.fitting.priors import independent_precision
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.channels import CHANNELS, N_CHANNELS

__all__ = ["explained_variance", "observed_channels", "OBSERVED_THRESHOLD"]

#: A channel is observed if the landmarks of one frame explain at least this share of its prior variance.
OBSERVED_THRESHOLD = 0.1
#: Head poses over which the share is averaged: (pitch, yaw, roll), radians.
_POSES = ((0.0, 0.0, 0.0), (0.09, 0.17, 0.0), (-0.09, -0.17, 0.0))
#: Error of a landmark, dlib's and the face model's together, mm.
_NOISE_MM = 1.5
_CHIN = 8


def explained_variance(face):
    """Share of each channel's prior variance that one frame's landmarks explain, (46,), 0 to 1.

    Laplace's approximation at the rest face: ``1 - posterior / prior`` variance under scaled orthography with
    rotation, position and scale unknown, from the 51 inner landmarks and the chin's height, averaged over
    a few head poses. Under the independent prior: a channel that only follows from others is not observed.
    """
    share = np.zeros(N_CHANNELS)
    n = MIXING.shape[1]
    precision = MIXING.T @ independent_precision() @ MIXING
    prior = np.diag(MIXING @ np.linalg.inv(precision) @ MIXING.T)
    points = np.concatenate([face.neutral[INNER], face.neutral[[_CHIN]]])
    shapes = np.concatenate([face.shapes[INNER, :, :n], face.shapes[[_CHIN], :, :n]])
    rows = np.ones((len(points), 2), bool)
    rows[-1, 0] = False  # the jaw line tells nothing along itself
    for pose in _POSES:
        rotation = matrix_from_euler(pose)
        turned = points @ rotation.T
        by_weight = np.matmul(rotation, shapes)[:, :2][rows]
        x, y, z = (turned - turned.mean(0)).T
        zero, one = np.zeros_like(x), np.ones_like(x)
        columns = [(zero, -z), (z, zero), (-y, x), (x, y), (one, zero), (zero, one)]
        by_pose = np.stack([np.stack(column, -1) for column in columns], -1)[rows]
        basis = np.linalg.qr(by_pose)[0]
        seen = by_weight - basis @ (basis.T @ by_weight)
        posterior = np.linalg.inv(precision + seen.T @ seen / _NOISE_MM**2)
        left = np.diag(MIXING @ posterior @ MIXING.T)
        share += np.where(prior > 0, 1 - left / np.where(prior > 0, prior, 1.0), 0.0) / len(_POSES)
    return share


def observed_channels(face):
    """Mask (46,): True where labels follow the image rather than the prior. Blinks have their own measure."""
    observed = explained_variance(face) >= OBSERVED_THRESHOLD
    observed[[CHANNELS.index(name) for name in EYE_CHANNELS]] = True
    return observed
