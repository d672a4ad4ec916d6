"""The skin of head and neck with lips, lids and the inside of the mouth."""

import numpy as np

from speechface.rig.builtin.curves import MOUTH_HALF_WIDTH, eye_outline, lip_bottom, lip_line, lip_top
from speechface.rig.builtin.field import EYE_CENTRE, EYE_RADIUS, STAR_CENTRE, front_surface, normals, radius_map, unit
from speechface.rig.builtin.mesh import HeadMesh, strip
from speechface.rig.builtin.sampling import sample_half, triangulate
from speechface.rig.regions import inside_polygon

__all__ = ["build_skin", "SIDES"]

#: (name, sign of x) of the subject's sides.
SIDES = (("left", 1), ("right", -1))
#: The neck ends about here, mm, inside the shirt's collar.
_LOWEST = -166.0
#: Distances of the rings around the eye opening, mm.
_LID_RINGS = (0, 1.0, 2.2, 3.7, 5.5, 7.7, 10.3)
#: Lip rows: negative outside the border, 0 the border, 1 the contact line.
_LIP_ROWS = (-0.55, -0.25, 0, 0.22, 0.45, 0.68, 0.86)
#: Rows of the mouth's inside behind the lips: (depth, height, width factor).
_MOUTH_ROWS = ((-2.5, 1.2, 0.98), (-6, 4.5, 0.97), (-11, 12, 1.02), (-22, 17, 1.0), (-40, 12, 0.75), (-48, 0.0, 0.05))


def _eye_rings():
    """Lid rings of the left eye: (n_rings, n, 2) and the mask of the upper lid (n,)."""
    outline, upper = eye_outline()
    tangent = np.roll(outline, -1, 0) - np.roll(outline, 1, 0)
    outward = unit(np.stack([tangent[:, 1], -tangent[:, 0]], -1))
    radial = unit(outline - outline.mean(0))
    outward *= np.sign((outward * radial).sum(1, keepdims=True))
    outward = unit(outward + 0.35 * radial)
    rings = [outline + offset * np.where(upper, 1.0, 0.95)[:, None] * outward for offset in _LID_RINGS]
    return np.array(rings), upper


def _lip_rows():
    """Lip vertices of the half x >= 0: (n, 2), and their row parameter (n,)."""
    x = MOUTH_HALF_WIDTH * np.sin(np.linspace(0, np.pi / 2, 14))
    x[-1] = MOUTH_HALF_WIDTH
    points, rows = [], []
    for row in _LIP_ROWS:
        for sign, border in ((1, lip_top), (-1, lip_bottom)):
            xs, ys = x, border(x) + (lip_line(x) - border(x)) * max(row, 0)
            if row < 0:
                k = (x / MOUTH_HALF_WIDTH) ** 3
                xs, ys = x - row * 8 * k, ys - sign * row * 9 * (1 - 0.6 * k)
            keep = (row < 0) | (np.abs(ys - lip_line(xs)) > 1.3)
            points.append(np.stack([xs, ys], -1)[keep])
            rows.append(np.full(keep.sum(), row, float))
    points.append(np.stack([x, lip_line(x)], -1))
    rows.append(np.ones(len(x)))
    return np.concatenate(points), np.concatenate(rows)


def _mouth_outline():
    x = np.linspace(-MOUTH_HALF_WIDTH, MOUTH_HALF_WIDTH, 41)
    upper = np.stack([x, lip_top(x) + 5.2], -1)
    lower = np.stack([x, lip_bottom(x) - 5.2], -1)[::-1]
    return np.concatenate([upper, lower]) * [1.2, 1]


def build_skin(*, seed: int = 3) -> HeadMesh:
    """Head, neck, lids and inside of the mouth as the parts skin, lid and bag of a `HeadMesh`.

    ``loops`` holds, for either side, ``margin_<side>``, ``margin_in_<side>`` and ``tuck_<side>`` (rings of the
    lid, in the order of `curves.eye_outline`), and ``lip_upper``/``lip_lower``: the vertices of the contact line
    from the subject's right to left, corners shared. ``eye_upper`` is the mask of the upper lid in a ring.
    """
    rings, upper = _eye_rings()
    lips, lip_row = _lip_rows()
    n_eye = rings.shape[0] * rings.shape[1]
    fixed = front_surface(np.concatenate([rings.reshape(-1, 2), lips]))
    fixed[np.abs(fixed[:, 0]) < 1e-9, 0] = 0
    outer_ring, mouth = rings[-1], _mouth_outline()

    def blocked(points):
        in_front = points[:, 2] > -45
        xy = np.abs(points[:, :2]) * [1, 0] + points[:, :2] * [0, 1]
        grown = outer_ring + 1.2 * unit(outer_ring - outer_ring.mean(0))
        return (in_front & (inside_polygon(xy, grown) | inside_polygon(xy, mouth))) | (points[:, 1] < _LOWEST - 6)

    half = sample_half(radius_map(), fixed, blocked, seed=seed, relax=4)
    unfolded = half.copy()
    outer_depth = fixed[n_eye - rings.shape[1] : n_eye, 2]
    share = np.linspace(0, 1, len(rings))[:, None] ** 2
    unfolded[:n_eye, 2] = (share * outer_depth + (1 - share) * outer_depth.mean()).ravel()
    vertices, source, triangles = triangulate(half, _spread_neck(unfolded))
    side = np.where(np.arange(len(vertices)) < len(half), 1, -1)
    # the neck is open below: the collar hides its end
    triangles = triangles[~(vertices[triangles, 1] < _LOWEST).all(1)]
    used = np.unique(triangles)
    renamed = np.full(len(vertices), -1)
    renamed[used] = np.arange(len(used))
    vertices, source, side, triangles = vertices[used], source[used], side[used], renamed[triangles]
    is_eye = source < n_eye
    row = np.full(len(vertices), np.nan)
    is_lip = (source >= n_eye) & (source < n_eye + len(lips))
    row[is_lip] = lip_row[source[is_lip] - n_eye]

    mesh = HeadMesh()
    mesh.loops["eye_upper"] = upper
    margins = {}
    for name, sign in SIDES:
        ring = np.full(rings.shape[1], -1)
        on_ring = is_eye & (source < rings.shape[1]) & (side == sign)
        ring[source[on_ring]] = np.nonzero(on_ring)[0]
        margins[name] = mesh.loops["margin_" + name] = ring
    triangles = _without_eye_holes(vertices, triangles, margins, rings[0])
    triangles = _regular_lids(triangles, source, side, *rings.shape[:2])
    vertices = _shape_lips(vertices, row)
    vertices, triangles, row, lower, upper_line, lower_line = _split_lips(vertices, triangles, row)
    mesh.add("skin", vertices, triangles, lip=row, lower=lower)
    mesh.loops["lip_upper"], mesh.loops["lip_lower"] = upper_line, lower_line
    for name, sign in SIDES:
        _add_lid(mesh, name, sign)
    _add_mouth_bag(mesh)
    return mesh


def _spread_neck(points, top=-120.0):
    """Move points below `top` so that the star's centre sees the neck without foreshortening (Mercator's law)."""
    d = points - STAR_CENTRE
    around = np.hypot(d[:, 0], d[:, 2])
    start = np.arctan2(around, STAR_CENTRE[1] - top)
    angle = 2 * np.arctan(np.tan(start / 2) * np.exp(-(top - points[:, 1]) / np.maximum(around, 1e-6)))
    spread = STAR_CENTRE + np.stack([d[:, 0], -around / np.tan(np.maximum(angle, 1e-9)), d[:, 2]], -1)
    low = (points[:, 1] < top) & (around > 1e-6)
    return np.where(low[:, None], spread, points)


def _without_eye_holes(vertices, triangles, margins, outline):
    """Drop the triangles that close the eye openings."""
    centre = vertices[triangles].mean(1)
    xy = np.stack([np.abs(centre[:, 0]), centre[:, 1]], -1)
    rim = np.isin(triangles, np.concatenate(list(margins.values()))).all(1)
    return triangles[~(rim & (centre[:, 2] > -45) & inside_polygon(xy, outline))]


def _regular_lids(triangles, source, side, n_rings, n):
    """Give all quads between lid rings the same diagonal, so that normals stay smooth when the lid moves."""
    row_of = {tuple(sorted(t)): k for k, t in enumerate(triangles.tolist())}
    triangles = triangles.copy()
    for _, sign in SIDES:
        ids = np.full(n_rings * n, -1)
        mine = (source < n_rings * n) & (side == sign)
        ids[source[mine]] = np.nonzero(mine)[0]
        ids = ids.reshape(n_rings, n)
        following = np.roll(ids, -1, axis=1)
        quads = np.stack([ids[:-1], following[:-1], ids[1:], following[1:]], -1).reshape(-1, 4)
        for a, b, c, d in quads.tolist():
            rows = [row_of.get(tuple(sorted(t))) for t in ((a, b, d), (a, d, c))]
            if None not in rows:
                triangles[rows] = np.array([[a, b, c], [b, d, c]])[:, ::sign]
    return triangles


def _shape_lips(vertices, row):
    """Swell the lips between border and contact line and draw the contact line in."""
    t = np.nan_to_num(row, nan=-1.0)
    s = np.clip(np.abs(vertices[:, 0]) / MOUTH_HALF_WIDTH, 0, 1)
    upper = vertices[:, 1] > lip_line(vertices[:, 0])
    swell = np.sin(np.pi * np.clip(t, 0, 1) ** 0.75) * np.where(upper, 2.7, 3.6) * (1 - s**2.5)
    swell = np.where(t >= 0, swell + np.where(upper, 0.5, 0) * (1 - s), 0)
    drawn_in = np.where(t > 0.8, (t - 0.8) / 0.2 * 1.2 * (1 - 0.5 * s**3), 0)
    moved = t >= 0
    result = vertices.copy()
    result[moved] += normals(vertices[moved]) * (swell - drawn_in)[moved, None]
    result[np.abs(vertices[:, 0]) < 1e-9, 0] = 0
    return result


def _split_lips(vertices, triangles, row):
    """Cut the skin along the contact line: its inner vertices are doubled for the lower lip."""
    n = len(vertices)
    contact = np.nonzero(row == 1)[0]
    contact = contact[np.argsort(vertices[contact, 0])]
    inner = contact[1:-1]
    twin = np.arange(n)
    twin[inner] = n + np.arange(len(inner))
    centre = vertices[triangles].mean(1)
    below = centre[:, 1] < lip_line(centre[:, 0])
    triangles = np.where(below[:, None], twin[triangles], triangles)
    lower = vertices[:, 1] < lip_line(vertices[:, 0])
    lower[contact] = False
    lower = np.concatenate([lower, np.ones(len(inner), bool)])
    upper_line = contact
    lower_line = np.concatenate([contact[:1], twin[inner], contact[-1:]])
    return (
        np.concatenate([vertices, vertices[inner]]),
        triangles,
        np.append(row, row[inner]),
        lower,
        upper_line,
        lower_line,
    )


def _add_lid(mesh, name, sign):
    """Lid edge: a ring on the eyeball behind the margin, one tucked behind it and a cap."""
    margin, upper = mesh.loops["margin_" + name], mesh.loops["eye_upper"]
    eye = EYE_CENTRE * [sign, 1, 1]
    offset = mesh.vertices[margin] - eye
    edge = eye + unit(offset) * (EYE_RADIUS + 0.25) + [0, 0, -0.3]
    edge[:, 1] += np.where(upper, -0.5, 0.5)
    far = np.linalg.norm(offset, axis=1) > EYE_RADIUS + 3
    edge[far] = mesh.vertices[margin][far] + [0, 0, -2.0]
    tuck = eye + unit(edge - eye + [0, 0, -9]) * (EYE_RADIUS - 1.5)
    inner = mesh.add("lid", edge)
    behind = mesh.add("lid", tuck)
    centre = mesh.add("lid", (eye + [0, 0, -3.0])[None])
    mesh.loops["margin_in_" + name], mesh.loops["tuck_" + name] = inner, behind
    fan = np.stack([behind, np.roll(behind, -1), np.full(len(behind), centre[0])], -1)
    faces = np.concatenate([strip(margin, inner, closed=True), strip(inner, behind, closed=True), fan])
    mesh.faces(faces[:, ::-sign])


def _add_mouth_bag(mesh):
    """The inside of the mouth, from the contact line backwards."""
    upper, lower = mesh.loops["lip_upper"], mesh.loops["lip_lower"]
    loop = np.concatenate([upper, lower[-2:0:-1]])
    is_lower = np.arange(len(loop)) >= len(upper)
    base = mesh.vertices[loop]
    roof = np.sqrt(np.clip(1 - (base[:, 0] / MOUTH_HALF_WIDTH) ** 2, 0, 1))
    previous = loop
    for k, (depth, height, width) in enumerate(_MOUTH_ROWS):
        near = k < 3
        ring = base * [width, 1, 1]
        rise = height * (roof if k == 0 else 0.15 + 0.85 * roof)
        ring[:, 1] = (base[:, 1] if near else -68.0) + np.where(is_lower, -rise, rise)
        ring[:, 2] += depth - (3 * (1 - roof) if near else 0)
        current = mesh.add("bag", ring, lower=is_lower)
        mesh.faces(strip(current, previous, closed=True))
        previous = current
    mesh.faces(np.stack([previous[1:-1], previous[:-2], np.full(len(previous) - 2, previous[-1])], -1))
