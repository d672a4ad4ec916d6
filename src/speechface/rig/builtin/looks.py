"""Looks: the colours of a person and how they are painted on the mesh."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from speechface.geometry.mesh import vertex_neighbours
from speechface.rig.builtin.curves import MOUTH_HALF_WIDTH, lip_line
from speechface.rig.builtin.eyes import IRIS_ANGLE, PUPIL_ANGLE
from speechface.rig.builtin.field import EYE_CENTRE, distance, normals, smoothstep, unit
from speechface.rig.builtin.hair import STYLES, above_hairline
from speechface.rig.builtin.mesh import HeadMesh

__all__ = ["Look", "DEFAULT_LOOK", "paint", "ambient_light"]


@dataclass(frozen=True)
class Look:
    """Colours (sRGB in [0, 1]) and strengths of one person.

    beard, blush, freckles : strengths in [0, 1]
    """

    skin: tuple = (0.88, 0.69, 0.59)
    lips: tuple = (0.77, 0.45, 0.43)
    hair: tuple = (0.24, 0.15, 0.10)
    iris: tuple = (0.36, 0.24, 0.14)
    shirt: tuple = (0.24, 0.34, 0.46)
    beard: float = 0.0
    blush: float = 0.8


DEFAULT_LOOK = Look()
#: Beards are thin next to the lips and full from the second distance on, mm.
_BARE_LIP_MM = (-1.5, 9.0)
_RIM = 0.05
_UPPER_LIP = 0.84
_LINING = np.array([0.16, 0.08, 0.07])


class _Canvas:
    """Colours being mixed over the mesh."""

    def __init__(self, mesh, base):
        self.mesh = mesh
        self.color = np.tile(np.asarray(base, float), (len(mesh), 1))
        self.material = np.tile([0.05, 1.0], (len(mesh), 1))

    def mix(self, weight, color):
        """Blend `color` (3,) or (V, 3) in by `weight` (V,)."""
        w = np.clip(np.asarray(weight, float), 0, 1)[:, None]
        self.color = self.color * (1 - w) + w * np.asarray(color)

    def fill(self, mask, color, gloss, softness):
        self.color[mask] = color
        self.material[mask] = [gloss, softness]


def _occlusion(points, normal):
    """Light (n,) in (0, 1] that the surroundings leave to skin points: the field sampled along the normals."""
    closed = np.zeros(len(points))
    for reach in (2.5, 5.0, 10.0, 18.0):
        closed += 2.2 * np.clip(1 - distance(points + reach * normal) / reach, 0, 1) / reach
    return np.exp(-0.42 * np.maximum(closed - 0.25, 0))


def paint(mesh, look, style, light):
    """Colours and material of every vertex.

    Parameters
    ----------
    mesh : HeadMesh
    look : Look
    style : str, key of `hair.STYLES`
    light : ndarray (V,)
        Ambient light of the skin (`ambient_light`); ones elsewhere.

    Returns
    -------
    colors : ndarray (V, 3), float32, sRGB in [0, 1]
    material : ndarray (V, 2), float32, gloss and softness in [0, 1]
    """
    canvas = _Canvas(mesh, look.skin)
    _paint_skin(canvas, look, style)
    canvas.color *= np.stack([light**0.72, light, light**0.95], -1)
    _paint_openings(canvas, look)
    _paint_mouth(canvas)
    _paint_eyes(canvas, look)
    _paint_hair(canvas, look, style)
    shirt = mesh.is_part("shirt")
    rib = mesh.tag("edge", 0.0)[shirt][:, None]
    canvas.fill(shirt, np.asarray(look.shirt) * (1 - 0.16 * rib), 0.0, 0.25)
    return np.clip(canvas.color, 0, 1).astype(np.float32), np.clip(canvas.material, 0, 1).astype(np.float32)


def _paint_skin(canvas, look, style):
    mesh, skin = canvas.mesh, np.asarray(look.skin)
    x, y, z = mesh.vertices.T
    across = np.abs(x)
    on_skin, ear = mesh.is_part("skin", "lid"), mesh.is_part("ear")

    def spot(cx, cy, width, height=None):
        return np.exp(-0.5 * (((across - cx) / width) ** 2 + ((y - cy) / (height or width)) ** 2)) * (z > -70)

    warm = skin * [1.02, 0.78, 0.75]
    rosy = spot(41, -34, 13, 11) + 0.75 * spot(0, -36, 9) + 0.3 * spot(0, -98, 10) + 0.25 * spot(0, 50, 26, 16)
    canvas.mix(0.42 * look.blush * rosy * on_skin, warm)
    canvas.mix(0.40 * ear + 0.35 * mesh.tag("edge", 0.0) * ear, skin * [0.93, 0.66, 0.60])
    shadow = spot(31, -11.5, 12, 4.5) + 0.9 * spot(31, 9.5, 14, 4.0)
    canvas.mix(0.32 * shadow * on_skin, skin * [0.80, 0.66, 0.64])
    from_lips = cKDTree(mesh.vertices[mesh.tag("lip", -1.0) >= 0]).query(mesh.vertices)[0]
    # the rim of the lips catches the light
    canvas.mix(_RIM * np.exp(-(((from_lips - 1.6) / 1.3) ** 2)) * mesh.is_part("skin"), np.minimum(skin * 1.12, 1))
    if look.beard:
        jaw = smoothstep(-y, 46, 64) * smoothstep(z, -90, -60) * (y > -135)
        moustache = spot(0, -56, 17, 5)
        cheek = 1 - spot(26, -46, 14, 12)
        beard = np.clip(np.maximum(jaw * cheek, moustache), 0, 1) * smoothstep(y + 0.6 * (z + 45), -140, -108)
        beard = beard * smoothstep(from_lips, *_BARE_LIP_MM)
        canvas.mix(look.beard * beard * on_skin, 0.5 * np.asarray(look.hair) + 0.35 * skin)
    grown = above_hairline(mesh.vertices, style)
    canvas.mix(0.75 * smoothstep(grown, -5, 7) * mesh.is_part("skin"), np.asarray(look.hair) * 0.8)
    canvas.material[on_skin | ear] = [0.07, 1.0]
    shine = spot(0, -35, 5.5, 7) + 0.5 * spot(0, 45, 25, 14)
    canvas.material[:, 0] += 0.10 * np.clip(shine, 0, 1) * mesh.is_part("skin")


def _paint_openings(canvas, look):
    """Lips, nostrils and lid edges."""
    mesh, skin, lips = canvas.mesh, np.asarray(look.skin), np.asarray(look.lips)
    row = mesh.tag("lip", -1.0)
    on_skin = mesh.is_part("skin")
    red = np.where(row > 0, 1.0, np.where(row == 0, 0.62, 0))
    # the upper lip faces down, away from the light
    upper_lip = (mesh.vertices[:, 1] > lip_line(mesh.vertices[:, 0])) & (mesh.tag("lower", 0.0) < 0.5)
    canvas.mix(red * on_skin, lips * np.where(upper_lip, _UPPER_LIP, 1.0)[:, None])
    canvas.mix(0.30 * (np.abs(row - 0.86) < 0.01), lips * [0.6, 0.45, 0.45])
    inner = 1 - 0.7 * np.clip(np.abs(mesh.vertices[:, 0]) / MOUTH_HALF_WIDTH, 0, 1) ** 12
    canvas.mix(0.75 * (row == 1) * inner, lips * [0.42, 0.30, 0.30])
    body = on_skin & (row >= 0.1) & (row < 0.8)
    canvas.material[body] = [0.36, 0.8]
    q = (np.abs(mesh.vertices[:, 0]), mesh.vertices[:, 1], mesh.vertices[:, 2])
    inside = (np.stack(q, -1) - [5.8, -47.4, 7.0]) / [3.1, 2.6, 5.5]
    nostril = np.exp(-0.5 * np.linalg.norm(inside, axis=1) ** 4) * on_skin
    canvas.mix(nostril, skin * [0.26, 0.14, 0.12])
    canvas.material *= (1 - nostril)[:, None]
    upper = mesh.loops["eye_upper"]
    weight = np.zeros(len(mesh))
    wet = np.zeros(len(mesh))
    for side in ("left", "right"):
        weight[mesh.loops["margin_" + side]] = np.where(upper, 0.85, 0.28)
        weight[mesh.loops["margin_in_" + side]] = np.where(upper, 0.92, 0.0)
        wet[mesh.loops["margin_in_" + side][~upper]] = 1
        wet[mesh.loops["tuck_" + side]] = 1
    canvas.mix(wet, np.array([0.80, 0.50, 0.46]) * (0.35 + 0.65 * skin))
    canvas.material[wet > 0] = [0.7, 0.6]
    canvas.mix(weight, _LINING)


def _paint_mouth(canvas):
    mesh = canvas.mesh
    z = mesh.vertices[:, 2]
    bag = mesh.is_part("bag")
    depth = smoothstep(-z, 0, 26)
    canvas.fill(bag, [0.44, 0.15, 0.15], 0.02, 0.3)
    canvas.color[bag] *= (1 - 0.75 * depth[bag])[:, None]
    for part in ("teeth_upper", "teeth_lower"):
        teeth = mesh.is_part(part)
        gap, row = mesh.tags["tone"][teeth], mesh.tags["edge"][teeth]
        shade = 1 - 0.42 * smoothstep(gap, 0.80, 1.0) - 0.40 * np.exp(-row / 1.6)
        shade = shade * (1 - 0.62 * smoothstep(-z[teeth], 1.5, 24))
        shade = shade * (0.72 if part == "teeth_lower" else 1.0)
        canvas.fill(teeth, np.array([0.87, 0.84, 0.78]) * shade[:, None], 0.6, 0.5)
    gum, tongue = mesh.is_part("gum"), mesh.is_part("tongue")
    canvas.fill(gum, [0.74, 0.38, 0.38], 0.4, 0.7)
    canvas.color[gum] *= (1 - 0.6 * smoothstep(-z[gum], 1.5, 22))[:, None]
    groove = np.clip(mesh.tags["edge"][tongue], 0, 1)[:, None]
    canvas.fill(tongue, np.array([0.64, 0.31, 0.31]) * (1 - 0.25 * groove), 0.42, 0.8)
    canvas.color[tongue] *= (1 - 0.65 * smoothstep(-z[tongue], 2, 30))[:, None]


def _paint_eyes(canvas, look):
    mesh, iris = canvas.mesh, np.asarray(look.iris)
    for side, sign in (("left", 1), ("right", -1)):
        ball = mesh.is_part("eye_" + side)
        angle, around = mesh.tags["tone"][ball], mesh.tags["edge"][ball]
        q = unit(mesh.vertices[ball] - EYE_CENTRE * [sign, 1, 1])
        rays = 1 + 0.16 * np.sin(around * 13) + 0.10 * np.sin(around * 7 + 1)
        glow = 0.80 + 1.5 * np.clip(angle - PUPIL_ANGLE, 0, None) + 0.28 * np.clip(-q[:, 1] / 0.4, -1, 1)
        white = np.array([0.93, 0.915, 0.90]) - np.clip(angle - 0.55, 0, 1)[:, None] * [0.04, 0.16, 0.17]
        color = np.where((angle < IRIS_ANGLE + 0.012)[:, None], iris * 0.30, white)
        color = np.where((angle < IRIS_ANGLE - 0.012)[:, None], iris * (rays * glow)[:, None], color)
        color = np.where((angle < PUPIL_ANGLE)[:, None], 0.02, color)
        under_lid = smoothstep(q[:, 1], 0.10, 0.55)
        corner = smoothstep(np.abs(q[:, 0]), 0.62, 0.98)
        color = color * (1 - 0.46 * under_lid - 0.22 * corner)[:, None]
        canvas.fill(ball, color, 1.0, 0.1)
    lash = mesh.is_part("lash")
    canvas.fill(lash, [0.055, 0.04, 0.035], 0.0, 0.0)
    low = lash & (mesh.tags["lower"] > 0.5)
    canvas.color[low] = 0.45 * np.asarray(look.skin) + 0.05


def _paint_hair(canvas, look, style):
    mesh, hair, skin = canvas.mesh, np.asarray(look.hair), np.asarray(look.skin)
    brow = mesh.is_part("brow")
    edge, tone = mesh.tags["edge"], mesh.tags["tone"]
    tint = np.clip(edge, 0, 1)[:, None] * 0.62
    # brows of very light hair stay a little darker than the hair
    brow_color = hair * 0.80
    canvas.color[brow] = (canvas.color * (1 - tint) + brow_color * tint)[brow]
    single = brow & (edge > 1.5)
    canvas.color[single] = brow_color * (1 + 0.18 * np.clip(tone[single], -2, 2))[:, None]
    canvas.material[brow] = [0.05, 0.4]
    grown = mesh.is_part("hair")
    gloss = STYLES[style].gloss if STYLES[style] else 0.0
    shade = 1 + 0.20 * np.clip(tone[grown], -2.5, 2.5)
    color = hair * shade[:, None]
    out = edge[grown][:, None]
    canvas.fill(grown, color * (1 - out) + out * (0.55 * skin * 0.92 + 0.45 * hair), 0.20, 0.15)
    canvas.material[grown] = np.stack([gloss * (1 - edge[grown]), 0.15 + 0.85 * edge[grown]], -1)


def ambient_light(mesh: HeadMesh) -> np.ndarray:
    """Ambient light (V,): occlusion of the skin by the head's own form, smoothed; brows as the skin, others 1."""
    light = np.ones(len(mesh))
    skin = mesh.is_part("skin")
    points = mesh.vertices[skin]
    light[skin] = _occlusion(points, normals(points))
    near = vertex_neighbours(mesh.triangles[skin[mesh.triangles].all(1)], len(mesh))
    count = np.maximum(near.sum(1), 1)
    for _ in range(4):
        light[skin] = (0.4 * light + 0.6 * (near @ light) / count)[skin]
    brow = mesh.is_part("brow")
    light[brow] = light[skin][cKDTree(points).query(mesh.vertices[brow])[1]]
    return light
