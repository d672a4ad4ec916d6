"""A small synthetic face for tests: 68 landmarks in iBUG order, a few hundred vertices, local shapes.

It has the topology and the fields of a real rig but none of its looks: use it where a rig is needed and its
beauty is not.
"""

import numpy as np

from speechface.geometry import ibug
from speechface.rig.channels import ARKIT52
from speechface.rig.rig import Rig

__all__ = ["synthetic_rig", "template_landmarks"]


def _arc(center, radii, start, stop, count):
    angle = np.radians(np.linspace(start, stop, count))
    return np.stack([center[0] + radii[0] * np.cos(angle), center[1] + radii[1] * np.sin(angle)], 1)


def template_landmarks():
    """68 landmark positions (68, 2), mm, iBUG order; +x subject's left, +y up."""
    jaw = _arc((0, 0), (70, 85), 180, 360, 17)
    brow_right = _arc((-34, 30), (22, 8), 170, 10, 5)
    brow_left = brow_right[::-1] * (-1, 1)
    bridge = np.stack([np.zeros(4), np.linspace(22, -5, 4)], 1)
    nostrils = _arc((0, -13), (16, 4), 200, 340, 5)
    eye_right = np.concatenate([_arc((-32, 20), (14, 5), 180, 0, 4), _arc((-32, 20), (14, 5), -60, -120, 2)])
    eye_left = np.concatenate([_arc((32, 20), (14, 5), 180, 0, 4), _arc((32, 20), (14, 5), -60, -120, 2)])
    outer = np.concatenate([_arc((0, -40), (25, 9), 180, 0, 7), _arc((0, -40), (25, 11), -30, -150, 5)])
    inner = np.concatenate([_arc((0, -40), (19, 2), 180, 0, 5), _arc((0, -40), (19, 2), -45, -135, 3)])
    return np.concatenate([jaw, brow_right, brow_left, bridge, nostrils, eye_right, eye_left, outer, inner])


#: stem of a channel -> (centre x for the subject's left side, y, radius), mm
_PLACES = {
    "browDown": (34, 36, 16), "browInnerUp": (0, 36, 18), "browOuterUp": (45, 36, 14), "cheekPuff": (0, -25, 45),
    "eyeBlink": (32, 24, 8), "eyeLook": (32, 20, 6), "eyeSquint": (32, 15, 8), "eyeWide": (32, 25, 8),
    "jaw": (0, -60, 30), "mouthClose": (0, -44, 14), "mouthDimple": (25, -40, 12), "mouthFrown": (25, -42, 12),
    "mouthFunnel": (0, -40, 20), "mouthLeft": (0, -40, 24), "mouthRight": (0, -40, 24), "mouthPucker": (0, -40, 22),
    "mouthLowerDown": (10, -48, 10), "mouthPress": (12, -40, 10), "mouthRollLower": (0, -48, 14),
    "mouthRollUpper": (0, -33, 14), "mouthShrugLower": (0, -52, 16), "mouthShrugUpper": (0, -30, 16),
    "mouthSmile": (25, -40, 16), "mouthStretch": (25, -42, 16), "mouthUpperUp": (10, -32, 10), "noseSneer": (0, -8, 14),
    "cheekSquint": (34, 5, 14), "tongueOut": (0, -40, 6),
}  # fmt: skip


def _place(channel):
    stem = max((key for key in _PLACES if channel.startswith(key)), key=len)
    x, y, radius = _PLACES[stem]
    return (-x if channel.endswith("Right") and x else x), y, radius


def synthetic_rig(seed=0, *, channels=ARKIT52, grid=18, identity_modes=3):
    """Return a `Rig` of 68 + about ``grid**2`` vertices with random but local shapes, the same for one seed.

    Lower-lip landmarks go down with jawOpen (12 mm); every other channel moves the vertices near its place
    by up to about 6 mm in a random direction. All fields are filled; lips are the vertices near the mouth,
    upper_face those above the nose tip.
    """
    from scipy.spatial import Delaunay

    rng = np.random.default_rng(seed)
    marks = template_landmarks()
    x, y = np.meshgrid(np.linspace(-78, 78, grid), np.linspace(-95, 95, grid))
    plane = np.concatenate([marks, np.stack([x.ravel(), y.ravel()], 1) + rng.normal(0, 0.5, (grid * grid, 2))])
    depth = 90 * np.sqrt(np.maximum(1 - (plane[:, 0] / 95) ** 2 - (plane[:, 1] / 130) ** 2, 0.05))
    neutral = np.column_stack([plane, depth])
    shapes = np.zeros((len(channels), len(neutral), 3))
    for k, channel in enumerate(channels):
        cx, cy, radius = _place(channel)
        falloff = np.exp(-0.5 * ((plane[:, 0] - cx) ** 2 + (plane[:, 1] - cy) ** 2) / radius**2)
        shapes[k] = falloff[:, None] * rng.normal(0, 3, 3)
    below = np.clip((-40 - plane[:, 1]) / 3, 0, 1) * (np.abs(plane[:, 0]) < 60)
    below[[ibug.INNER_LIPS.start, ibug.INNER_LIPS.start + 4]] = 0.3  # the mouth's inner corners
    shapes[channels.index("jawOpen")] = below[:, None] * np.array([0, -12.0, -2.0])
    triangles = Delaunay(plane).simplices
    a, b, c = (plane[triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[area < 0] = triangles[area < 0][:, ::-1]
    modes = rng.normal(0, 2, (identity_modes, 1, 3)) * neutral / 80
    near_mouth = (np.abs(plane[:, 0]) < 30) & (np.abs(plane[:, 1] + 40) < 14)
    f32 = np.float32
    return Rig(
        name="synthetic",
        channels=channels,
        neutral=neutral.astype(f32),
        shapes=shapes.astype(f32),
        triangles=triangles.astype(np.int32),
        landmarks=np.arange(ibug.N_POINTS, dtype=np.int32),
        identity=modes.astype(f32),
        colors=np.full((len(neutral), 3), 0.7, f32),
        material=np.full((len(neutral), 2), 0.3, f32),
        contour=np.arange(ibug.N_JAW, dtype=np.int32)[:, None],
        regions={
            "lips": np.nonzero(near_mouth)[0].astype(np.int32),
            "upper_face": np.nonzero(plane[:, 1] > -5)[0].astype(np.int32),
        },
        head_weight=np.ones(len(neutral), f32),
        pivot=np.array([0, -20, -20], f32),
        normal_offset=np.zeros_like(neutral, f32),
        meta={"source": "tests"},
    )
