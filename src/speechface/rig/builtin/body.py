"""Ears and the bust in its shirt."""

import numpy as np
from scipy.interpolate import CubicSpline

from speechface.rig.builtin.field import march
from speechface.rig.builtin.mesh import HeadMesh, grid_faces
from speechface.rig.builtin.skin import SIDES

__all__ = ["add_ears", "add_bust"]

#: Outline of the left ear: (forward, up), mm, from the front over the top and back to the lobe.
_EAR_OUTLINE = np.array([
    (10, 3), (12, 14), (9, 25), (0, 31.5), (-11, 29), (-18.5, 19), (-19.5, 6), (-16, -7), (-10, -18), (-3, -28),
    (4, -31.5), (10, -27), (11, -16), (10, -6),
])  # fmt: skip
_EAR_CENTRE = np.array([1.0, -3.0])
_EAR_ROWS = (0.05, 0.16, 0.28, 0.38, 0.46, 0.53, 0.60, 0.67, 0.74, 0.80, 0.86, 0.91, 0.955, 0.985, 1.0)
#: Rows of the ear's back: (share of the outline, height over the ear's plane).
_EAR_BACK = ((0.985, -2.2), (0.92, -4.0), (0.78, -5.5), (0.55, -9.0))


def _bump(points, centre, radius):
    return np.exp(-((points - centre) ** 2).sum(-1) / radius**2)


def _ear_relief(points, share, angle):
    """Height (n,), mm, of the ear's front at (forward, up): helix, antihelix, concha, tragus and lobe."""
    top_back = 1 / (1 + np.exp(-(angle - 0.16) / 0.02)) * (1 / (1 + np.exp((angle - 0.68) / 0.03)))
    rim = 0.35 + 0.65 * top_back
    height = 3.6 * rim * np.exp(-(((share - 0.94) / 0.085) ** 2))
    height -= 1.8 * top_back * np.exp(-(((share - 0.76) / 0.09) ** 2))
    height += 3.2 * top_back * np.exp(-(((share - 0.55) / 0.11) ** 2))
    height -= 7.5 * _bump(points, (1.5, -4.5), 8.5) + 2.0 * _bump(points, (-1, 12), 5.0)
    height += 5.0 * _bump(points, (8.5, -4.0), 3.6)  # tragus
    height += 3.0 * _bump(points, (3.5, -15.5), 4.0)  # antitragus
    return height + 2.2 * _bump(points, (3.5, -24.0), 6.5)  # lobe


def add_ears(mesh: HeadMesh) -> None:
    """Part ear: relief over an outline, hinged to the head along its front edge. ``edge``: depth of the hollow."""
    n = 46
    t = np.linspace(0, 1, len(_EAR_OUTLINE) + 1)
    outline = CubicSpline(t, np.vstack([_EAR_OUTLINE, _EAR_OUTLINE[:1]]), bc_type="periodic")
    angle = np.linspace(0, 1, n, endpoint=False)
    rim = outline(angle)
    rows, depth = [], []
    for share in _EAR_ROWS:
        points = _EAR_CENTRE + share * (rim - _EAR_CENTRE)
        height = _ear_relief(points, np.full(n, share), angle)
        rows.append(np.column_stack([height, points[:, 1], points[:, 0]]))
        depth.append(np.clip(-height / 6.0, 0, 1))
    for share, height in _EAR_BACK:
        points = _EAR_CENTRE + share * (rim - _EAR_CENTRE)
        rows.append(np.column_stack([np.full(n, height), points[:, 1], points[:, 0]]))
        depth.append(np.zeros(n))
    ear = np.concatenate(rows)
    faces = grid_faces(len(rows), n, closed=True)
    # local axes are (out, up, forward): open the ear by 27 degrees about its front edge, lean it back by 10
    flare, lean = 0.47, 0.17
    out, up, forward = ear[:, 0], ear[:, 1], ear[:, 2] - 10.0
    out, forward = (
        out * np.cos(flare) - forward * np.sin(flare),
        out * np.sin(flare) + forward * np.cos(flare),
    )
    up, forward = up * np.cos(lean) + forward * np.sin(lean), forward * np.cos(lean) - up * np.sin(lean)
    hinge = np.array([0.0, -14.0, -80.0])
    side = march(hinge, np.array([[1.0, 0, 0]]), start=110.0)[0]
    ear = np.column_stack([out, up, forward]) + hinge + [side - 1.2, 0, 0]
    for _, sign in SIDES:
        mesh.add("ear", ear * [sign, 1, 1], faces[:, ::sign], edge=np.concatenate(depth))


#: Rings of the shirt: (height, half width, half depth, z of the centre, roundness, drop of the front).
_SHIRT = (
    (-164, 48.0, 48.0, -96.5, 2.0, 12), (-156, 49.5, 49.5, -96.5, 2.0, 12), (-149, 51.5, 51.5, -96.5, 2.0, 12),
    (-146.2, 53.6, 53.4, -96.6, 2.0, 12), (-146.6, 55.8, 55.2, -96.8, 2.0, 12), (-149.5, 57.6, 56.4, -97, 2.0, 12),
    (-154, 60.0, 57.4, -97, 2.05, 12), (-157.5, 64.5, 59.2, -97, 2.1, 12), (-159, 70, 61.0, -97, 2.1, 12),
    (-162, 82, 63.5, -96.5, 2.2, 11), (-167, 104, 67, -98, 2.3, 9), (-174, 132, 71, -99.5, 2.4, 7),
    (-184, 158, 76, -101, 2.5, 4), (-199, 177, 82, -102, 2.5, 2), (-222, 188, 88, -102, 2.5, 0),
    (-256, 194, 94, -102, 2.5, 0), (-308, 197, 99, -102, 2.5, 0), (-378, 198, 102, -102, 2.5, 0),
    (-468, 198, 104, -102, 2.5, 0),
)  # fmt: skip


def add_bust(mesh: HeadMesh) -> None:
    """Part shirt: collar, shoulders and chest; ``edge`` is 1 on the collar's rib."""
    n = 64
    u = np.linspace(0, 2 * np.pi, n, endpoint=False)
    rows, rib = [], []
    for k, (y, half_width, half_depth, centre, roundness, drop) in enumerate(_SHIRT):
        power = 2 / roundness
        x = half_width * np.sign(np.cos(u)) * np.abs(np.cos(u)) ** power
        z = half_depth * np.sign(np.sin(u)) * np.abs(np.sin(u)) ** power
        front = np.clip(np.sin(u), 0, 1) ** 2
        rows.append(np.column_stack([x, y - drop * front, centre + z]))
        rib.append(np.full(n, float(k < 7)))
    faces = grid_faces(len(rows), n, closed=True)
    vertices = np.concatenate(rows)
    # exact symmetry: the ring starts at +x, so vertex k mirrors to n / 2 - k
    mirror = (n // 2 - np.arange(n)) % n
    ring = vertices.reshape(len(rows), n, 3)
    ring = 0.5 * (ring + ring[:, mirror] * [-1, 1, 1])
    mesh.add("shirt", ring.reshape(-1, 3), faces, edge=np.concatenate(rib))
