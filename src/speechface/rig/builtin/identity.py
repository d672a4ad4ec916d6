"""Twenty identity modes: how heads differ, each one standard deviation in mm. All are symmetric."""

import numpy as np

from speechface.rig.builtin.curves import MOUTH_HALF_WIDTH, lip_line
from speechface.rig.builtin.field import EYE_CENTRE, smoothstep
from speechface.rig.builtin.mesh import HeadMesh

__all__ = ["MODES", "identity_modes"]

#: Names of the modes, in order.
MODES = (
    "head width", "jaw and neck width", "lower face length", "forehead height", "nose length", "nose width",
    "nose protrusion", "nose bridge", "lip fullness", "mouth width", "eye spacing", "eye size", "eye tilt",
    "brow height", "brow slant", "chin protrusion", "cheek bones", "cheek fullness", "ear size", "size",
)  # fmt: skip


def identity_modes(mesh: HeadMesh) -> np.ndarray:
    """Offsets (20, V, 3), float32, mm, of any mesh around this head (hair included)."""
    x, y, z = mesh.vertices.T
    across, side = np.abs(x), np.tanh(x / 4)  # no jump in the middle
    body = smoothstep(y, -190, -130)
    shirt = mesh.is_part("shirt")
    head = ~shirt * smoothstep(y, -175, -125)
    front = smoothstep(z, -110, -40)

    def spot(cx, cy, radius, plateau=0.0):
        d = np.maximum(np.hypot(across - cx, y - cy) - plateau, 0) / radius
        return np.exp(-0.5 * d**2) * smoothstep(z, -95, -50)

    def vector(a, b, c):
        return np.stack([np.broadcast_to(np.asarray(q, float), x.shape) for q in (a, b, c)], -1)

    lower_face = smoothstep(-y, 40, 105)
    neck = np.exp(-(((y + 155) / 40) ** 2)) * smoothstep(across, 4, 45) * (1 - smoothstep(across, 60, 95))
    d = y - lip_line(np.minimum(across, MOUTH_HALF_WIDTH))
    beyond = np.maximum(across - MOUTH_HALF_WIDTH, 0)
    lips = np.exp(-((d / 11) ** 2) - (beyond / 8) ** 2) * mesh.is_part("skin", "bag")
    lips = lips * (1 - np.clip(across / MOUTH_HALF_WIDTH, 0, 1) ** 2)
    mouth = np.exp(-0.5 * (np.maximum(np.hypot(x / 1.3, y + 68) - 12, 0) / 11) ** 2) * front
    eye = spot(EYE_CENTRE[0], 0, 9, 16)
    moved_in_depth = eye * mesh.is_part("eye_left", "eye_right", "lid", "lash", "skin", "brow")
    from_eye = x - np.sign(x) * EYE_CENTRE[0]
    brow = (
        np.exp(-0.5 * (np.maximum(np.abs(y - 25), 3) - 3) ** 2 / 36)
        * smoothstep(z, -70, -40)
        * smoothstep(across, -10, 8)
        * (1 - smoothstep(across, 50, 66))
    )
    ear = mesh.is_part("ear")
    modes = [
        vector(0.055 * x * body, 0, 0),
        vector(side * (5.5 * lower_face * smoothstep(across, 4, 45) * head + 2.0 * neck), 0, 0),
        vector(0, -5.5 * smoothstep(-y, 42, 115) * head, 0),
        vector(0, 6 * smoothstep(y, 30, 110), 0),
        vector(0, -3.2 * spot(0, -42, 9, 6), 0),
        vector(side * 2.0 * spot(12, -40, 5, 6) * smoothstep(across, 1, 10), 0, 0),
        vector(0, 0, 3.2 * spot(0, -33, 10, 3)),
        vector(0, 0, 2.2 * spot(0, -8, 9, 3)),
        vector(0, 1.5 * np.tanh(d / 4) * lips, 1.2 * lips),
        vector(0.11 * x * mouth, 0, 0),
        vector(side * 1.8 * eye, 0, 0),
        vector(0.09 * from_eye * eye, 0.11 * y * eye, 0.10 * (z + 25) * moved_in_depth),
        vector(0, 1.6 * eye * (across - EYE_CENTRE[0]) / 15, 0),
        vector(0, 2.4 * brow, 0),
        vector(0, 2.2 * brow * np.clip((across - 28) / 15, -1.2, 1.6), 0),
        vector(0, 0, 4.0 * spot(0, -102, 14, 4)),
        vector(side * 3.6 * spot(52, -24, 14), 0, 1.5 * spot(45, -24, 13)),
        vector(side * 4.0 * spot(42, -56, 16), 0, 2.5 * spot(36, -56, 15)),
        vector(side * 1.2 * ear, 0.14 * (y + 12) * ear, 0.14 * (z + 92) * ear),
        0.03 * mesh.vertices * body[:, None],
    ]
    return np.stack(modes).astype(np.float32)
