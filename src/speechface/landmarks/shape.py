"""Facts about landmarks, however many, and boxes around them."""

import math

import numpy as np

__all__ = ["box_overlap", "normalise", "shape_residual", "sideways", "spread", "square_window"]


def spread(landmarks: np.ndarray) -> np.ndarray:
    """Root mean square distance of the points (..., n, 2) from their mean, (...), in the points' unit."""
    count = landmarks.shape[-2]
    centred = landmarks - landmarks.sum(-2, keepdims=True) / count
    return np.sqrt(np.einsum("...ij,...ij", centred, centred) / count)


def box_overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of `box` (4,) with each of `boxes` (m, 4), (m,)."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(areas - shared, 1e-9)


def square_window(box: np.ndarray, side: float, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Pixels (left, top, right, bottom) of a square of `side` box widths around a box; None if outside the image."""
    left, top, right, bottom = box.tolist()
    across, down, half = (left + right) / 2, (top + bottom) / 2, side * (right - left) / 2
    low = max(math.floor(across - half), 0), max(math.floor(down - half), 0)
    high = min(math.ceil(across + half), shape[1]), min(math.ceil(down + half), shape[0])
    return None if min(high[0] - low[0], high[1] - low[1]) < 8 else (*low, *high)


def shape_residual(points: np.ndarray, target: np.ndarray) -> float:
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


def normalise(landmarks: np.ndarray) -> np.ndarray:
    """Map points to [0, 1] by the face's own extent.

    Parameters
    ----------
    landmarks : ndarray (..., n, 2), pixels

    Returns
    -------
    normalised : ndarray (..., n, 2)
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


def sideways(ibug_points: np.ndarray) -> np.ndarray:
    """How far heads are turned to a side, iBUG points (n, 68, 2) -> (n,): the logarithm of the ratio of the nose's
    distances from the outer eye corners, about 0.17 for 10 degrees; NaN where the points are."""
    from speechface.geometry import ibug

    tip = ibug_points[:, ibug.NOSE_TIP]
    right, left = (np.linalg.norm(ibug_points[:, eye] - tip, axis=-1) for eye in ibug.OUTER_EYE_CORNERS)
    return np.log(np.maximum(right, 1e-6) / np.maximum(left, 1e-6))
