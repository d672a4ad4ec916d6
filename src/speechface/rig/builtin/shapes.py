"""The 52 blendshapes, computed from where a vertex lies: offsets in mm at weight 1."""

import numpy as np

from speechface.rig.builtin.curves import MOUTH_HALF_WIDTH, lip_line
from speechface.rig.builtin.field import EYE_CENTRE, sigmoid, smoothstep
from speechface.rig.builtin.mesh import HeadMesh
from speechface.rig.channels import ARKIT52, GAZE

__all__ = ["blendshapes", "JAW_HINGE", "JAW_ANGLE"]

#: Axis of the jaw joint (height and depth), mm, and its turn at jawOpen 1, radians.
JAW_HINGE = np.array([0.0, -12.0, -88.0])
JAW_ANGLE = 0.27
#: Share of the jaw's motion at the corner of the mouth, and of sealed lips under an open jaw.
_CORNER_SHARE, _SEALED_SHARE = 0.40, 0.36
#: Parts that no expression moves.
_STILL = ("ear", "shirt", "teeth_upper")


def _turn_x(q, angle):
    """Rotate offsets (n, 3) about x by `angle` (scalar or (n,)), radians; positive tips the front downwards."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([q[:, 0], q[:, 1] * c - q[:, 2] * s, q[:, 1] * s + q[:, 2] * c], -1)


def _turn_y(q, angle):
    """Rotate offsets (n, 3) about y by `angle`, radians; positive turns the front to +x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([q[:, 0] * c + q[:, 2] * s, q[:, 1], -q[:, 0] * s + q[:, 2] * c], -1)


class _Places:
    """What the shapes need to know about every vertex: coordinates, soft masks, place around the mouth."""

    def __init__(self, mesh):
        self.mesh = mesh
        self.vertices = mesh.vertices
        self.x, self.y, self.z = mesh.vertices.T
        self.side = np.sign(self.x)
        #: direction away from the middle, without a jump there
        self.outward = np.tanh(self.x / 4)
        self.lower = mesh.tag("lower", 0.0) > 0.5
        self.lip = np.clip(mesh.tag("lip", -1.0), 0, 1)
        self.face = mesh.is_part("skin", "brow", "lid", "lash", "bag").astype(float)
        left = sigmoid(self.x / 4.5)
        #: share of a two-sided motion that belongs to either side
        self.share = {"Left": left, "Right": 1 - left}
        self.across = np.abs(self.x)
        self._mouth()

    def vector(self, x, y, z):
        """Offsets (V, 3) from three scalars or arrays (V,)."""
        return np.stack([np.broadcast_to(np.asarray(a, float), self.x.shape) for a in (x, y, z)], -1)

    def spot(self, x, y, width, height=None, plateau=0.0):
        """Soft spot at (+-x, y) on the front of the face: 1 in the middle, Gaussian with `width`, `height` mm."""
        d = np.hypot((self.across - x) / width, (self.y - y) / (height or width))
        return np.exp(-0.5 * np.maximum(d - plateau, 0) ** 2) * smoothstep(self.z, -95, -45) * self.face

    def _mouth(self):
        """Distance to the lip line, masks of the lips and the jaw's share of the motion."""
        mesh, across, y, z = self.mesh, self.across, self.y, self.z
        half = MOUTH_HALF_WIDTH
        self.s = s = np.clip(across / half, 0, 1)
        beyond = np.maximum(across - half, 0)
        # the slit goes on beyond the corner towards the ear, so that above and below stay defined
        d = y - (lip_line(np.minimum(across, half)) + 0.9 * beyond)
        near = mesh.is_part("skin") & (across < half) & (np.abs(d) < 40)
        below = np.where(near | mesh.is_part("bag"), self.lower, d < 0)
        self.lips = (
            np.exp(-((np.maximum(np.abs(d) - 3, 0) / 9.0) ** 2) - (beyond / 9.0) ** 2)
            * self.face
            * smoothstep(z, -70, -25)
        )
        self.upper_lip, self.lower_lip = self.lips * ~below, self.lips * below

        middle = 1 - s**2.6
        at_line = np.where(below, _CORNER_SHARE + (1 - _CORNER_SHARE) * middle, _CORNER_SHARE * (1 - middle))
        spread = 17 + 14 * (1 - np.exp(-beyond / 20))
        with_jaw = np.where(
            below, 1 - (1 - at_line) * np.exp(-((d / 26.0) ** 2)), at_line * np.exp(-((np.abs(d) / spread) ** 0.9))
        )
        # the throat: distance below the line from the jaw's angle to the chin
        under = -0.804 * (y + 60) - 0.594 * (z + 80)
        with_jaw = with_jaw * (1 - smoothstep(under, 5, 50)) * smoothstep(z, -108, -72) * self.face
        inside = mesh.is_part("bag")
        with_jaw[inside] = at_line[inside]
        with_jaw[mesh.is_part("teeth_lower", "tongue") | (mesh.is_part("gum") & self.lower)] = 1
        self.jaw = with_jaw
        arm = self.vertices - JAW_HINGE
        self.jaw_turn = _turn_x(arm, JAW_ANGLE) - arm
        self.corner = self.spot(half, -67, 11)


def _jaw(p):
    v, w = p.vector, p.jaw
    twist = 0.02 * w * p.x
    sealed = (_SEALED_SHARE - w) * p.lips
    return {
        "jawOpen": w[:, None] * p.jaw_turn + v(-3.2 * p.outward * p.corner, 0, -1.5 * p.corner),
        "jawForward": v(0, 0, 7.0 * w),
        "jawLeft": v(7.0 * w, 0, -twist),
        "jawRight": v(-7.0 * w, 0, twist),
        "mouthClose": sealed[:, None] * p.jaw_turn,
    }


def _lips(p):
    v, s, ul, ll, lips, t = p.vector, p.s, p.upper_lip, p.lower_lip, p.lips, p.lip
    middle, body = 1 - s**2, 1 - s**3
    chin = p.spot(0, -99, 19, 15)
    around = p.spot(0, -68, 22, 15, 0.5)
    cheek = p.spot(40, -58, 17, 17, 0.2)
    return {
        "mouthFunnel": v(
            -0.26 * p.x * lips,
            ul * (3.2 * middle + t * body) - ll * (4.4 * middle + t * body),
            lips * (7.0 - 2.5 * s) + 2.0 * t * lips,
        ),
        "mouthPucker": v(
            -p.x * (0.32 * lips + 0.10 * p.spot(30, -66, 14)),
            0.3 * (ll - ul) * (1 - s),
            lips * (8.0 - 1.5 * s**2) + 1.5 * p.spot(0, -68, 26),
        ),
        "mouthLeft": v(8.5 * around, 1.5 * sigmoid(p.x / 8) * around, -0.05 * p.x * around),
        "mouthRight": v(-8.5 * around, 1.5 * sigmoid(-p.x / 8) * around, 0.05 * p.x * around),
        "mouthRollLower": v(0, ll * (3.2 - t) * body, -ll * (5.0 * np.sqrt(t) + 1.5) * body),
        "mouthRollUpper": v(0, -ul * (2.4 - t) * body, -ul * (4.2 * np.sqrt(t) + 1.2) * body),
        "mouthShrugLower": v(0, 4.5 * chin + 4.2 * ll * body + 2.0 * ul * body, 1.5 * chin + 3.0 * ll * body),
        "mouthShrugUpper": v(0, 4.2 * ul * body + 2.0 * ll * body + 1.5 * p.spot(0, -52, 15, 8), 2.8 * ul * body),
        "cheekPuff": v(7.5 * p.outward * cheek, 0, 5.5 * cheek + 2.0 * p.spot(0, -62, 22, 9)),
    }


def _tongue(p):
    """The tongue slides forward between teeth and lips and hangs over the lower lip; nothing makes room for it."""
    tongue = p.mesh.is_part("tongue")
    along = np.clip((p.z + 53) / 46, 0, 1) * tongue
    out = smoothstep(along, 0.05, 0.8)
    thickness = (p.y + 78 + 0.0045 * (p.z + 30) ** 2) * tongue
    rise = 12.5 * smoothstep(along, 0.15, 0.6) - 8.0 * (np.maximum(along - 0.6, 0) / 0.4) ** 1.4
    return {"tongueOut": p.vector(-0.2 * p.x * out, rise - 0.4 * thickness * out, 33.0 * out)}


def _sided(p, side):
    """Mouth and brow shapes of one side ("Left" or "Right")."""
    v, s, q = p.vector, p.s, p.share[side]
    corner, half = p.corner * q, p.lips * q * s
    lateral = p.spot(MOUTH_HALF_WIDTH, -67, 18, 15) * q
    apple = p.spot(38, -35, 14) * q
    inner, middle, outer = (
        p.spot(x, y, w, 11, r) * q for x, y, w, r in ((15, 22, 12, 0.3), (28, 25, 14, 0.3), (41, 24, 14, 0.4))
    )
    body = q * (1 - s**3)
    wing = p.spot(12, -40, 9, 8) * q
    lift = 2.6 * p.upper_lip * body * np.exp(-(((p.across - 10) / 12) ** 2)) + 2.0 * p.spot(14, -52, 12, 8) * q
    pressed = p.lips * body
    return {
        "mouthSmile": v(
            p.outward * (6.5 * lateral + 2.0 * half),
            8.5 * lateral * np.exp(-(((p.across - 27) / 22) ** 2)) + half + 3.0 * apple,
            -5.0 * corner + 2.6 * apple - 2.2 * half,
        ),
        "mouthFrown": v(1.5 * p.outward * lateral, -7.0 * lateral, -1.5 * corner),
        "mouthDimple": v(p.outward * (5.0 * corner + 1.5 * half), corner, -5.0 * corner),
        "mouthStretch": v(p.outward * (8.0 * lateral + 2.0 * half), -3.0 * lateral, -4.5 * corner - 1.5 * half),
        "mouthLowerDown": v(0, -5.5 * p.lower_lip * body - 2.0 * p.spot(14, -82, 12) * q, 1.2 * p.lower_lip * body),
        "mouthUpperUp": v(0, 5.2 * p.upper_lip * body + 2.4 * p.spot(17, -48, 10) * q, 0.8 * p.upper_lip * body),
        # where the lips touch (lip 1) both move alike, so that they stay shut
        "mouthPress": v(
            0.8 * p.outward * corner,
            p.lower_lip * body * (2.6 - 1.8 * p.lip)
            - p.upper_lip * body * (1.8 - 2.6 * p.lip)
            + 1.4 * p.spot(10, -93, 12, 9) * q,
            -pressed * (0.6 + 1.8 * p.lip) - 2.5 * corner,
        ),
        "noseSneer": v(
            -0.5 * p.outward * wing,
            4.4 * wing + lift - 1.8 * p.spot(14, 20, 12, 9) * q,
            -0.8 * wing + 1.2 * p.spot(10, -18, 8, 12) * q,
        ),
        "browDown": v(-2.6 * p.outward * inner, -5.2 * inner - 2.3 * middle - 1.6 * outer, 1.2 * inner),
        "browOuterUp": v(0, 7.0 * outer + 2.5 * middle, -1.2 * outer),
    }


def _eyes(p, side):
    """Lid and gaze shapes of one side."""
    mesh, v = p.mesh, p.vector
    sign, name = (1, "left") if side == "Left" else (-1, "right")
    eye = EYE_CENTRE * [sign, 1, 1]
    offset = p.vertices - eye
    upper_ring = mesh.loops["eye_upper"]
    line = p.vertices[mesh.loops["margin_" + name]] - eye
    top = line[upper_ring]
    bottom = np.concatenate([top[:1], line[~upper_ring][::-1], top[-1:]])
    across = np.clip(offset[:, 0] * sign, top[0, 0] * sign, top[-1, 0] * sign)
    y_top = np.interp(across, top[:, 0] * sign, top[:, 1])
    y_bottom = np.interp(across, bottom[:, 0] * sign, bottom[:, 1])
    opening = np.interp(across, top[:, 0] * sign, np.arctan2(top[:, 1], top[:, 2]))
    opening -= np.interp(across, bottom[:, 0] * sign, np.arctan2(bottom[:, 1], bottom[:, 2]))

    mine = (p.side == sign) & mesh.is_part("skin", "lid", "lash") & (p.z > -50)
    moves_up, moves_down = np.zeros(len(mesh), bool), np.zeros(len(mesh), bool)
    for ring in ("margin_", "margin_in_", "tuck_"):
        moves_up[mesh.loops[ring + name][upper_ring]] = True
        moves_down[mesh.loops[ring + name][~upper_ring]] = True
    lash = mesh.is_part("lash") & (p.side == sign)
    moves_up |= lash & ~p.lower
    moves_down |= lash & p.lower
    above = p.y > y_bottom + 0.35 * (y_top - y_bottom)
    fade = np.exp(-((np.maximum(np.abs(offset[:, 0]) - 14.8, 0) / 4) ** 2)) * mine
    skin_up = smoothstep(y_top - p.y, -11.5, -0.3) * above
    skin_down = smoothstep(p.y - y_bottom, -9.0, -0.3) * ~above
    upper = np.where(moves_up, 1, np.where(moves_down, 0, skin_up)) * fade
    lower = np.where(moves_down, 1, np.where(moves_up, 0, skin_down)) * fade

    def lids(down, up):
        """Turn the lids about the eye's axis by shares of the opening."""
        angle = (upper * down - lower * up) * opening
        return (_turn_x(offset, angle) - offset) * ((upper + lower) > 0)[:, None]

    ball = mesh.is_part("eye_" + name)[:, None]

    def gaze(turn, angle):
        return (turn(offset, angle) - offset) * ball

    drag = 0.5 * sign * (upper + lower)
    middle = p.spot(28, 25, 14, 11, 0.3) * p.share[side]
    cheek = p.share[side] * p.spot(36, -29, 15, 12)
    pouch = p.share[side] * p.spot(36, -20, 13, 9)
    return {
        "eyeBlink": lids(0.92, 0.10) + v(0, -0.8 * middle, 0),
        "cheekSquint": lids(0.0, 0.16) + v(0, 3.8 * cheek, 2.2 * cheek),
        "eyeSquint": lids(0.16, 0.26) + v(0, 2.2 * pouch, 1.6 * pouch),
        "eyeWide": lids(-0.26, -0.06) + v(0, 1.2 * middle, 0),
        "eyeLookUp": gaze(_turn_x, -0.40) + lids(-0.20, -0.02),
        "eyeLookDown": gaze(_turn_x, 0.46) + lids(0.42, -0.08),
        "eyeLookIn": gaze(_turn_y, -0.50 * sign) + v(-drag, 0, 0),
        "eyeLookOut": gaze(_turn_y, 0.50 * sign) + v(drag, 0, 0),
    }


def blendshapes(mesh: HeadMesh) -> np.ndarray:
    """Offsets (52, V, 3), float32, mm at weight 1, in the order of `ARKIT52`.

    Left and right shapes are mirror images of each other; the others are symmetric.
    """
    p = _Places(mesh)
    frown = p.spot(14, 24, 13, 12, 0.3)
    shapes = {
        **_jaw(p),
        **_lips(p),
        **_tongue(p),
        "browInnerUp": p.vector(0, 7.5 * frown, 0.6 * p.spot(14, 24, 13, 12)),
    }
    for side in ("Left", "Right"):
        for name, offsets in {**_sided(p, side), **_eyes(p, side)}.items():
            shapes[name + side] = offsets
    result = np.stack([shapes[name] for name in ARKIT52])
    result[:, mesh.is_part(*_STILL) | (mesh.is_part("gum") & ~p.lower)] = 0
    gaze = np.array([name in GAZE for name in ARKIT52])
    balls = mesh.is_part("eye_left", "eye_right")
    result[np.ix_(~gaze, balls)] = 0
    return result.astype(np.float32)
