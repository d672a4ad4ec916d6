"""The builtin head as a rig."""

from functools import lru_cache

import numpy as np

from speechface.geometry import ibug
from speechface.geometry.mesh import vertex_normals
from speechface.rig.builtin.body import add_bust, add_ears
from speechface.rig.builtin.eyes import add_brows, add_eyes, add_lashes
from speechface.rig.builtin.field import normals, smoothstep
from speechface.rig.builtin.hair import add_hair
from speechface.rig.builtin.identity import MODES, identity_modes
from speechface.rig.builtin.landmarks import jaw_contour, landmark_vertices
from speechface.rig.builtin.looks import DEFAULT_LOOK, Look, ambient_light, paint
from speechface.rig.builtin.mesh import HeadMesh
from speechface.rig.builtin.mouth import add_teeth, add_tongue
from speechface.rig.builtin.shapes import blendshapes
from speechface.rig.builtin.skin import build_skin
from speechface.rig.channels import ARKIT52
from speechface.rig.rig import Rig

__all__ = ["build", "VERSION", "PIVOT"]

#: Raise when vertices, shapes or identity modes change.
VERSION = 3
#: Where the skull sits on the neck, mm.
PIVOT = np.array([0.0, -62.0, -92.0], np.float32)
#: Shapes and modes are rounded to this, mm: invisible, and the file shrinks by a third.
_STEP_MM = 1 / 128


class _Face:
    """What all actors share: the mesh without hair, its shapes, modes and light."""

    def __init__(self):
        mesh = build_skin()
        add_eyes(mesh)
        add_lashes(mesh)
        add_brows(mesh)
        add_teeth(mesh)
        add_tongue(mesh)
        add_ears(mesh)
        add_bust(mesh)
        self.mesh = mesh
        self.shapes = _rounded(blendshapes(mesh))
        self.identity = _rounded(identity_modes(mesh))
        self.landmarks = landmark_vertices(mesh)
        self.contour = jaw_contour(mesh, self.landmarks)
        self.normal_offset = _normal_offset(mesh)
        self.light = ambient_light(mesh)
        self.regions = _regions(mesh, self.landmarks)


def _normal_offset(mesh):
    """What the mesh's normals lack to the exact ones (V, 3), where vertices are sparse: neck and back of the head."""
    skin = np.nonzero(mesh.is_part("skin"))[0]
    points = mesh.vertices[skin]
    sparse = np.maximum(smoothstep(-points[:, 2], 40, 60), smoothstep(-points[:, 1], 112, 125))
    offset = np.zeros_like(mesh.vertices)
    missing = normals(points) - vertex_normals(mesh.vertices, mesh.triangles)[skin]
    offset[skin] = sparse[:, None] * missing
    return offset


def _rounded(offsets):
    return (np.round(offsets / _STEP_MM) * _STEP_MM).astype(np.float32)


@lru_cache(maxsize=1)
def _face():
    return _Face()


def _regions(mesh, landmarks):
    """Vertex sets for metrics and images."""
    x, y, z = mesh.vertices.T
    skin = mesh.is_part("skin")
    lip = skin & (mesh.tag("lip", -1.0) >= 0)
    front = skin & (z > -62) & (y > -115)
    mouth = front & (np.abs(x) < 40) & (y < -48) & (y > -100)
    sets = {
        "lips": lip,
        "mouth": mouth,
        "upper_face": front & (y > -25) & (y < 75),
        "eyes": front & (np.hypot((np.abs(x) - 31.5) / 1.3, y) < 15),
        "brows": mesh.is_part("brow"),
        "face": front & (y < 75),
        "shared": np.ones(len(mesh), bool),
    }
    owned = {"lips": ibug.MOUTH, "mouth": ibug.MOUTH, "eyes": ibug.EYES, "brows": ibug.BROWS}
    for name, part in owned.items():
        sets[name][landmarks[part]] = True
    return {name: np.nonzero(mask)[0].astype(np.int32) for name, mask in sets.items()}


def _head_weight(mesh):
    """Share (V,) of the head's rotation that a vertex follows: the neck bends towards the shoulders."""
    _, y, z = mesh.vertices.T
    height = y + 0.45 * (z + 92)
    weight = smoothstep(height, -172, -92)
    weight[mesh.is_part("shirt")] = 0
    inside = mesh.is_part("bag", "tongue", "teeth_upper", "teeth_lower", "gum", "eye_left", "eye_right", "lash", "ear")
    weight[inside] = 1
    return weight.astype(np.float32)


def _copy(mesh):
    return HeadMesh(mesh.vertices, mesh.triangles, mesh.part, list(mesh.names), dict(mesh.tags), mesh.loops)


def build(*, identity_modes: int = 20, look: Look | None = None, style: str | None = None, seed: int = 0) -> Rig:
    """Build the builtin head.

    Parameters
    ----------
    identity_modes : int
        Modes to keep, at most 20 (`identity.MODES` names them).
    look : Look, optional
        Colours; None takes the default person.
    style : str, optional
        Hair style (`hair.STYLES`); None takes "short".
    seed : int
        Seed of the locks of hair.

    Returns
    -------
    Rig
        The first ``meta["n_shared"]`` vertices, their triangles, shapes, identity modes, landmarks, contour and
        regions are the same for every look and style; hair comes after them. The same arguments give the same rig.
    """
    face = _face()
    look, style = look or DEFAULT_LOOK, style or "short"
    mesh = _copy(face.mesh)
    n = len(mesh)
    tilt = add_hair(mesh, style, seed=seed)
    n_hair = len(mesh) - n
    light = np.concatenate([face.light, np.ones(n_hair)])
    colors, material = paint(mesh, look, style, light)
    modes = face.identity[:identity_modes]
    if n_hair:
        modes = np.concatenate([modes, _hair_modes(mesh, n)[: len(modes)]], 1)
    return Rig(
        name="builtin",
        channels=ARKIT52,
        neutral=mesh.vertices.astype(np.float32),
        shapes=np.concatenate([face.shapes, np.zeros((len(ARKIT52), n_hair, 3), np.float32)], 1),
        triangles=mesh.triangles.astype(np.int32),
        landmarks=face.landmarks,
        identity=modes,
        colors=colors,
        material=material,
        contour=face.contour,
        regions=face.regions,
        head_weight=_head_weight(mesh),
        pivot=PIVOT,
        normal_offset=np.concatenate([face.normal_offset, tilt]).astype(np.float32),
        meta={"source": "procedural, speechface.rig.builtin", "licence": "as the package", "version": VERSION,
              "n_shared": n, "style": style, "identity_modes": list(MODES[:identity_modes])},
    )  # fmt: skip


def _hair_modes(mesh, first):
    """Identity modes of the hair alone."""
    hair = HeadMesh()
    hair.add("hair", mesh.vertices[first:])
    return _rounded(identity_modes(hair))
