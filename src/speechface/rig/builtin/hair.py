"""Hair: a shell that grows out of the scalp, loose hairs along its edge, a curtain, a bun or a tail."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from speechface.rig.builtin.field import STAR_CENTRE, radius_map, smoothstep, unit
from speechface.rig.builtin.mesh import HeadMesh, grid_faces, strip

__all__ = ["STYLES", "HairStyle", "add_hair", "above_hairline"]

_AZIMUTHS = (0, 18, 34, 46, 58, 70, 80, 88, 96, 110, 135, 180)
_SHORT_LINE = (60, 62, 60, 50, 38, 27, 12, 4, 5, -14, -28, -32)
_LONG_LINE = (61, 60, 55, 46, 35, 24, 10, 3, 2, -20, -32, -38)
_FRINGE_LINE = (41, 40, 38, 33, 26, 18, 8, 3, 2, -20, -32, -38)
_SWEPT_LINE = (52, 53, 51, 45, 36, 27, 12, 4, 5, -14, -28, -32)
#: Hanging hair leaves the head here, radians of elevation.
_HANG_ELEVATION = np.deg2rad(20)
#: Columns and rows of the shell, straight and curled; widths of noise are in units of a 180th of the circle.
_GRID, _CURLED_GRID, _NOISE_UNITS = (120, 15), (132, 19), 180


@dataclass(frozen=True)
class HairStyle:
    """How hair grows.

    line : elevation of the hairline, degrees, at `_AZIMUTHS` (0 = forehead, 180 = nape)
    top, sides : thickness in mm on top and around the ears
    lift : extra thickness behind the front hairline, mm; sweep : azimuth in radians where it is highest
    strands, curls : relief of the locks and of curls, mm
    hang : length in mm of the curtain, 0 for none; hang_from : its first azimuth, degrees; hang_out : mm off the head
    gloss : shine in [0, 1]
    blunt : half angle, degrees, of a fringe that stands off the forehead instead of running out on it
    extra : "", "bun" or "tail"
    """

    line: tuple = _SHORT_LINE
    top: float = 10.0
    sides: float = 4.0
    lift: float = 0.0
    sweep: float = 0.0
    strands: float = 1.2
    curls: float = 0.0
    hang: float = 0.0
    hang_from: float = 70.0
    hang_out: float = 0.0
    gloss: float = 0.22
    blunt: float = 0.0
    extra: str = ""


STYLES = {
    "bald": None,
    "crop": HairStyle(top=4.0, sides=2.0, strands=0.5),
    "short": HairStyle(top=11.0, sides=4.5, lift=5.0),
    "side": HairStyle(top=12.0, sides=5.0, lift=9.0, sweep=0.45, strands=1.5),
    "curly": HairStyle(top=17.0, sides=10.0, strands=0.6, curls=5.5, gloss=0.10),
    "tousled": HairStyle(_SWEPT_LINE, top=15.0, sides=5.0, lift=5.0, sweep=-0.35, strands=2.6, blunt=40.0),
    "bob": HairStyle(
        _FRINGE_LINE, top=14.0, sides=13.0, strands=1.6, hang=108.0, hang_from=54.0, hang_out=8.0, blunt=58.0
    ),
    "wavy": HairStyle(
        _LONG_LINE, top=15.0, sides=13.0, lift=5.0, sweep=0.5, strands=2.6, hang=130.0, hang_from=56.0, hang_out=10.0
    ),
    "long": HairStyle(
        _LONG_LINE, top=12.0, sides=9.0, lift=3.0, sweep=0.4, strands=1.8, hang=185.0, hang_from=98.0, hang_out=5.0
    ),
    "bun": HairStyle(_LONG_LINE, top=6.0, sides=4.5, strands=1.2, extra="bun"),
    "tail": HairStyle(_LONG_LINE, top=7.0, sides=4.5, strands=1.2, extra="tail"),
    "afro": HairStyle(top=30.0, sides=20.0, strands=0.3, curls=7.5, gloss=0.06),
}


def _line(style, azimuth):
    """Elevation of the hairline, radians, at azimuth (n,), radians."""
    degrees = np.interp(np.rad2deg(np.abs(azimuth)), _AZIMUTHS, style.line)
    return np.deg2rad(degrees)


def _polar(points):
    d = points - STAR_CENTRE
    r = np.linalg.norm(d, axis=-1)
    return np.arcsin(np.clip(d[..., 1] / np.maximum(r, 1e-9), -1, 1)), np.arctan2(d[..., 0], d[..., 2]), r


def above_hairline(points: np.ndarray, style: str) -> np.ndarray:
    """Distance (n,), mm, of points to the hairline of `style` (a name); positive where hair grows."""
    if STYLES[style] is None:
        return np.full(len(points), -1e3)
    elevation, azimuth, r = _polar(points)
    azimuths = np.linspace(-np.pi, np.pi, 361)
    line = gaussian_filter1d(_line(STYLES[style], azimuths), 6, mode="wrap")
    return (elevation - np.interp(azimuth, azimuths, line)) * r


def _strand_noise(rng, n, scales):
    """Noise over a ring of n columns: the sum of smooth noises of unit size with the given (width, strength) pairs.

    Widths are in columns.
    """
    total = np.zeros(n)
    for width, strength in scales:
        total += (
            strength * np.sqrt(2 * np.sqrt(np.pi) * width) * gaussian_filter1d(rng.normal(size=n), width, mode="wrap")
        )
    return total


def add_hair(mesh: HeadMesh, style: str, *, seed: int) -> np.ndarray:
    """Append the part hair for a style (a key of `STYLES`).

    ``edge`` is 1 where hair runs out on the skin and 0 inside, ``tone`` the shade of the lock.

    Returns
    -------
    ndarray (n, 3): a tilt of the normals of the new vertices that lets single locks catch the light.
    """
    look = STYLES[style]
    if look is None:
        return np.zeros((0, 3))
    rng = np.random.default_rng(seed)
    surface = radius_map()
    shell, roots = _add_shell(mesh, look, style, surface, rng)
    tilt = [shell, _add_loose_hairs(mesh, look, style, surface, rng)]
    if look.hang:
        tilt.append(_add_curtain(mesh, look, roots, surface, rng))
    if look.extra:
        tilt.append(_add_gathered(mesh, look.extra, rng))
    return np.concatenate(tilt)


def _thickness(look, elevation, azimuth, depth):
    """Thickness (n,), mm, of the shell `depth` mm above the hairline."""
    up = smoothstep(elevation, np.deg2rad(10), np.deg2rad(58))
    full = look.sides + (look.top - look.sides) * up
    turned = np.angle(np.exp(1j * (azimuth - look.sweep)))
    full = full + look.lift * np.exp(-((turned / 0.75) ** 2)) * np.exp(-(((depth - 22) / 20) ** 2)) * up
    run = 7 + 0.9 * full
    rise = 1 - (1 - np.clip(depth / run, 0, 1)) ** 2.2
    return -1.2 + (full + 1.2) * rise


def _add_shell(mesh, look, style, surface, rng):
    """The shell over the scalp. Returns tilt, and what the curtain goes on from: columns, azimuths and locks."""
    n, n_rows = _CURLED_GRID if look.curls else _GRID
    unit_width = n / _NOISE_UNITS
    azimuth = np.linspace(-np.pi, np.pi, n, endpoint=False)
    fine = _strand_noise(rng, n, ((0.6 * unit_width, 0.8), (1.6 * unit_width, 0.6)))
    lock = _strand_noise(rng, n, ((3.0 * unit_width, 0.7), (7.0 * unit_width, 0.7)))
    line = gaussian_filter1d(_line(look, azimuth), 3 * unit_width, mode="wrap") + np.deg2rad(0.5) * fine
    blunt = np.clip((np.deg2rad(look.blunt) - np.abs(azimuth)) / 0.25, 0, 1)
    line = line + np.deg2rad(3.2) * blunt * (0.55 * fine + 0.7 * lock).clip(-1.6, 1.2)
    first = np.deg2rad(look.hang_from)
    hanging = smoothstep(np.abs(azimuth), first - 0.1, first + 0.2) if look.hang else np.zeros(n)
    line = line + hanging * np.maximum(_HANG_ELEVATION - line, 0)
    v = 1 - np.linspace(1, 0, n_rows) ** 1.3  # close rows where hair runs out on the skin
    elevation = np.pi / 2 - (np.pi / 2 - line) * v[:, None]
    direction = surface.direction(elevation, azimuth)
    flat = direction.reshape(-1, 3)
    points = (STAR_CENTRE + surface.coarse(flat)[:, None] * flat).reshape(direction.shape)
    depth = np.maximum(above_hairline(points.reshape(-1, 3), style).reshape(elevation.shape) + 1.2 * fine, 0)
    depth[-1] *= hanging
    thick = _thickness(look, elevation, azimuth, depth)
    grown = smoothstep(depth, 0, 25)
    parted = smoothstep(v, 0, 0.35)[:, None]
    thick = thick + look.strands * (0.65 * lock + 0.35 * fine) * grown * parted
    curl = np.zeros((n_rows, n))
    if look.curls:
        curl = gaussian_filter(rng.normal(size=(n_rows, n)), (0.8, 1.2), mode=("nearest", "wrap"))
        curl /= curl.std()
        thick = thick + 0.6 * look.curls * curl * grown * parted
    floor = 4.5 * (1 - 0.25 * np.abs(fine)) * (1 - smoothstep(v, 0.93, 1.0))[:, None] + 0.9
    thick = np.where(blunt > 0, np.maximum(thick, blunt * floor), thick)
    vertices = points + direction * thick[..., None]
    edge = (1 - smoothstep(depth - 1.0 * fine, 0.5, 8.0)) * (1 - blunt) * (1 - hanging)
    tone = np.broadcast_to(0.6 * fine + 0.5 * lock, edge.shape) + 0.25 * rng.normal(size=edge.shape)
    tone = tone + 0.9 * curl  # hollows between curls are dark
    tilt = _lock_tilt(azimuth, fine, lock)[None] * (grown * parted)[..., None]
    faces = grid_faces(n_rows, n, closed=True)[:, ::-1]
    ids = mesh.add("hair", vertices.reshape(-1, 3), faces, edge=edge.ravel(), tone=tone.ravel())
    # the columns that hang, from the subject's left round the back to the right
    columns = np.nonzero(np.abs(azimuth) > first)[0]
    columns = columns[np.argsort(np.mod(azimuth[columns], 2 * np.pi))]
    return tilt.reshape(-1, 3), (ids.reshape(n_rows, n)[-1, columns], azimuth[columns], fine[columns], lock[columns])


def _lock_tilt(azimuth, fine, lock):
    """Sideways lean (n, 3) of the normals of n columns of hair."""
    sideways = np.stack([np.cos(azimuth), 0 * azimuth, -np.sin(azimuth)], -1)
    return 0.45 * sideways * np.gradient(0.9 * fine + 0.7 * lock)[:, None]


def _add_loose_hairs(mesh, look, style, surface, rng):
    """Single hairs that cross the hairline, so that it does not read as a rim."""
    n = 200
    azimuth = np.sort(rng.uniform(-1.75, 1.75, n))
    start = _line(look, azimuth) + np.deg2rad(rng.uniform(-2.2, 1.5, n))
    reach = rng.uniform(0.12, 0.24, n)
    drift = rng.normal(0, 0.03, n) + 0.05 * np.sin(azimuth)
    rows = []
    for share, width in ((0.0, 0.22), (0.5, 0.38), (1.0, 0.05)):
        elevation, turned = start + share * reach, azimuth + share * drift
        direction = surface.direction(elevation, turned)
        root = STAR_CENTRE + surface.coarse(direction)[:, None] * direction
        depth = np.maximum(above_hairline(root, style), 0)
        height = np.maximum(_thickness(look, elevation, turned, depth), 0) + 0.35 + 0.4 * share
        across = np.stack([np.cos(turned), np.zeros(n), -np.sin(turned)], -1)
        centre = root + direction * height[:, None]
        rows += [centre - width * across, centre + width * across]
    vertices = np.stack(rows, 1)[:, :5]
    faces = (np.arange(n) * 5)[:, None, None] + np.array([[0, 1, 2], [1, 3, 2], [2, 3, 4]])
    edge = np.tile([0.7, 0.7, 0.1, 0.1, 0.0], n)
    mesh.add("hair", vertices.reshape(-1, 3), faces.reshape(-1, 3), edge=edge, tone=np.repeat(rng.normal(0, 0.8, n), 5))
    return np.zeros((5 * n, 3))


def _outside(points, surface, gap):
    """Points (n, 3) moved out to at least `gap` mm over the skin."""
    offset = points - STAR_CENTRE
    r = np.linalg.norm(offset, axis=1)
    least = surface.coarse(offset / r[:, None]) + gap
    return STAR_CENTRE + offset * (np.maximum(r, least) / r)[:, None]


def _add_curtain(mesh, look, roots, surface, rng):
    """Hair that hangs from the shell: a sheet that goes on from its lowest vertices and turns back inside."""
    top, azimuth, fine, lock = roots
    n_out, n_in = 10, 4
    first = np.deg2rad(look.hang_from)
    from_edge = np.pi - first - np.abs(np.mod(azimuth, 2 * np.pi) - np.pi)
    # the front edges lie on the cheeks when they cover the ears
    hug = smoothstep(from_edge, 0.0, 0.6) if look.hang_from < 90 else np.ones(len(top))
    behind = smoothstep(-np.cos(azimuth), -0.1, 0.9)
    outward = np.stack([np.sin(azimuth), np.zeros(len(top)), np.cos(azimuth)], -1)
    start = mesh.vertices[top]
    bottom = start[:, 1].mean() - look.hang * np.where(look.hang > 150, 0.78 + 0.3 * behind, 1.0) * (1 + 0.02 * fine)
    bottom += 0.16 * look.hang * (1 - smoothstep(from_edge, 0, 0.3))
    rows = []
    for q in np.linspace(0, 1, n_out + 1)[1:]:
        bulge = (6.0 * smoothstep(q, 0, 0.3) + look.hang_out * smoothstep(q, 0.0, 0.5)) * hug
        bulge = bulge - 6 * (1 - hug) * smoothstep(q, 0.4, 0.9)
        inward = (4 + look.hang_out) * smoothstep(q, 0.45, 1.05) ** 1.5
        wave = 0.6 * look.strands * (0.7 * lock + 0.5 * fine) * min(3 * q, 1)
        ring = start + outward * (bulge - inward + wave)[:, None]
        ring[:, 1] = start[:, 1] + (bottom - start[:, 1]) * q
        rows.append(_outside(ring, surface, 2.5))
    for q in np.linspace(1, 0.15, n_in):
        outer = rows[round(q * (n_out - 1))]
        rows.append(outer - outward * (1.0 + (2 + 5 * hug) * (1 - q))[:, None] + [0, 0.8, 0])
    vertices = np.stack(rows)
    inside = (np.arange(len(rows)) >= n_out)[:, None]
    tone = np.broadcast_to(0.6 * fine + 0.5 * lock, vertices.shape[:2]) + 0.2 * rng.normal(size=vertices.shape[:2])
    tilt = np.where(inside[..., None], 0, np.broadcast_to(_lock_tilt(azimuth, fine, lock), vertices.shape))
    ids = mesh.add("hair", vertices.reshape(-1, 3), edge=0, tone=np.where(inside, tone - 1.5, tone).ravel())
    ids = np.concatenate([top, ids]).reshape(len(rows) + 1, len(top))
    mesh.faces(np.concatenate([strip(a, b, closed=False)[:, ::-1] for a, b in zip(ids[:-1], ids[1:])]))
    return tilt.reshape(-1, 3)


def _add_gathered(mesh, kind, rng):
    """A bun on the crown or a tail at the back."""
    n, n_rows = 28, 13
    around = np.linspace(0, 2 * np.pi, n, endpoint=False)
    t = np.linspace(0.02, np.pi - 0.02, n_rows)
    fine = _strand_noise(rng, n, ((0.6, 0.9), (2.0, 0.7)))
    if kind == "bun":
        spine = np.stack([0 * t, 108 + 0 * t, -138 + 0 * t], -1) + np.cos(t)[:, None] * [0, 20, -18]
        radius = 29 * np.sin(t) ** 0.9
    else:
        q = (1 - np.cos(t)) / 2
        spine = np.stack([0 * q, 62 - 215 * q**1.35, -166 - 50 * smoothstep(q, 0, 0.4) + 16 * q**2], -1)
        radius = np.interp(q, [0, 0.03, 0.12, 0.35, 0.7, 0.92, 1], [6, 11, 14, 21, 20, 12, 1])
    ahead = unit(np.gradient(spine, axis=0))
    sideways = np.tile([1.0, 0, 0], (n_rows, 1))
    across = unit(np.cross(ahead, sideways))
    wide = radius[:, None] * (1 + 0.05 * fine)
    vertices = spine[:, None] + wide[..., None] * (
        np.cos(around)[None, :, None] * sideways[:, None] + np.sin(around)[None, :, None] * across[:, None]
    )
    tilt = (
        np.gradient(fine)[None, :, None]
        * 0.5
        * (-np.sin(around)[None, :, None] * sideways[:, None] + np.cos(around)[None, :, None] * across[:, None])
    )
    tone = np.broadcast_to(fine, (n_rows, n)) + 0.2 * rng.normal(size=(n_rows, n))
    mesh.add("hair", vertices.reshape(-1, 3), grid_faces(n_rows, n, closed=True), edge=0, tone=tone.ravel())
    return tilt.reshape(-1, 3)
