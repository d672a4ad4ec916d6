"""Head pose from landmarks without a starting value."""

import numpy as np

__all__ = ["centred", "initial_pose", "fill_gaps"]


def centred(landmarks: np.ndarray, centre: np.ndarray | tuple[float, float]) -> np.ndarray:
    """Pixels (T, p, 2), y down -> pixels from the principal point `centre` (2,) or (T, 2), y up."""
    centre = np.broadcast_to(centre, (len(landmarks), 2))
    return (np.asarray(landmarks, float) - centre[:, None]) * np.array([1.0, -1.0])


def fill_gaps(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Interpolate `values` (T, ...) over the frames where `present` (T,) is False; the ends repeat."""
    values = np.array(values, float)
    if present.all():
        return values
    known = np.flatnonzero(present)
    position = np.clip(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0, len(known) - 1)
    left, right = known[position], known[np.minimum(position + 1, len(known) - 1)]
    span = np.maximum(right - left, 1)
    fraction = np.clip((np.arange(len(values)) - left) / span, 0.0, 1.0)
    fraction = fraction.reshape((-1,) + (1,) * (values.ndim - 1))
    return (1.0 - fraction) * values[left] + fraction * values[right]


def initial_pose(
    points: np.ndarray, observed: np.ndarray, *, focal: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation by scaled orthography.

    Parameters
    ----------
    points : ndarray (p, 3), the face at rest, mm, without points that slide
    observed : ndarray (T, p, 2), pixels from the principal point, y up
    focal : float or ndarray (T,), pixels

    Returns
    -------
    rotation : ndarray (T, 3, 3)
    translation : ndarray (T, 3), mm in camera space (z < 0)
    """
    middle, seen_middle = points.mean(0), observed.mean(1)
    frames = len(observed)
    right = (observed - seen_middle[:, None]).transpose(1, 0, 2).reshape(len(points), -1)
    affine = np.linalg.lstsq(points - middle, right, rcond=None)[0].reshape(3, frames, 2).transpose(1, 2, 0)
    u, singular, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], 1)
    scale = singular.mean(1)
    camera = np.stack(
        [seen_middle[:, 0] / scale, seen_middle[:, 1] / scale, -np.broadcast_to(focal, frames) / scale], 1
    )
    return rotation, camera - rotation @ middle
