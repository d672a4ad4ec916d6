"""Binary glTF 2.0: read a file, add to its buffer, write it."""

import json
import operator
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from speechface.errors import MediaError

__all__ = ["FLOAT", "Document", "read_glb"]

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
FLOAT = 5126
_COMPONENTS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": FLOAT}
_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}


class Document:
    """The JSON of a .glb and the parts of its one buffer, to which accessors are added.

    Parameters
    ----------
    content : dict, the JSON; changed in place
    data : bytes that the buffer holds already
    """

    def __init__(self, content: dict[str, Any], data: bytes = b"") -> None:
        self.json = content
        self._parts = [data]
        self._length = len(data)

    def add(self, key: str, item: dict[str, Any]) -> int:
        """Append an item to one of the top-level arrays and return its index."""
        items = self.json.setdefault(key, [])
        items.append(item)
        return len(items) - 1

    def use(self, extension: str, *, required: bool = False) -> None:
        """Say that the file uses an extension."""
        for key in ("extensionsUsed", "extensionsRequired")[: 1 + required]:
            names = self.json.setdefault(key, [])
            if extension not in names:
                names.append(extension)

    def append(self, data: bytes) -> int:
        """Put bytes at the next multiple of four of the buffer and return their offset."""
        padding = -self._length % 4
        self._parts += [bytes(padding), data]
        offset = self._length + padding
        self._length = offset + len(data)
        return offset

    def view(self, data: bytes, **more: Any) -> int:
        """Add bytes as a buffer view; `more` are its other keys."""
        place = {"buffer": 0, "byteOffset": self.append(data), "byteLength": len(data)}
        return self.add("bufferViews", place | more)

    def accessor(
        self,
        values: np.ndarray,
        *,
        bounds: bool = False,
        normalized: bool = False,
        view: int | None = None,
        **more: Any,
    ) -> int:
        """Add an array (n, ...) as an accessor; `view` is a buffer view that holds it, `more` are keys of a new one."""
        values = np.ascontiguousarray(values)
        item: dict[str, Any] = {
            "bufferView": self.view(values.tobytes(), **more) if view is None else view,
            "componentType": _COMPONENTS[values.dtype.name],
            "count": len(values),
            "type": _TYPES[values.shape[1:]],
        }
        if normalized:
            item["normalized"] = True
        if bounds:
            item |= _bounds(values)
        return self.add("accessors", item)

    def sparse(self, count: int, index: np.ndarray, values: np.ndarray) -> int:
        """Add an accessor of `count` rows that are 0 but for `values` (n, 3) at the rising `index` (n,).

        values : float32, or whole numbers of which the largest stands for 1 (normalized)
        """
        item: dict[str, Any] = {"componentType": _COMPONENTS[values.dtype.name], "count": count, "type": "VEC3"}
        if values.dtype.kind != "f":
            item["normalized"] = True
        if len(index):
            kind = np.uint16 if count <= 0x10000 else np.uint32
            item["sparse"] = {
                "count": len(index),
                "indices": {
                    "bufferView": self.view(index.astype(kind).tobytes()),
                    "componentType": _COMPONENTS[kind.__name__],
                },
                "values": {"bufferView": self.view(np.ascontiguousarray(values).tobytes())},
            }
        rest = np.zeros((int(len(index) < count), 3), values.dtype)
        return self.add("accessors", item | _bounds(np.concatenate([values, rest])))

    def animate(self, name: str, tracks: Sequence[tuple[int, str, int]], times: int) -> None:
        """Add an animation: tracks (node, path, accessor of the values) over the accessor of the times."""
        samplers = list(dict.fromkeys(values for _, _, values in tracks))
        self.add("animations", {
            "name": name,
            "samplers": [{"input": times, "output": values, "interpolation": "LINEAR"} for values in samplers],
            "channels": [{"sampler": samplers.index(values), "target": {"node": node, "path": path}}
                         for node, path, values in tracks],
        })  # fmt: skip

    def to_bytes(self) -> bytes:
        """The whole .glb."""
        self.json.setdefault("buffers", [{}])[0]["byteLength"] = self._length
        text = json.dumps(self.json, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        data = b"".join(self._parts) + bytes(-self._length % 4)
        head = struct.pack("<III", _MAGIC, 2, 28 + len(text) + len(data))
        return b"".join([head, struct.pack("<II", len(text), _JSON), text, struct.pack("<II", len(data), _BIN), data])


def _bounds(values: np.ndarray) -> dict[str, Any]:
    rows = values.reshape(len(values), -1)
    return {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}


def read_glb(content: bytes, name: str) -> Document:
    """Read the bytes of a .glb (.vrm, .vrma); `name` stands in the MediaError of one that is none."""
    if len(content) < 20 or struct.unpack_from("<I", content)[0] != _MAGIC:
        raise MediaError(f"{name}: no binary glTF; give a .glb or .vrm (a .gltf with files beside it: pack it as .glb)")
    version, length = struct.unpack_from("<II", content, 4)
    if version != 2 or length > len(content):
        raise MediaError(
            f"{name}: glTF of version {version}, {len(content)} of {length} bytes; expected a whole file of 2"
        )
    chunks: dict[int, bytes] = {}
    place = 12
    while place + 8 <= length:
        size, kind = struct.unpack_from("<II", content, place)
        chunks.setdefault(kind, content[place + 8 : place + 8 + size])
        place += 8 + size
    try:
        parsed = json.loads(chunks[_JSON])
        buffer = (parsed.get("buffers") or [{"byteLength": 0}])[0]
        held = operator.index(buffer["byteLength"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise MediaError(f"{name}: the JSON of the glTF cannot be read; export the avatar again") from None
    if "uri" in buffer:
        raise MediaError(f"{name}: its buffer is in another file; pack it as one .glb")
    return Document(parsed, chunks.get(_BIN, b"")[:held])
