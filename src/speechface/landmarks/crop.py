"""Cutting an upright face image out of every frame, steady in time."""

from collections.abc import Sequence

import numpy as np

from speechface.landmarks.detector import Profile
from speechface.landmarks.reduce import reduced
from speechface.landmarks.shape import spread

__all__ = ["crop_transforms", "warp_planes", "nearest_known", "smooth", "CENTRE_UP"]

#: The crop's centre lies this far above the landmarks' mean, in units of their spread, so that the forehead shows.
CENTRE_UP = 0.25


def nearest_known(known: np.ndarray) -> np.ndarray:
    """Return for every frame the index of the nearest frame where `known` (n,) bool holds, the earlier of two.

    Raises
    ------
    ValueError
        If none is known.
    """
    places = np.flatnonzero(known)
    if not len(places):
        raise ValueError("no frame is known")
    frames = np.arange(len(known))
    after = np.clip(np.searchsorted(places, frames), 0, len(places) - 1)
    before = np.clip(after - 1, 0, None)
    nearer = np.abs(places[after] - frames) < np.abs(places[before] - frames)
    return np.where(nearer, places[after], places[before])


def smooth(values: np.ndarray, *, deviation: float) -> np.ndarray:
    """Gaussian filter along the first axis, without delay; the end values are repeated beyond the ends.

    Parameters
    ----------
    values : ndarray (n, ...)
    deviation : float, frames
        Standard deviation; 0 returns the values.
    """
    radius = int(np.ceil(3 * deviation))
    if radius == 0:
        return np.asarray(values, float)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    frames = np.clip(np.arange(len(values))[:, None] + offsets, 0, len(values) - 1)
    return np.tensordot(np.asarray(values, float)[frames], weights / weights.sum(), axes=(1, 0))


def crop_transforms(
    landmarks: np.ndarray, detected: np.ndarray, profile: Profile, *, margin: float, size: int, deviation: float
) -> np.ndarray:
    """Find the affine map from image to crop for every frame.

    Parameters
    ----------
    landmarks : ndarray (n, points, 2), pixels
    detected : ndarray (n,), bool
        Frames without a face take the place of the nearest frame that has one.
    profile : Profile of the detector
    margin : float
        Half side of the crop in units of the landmarks' spread.
    size : int
        Side of the crop, pixels.
    deviation : float, frames
        Standard deviation of the Gaussian that smooths centre, size and roll.

    Returns
    -------
    transforms : ndarray (n, 2, 3), float64
        ``crop = transforms @ (x, y, 1)``, pixel centres at whole numbers; the line through the eyes becomes level.
    """
    points = np.asarray(landmarks, float)[nearest_known(detected)]
    half = margin * spread(points)
    eyes = points[:, profile.left_eye.points].mean(1) - points[:, profile.right_eye.points].mean(1)
    direction = eyes / np.linalg.norm(eyes, axis=1, keepdims=True)
    up = np.stack([direction[:, 1], -direction[:, 0]], 1)
    centre = points.mean(1) + CENTRE_UP * spread(points)[:, None] * up
    pose = smooth(np.concatenate([centre, half[:, None], direction], 1), deviation=deviation)
    roll = np.arctan2(pose[:, 4], pose[:, 3])
    scale = size / (2 * pose[:, 2])
    turn = np.stack([np.cos(roll), np.sin(roll), -np.sin(roll), np.cos(roll)], 1).reshape(-1, 2, 2)
    linear = scale[:, None, None] * turn
    shift = (size - 1) / 2 - np.einsum("nij,nj->ni", linear, pose[:, :2])
    return np.concatenate([linear, shift[:, :, None]], 2)


def warp_planes(planes: Sequence[np.ndarray], transform: np.ndarray, *, size: int) -> list[np.ndarray]:
    """Cut one crop out of 4:2:0 planes.

    Parameters
    ----------
    planes : sequence of 3 ndarrays, uint8: luma (height, width), chroma at half size
    transform : ndarray (2, 3)
        Of luma, from `crop_transforms`.
    size : int, even
        Side of the crop, pixels.

    Returns
    -------
    crop : list of 3 ndarrays, uint8: (size, size), twice (size / 2, size / 2)
    """
    luma, *chroma = planes
    # chroma sample j lies between luma samples 2j and 2j + 1, in the image as in the crop
    half = transform.copy()
    half[:, 2] = (transform[:, 2] + 0.5 * transform[:, :2].sum(1) - 0.5) / 2
    return [_warp(luma, transform, size), *(_warp(plane, half, size // 2) for plane in chroma)]


def _warp(plane, transform, size):
    """Affine warp of one plane; where it shrinks, the area of a pixel is averaged: most of it
    as whole pixels of the plane, which is cheap."""
    import cv2

    # by a whole number first, so that what is left shrinks two- to threefold
    step = max(int(1 / np.sqrt(abs(np.linalg.det(transform[:, :2]))) / 2), 1)
    if step > 1:
        left, top, right, bottom = _reach(plane.shape, transform, size, step)
        plane = reduced(plane[top:bottom, left:right], step)
        middle = np.array([left, top]) + (step - 1) / 2
        transform = np.column_stack([transform[:, :2] * step, transform[:, 2] + transform[:, :2] @ middle])
    finer = max(int(1 / np.sqrt(abs(np.linalg.det(transform[:, :2])))), 1)
    fine = transform * finer
    fine[:, 2] += (finer - 1) / 2
    sides = (size * finer, size * finer)
    image = cv2.warpAffine(plane, fine, sides, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return image if finer == 1 else cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def _reach(shape, transform, size, step):
    """(left, top, right, bottom) of the part of a plane that a crop is made of; left and top multiples of `step`."""
    ends = np.array([-1.0, size])
    corners = np.stack(np.meshgrid(ends, ends), -1).reshape(-1, 2)
    source = np.linalg.solve(transform[:, :2], (corners - transform[:, 2]).T).T
    limits = np.array(shape[::-1]) // step  # in steps
    low = np.clip(np.floor(source.min(0) / step - 1), 0, limits - 1)
    high = np.clip(np.ceil(source.max(0) / step + 2), low + 1, limits)
    return *(step * low).astype(int).tolist(), *(step * high).astype(int).tolist()
