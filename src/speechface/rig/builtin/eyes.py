"""Eyeballs, lashes and brows."""

import numpy as np

from speechface.rig.builtin.curves import brow_curve
from speechface.rig.builtin.field import EYE_CENTRE, EYE_RADIUS, front_surface, normals, smoothstep, unit
from speechface.rig.builtin.mesh import HeadMesh, grid_faces
from speechface.rig.builtin.skin import SIDES

__all__ = ["PUPIL_ANGLE", "IRIS_ANGLE", "add_eyes", "add_lashes", "add_brows"]

#: Angles between the gaze axis and the rims of pupil and iris, radians.
PUPIL_ANGLE, IRIS_ANGLE = 0.172, 0.455
_N_BROW_HAIRS = 170


def add_eyes(mesh: HeadMesh) -> None:
    """Parts eye_left and eye_right: spheres with a bulging cornea, rings dense where colours change."""
    near = [0, 0.09, 0.162, 0.180, 0.25, 0.33, 0.41, 0.435, 0.455, 0.475, 0.50]
    theta = np.concatenate([near, np.linspace(0.6, 2.0, 11)])
    phi = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    radius = EYE_RADIUS + 0.6 * np.exp(-((t / 0.36) ** 4))
    ball = (radius[..., None] * np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1)).reshape(-1, 3)
    faces = grid_faces(len(theta), len(phi), closed=True)
    for name, sign in SIDES:
        # mirrored as a whole, so that left and right stay exact images of each other
        vertices = (ball + EYE_CENTRE) * [sign, 1, 1]
        mesh.add("eye_" + name, vertices, faces[:, ::-sign], tone=t.ravel(), edge=p.ravel())


def _hairs(root, direction, bend, across, length, width):
    """Tapered hairs of five vertices each.

    root, direction, bend, across : ndarray (n, 3); length, width : ndarray (n,). A hair leaves its root along
    `direction` and leans towards `bend`. Returns vertices (5 n, 3) and triangles, both sides.
    """
    along = length[:, None]
    middle = root + 0.55 * along * unit(direction)
    tip = root + along * unit(direction + bend)
    half = 0.5 * width[:, None] * unit(across)
    vertices = np.stack([root - half, root + half, middle - 0.8 * half, middle + 0.8 * half, tip], 1)
    local = np.array([[0, 1, 2], [1, 3, 2], [2, 3, 4]])
    faces = (np.arange(len(root)) * 5)[:, None, None] + local
    return vertices.reshape(-1, 3), faces.reshape(-1, 3)


def add_lashes(mesh: HeadMesh) -> None:
    """Part lash: a dark line over the upper lid's rim and hairs on both rims; ``lower`` marks the lower lid's."""
    rng = np.random.default_rng(11)
    ring, upper = mesh.loops["margin_left"], mesh.loops["eye_upper"]
    rims = {False: mesh.vertices[ring[upper]], True: mesh.vertices[np.append(ring[~upper], ring[0])][::-1]}
    pieces = [(*_lash_line(rims[False]), False)]
    for is_lower, n, longest, lift, first in ((False, 34, 5.4, 0.42, 0.10), (True, 18, 2.2, -0.35, 0.25)):
        at = np.linspace(first, 0.985, n)
        index = np.linspace(0, 1, len(rims[is_lower]))
        root = np.stack([np.interp(at, index, rims[is_lower][:, k]) for k in range(3)], -1)
        out = unit(root - EYE_CENTRE)
        length = longest * (0.45 + 0.55 * np.sin(np.pi * np.clip(0.15 + 0.72 * at, 0, 1))) * (0.8 + 0.4 * at)
        length *= rng.uniform(0.72, 1.08, n)
        fan = (at - 0.40 + rng.normal(0, 0.09, n))[:, None] * np.array([1.1, 0, 0])
        direction = 0.65 * out + 0.6 * fan + [0, 0.35 * lift, 0.35]
        bend = np.array([0, 1.5 * lift, -0.15]) + 0.4 * fan
        width = np.full(n, 0.28 if is_lower else 0.50)
        pieces.append((*_hairs(root - 0.25 * out, direction, bend, np.gradient(root, axis=0), length, width), is_lower))
    for _, sign in SIDES:
        for vertices, faces, is_lower in pieces:
            for order in (sign, -sign):  # seen from both sides: a closing lid turns its lashes over
                mesh.add("lash", vertices * [sign, 1, 1], faces[:, ::order], lower=is_lower)


def _lash_line(rim):
    """A narrow ribbon (2 n, 3) on the lid along its rim (n, 3), thicker towards the outer corner."""
    out = unit(rim - EYE_CENTRE)
    at = np.linspace(0, 1, len(rim))
    height = (0.25 + 0.75 * smoothstep(at, 0.0, 0.6)) * np.clip((1 - at) / 0.1 + 0.3, 0, 1)
    above = rim + [0, 0.95, 0] * height[:, None] + 0.22 * out
    vertices = np.concatenate([rim + 0.12 * out, above])
    return vertices, grid_faces(2, len(rim), closed=False)


def add_brows(mesh: HeadMesh) -> None:
    """Part brow: a thin tinted patch (``edge`` 0 at its rim to 1) and hairs over it (``edge`` 2)."""
    n = 26
    s = np.linspace(0, 1, n)
    curve, half = brow_curve(s)
    tangent = np.gradient(curve, axis=0)
    across = unit(np.stack([-tangent[:, 1], tangent[:, 0]], -1))
    rows, edge = [], []
    ends = smoothstep(s, 0.0, 0.22) * np.clip((1 - s) / 0.10, 0, 1)
    for offset, lift, strength in (
        (-1.08, -0.5, 0),
        (-0.6, 0.16, 0.8),
        (0, 0.20, 1),
        (0.6, 0.16, 0.7),
        (1.08, -0.5, 0),
    ):
        surface = front_surface(curve + across * (offset * half)[:, None])
        rows.append(surface + lift * normals(surface))
        edge.append(strength * ends)
    patch, patch_faces = np.concatenate(rows), grid_faces(5, n, closed=False)

    rng = np.random.default_rng(7)
    at = np.sort(rng.random(_N_BROW_HAIRS)) ** 1.2
    side = rng.uniform(-1, 1, _N_BROW_HAIRS)
    centre, half = brow_curve(at)
    ahead, _ = brow_curve(at + 0.01)
    along = unit(ahead - centre)
    up = np.stack([-along[:, 1], along[:, 0]], -1)
    root = front_surface(centre + up * (side * half * 0.85)[:, None])
    normal = normals(root)
    # upright at the inner end, then lying down along the brow, drawn towards its middle line
    upright = np.clip(0.80 - 1.5 * at, -0.05, 1) - 0.42 * side * _rise(at)
    flat = along * np.sqrt(np.clip(1 - upright**2, 0.05, 1))[:, None] + up * upright[:, None]
    direction = np.column_stack([flat, np.zeros(len(at))])
    direction = unit(direction - normal * (direction * normal).sum(1, keepdims=True)) + 0.14 * normal
    length = rng.uniform(4.2, 6.0, len(at)) * (1 - 0.35 * at) * (0.7 + 0.3 * _rise(at))
    width = rng.uniform(0.36, 0.60, len(at)) * (1 - 0.35 * at)
    bend = 0.35 * np.column_stack([along, np.zeros(len(at))]) - 0.16 * normal
    hairs, hair_faces = _hairs(root + 0.5 * normal, direction, bend, np.cross(normal, direction), length, width)
    tone = np.repeat(rng.normal(0, 1, len(at)), 5)
    for _, sign in SIDES:
        mesh.add("brow", patch * [sign, 1, 1], patch_faces[:, ::sign], edge=np.concatenate(edge), tone=0)
        mesh.add("brow", hairs * [sign, 1, 1], hair_faces[:, ::-sign], edge=2, tone=tone)


def _rise(s):
    """0 at the inner end of the brow, 1 from a fifth of its length on."""
    return np.clip(s / 0.2, 0, 1)
