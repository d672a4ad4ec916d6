"""Points on the implicit head, dense where a face needs detail, and their symmetric triangulation."""

import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from speechface.rig.builtin.field import STAR_CENTRE, smoothstep, unit

__all__ = ["spacing", "sample_half", "mirrored", "triangulate"]


def spacing(points: np.ndarray) -> np.ndarray:
    """Wanted distance (n,), mm, between neighbouring vertices at points (n, 3)."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    h = 2.7 + 3.8 * smoothstep(-z, 50, 80) + 0.05 * np.maximum(y - 45, 0) + 0.045 * np.maximum(-y - 112, 0)
    nose = np.exp(-((x / 17) ** 2) - ((y + 42) / 11) ** 2) * (z > -20)
    eyes = np.exp(-(((x - 31) / 22) ** 2) - ((y - 4) / 18) ** 2) * (z > -50)
    return np.clip(h - 1.1 * nose - 0.8 * eyes, 1.35, 9.5)


def _candidates(surface, rng):
    """Random surface points of the half x > 0, about eight for each wanted vertex."""
    points = surface.points
    du = np.gradient(points, surface.elevation, axis=0)
    dv = np.gradient(points, surface.azimuth, axis=1)
    area = np.linalg.norm(np.cross(du, dv), axis=-1)
    step = (surface.elevation[1] - surface.elevation[0]) * (surface.azimuth[1] - surface.azimuth[0])
    expected = area * step / spacing(points.reshape(-1, 3)).reshape(area.shape) ** 2
    cumulative = np.cumsum(expected.ravel())
    n = int(8 * cumulative[-1])
    cell = np.searchsorted(cumulative, rng.random(n) * cumulative[-1]).clip(0, expected.size - 1)
    row, column = np.unravel_index(cell, expected.shape)
    elevation = surface.elevation[row] + (rng.random(n) - 0.5) * (surface.elevation[1] - surface.elevation[0])
    azimuth = surface.azimuth[column] + (rng.random(n) - 0.5) * (surface.azimuth[1] - surface.azimuth[0])
    return surface.direction(elevation.clip(-np.pi / 2, np.pi / 2), azimuth.clip(0, np.pi))


def _thin(points, radius, rng):
    """Indices of a maximal subset of `points` without two closer than `radius` (of the later one)."""
    distance, neighbour = cKDTree(points).query(points, k=40)
    close = (distance < radius[:, None]) & (neighbour != np.arange(len(points))[:, None])
    rank = rng.permutation(len(points))
    undecided = np.ones(len(points), bool)
    chosen = np.zeros(len(points), bool)
    while undecided.any():
        beaten = (close & undecided[neighbour] & (rank[neighbour] < rank[:, None])).any(1)
        new = undecided & ~beaten
        chosen |= new
        near_new = np.zeros(len(points), bool)
        near_new[neighbour[new][close[new]]] = True
        undecided &= ~(new | near_new | (close & new[neighbour]).any(1))
    return np.nonzero(chosen)[0]


def _midline(surface, fixed, blocked):
    """Points in the symmetry plane, walked at the wanted spacing."""
    angle = np.linspace(-np.pi, np.pi, 1501)[:-1]
    directions = np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], -1)
    points = STAR_CENTRE + surface.coarse(directions)[:, None] * directions
    ok = ~blocked(points)
    nearest = cKDTree(fixed).query(points)[0]
    wanted = 0.86 * spacing(points)
    ok &= nearest > wanted
    kept = []
    for k in np.nonzero(ok)[0]:
        if all(np.linalg.norm(points[k] - points[j]) > wanted[k] for j in (kept[-1:] + kept[:1])):
            kept.append(k)
    return directions[kept]


def sample_half(surface, fixed, blocked, *, seed, relax):
    """Sample the half x >= 0 of the head around given feature points.

    Parameters
    ----------
    surface : RadiusMap
    fixed : ndarray (n, 3), mm
        Feature points of the half, taken as they are.
    blocked : callable
        Points (m, 3) -> mask of those where no other point may lie.
    seed, relax : int
        Seed of the random candidates; rounds of Laplacian smoothing.

    Returns
    -------
    ndarray (k, 3): `fixed` first, then the free points; those of the symmetry plane have x == 0 exactly.
    """
    rng = np.random.default_rng(seed)
    middle = _midline(surface, fixed, blocked)
    middle_points = STAR_CENTRE + surface.coarse(middle)[:, None] * middle
    directions = _candidates(surface, rng)
    points = STAR_CENTRE + surface.coarse(directions)[:, None] * directions
    wanted = 0.86 * spacing(points)
    anchors = np.concatenate([fixed, middle_points])
    ok = (points[:, 0] > 0.6 * wanted) & ~blocked(points) & (cKDTree(anchors).query(points)[0] > wanted)
    points, directions, wanted = points[ok], directions[ok], wanted[ok]
    chosen = _thin(points, wanted, rng)
    free = np.concatenate([middle, directions[chosen]])
    all_points = np.concatenate([fixed, middle_points, points[chosen]])
    in_plane = np.abs(all_points[:, 0]) < 1e-6
    n_fixed = len(fixed)
    for _ in range(relax):
        both, _ = mirrored(all_points)
        triangles = _hull(both)
        mean = _neighbour_mean(both, triangles)[: len(all_points)]
        target = 0.5 * all_points + 0.5 * mean
        target[in_plane, 0] = 0
        free = unit(target[n_fixed:] - STAR_CENTRE)
        all_points[n_fixed:] = STAR_CENTRE + surface.coarse(free)[:, None] * free
    all_points[n_fixed:] = surface.surface(free)
    all_points[in_plane, 0] = 0
    return all_points


def _neighbour_mean(points, triangles):
    total, count = np.zeros_like(points), np.zeros(len(points))
    for a in range(3):
        for b in ((a + 1) % 3, (a + 2) % 3):
            count += np.bincount(triangles[:, a], minlength=len(points))
            for axis in range(3):
                total[:, axis] += np.bincount(triangles[:, a], points[triangles[:, b], axis], len(points))
    return total / np.maximum(count, 1)[:, None]


def mirrored(points):
    """Points of the half and their mirror images, and for each the index of its original.

    The first len(points) are the originals; points of the symmetry plane appear once.
    """
    off_plane = np.nonzero(np.abs(points[:, 0]) > 1e-6)[0]
    source = np.concatenate([np.arange(len(points)), off_plane])
    both = points[source].copy()
    both[len(points) :, 0] *= -1
    return both, source


def _hull(points):
    """Triangles of the convex hull of the directions from the star's centre, counter-clockwise outside."""
    d = unit(points - STAR_CENTRE)
    triangles = ConvexHull(d).simplices.astype(np.int64)
    a, b, c = d[triangles[:, 0]], d[triangles[:, 1]], d[triangles[:, 2]]
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return triangles


def triangulate(points: np.ndarray, unfolded: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mirror-symmetric triangulation of half a head.

    Parameters
    ----------
    points : ndarray (n, 3), mm
    unfolded : ndarray (n, 3), mm
        The same points with folds pulled flat; their directions from the star's centre decide who is whose neighbour.

    Returns
    -------
    both : ndarray (V, 3), `points` and their mirror images
    source : ndarray (V,), index of the original of each
    triangles : ndarray (T, 3), the triangles of the left half and their mirror images
    """
    both, source = mirrored(points)
    n = len(points)
    triangles = _hull(mirrored(unfolded)[0])
    half = triangles[(triangles < n).all(1)]
    image = np.arange(n)
    image[source[n:]] = np.arange(n, len(both))
    # triangles that cross the symmetry plane would break the symmetry: their corners are the rare case of two
    # points nearer to their images than to a point of the plane
    crossing = (both[triangles, 0] > 1e-6).any(1) & (both[triangles, 0] < -1e-6).any(1)
    return both, source, np.concatenate([half, image[half][:, ::-1], triangles[crossing]])
