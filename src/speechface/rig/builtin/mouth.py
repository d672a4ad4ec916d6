"""Teeth, gums and tongue."""

import numpy as np

from speechface.rig.builtin.mesh import HeadMesh, grid_faces

__all__ = ["add_teeth", "add_tongue", "UPPER_EDGE", "LOWER_EDGE"]

#: Height of the biting edges, mm.
UPPER_EDGE, LOWER_EDGE = -70.3, -71.8
#: Crown widths from the middle outwards, mm.
_UPPER_WIDTHS = (8.6, 6.8, 7.6, 7.0, 6.8, 8.0)
_LOWER_WIDTHS = (5.4, 5.8, 6.8, 7.0, 7.0, 9.0)
#: Places across one crown, -1 and 1 its neighbours.
_ACROSS = (-0.94, -0.62, 0.0, 0.62, 0.94, 1.0)


def _arch(s, half_width, depth):
    """Points (n, 2) = (x, z) at arc length `s` mm from the middle of a dental arch."""
    angle = np.linspace(-1.45, 1.45, 400)
    x, z = half_width * np.sin(angle), -depth * (1 - np.cos(angle))
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    length -= length[len(length) // 2 - 1 : len(length) // 2 + 1].mean()
    return np.stack([np.interp(s, length, x), np.interp(s, length, z)], -1)


def _crowns(widths):
    """Arc length s (n,), place across the crown q (n,) and tooth number from the middle (n,) of all columns."""
    edges = np.concatenate([[0], np.cumsum(widths)])
    s, q, number = [0.0], [-1.0], [0]
    for k, width in enumerate(widths):
        for place in _ACROSS:
            s.append(edges[k] + width * (place + 1) / 2)
            q.append(place)
            number.append(k)
    s, q, number = np.array(s), np.array(q), np.array(number)
    mirror = slice(None, 0, -1)
    return np.concatenate([-s[mirror], s]), np.concatenate([-q[mirror], q]), np.concatenate([number[mirror], number])


def _add_arch(mesh, part, *, widths, half_width, depth, front, root, edge, lower):
    """One row of teeth with its gum; `root` and `edge` are heights, `front` the z of the incisors."""
    s, q, number = _crowns(widths)
    plan = _arch(s, half_width, depth)
    tangent = np.gradient(plan, axis=0)
    outward = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    height = edge - root
    tall = np.where(number == 2, 1.06, np.where(number == 1, 0.96, 1.0))
    groove = -1.0 * np.abs(q) ** 8
    corner = -0.9 * np.abs(q) ** 5 * np.sign(height)
    rows, tone = [], []
    for share, swell in ((-0.06, -0.3), (0.10, 0.35), (0.35, 0.85), (0.65, 0.8), (0.92, 0.35), (1.0, -0.25)):
        y = (
            root
            + height * share * tall
            + corner * max(share, 0) ** 3
            + 0.7 * np.sign(-height) * (q**2) * max(0.5 - share, 0)
        )
        rows.append(np.column_stack([plan[:, 0], y, plan[:, 1]]))
        rows[-1][:, [0, 2]] += outward * (swell + groove)[:, None]
        tone.append(np.abs(q))
    back = rows[-1].copy()
    back[:, [0, 2]] -= outward * 1.6
    inside = back - [0, 0.85 * height, 0]
    inside[:, [0, 2]] -= outward * 2.0
    rows += [back, inside]
    tone += [np.abs(q)] * 2
    vertices = np.concatenate(rows) + [0, 0, front]
    faces = grid_faces(len(rows), len(s), closed=False)
    share = np.repeat(np.arange(len(rows)), len(s)).astype(float)
    mesh.add(
        part, vertices, faces[:, ::-1] if height < 0 else faces, lower=lower, tone=np.concatenate(tone), edge=share
    )

    rows = []
    for share, swell in ((-0.04, -0.55), (0.015, 0.25), (-0.10, 0.75), (-0.45, 0.5), (-0.95, -4.5)):
        scallop = 0.8 * np.sign(-height) * q**2 * (share > -0.2) * -1
        y = root + height * (share + 0.08) + scallop * -1
        rows.append(np.column_stack([plan[:, 0], y, plan[:, 1]]))
        rows[-1][:, [0, 2]] += outward * (swell + 0.25 * groove * (share > -0.5))[:, None]
    vertices = np.concatenate(rows) + [0, 0, front]
    faces = grid_faces(len(rows), len(s), closed=False)
    mesh.add("gum", vertices, faces if height < 0 else faces[:, ::-1], lower=lower)


def add_teeth(mesh: HeadMesh) -> None:
    """Parts teeth_upper, teeth_lower (``tone``: 0 mid crown .. 1 gap; ``edge``: row from the gum) and gum."""
    _add_arch(mesh, "teeth_upper", widths=_UPPER_WIDTHS, half_width=23.5, depth=30.0, front=0.9,
              root=-61.3, edge=UPPER_EDGE, lower=0)  # fmt: skip
    _add_arch(mesh, "teeth_lower", widths=_LOWER_WIDTHS, half_width=21.5, depth=29.0, front=-1.6,
              root=-79.6, edge=LOWER_EDGE, lower=1)  # fmt: skip


def add_tongue(mesh: HeadMesh) -> None:
    """Part tongue: a flattened ellipsoid with a groove along its back; ``edge`` is the groove's depth 0..1."""
    n_around, n_along = 28, 16
    around = np.linspace(0, 2 * np.pi, n_around, endpoint=False) + np.pi / 2
    along = np.linspace(0.04, np.pi - 0.04, n_along)
    t, u = np.meshgrid(along, around, indexing="ij")
    x, y, z = 16.5 * np.sin(t) * np.cos(u), 6.0 * np.sin(t) * np.sin(u), 23 * np.cos(t)
    groove = np.exp(-((x / 3.0) ** 2)) * np.clip(2 * np.sin(u), 0, 1) * np.sin(t)
    y = y - 1.7 * groove - 0.0045 * z**2
    vertices = np.stack([x, y, z], -1).reshape(-1, 3) + [0, -78.0, -30.0]
    mesh.add("tongue", vertices, grid_faces(n_along, n_around, closed=True)[:, ::-1], lower=1, edge=groove.ravel())
