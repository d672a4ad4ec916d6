"""Facts about 68 landmarks: spread, canonical box, distances between shapes, the points' own [0, 1] frame."""

import math

import numpy as np

__all__ = [
    "CANONICAL_CENTRE",
    "CANONICAL_HALF",
    "spread",
    "canonical_box",
    "jittered_boxes",
    "box_overlap",
    "shape_residual",
    "interocular",
    "normalise",
]

#: Where dlib's detector puts its box around a face: centre against the landmarks' mean, and half side, both in units of
#: the landmarks' spread. Mean over full-resolution detections on ten clips of nine people; x is 0 by symmetry.
CANONICAL_CENTRE = (0.0, -0.11)
CANONICAL_HALF = 1.36
#: Shifts (in box widths) and scales of the boxes that the predictor is averaged over.
_JITTER = ((0.0, 0.0, 1.0), (0.03, 0.03, 1.04), (-0.03, -0.03, 1.04), (0.03, -0.03, 0.96), (-0.03, 0.03, 0.96))


def spread(landmarks):
    """Root mean square distance of the points (..., 68, 2) from their mean, (...), in the points' unit."""
    count = landmarks.shape[-2]
    centred = landmarks - landmarks.sum(-2, keepdims=True) / count
    return np.sqrt(np.einsum("...ij,...ij", centred, centred) / count)


def canonical_box(landmarks):
    """Return the box that dlib's detector would put around a face with these landmarks.

    Parameters
    ----------
    landmarks : ndarray (..., 68, 2), pixels

    Returns
    -------
    box : ndarray (..., 4), left, top, right, bottom, pixels
    """
    size = spread(landmarks)[..., None]
    centre = landmarks.mean(-2) + size * np.array(CANONICAL_CENTRE)
    return np.concatenate([centre - CANONICAL_HALF * size, centre + CANONICAL_HALF * size], -1)


def jittered_boxes(box, count):
    """Return `count` (1 to 5) boxes (count, 4) around `box` (4,), the first of them `box` itself."""
    jitter = np.array(_JITTER[:count])
    middle = (box[:2] + box[2:]) / 2 + (box[2] - box[0]) * jitter[:, :2]
    half = (box[2:] - box[:2]) / 2 * jitter[:, 2:]
    return np.concatenate([middle - half, middle + half], 1)


def box_overlap(box, boxes):
    """Intersection over union of `box` (4,) with each of `boxes` (m, 4), (m,)."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(areas - shared, 1e-9)


def shape_residual(points, target):
    """Root mean square distance of `points` from `target` after the best similarity, in units of `target`'s spread.

    The similarity is a rotation, a scale and a shift, no mirroring.

    Parameters
    ----------
    points, target : ndarray (n, 2)

    Notes
    -----
    In the plane the least-squares similarity is one complex number (Umeyama 1991 for the general case).
    """
    a, b = ((shape - shape.sum(0) / len(shape)).view(np.complex128).ravel() for shape in (points, target))
    power = np.vdot(a, a).real
    gap = b if power == 0 else np.vdot(a, b) / power * a - b
    return math.sqrt(np.vdot(gap, gap).real / max(np.vdot(b, b).real, 1e-18))


def interocular(landmarks):
    """Distance between the outer corners of the eyes (points 36 and 45), (...), in the points' unit."""
    return np.linalg.norm(landmarks[..., 45, :] - landmarks[..., 36, :], axis=-1)


def normalise(landmarks):
    """Map points to [0, 1] by the face's own extent.

    Parameters
    ----------
    landmarks : ndarray (..., 68, 2), pixels

    Returns
    -------
    normalised : ndarray (..., 68, 2)
        0 at the leftmost (topmost) point, 1 at the rightmost (lowest); x and y separately. NaN stays NaN; a face
        without extent gives 0.

    Notes
    -----
    Source: the report, section IV.2 and listing A.1, which takes one frame's extent for all frames; we take each
    frame's own, so that moving or scaling the face changes nothing.
    """
    low = landmarks.min(-2, keepdims=True)
    extent = landmarks.max(-2, keepdims=True) - low
    return (landmarks - low) / np.where(extent == 0, 1, extent)
