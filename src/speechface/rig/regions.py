"""Vertex sets and distances of a face that only its 68 landmarks describe."""

import numpy as np

__all__ = ["face_regions", "distance_to_line", "inside_polygon"]

_BROW_MM = 6.0


def distance_to_line(points, line):
    """Distance (n,) of points (n, d) to an open polyline (m, d), and the place along it (n,) in [0, m - 1]."""
    points, line = np.asarray(points, float), np.asarray(line, float)
    start, step = line[:-1], np.diff(line, axis=0)
    length2 = np.maximum(np.sum(step**2, -1), 1e-12)
    share = np.clip(np.einsum("nmd,md->nm", points[:, None] - start, step) / length2, 0, 1)
    distance = np.linalg.norm(points[:, None] - start - share[..., None] * step, axis=-1)
    nearest = np.argmin(distance, axis=1)
    rows = np.arange(len(points))
    return distance[rows, nearest], nearest + share[rows, nearest]


def inside_polygon(points, polygon):
    """Which points (n, 2) lie inside a closed polygon (m, 2), as bools (n,) (even-odd rule)."""
    x, y = np.asarray(points, float).T[:, :, None]
    x0, y0 = np.asarray(polygon, float).T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = x < (x1 - x0) * (y - y0) / (y1 - y0) + x0
    return np.sum(crosses & left, axis=1) % 2 == 1


def face_regions(neutral, landmarks, skin):
    """Vertex sets for metrics and images.

    Parameters
    ----------
    neutral : ndarray (V, 3), mm
    landmarks : ndarray (68,), int, iBUG order
    skin : ndarray, int, vertices of the outer skin

    Returns
    -------
    dict of str -> ndarray, int32
        ``lips`` (within the outer lip landmarks), ``mouth``, ``eyes``, ``brows``, ``upper_face`` (front of the head
        above the middle of the nose ridge), ``face`` (front of the head). Landmarks of a region are always in it.
    """
    skin = np.asarray(skin, np.int64)
    marks = np.asarray(neutral, float)[landmarks]
    points = np.asarray(neutral, float)[skin]
    x, y, z = points.T
    front = z > marks[[0, 16], 2].min()

    def pick(mask, owned):
        return np.unique(np.concatenate([skin[mask], np.asarray(landmarks)[owned]])).astype(np.int32)

    lip_low = marks[48:68, 2].min() - 3
    lips = inside_polygon(points[:, :2], marks[48:60, :2]) & (z > lip_low)
    middle, half = marks[48:60].mean(0), np.ptp(marks[48:60], axis=0) / 2
    mouth = front & (np.hypot((x - middle[0]) / (1.5 * half[0]), (y - middle[1]) / (half[1] + 0.7 * half[0])) < 1)
    eyes = np.zeros(len(skin), bool)
    brows = np.zeros(len(skin), bool)
    for eye, brow in ((slice(36, 42), slice(17, 22)), (slice(42, 48), slice(22, 27))):
        centre, width = marks[eye].mean(0), np.ptp(marks[eye, 0])
        eyes |= front & (np.hypot((x - centre[0]) / (0.75 * width), (y - centre[1]) / (0.5 * width)) < 1)
        brows |= distance_to_line(points, marks[brow])[0] < _BROW_MM
    upper = front & (y > (marks[28, 1] + marks[29, 1]) / 2)
    return {
        "lips": pick(lips, slice(48, 68)),
        "mouth": pick(mouth, slice(48, 68)),
        "eyes": pick(eyes, slice(36, 48)),
        "brows": pick(brows, slice(17, 27)),
        "upper_face": pick(upper, slice(17, 29)),
        "face": pick(front, slice(0, 68)),
    }
