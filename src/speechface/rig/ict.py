"""ICT-FaceKit Light as a rig: a scanned head with ARKit-like expressions, read from its OBJ files.

Source: https://github.com/ICT-VGL/ICT-FaceKit (MIT licence, USC Institute for Creative Technologies), commit da5f95a.
What we change: centimetres become millimetres; browInnerUp and cheekPuff, split in left and right there, are
merged; eyeballs, which stand still there, turn with the gaze channels; the translucent helper meshes and the lash
cards are left out; colours are painted on the vertices.
"""

import os
import re
import tarfile
from pathlib import Path

import numpy as np

from speechface.errors import RigError
from speechface.geometry.mesh import vertex_normals
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.channels import ARKIT52
from speechface.rig.contour import contour_candidates
from speechface.rig.obj import read_positions, read_triangles
from speechface.rig.paint import paint_ict
from speechface.rig.regions import face_regions, spine_top
from speechface.rig.rig import Rig

__all__ = ["read_ict", "object_names", "expression_objects", "LANDMARKS", "PARTS"]

#: iBUG landmarks, from the README of ICT-FaceKit.
LANDMARKS = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914,
    2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537,
    1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957,
    5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
)  # fmt: skip
#: Vertex ranges [start, stop), from the same README.
PARTS = {
    "face": (0, 9409), "head": (9409, 11248), "mouth_socket": (11248, 13294), "eye_socket": (13294, 14062),
    "gums": (14062, 17039), "teeth": (17039, 21451), "eye_left": (21451, 23021), "eye_right": (23021, 24591),
}  # fmt: skip
#: All that is kept: lacrimal fluid, eye blend, eye occlusion and lashes follow.
_KEPT = 24591
_N_VERTICES = 26719
_MM_PER_UNIT = 10.0
_NEUTRAL = "generic_neutral_mesh"
#: Turn of an eyeball at weight 1: about what ARKit's gaze spans.
_LOOK_UP_RAD, _LOOK_ASIDE_RAD = np.radians(25), np.radians(30)
#: Outline of the tongue from the root to the tip: depth and half width, mm; below it, and its axis, height in mm. What
#: moves farther with the open jaw does not belong to the upper gums.
_TONGUE_Z, _TONGUE_HALF_WIDTH = (35.0, 55, 65, 75, 85, 92, 98), (21.0, 20.7, 19.7, 18.7, 15.8, 11.8, 4)
_TONGUE_BELOW, _TONGUE_AXIS, _WITH_JAW_MM = -47.8, -38.0, 5.0
#: One channel here, two objects there.
_MERGED = ("browInnerUp", "cheekPuff")
_ONE_SIDED = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")


def expression_objects(channel: str) -> list[str]:
    """Names of the OBJ files that add up to one of our channels, e.g. eyeBlinkLeft -> [eyeBlink_L]."""
    if channel in _MERGED:
        return [channel + "_L", channel + "_R"]
    if channel == "tongueOut":
        return []
    if channel in _ONE_SIDED:
        return [channel]
    return [re.sub(r"Right$", "_R", re.sub(r"Left$", "_L", channel))]


def object_names(identity_modes: int) -> list[str]:
    """Names of all OBJ files a rig with that many identity modes is read from, without their ending."""
    expressions = [name for channel in ARKIT52 for name in expression_objects(channel)]
    return [_NEUTRAL, *expressions, *(f"identity{k:03d}" for k in range(identity_modes))]


def _contents(source):
    """Yield (name without ending, bytes) of every OBJ file in a folder or tar archive, in the order stored."""
    source = Path(source)
    if source.is_dir():
        for path in sorted(source.rglob("*.obj")):
            yield path.stem, path.read_bytes
        return
    if not source.exists():
        raise RigError(f"{source}: no such file or folder; fetch the ICT files with 'speechface fetch-rig'")
    try:
        with tarfile.open(source, "r:*") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".obj"):
                    yield Path(member.name).stem, archive.extractfile(member).read
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RigError(f"{source}: not a readable archive ({error}); fetch it again") from None


def _read_objects(source, identity_modes):
    """Return (positions by name, triangles) of all objects needed."""
    wanted = set(object_names(identity_modes))
    positions, triangles = {}, None
    for name, read in _contents(source):
        if name not in wanted or name in positions:
            continue
        content = read()
        positions[name] = read_positions(content, f"{source}: {name}.obj")
        if len(positions[name]) != _N_VERTICES:
            raise RigError(f"{source}: {name}.obj has {len(positions[name])} vertices, expected {_N_VERTICES} "
                           "(ICT-FaceKit Light, commit da5f95a)")  # fmt: skip
        if name == _NEUTRAL:
            triangles, _ = read_triangles(content)
        if len(positions) == len(wanted):
            break
    missing = [name for name in object_names(identity_modes) if name not in positions]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise RigError(f"{source}: {missing[0]}.obj{more} not found; fetch the files again or lower rig.identity_modes")
    return positions, triangles


def read_ict(source: str | os.PathLike, *, identity_modes: int) -> Rig:
    """Build the rig from the OBJ files of ICT-FaceKit.

    Parameters
    ----------
    source : path-like
        Folder (searched through) or tar archive of any compression that holds the OBJ files.
    identity_modes : int
        Identity modes to keep, one standard deviation each.

    Raises
    ------
    RigError
        If a file is missing or has another number of vertices.
    """
    if not source:
        raise RigError("rig.source is empty; give the folder or archive of the ICT files (speechface fetch-rig)")
    positions, triangles = _read_objects(source, identity_modes)
    rest = positions[_NEUTRAL]

    def moved(names):
        return sum(positions[name] - rest for name in names)[:_KEPT] * np.float32(_MM_PER_UNIT)

    neutral = rest[:_KEPT] * np.float32(_MM_PER_UNIT)
    triangles = triangles[(triangles < _KEPT).all(1)]
    landmarks = np.array(LANDMARKS, np.int32)
    face = np.arange(*PARTS["face"])
    colors, material = paint_ict(neutral, triangles, landmarks, PARTS)
    offsets = {channel: moved(objects) for channel in ARKIT52 if (objects := expression_objects(channel))}
    offsets["tongueOut"] = _tongue_out(neutral, triangles, offsets["jawOpen"])
    shapes = np.stack([offsets[channel] for channel in ARKIT52])
    _turn_eyes(shapes, neutral)
    identity = [moved([f"identity{k:03d}"]) for k in range(identity_modes)]
    return Rig(
        name="ict-facekit",
        channels=ARKIT52,
        neutral=neutral,
        shapes=shapes,
        triangles=triangles,
        landmarks=landmarks,
        identity=np.stack(identity) if identity else np.zeros((0, _KEPT, 3), np.float32),
        colors=colors,
        material=material,
        contour=contour_candidates(neutral, landmarks, face),
        regions=face_regions(neutral, landmarks, face),
        head_weight=np.ones(_KEPT, np.float32),
        pivot=spine_top(neutral[landmarks]),
        normal_offset=np.zeros((_KEPT, 3), np.float32),
        meta={
            "source": "ICT-FaceKit Light, commit da5f95a, https://github.com/ICT-VGL/ICT-FaceKit",
            "licence": "MIT, Copyright (c) 2020 USC Institute for Creative Technologies",
        },
    )


def _tongue(neutral, triangles, jaw_open):
    """Mask (V,) of the tongue, which is one mesh with the gums: within its outline what turns away from its axis.

    jaw_open (V, 3) : offsets of jawOpen, which moves it
    """
    x, y, z = neutral.T
    mask = np.zeros(len(neutral), bool)
    mask[slice(*PARTS["gums"])] = True
    mask &= (np.abs(jaw_open).max(1) > _WITH_JAW_MM) & (z > _TONGUE_Z[0]) & (z < _TONGUE_Z[-1])
    mask &= (np.abs(x) < np.interp(z, _TONGUE_Z, _TONGUE_HALF_WIDTH)) & (y > _TONGUE_BELOW)
    normals = vertex_normals(neutral, triangles)
    return mask & (normals[:, 0] * x + normals[:, 1] * (y - _TONGUE_AXIS) > 0)


def _tongue_out(neutral, triangles, jaw_open):
    """Offsets (V, 3) of tongueOut, which ICT-FaceKit lacks: the tongue slides forward over the lower lip."""
    x, y, z = neutral.T
    along = np.clip((z - _TONGUE_Z[0]) / (_TONGUE_Z[-1] - _TONGUE_Z[0]), 0, 1) * _tongue(neutral, triangles, jaw_open)
    out = np.clip(along / 0.8, 0, 1) ** 2 * (3 - 2 * np.clip(along / 0.8, 0, 1))
    up = 5.0 * out - 9.0 * (np.maximum(along - 0.6, 0) / 0.4) ** 1.4 - 0.45 * out * (y - _TONGUE_AXIS)
    return np.stack([-0.25 * x * out, up, 34.0 * out], -1).astype(np.float32)


def _turn_eyes(shapes, neutral):
    """Add the eyeballs' rotation at weight 1 to the gaze shapes (52, V, 3), in place."""
    for part, side, outward in (("eye_left", "Left", 1), ("eye_right", "Right", -1)):
        ball = slice(*PARTS[part])
        points = neutral[ball]
        centre = (points.min(0) + points.max(0)) / 2
        for direction, pitch, yaw in (("Up", -1, 0), ("Down", 1, 0), ("Out", 0, outward), ("In", 0, -outward)):
            turn = matrix_from_euler([pitch * _LOOK_UP_RAD, yaw * _LOOK_ASIDE_RAD, 0])
            shapes[ARKIT52.index(f"eyeLook{direction}{side}"), ball] += (points - centre) @ (turn.T - np.eye(3))
