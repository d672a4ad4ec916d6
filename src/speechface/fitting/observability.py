"""Which channels the landmarks can tell."""

import numpy as np

from speechface.fitting.eyes import EYE_CHANNELS
from speechface.fitting.face import Face
from speechface.fitting.priors import independent_precision
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.channels import columns

__all__ = ["explained_variance", "observed_channels", "OBSERVED_THRESHOLD"]

#: A channel is observed if the landmarks of one frame explain at least this fraction of its prior variance.
OBSERVED_THRESHOLD = 0.1
#: Head poses over which the fraction is averaged: (pitch, yaw, roll), radians.
_POSES = ((0.0, 0.0, 0.0), (0.09, 0.17, 0.0), (-0.09, -0.17, 0.0))


def explained_variance(face: Face) -> np.ndarray:
    """Fraction of each channel's prior variance that one frame's landmarks explain, (C,), 0 to 1.

    Laplace's approximation at the rest face: ``1 - posterior / prior`` variance under scaled orthography with
    rotation, position and scale unknown, from the inner landmarks and the chin's height, averaged over
    a few head poses. Under the independent prior: a channel that only follows from others is not observed.
    """
    inner, chin, noise_mm = face.profile.inner, [face.profile.chin], face.profile.noise_mm
    channels, mixing = face.mixing.channels, face.mixing.matrix
    explained, n = np.zeros(len(channels)), mixing.shape[1]
    precision = mixing.T @ independent_precision(channels) @ mixing
    prior = np.diag(mixing @ np.linalg.inv(precision) @ mixing.T)
    points = np.concatenate([face.neutral[inner], face.neutral[chin]])
    shapes = np.concatenate([face.shapes[inner, :, :n], face.shapes[chin, :, :n]])
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
        posterior = np.linalg.inv(precision + seen.T @ seen / noise_mm**2)
        left = np.diag(mixing @ posterior @ mixing.T)
        explained += np.where(prior > 0, 1 - left / np.where(prior > 0, prior, 1.0), 0.0) / len(_POSES)
    return explained


def observed_channels(face: Face) -> np.ndarray:
    """Mask (C,): True where labels follow the image rather than the prior. Blinks have their own measure."""
    observed = explained_variance(face) >= OBSERVED_THRESHOLD
    observed[columns(face.mixing.channels, EYE_CHANNELS)] = True
    return observed
