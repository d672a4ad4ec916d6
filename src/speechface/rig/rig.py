"""The rig: one structure for the builtin head, ICT-FaceKit and any other face.

Units are millimetres; +x is the subject's left, +y up, +z out of the face.
"""

import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speechface.errors import RigError
from speechface.files import written_whole
from speechface.geometry import ibug
from speechface.rig.channels import columns, sides
from speechface.rig.points import Joined, Places, Vertices, places
from speechface.seals import check_zip

__all__ = ["Rig", "MINIMUM_DELTA_MM"]

#: Smaller offsets are not stored.
MINIMUM_DELTA_MM = 2e-3


@dataclass
class Rig:
    """A face that a weight for each of its channels, an identity vector and a head rotation move.

    Parameters
    ----------
    name : str
    channels : tuple of C str
        Names of the shapes, as `speechface.rig.channels` has them; the list of all that is made with the rig.
    neutral : ndarray (V, 3), float32, mm
    shapes : ndarray (C, V, 3), float32, mm
        Offsets at weight 1.
    triangles : ndarray (T, 3), int32, counter-clockwise seen from outside
    landmarks : ndarray (68,), int32
        Vertex of each iBUG landmark (dlib's order, subject's right jaw first).
    identity : ndarray (K, V, 3), float32, mm
        Identity modes, one standard deviation each.
    colors : ndarray (V, 3), float32, sRGB in [0, 1]
    material : ndarray (V, 2), float32 in [0, 1]
        Gloss and subsurface softness of each vertex, for the renderer.
    contour : ndarray (17, m), int32
        For every jaw landmark, the vertices its image may slide over, from under the jaw or the ear
        towards the middle of the face.
    regions : dict of str -> ndarray of int32
        Vertex sets. Always present: ``lips``, ``upper_face`` (metrics of meshes). ``part/skin``, ``part/eyes``,
        ``part/teeth``, ``part/tongue``, ``part/lashes``, ``part/hair`` and ``part/shirt``, as far as the face has them,
        are parts of their own in exports; vertices in none of them count as skin.
    head_weight : ndarray (V,), float32 in [0, 1]
        How far a vertex follows the head's rotation: 1 for the head, 0 for the shoulders.
    pivot : ndarray (3,), float32, mm
        Point that head rotation leaves in place.
    normal_offset : ndarray (V, 3), float32
        Added to computed vertex normals before shading (zeros where nothing is to be corrected).
    meta : dict
        JSON values: source, licence, version.
    """

    name: str
    channels: tuple[str, ...]
    neutral: np.ndarray
    shapes: np.ndarray
    triangles: np.ndarray
    landmarks: np.ndarray
    identity: np.ndarray
    colors: np.ndarray
    material: np.ndarray
    contour: np.ndarray
    regions: dict
    head_weight: np.ndarray
    pivot: np.ndarray
    normal_offset: np.ndarray
    meta: dict = field(default_factory=dict)

    def __post_init__(self):
        v, self.channels = len(self.neutral), tuple(self.channels)
        expected = {
            "neutral": (v, 3), "shapes": (len(self.channels), v, 3), "landmarks": (ibug.N_POINTS,), "colors": (v, 3),
            "material": (v, 2), "head_weight": (v,), "pivot": (3,), "normal_offset": (v, 3),
        }  # fmt: skip
        for name, shape in expected.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise RigError(f"rig '{self.name}': {name} has shape {found}, expected {shape}")
        if self.identity.ndim != 3 or self.identity.shape[1:] != (v, 3):
            raise RigError(f"rig '{self.name}': identity has shape {self.identity.shape}, expected (K, {v}, 3)")
        if self.contour.ndim != 2 or len(self.contour) != ibug.N_JAW:
            raise RigError(f"rig '{self.name}': contour has shape {self.contour.shape}, expected ({ibug.N_JAW}, m)")
        twice = [name for name in dict.fromkeys(self.channels) if self.channels.count(name) > 1]
        if twice:
            raise RigError(f"rig '{self.name}': channel '{twice[0]}' is there twice")
        missing = {"lips", "upper_face"} - set(self.regions)
        if missing:
            raise RigError(f"rig '{self.name}': vertex sets {sorted(missing)} are missing")

    def points(self, scheme: str) -> tuple[Vertices | Places | Joined, Vertices | None]:
        """Places of the n points of a scheme (`speechface.landmarks.detector.Profile`), and the vertices (j, m) that
        each point of the jaw line may slide over, None where they stay in their places."""
        if "+" in scheme:  # the points of several, the jaw line of the first
            (first, outline), *others = (self.points(part) for part in scheme.split("+"))
            return Joined((first, *(places for places, _ in others))), outline
        if scheme == "ibug68":
            return Vertices(self.landmarks), Vertices(self.contour)
        return places(self.name, len(self.neutral), scheme), None

    def on(self, channels: Sequence[str]) -> "Rig":
        """The same face with those of `channels` that it has a shape for, or two of one side each, which add up."""
        places = {name: columns(self.channels, [name]) or columns(self.channels, sides(name)) for name in channels}
        shapes = {name: self.shapes[found].sum(0) for name, found in places.items() if found}
        return replace(self, channels=tuple(shapes), shapes=np.stack(list(shapes.values())))

    def mesh(self, weights: np.ndarray | None = None, identity: np.ndarray | None = None) -> np.ndarray:
        """Vertices (V, 3), mm, of one face without head motion. weights (C,), identity (<= K,)."""
        vertices = self.neutral
        if identity is not None and len(identity):
            k = np.asarray(identity, np.float32)
            vertices = vertices + np.tensordot(k, self.identity[: len(k)], 1)
        if weights is not None:
            vertices = vertices + np.tensordot(np.asarray(weights, np.float32), self.shapes, 1)
        return vertices if vertices is not self.neutral else vertices.copy()

    def displacement(self, weights: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """Offsets from neutral, mm: weights (..., C), vertex indices (n,) -> (..., n, 3)."""
        weights = np.asarray(weights, np.float32)
        basis = self.shapes[:, vertices].reshape(len(self.channels), -1)
        return (weights @ basis).reshape(weights.shape[:-1] + (len(vertices), 3))

    def rotate_head(self, vertices: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """Turn the head by `rotation` (3, 3) about the pivot; the neck bends, the shoulders stay."""
        turned = (vertices - self.pivot) @ np.asarray(rotation, np.float32).T + self.pivot
        return vertices + self.head_weight[:, None] * (turned - vertices)

    def save(self, path: str | os.PathLike) -> None:
        """Write one .npz: sparse float16 shapes, the same bytes for the same rig."""
        index, value, offset = [], [], [0]
        for shape in self.shapes:
            moved = np.nonzero(np.abs(shape).max(1) > MINIMUM_DELTA_MM)[0]
            index.append(moved.astype(np.int32))
            value.append(shape[moved].astype(np.float16))
            offset.append(offset[-1] + len(moved))
        arrays = {
            "neutral": self.neutral.astype(np.float32),
            "shape_index": np.concatenate(index),
            "shape_value": np.concatenate(value),
            "shape_offset": np.array(offset, np.int32),
            "triangles": self.triangles.astype(np.int32),
            "landmarks": self.landmarks.astype(np.int32),
            "identity": self.identity.astype(np.float16),
            "colors": np.round(self.colors * 255).astype(np.uint8),
            "material": np.round(self.material * 255).astype(np.uint8),
            "contour": self.contour.astype(np.int32),
            "head_weight": np.round(self.head_weight * 255).astype(np.uint8),
            "pivot": np.asarray(self.pivot, np.float32),
            "normal_offset": self.normal_offset.astype(np.float16),
        }
        for name in sorted(self.regions):
            arrays["region/" + name] = np.asarray(self.regions[name], np.int32)
        header = {"name": self.name, "channels": list(self.channels), "meta": self.meta}
        arrays["header"] = np.array(json.dumps(header, sort_keys=True))
        with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, np.asarray(array, order="C"), allow_pickle=False)
                # a fixed time stamp: numpy.savez leaves it to zipfile's mood
                archive.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(),
                                 zipfile.ZIP_DEFLATED, 9)  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Rig":
        """Read a rig written by `save`. RigError names what a foreign file lacks."""
        if not os.path.exists(path):
            raise RigError(f"rig {path}: no such file; build it with 'speechface build-rig'")
        check_zip(path, RigError)
        with np.load(path, allow_pickle=False) as z:
            names = set(z.files)
            try:
                header = json.loads(str(z["header"]))
                channels = tuple(header["channels"])
                neutral = z["neutral"]
                shapes = np.zeros((len(channels), len(neutral), 3), np.float32)
                offset, index, value = z["shape_offset"], z["shape_index"], z["shape_value"]
                for k in range(len(channels)):
                    part = slice(offset[k], offset[k + 1])
                    shapes[k, index[part]] = value[part]
                return cls(
                    name=header["name"],
                    channels=channels,
                    neutral=neutral,
                    shapes=shapes,
                    triangles=z["triangles"],
                    landmarks=z["landmarks"],
                    identity=z["identity"].astype(np.float32),
                    colors=z["colors"].astype(np.float32) / 255,
                    material=z["material"].astype(np.float32) / 255,
                    contour=z["contour"],
                    regions={n.split("/", 1)[1]: z[n] for n in sorted(names) if n.startswith("region/")},
                    head_weight=z["head_weight"].astype(np.float32) / 255,
                    pivot=z["pivot"],
                    normal_offset=z["normal_offset"].astype(np.float32),
                    meta=header["meta"],
                )
            except KeyError as error:
                raise RigError(f"rig {path}: field {error} is missing; see docs/rigs.md for the format") from None
            except (ValueError, IndexError, TypeError, AttributeError) as error:
                raise RigError(f"rig {path}: its fields do not fit together ({error}); build it again") from None
