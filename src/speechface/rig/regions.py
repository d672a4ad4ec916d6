"""Vertex sets and distances of a face that only its 68 landmarks describe."""

import numpy as np

from speechface.geometry import ibug

__all__ = ["face_regions", "distance_to_line", "inside_polygon", "spine_top"]

_BROW_MM = 6.0


def distance_to_line(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (n,) of points (n, d) to an open polyline (m, d), and the place along it (n,) in [0, m - 1]."""
    points, line = np.asarray(points, float), np.asarray(line, float)
    start, step = line[:-1], np.diff(line, axis=0)
    length2 = np.maximum(np.sum(step**2, -1), 1e-12)
    share = np.clip(np.einsum("nmd,md->nm", points[:, None] - start, step) / length2, 0, 1)
    distance = np.linalg.norm(points[:, None] - start - share[..., None] * step, axis=-1)
    nearest = np.argmin(distance, axis=1)
    rows = np.arange(len(points))
    return distance[rows, nearest], nearest + share[rows, nearest]


def inside_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points (n, 2) lie inside a closed polygon (m, 2), as bools (n,) (even-odd rule)."""
    x, y = np.asarray(points, float).T[:, :, None]
    x0, y0 = np.asarray(polygon, float).T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = x < (x1 - x0) * (y - y0) / (y1 - y0) + x0
    return np.sum(crosses & left, axis=1) % 2 == 1


def face_regions(neutral: np.ndarray, landmarks: np.ndarray, skin: np.ndarray) -> dict[str, np.ndarray]:
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
    front = z > marks[list(ibug.JAW_ENDS), 2].min()

    def pick(mask, owned):
        return np.unique(np.concatenate([skin[mask], np.asarray(landmarks)[owned]])).astype(np.int32)

    outer_lips = marks[ibug.OUTER_LIPS]
    lip_low = marks[ibug.MOUTH, 2].min() - 3
    lips = inside_polygon(points[:, :2], outer_lips[:, :2]) & (z > lip_low)
    middle, half = outer_lips.mean(0), np.ptp(outer_lips, axis=0) / 2
    mouth = front & (np.hypot((x - middle[0]) / (1.5 * half[0]), (y - middle[1]) / (half[1] + 0.7 * half[0])) < 1)
    eyes = np.zeros(len(skin), bool)
    brows = np.zeros(len(skin), bool)
    for eye, brow in ((ibug.RIGHT_EYE, ibug.RIGHT_BROW), (ibug.LEFT_EYE, ibug.LEFT_BROW)):
        centre, width = marks[eye].mean(0), np.ptp(marks[eye, 0])
        eyes |= front & (np.hypot((x - centre[0]) / (0.75 * width), (y - centre[1]) / (0.5 * width)) < 1)
        brows |= distance_to_line(points, marks[brow])[0] < _BROW_MM
    bridge = marks[ibug.BRIDGE]
    upper = front & (y > (bridge[1, 1] + bridge[2, 1]) / 2)
    return {
        "lips": pick(lips, ibug.MOUTH),
        "mouth": pick(mouth, ibug.MOUTH),
        "eyes": pick(eyes, ibug.EYES),
        "brows": pick(brows, ibug.BROWS),
        "upper_face": pick(upper, slice(ibug.BROWS.start, ibug.BRIDGE.start + 2)),
        "face": pick(front, slice(None)),
    }


def spine_top(marks: np.ndarray) -> np.ndarray:
    """Top of the spine: between the ears, below and behind the ends of the jaw line."""
    ears = marks[list(ibug.JAW_ENDS)].mean(0)
    return (ears + [0, -0.25 * np.ptp(marks[:, 1]), -15]).astype(np.float32)
