"""The cast: the demo actors' heads, sculpted once and kept in one file.

Sculpting a head takes seconds and every clip is drawn by a process of its own, so what drawing needs is stored: one
copy of what all actors share (blendshapes, landmarks) and for each actor the neutral face with the identity built in,
its hair and its colours.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass

import numpy as np

from speechface.errors import RigError
from speechface.files import write_npz
from speechface.rig.rig import Rig

__all__ = ["Member", "pack", "unpack", "save_cast", "load_member", "member_digest", "sculpt"]

_SHARED = ("landmarks", "contour", "pivot")


@dataclass(frozen=True)
class Member:
    """A demo actor ready to be drawn: `rig` with the identity built into its neutral face and no identity modes;
    `identity` (20,) the coefficients; `look` and `style` JSON values; `sex`."""

    rig: Rig
    identity: np.ndarray
    look: dict
    style: str
    sex: str


def _plain(value):
    """Return `value` with arrays and dataclasses as lists and dicts, for JSON."""
    if hasattr(value, "__dataclass_fields__"):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def pack(actors):
    """Turn actors into arrays for one file.

    Parameters
    ----------
    actors : dict of int -> Actor
        By number; an Actor has `rig`, `identity`, `look`, `style` and `sex` (`speechface.rig.builtin.actor`). Their
        rigs share the vertices that blendshapes move, in the same order, and come with hair after them.

    Returns
    -------
    arrays : dict of str -> ndarray
        Names without a slash are shared, ``7/neutral`` belongs to actor 7. Colours have 8 bits, offsets 16.
    """
    first = next(iter(actors.values())).rig
    moved = np.abs(first.shapes).max((0, 2)) > 0
    n_moved = int(np.nonzero(moved)[0].max()) + 1
    arrays = {name: getattr(first, name) for name in _SHARED}
    arrays["shapes"] = first.shapes[:, :n_moved].astype(np.float16)
    arrays |= {f"region/{name}": index.astype(np.int32) for name, index in sorted(first.regions.items())}
    for number, actor in sorted(actors.items()):
        rig = actor.rig
        if rig.shapes[:, n_moved:].any() or not np.array_equal(rig.shapes[:, :n_moved], first.shapes[:, :n_moved]):
            raise RigError(f"demo actor {number}: blendshapes differ from the other actors'")
        facts = {"look": _plain(actor.look), "style": _plain(actor.style), "sex": actor.sex, "name": rig.name}
        own = {
            "neutral": rig.mesh(None, actor.identity).astype(np.float32),
            "triangles": rig.triangles.astype(np.int32),
            "colors": np.round(rig.colors * 255).astype(np.uint8),
            "material": np.round(rig.material * 255).astype(np.uint8),
            "head_weight": np.round(rig.head_weight * 255).astype(np.uint8),
            "normal_offset": rig.normal_offset.astype(np.float16),
            "identity": np.asarray(actor.identity, np.float32),
            "facts": np.array(json.dumps(facts, sort_keys=True)),
        }
        arrays |= {f"{number}/{name}": array for name, array in own.items()}
    return arrays


def unpack(arrays, number):
    """Return the Member `number` from arrays made by `pack` (a dict, or an open npz file read lazily)."""
    own = {name: arrays[f"{number}/{name}"] for name in ("neutral", "triangles", "identity")}
    scaled = {
        name: arrays[f"{number}/{name}"].astype(np.float32) / 255 for name in ("colors", "material", "head_weight")
    }
    facts = json.loads(str(arrays[f"{number}/facts"]))
    moving = arrays["shapes"]
    n_vertices = len(own["neutral"])
    shapes = np.zeros((len(moving), n_vertices, 3), np.float32)
    shapes[:, : moving.shape[1]] = moving
    rig = Rig(
        name=facts["name"],
        neutral=own["neutral"],
        shapes=shapes,
        triangles=own["triangles"],
        identity=np.zeros((0, n_vertices, 3), np.float32),
        normal_offset=arrays[f"{number}/normal_offset"].astype(np.float32),
        regions={name.split("/", 1)[1]: arrays[name] for name in arrays if name.startswith("region/")},
        **scaled,
        **{name: arrays[name] for name in _SHARED},
    )
    return Member(rig, own["identity"], facts["look"], facts["style"], facts["sex"])


def save_cast(path, numbers):
    """Sculpt actors `numbers` and write them to one .npz file, the same bytes every time."""
    from speechface.rig import builtin

    write_npz(path, pack({number: builtin.actor(number) for number in numbers}))


@contextlib.contextmanager
def _opened(path, number):
    """Open a cast that holds actor `number`."""
    if not os.path.exists(path):
        raise RigError(f"cast {path}: no such file; build it with 'speechface build-cast'")
    with np.load(path, allow_pickle=False) as arrays:
        if f"{number}/neutral" not in arrays:
            raise RigError(f"cast {path}: no actor {number} in it; build it again with 'speechface build-cast'")
        yield arrays


def load_member(path, number):
    """Read one actor from a file of `save_cast`; RigError if the file is absent or lacks the actor."""
    with _opened(path, number) as arrays:
        return unpack(arrays, number)


def member_digest(path, number):
    """Return a text that changes when the stored actor does, and not when other actors come or go; errors as above."""
    with _opened(path, number) as arrays:
        sums = [
            (entry.filename, entry.CRC, entry.file_size)
            for entry in arrays.zip.infolist()
            if entry.filename.startswith(f"{number}/") or not entry.filename.split("/")[0].isdigit()
        ]
    return hashlib.sha256(json.dumps(sorted(sums)).encode()).hexdigest()


def sculpt(number):
    """Build one actor without a file: equal to the one that `load_member` reads, but takes seconds."""
    from speechface.rig import builtin

    return unpack(pack({number: builtin.actor(number)}), number)
