"""The speaking head as binary glTF: for Blender, Unreal, Unity, Godot, three.js and what else reads .glb.

Scene: the bones ``Body`` and ``Head``, one mesh of the parts that shapes move (``Face``, a primitive with its material
a part: skin, eyes, teeth, tongue, lashes) and one of the others (``Bust``: hair, shirt).
Morph targets carry the rig's names (``extras.targetNames``). The animation drives their weights and the rotation of
``Head``; the neck bends by the skin weights. The sound lies in the file (extension KHR_audio_emitter), where readers
that do not know it pass it by. Metres, +y up, +z out of the face.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from speechface import __version__
from speechface.export.animation import Animation
from speechface.export.gltf import Document
from speechface.export.head_mesh import Part, cut, longest, normals_of
from speechface.export.meshopt import encode_attributes, encode_triangles
from speechface.export.sound import encoded
from speechface.files import write_file
from speechface.geometry.mesh import NormalField
from speechface.geometry.rotation import quaternion_from_euler

__all__ = ["MESHOPT", "PLAIN", "add_times"]

LOG = logging.getLogger(__name__)

_ARRAY, _ELEMENTS = 34962, 34963
_SHORT, _BYTE = 32767, 127
#: Offsets shorter than this, mm, are left out of all shapes; of a rig with more than so many, more coarsely, and then
#: positions are steps of 1/32767 m (KHR_mesh_quantization) and normals stay, so that the file stays within some 3 MB.
FINE_MM, COARSE_MM, _MANY = 0.03, 0.1, 200_000
#: Index of the bone's node.
_HEAD = 1


class _Head:
    """Writes one head; `compressed` by EXT_meshopt_compression and KHR_mesh_quantization, or in plain glTF."""

    def __init__(self, *, compressed: bool) -> None:
        self._compressed = compressed
        self.SUFFIX = ".meshopt.glb" if compressed else ".glb"
        self.DESCRIPTION = (
            "the speaking head, compressed (EXT_meshopt_compression), for web pages" if compressed
            else "the speaking head, for Blender, Unreal, Unity, three.js"
        )  # fmt: skip

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.glb`` (``<name>.meshopt.glb``) into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        write_file(path, _Writer(animation, compressed=self._compressed).document.to_bytes())
        return path


class _Writer:
    def __init__(self, animation: Animation, *, compressed: bool) -> None:
        self.rig, self.compressed = animation.rig, compressed
        self.document = Document({
            "asset": {"version": "2.0", "generator": f"speechface {__version__}"},
            "scene": 0,
            "scenes": [{"name": animation.name, "nodes": [0]}],
            "buffers": [{}],
        })  # fmt: skip
        if compressed:
            self._fallback = self.document.add("buffers", {
                "byteLength": 0, "extensions": {"EXT_meshopt_compression": {"fallback": True}},
            })  # fmt: skip
            self.document.use("EXT_meshopt_compression", required=True)
        large = np.count_nonzero(longest(self.rig.shapes) > FINE_MM) > _MANY
        self.quantized = compressed or large
        if self.quantized:
            self.document.use("KHR_mesh_quantization", required=True)
        self._bones()
        parts = cut(self.rig, ordered=compressed, still_mm=COARSE_MM if large else FINE_MM)
        normals = self._normal_offsets(parts) if compressed and not large else {}
        face = self._mesh("Face", [part for part in parts if part.moves], normals)
        if any(not part.moves for part in parts):
            self._mesh("Bust", [part for part in parts if not part.moves], {})
        self._animate(animation, face)
        if animation.sound is not None:
            add_sound(self.document, animation)

    def _bones(self) -> None:
        document, pivot = self.document, self.rig.pivot.astype(float) / 1000
        document.add("nodes", {"name": "Body", "children": [_HEAD]})
        document.add("nodes", {"name": "Head", "translation": pivot.tolist()})
        inverse = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
        inverse[1, 3, :3] = -pivot  # columns first
        document.add("skins", {"joints": [0, _HEAD], "skeleton": 0, "inverseBindMatrices": document.accessor(inverse)})

    def _mesh(self, name: str, parts: list[Part], normals: dict[str, np.ndarray]) -> int:
        """Add a mesh and its node; return the node."""
        document = self.document
        mesh: dict[str, Any] = {
            "name": name,
            "primitives": [self._primitive(part, normals.get(part.name)) for part in parts],
        }
        if parts and parts[0].moves:
            mesh["weights"] = [0.0] * len(self.rig.channels)
            mesh["extras"] = {"targetNames": list(self.rig.channels)}
        node = document.add("nodes", {"name": name, "mesh": document.add("meshes", mesh), "skin": 0})
        document.json["scenes"][0]["nodes"].append(node)
        return node

    def _primitive(self, part: Part, normals: np.ndarray | None) -> dict[str, Any]:
        document, n = self.document, len(part.vertices)
        strongest = np.maximum(part.color.max(0), 1 / 255)
        color = np.full((n, 4), 255, np.uint8)
        color[:, :3] = np.round(part.color / strongest * 255)
        share = np.round(part.head_weight * 255).astype(np.uint8)
        joints, weights = np.zeros((n, 4), np.uint8), np.zeros((n, 4), np.uint8)
        joints[:, 0], weights[:, 0] = share > 0, np.where(share > 0, share, 255)
        weights[:, 1] = np.where(share > 0, 255 - share, 0)
        attributes = {
            "POSITION": self._vectors(part.neutral, _SHORT, bounds=True),
            "NORMAL": self._vectors(part.normals, _BYTE),
            "COLOR_0": self._accessor(color, normalized=True),
            "JOINTS_0": self._accessor(joints),
            "WEIGHTS_0": self._accessor(weights, normalized=True),
        }
        material = document.add("materials", {
            "name": part.name,
            "pbrMetallicRoughness": {
                "baseColorFactor": [*np.round(strongest.astype(float), 5).tolist(), 1.0],
                "metallicFactor": 0.0, "roughnessFactor": round(0.75 - 0.6 * part.gloss, 3),
            },
        })  # fmt: skip
        primitive: dict[str, Any] = {"attributes": attributes, "indices": self._triangles(part), "material": material}
        if part.moves:
            primitive["targets"] = self._targets(part, normals)
        return primitive

    def _targets(self, part: Part, normals: np.ndarray | None) -> list[dict[str, int]]:
        still, targets = None, []
        for k, offset in enumerate(part.offsets):
            moved = np.nonzero(longest(offset))[0]
            if not len(moved):
                still = (
                    self.document.sparse(len(offset), moved, np.zeros((0, 3), np.float32)) if still is None else still
                )
                targets.append({"POSITION": still})
                if normals is not None:
                    targets[-1]["NORMAL"] = still
            elif self.compressed:
                targets.append({"POSITION": self._vectors(offset, _SHORT, bounds=True)})
                if normals is not None:
                    targets[-1]["NORMAL"] = self._vectors(normals[k], _BYTE)
            elif len(moved) * 14 < len(offset) * 12:
                values = _steps(offset[moved], _SHORT) if self.quantized else offset[moved].astype(np.float32)
                targets.append({"POSITION": self.document.sparse(len(offset), moved, values)})
            else:
                targets.append({"POSITION": self._vectors(offset, _SHORT, bounds=True)})
        return targets

    def _normal_offsets(self, parts: list[Part]) -> dict[str, np.ndarray]:
        """By part: how the normals turn (C, n, 3) at weight 1, where vertices or their neighbours move."""
        rig, field = self.rig, NormalField(self.rig.triangles, len(self.rig.neutral))
        rest = normals_of(field, rig.neutral, rig.normal_offset)
        changes = np.empty((len(rig.channels), *rest.shape), np.float32)
        for k, shape in enumerate(rig.shapes):
            changes[k] = normals_of(field, rig.neutral + shape, rig.normal_offset) - rest
        changes[longest(changes) < 2 / _BYTE] = 0
        return {part.name: changes[:, part.vertices].clip(-1, 1) for part in parts if part.moves}

    def _vectors(self, values: np.ndarray, largest: int, *, bounds: bool = False) -> int:
        """Vectors (n, 3) as float32, or in steps of 1 / `largest`."""
        if not self.quantized:
            return self.document.accessor(values.astype(np.float32), bounds=bounds, target=_ARRAY)
        return self._accessor(_steps(values, largest), normalized=True, bounds=bounds)

    def _accessor(self, values: np.ndarray, *, normalized: bool = False, bounds: bool = False) -> int:
        padded = np.zeros((len(values), -(-values[0].nbytes // 4) * 4 // values.itemsize), values.dtype)
        padded[:, : values.shape[1]] = values
        stride = padded[0].nbytes
        if self.compressed:
            view = self._compressed_view(encode_attributes(padded), len(values), stride, "ATTRIBUTES", _ARRAY)
            self.document.json["bufferViews"][view]["byteStride"] = stride
        else:
            view = self.document.view(padded.tobytes(), byteStride=stride, target=_ARRAY)
        return self.document.accessor(values, view=view, normalized=normalized, bounds=bounds)

    def _triangles(self, part: Part) -> int:
        index = part.triangles.astype(np.uint16 if len(part.vertices) < 0xFFFF else np.uint32).ravel()
        if not self.compressed:
            return self.document.accessor(index, target=_ELEMENTS)
        data = encode_triangles(part.triangles)
        view = self._compressed_view(data, len(index), index.itemsize, "TRIANGLES", _ELEMENTS)
        return self.document.accessor(index, view=view)

    def _compressed_view(self, data: bytes, count: int, stride: int, mode: str, target: int) -> int:
        fallback = self.document.json["buffers"][self._fallback]
        start = fallback["byteLength"]
        fallback["byteLength"] = start + -(-count * stride // 4) * 4
        place = {"buffer": 0, "byteOffset": self.document.append(data), "byteLength": len(data)}
        return self.document.add("bufferViews", {
            "buffer": self._fallback, "byteOffset": start, "byteLength": count * stride, "target": target,
            "extensions": {"EXT_meshopt_compression": place | {"byteStride": stride, "count": count, "mode": mode}},
        })  # fmt: skip

    def _animate(self, animation: Animation, face: int) -> None:
        weights = animation.weights
        if self.compressed:
            steps = np.round(weights.clip(0, 1) * 65535).astype(np.uint16)
            values = self.document.accessor(steps.ravel(), normalized=True)
        else:
            values = self.document.accessor(weights.ravel())
        turns = self.document.accessor(quaternion_from_euler(animation.rotations).astype(np.float32))
        tracks = [(face, "weights", values), (_HEAD, "rotation", turns)]
        self.document.animate(animation.name, tracks, add_times(self.document, animation))


def _steps(values: np.ndarray, largest: int) -> np.ndarray:
    """Numbers in [-1, 1] -> steps of 1 / `largest`."""
    return np.round(values * largest).clip(-largest, largest).astype(np.int16 if largest == _SHORT else np.int8)


def add_times(document: Document, animation: Animation) -> int:
    """Add the accessor of the frames' times, seconds."""
    return document.accessor(animation.times.astype(np.float32), bounds=True)


def add_sound(document: Document, animation: Animation) -> None:
    """Put the sound into the file, heard everywhere in the scene (KHR_audio_emitter)."""
    assert animation.sound is not None
    view = document.view(encoded(animation.sound.samples, animation.sound.sr))
    document.use("KHR_audio_emitter")
    document.json.setdefault("extensions", {})["KHR_audio_emitter"] = {
        "audio": [{"bufferView": view, "mimeType": "audio/mpeg"}],
        "sources": [{"audio": 0, "gain": 1.0, "autoPlay": True, "loop": False}],
        "emitters": [{"type": "global", "gain": 1.0, "sources": [0]}],
    }
    document.json["scenes"][0].setdefault("extensions", {})["KHR_audio_emitter"] = {"emitters": [0]}


PLAIN, MESHOPT = _Head(compressed=False), _Head(compressed=True)
