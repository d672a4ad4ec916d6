"""The implicit head: a signed distance field of smooth primitives, and rays that find its surface.

Millimetres; origin between the eyes at the root of the nose; +x the subject's left, +y up, +z out of the
face. The field is symmetric in x. It is a head of our own: proportions follow common drawing rules, no
scan or third-party mesh is involved.
"""

from functools import lru_cache

import numpy as np
from scipy.ndimage import map_coordinates

__all__ = [
    "EYE_CENTRE", "EYE_RADIUS", "LID_RADIUS", "STAR_CENTRE", "distance", "normals", "march", "unit", "front_surface",
    "RadiusMap", "radius_map", "smoothstep", "sigmoid", "smooth_min", "smooth_max", "ellipsoid", "cone",
]  # fmt: skip

#: Centre of the left eyeball, mm; the right one is its mirror image.
EYE_CENTRE = np.array([31.5, 0.0, -24.2])
#: Radius of the eyeball and of the sphere that the lids slide on, mm.
EYE_RADIUS, LID_RADIUS = 14.2, 15.8
#: Every surface point of head and neck is seen from here, mm.
STAR_CENTRE = np.array([0.0, -30.0, -72.0])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) scaled to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _length(vectors):
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def smoothstep(x: np.ndarray, start: float, stop: float) -> np.ndarray:
    """0 below `start`, 1 above `stop`, a cubic between."""
    t = np.clip((x - start) / (stop - start), 0, 1)
    return t * t * (3 - 2 * t)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x)))


def smooth_min(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Minimum of `a` and `b`, twice differentiable, rounded over about `blend` mm."""
    width = 1.5 * blend
    h = np.maximum(width - np.abs(a - b), 0) / width
    return np.minimum(a, b) - h**3 * (width / 6)


def smooth_max(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Maximum of `a` and `b`, rounded over about `blend` mm."""
    return -smooth_min(-a, -b, blend)


def ellipsoid(points, centre, radii):
    """Approximate signed distance to an ellipsoid, exact at its surface to first order."""
    scale = 1 / np.asarray(radii, float)
    q = (points - np.asarray(centre, float)) * scale
    k0 = _length(q) + 1e-9
    return k0 * (k0 - 1) / (_length(q * scale) + 1e-9)


def cone(points, start, stop, start_radius, stop_radius):
    """Distance to a capsule whose radius runs linearly from `start_radius` to `stop_radius`."""
    start, stop = np.asarray(start, float), np.asarray(stop, float)
    axis = stop - start
    q = points - start
    h = np.clip(np.einsum("...i,i->...", q, axis) / (axis @ axis), 0, 1)
    return _length(q - h[..., None] * axis) - (start_radius + (stop_radius - start_radius) * h)


#: Primitives that are added in turn: (kind, arguments, blend in mm).
_SKULL = (
    (ellipsoid, ((0, 34, -84), (74, 84, 90)), 0),  # cranium
    (ellipsoid, ((0, 28, -46), (60, 50, 47)), 22),  # forehead
    (ellipsoid, ((0, -34, -62), (61, 62, 60)), 28),  # middle of the face
    (ellipsoid, ((0, -68, -55), (46, 42, 51)), 26),  # mandible
    (cone, ((43.5, -56, -72), (10, -97, -20), 12, 13), 26),  # jaw body
    (ellipsoid, ((0, -99, -15.0), (14.5, 14, 15.5)), 24),  # chin
    (ellipsoid, ((41, -24, -33), (19, 15, 18)), 24),  # cheek bone
    (ellipsoid, ((34, -50, -26), (21, 24, 18)), 22),  # cheek fat
    (cone, ((0, -72, -105), (0, -168, -97), 41, 46.5), 11),  # neck
    (cone, ((7, 17, -9.8), (45, 16, -30), 9.5, 9), 16),  # brow ridge
)
_NOSE = (
    (cone, ((0, 8, -12.5), (0, -33, 10.5), 7.2, 7.8), 0),  # bridge
    (ellipsoid, ((0, -36.5, 11.8), (9.0, 8.0, 9.3)), 7),  # tip
    (ellipsoid, ((10.6, -40, 2.3), (6.3, 6.2, 8.5)), 9),  # wing
    (ellipsoid, ((0, -44, 5.5), (4, 4, 9)), 4),  # septum
)
#: Hollows that are cut in turn.
_HOLLOWS = (
    (ellipsoid, ((5.8, -47.6, 7.0), (2.9, 2.2, 4.4)), 3),  # nostril
    (cone, ((0, -52, 15.5), (0, -60, 16), 3.0, 3.4), 5),  # philtrum
    (ellipsoid, ((0, -86, 18), (22, 4, 13)), 10),  # fold above the chin
    (cone, ((18, -44, 16), (32, -68, 13), 1.5, 4.0), 14),  # nasolabial fold
)


def _joined(points, primitives, total=None):
    for kind, arguments, blend in primitives:
        d = kind(points, *arguments)
        total = d if total is None else smooth_min(total, d, blend)
    return total


def distance(points: np.ndarray) -> np.ndarray:
    """Signed distance, mm, negative inside, of points (..., 3) to the skin of head and neck."""
    p = np.array(points, float)
    p[..., 0] = np.abs(p[..., 0])
    f = _joined(p, _SKULL)
    f = smooth_max(f, -ellipsoid(p, (31, -2, 5), (20, 13.5, 15)), 17)  # orbit
    f = smooth_min(f, _length(p - EYE_CENTRE) - LID_RADIUS, 6.5)  # lids over the eyeball
    f = smooth_min(f, ellipsoid(p, (0, -69, -11), (29, 23, 18.5)), 14)  # muzzle
    f = smooth_min(f, _joined(p, _NOSE), 12)
    for kind, arguments, blend in _HOLLOWS:
        f = smooth_max(f, -kind(p, *arguments), blend)
    return f


def normals(points: np.ndarray, step: float = 0.4) -> np.ndarray:
    """Unit outward normals (n, 3) of the field by central differences of `step` mm."""
    gradient = [distance(points + step * e) - distance(points - step * e) for e in np.eye(3)]
    return unit(np.stack(gradient, -1))


def march(origin, directions, *, start, iterations=120):
    """Walk from the far end of rays inwards to the outermost surface.

    Parameters
    ----------
    origin : ndarray (3,) or (n, 3), mm
    directions : ndarray (n, 3), unit
    start : float or ndarray (n,), mm
        Where on the ray to begin, outside of the surface.

    Returns
    -------
    ndarray (n,), the distance along each ray, mm
    """
    r = np.broadcast_to(np.asarray(start, float), len(directions)).copy()
    active = np.arange(len(directions))
    origin = np.broadcast_to(origin, directions.shape)
    for _ in range(iterations):
        step = np.clip(distance(origin[active] + r[active, None] * directions[active]), -3, 30) * 0.8
        r[active] -= step
        active = active[np.abs(step) > 1e-4]
        if not len(active):
            break
    return r


def front_surface(xy):
    """Surface points (n, 3) seen from the front at (x, y), (n, 2), mm."""
    xy = np.asarray(xy, float)
    forward = np.tile([0.0, 0.0, 1.0], (len(xy), 1))
    origin = np.column_stack([xy, np.full(len(xy), -60.0)])
    return origin + march(origin, forward, start=95.0)[:, None] * forward


class RadiusMap:
    """Distance from `STAR_CENTRE` to the surface over the sphere: a coarse map, refined on demand.

    The map covers elevations from -90 to 90 degrees and azimuths from 0, the face, to 180 (positive x).
    """

    def __init__(self):
        self.elevation = np.linspace(-np.pi / 2, np.pi / 2, 110)
        self.azimuth = np.linspace(0, np.pi, 88)
        elevation, azimuth = np.meshgrid(self.elevation, self.azimuth, indexing="ij")
        self.directions = self.direction(elevation, azimuth)
        flat = self.directions.reshape(-1, 3)
        self.radius = march(STAR_CENTRE, flat, start=190.0).reshape(elevation.shape)
        self.points = STAR_CENTRE + self.radius[..., None] * self.directions

    @staticmethod
    def direction(elevation, azimuth):
        """Unit vectors (..., 3) of elevation and azimuth, radians."""
        elevation, azimuth = np.broadcast_arrays(elevation, azimuth)
        c = np.cos(elevation)
        return np.stack([np.sin(azimuth) * c, np.sin(elevation), np.cos(azimuth) * c], -1)

    def coarse(self, directions):
        """Interpolated radius (n,), mm, of unit vectors (n, 3); good to about a millimetre."""
        elevation = np.arcsin(np.clip(directions[:, 1], -1, 1))
        azimuth = np.arctan2(np.abs(directions[:, 0]), directions[:, 2])
        row = (elevation + np.pi / 2) / np.pi * (len(self.elevation) - 1)
        column = azimuth / np.pi * (len(self.azimuth) - 1)
        return map_coordinates(self.radius, [row, column], order=1, mode="nearest")

    def surface(self, directions):
        """Surface points (n, 3), mm, in unit directions (n, 3)."""
        start = self.coarse(directions) + 8.0
        return STAR_CENTRE + march(STAR_CENTRE, directions, start=start)[:, None] * directions


@lru_cache(maxsize=1)
def radius_map():
    """The head's `RadiusMap`, computed once a process."""
    return RadiusMap()
