"""The demo actors' heads, built once and stored in one file.

Building a head takes seconds, so what drawing needs is stored: one copy of what all actors share (blendshapes,
landmarks) and for each actor the neutral face with the identity built in, its hair and its colours.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechface.errors import RigError
from speechface.files import write_npz
from speechface.rig.rig import Rig
from speechface.seals import check_zip

__all__ = ["DemoActor", "actor_digest", "load_actor", "pack", "save_actors", "unpack"]

_SHARED = ("landmarks", "contour", "pivot")


@dataclass(frozen=True)
class DemoActor:
    """A demo actor ready to be drawn: `rig` with the identity built into its neutral face and no identity modes;
    `identity` (20,) the coefficients; `look` and `style` JSON values; `sex`."""

    rig: Rig
    identity: np.ndarray
    look: dict
    style: str
    sex: str


def _plain(value: Any) -> Any:
    """Return `value` with arrays and dataclasses as lists and dicts, for JSON."""
    if hasattr(value, "__dataclass_fields__"):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def pack(actors: Mapping[int, Any]) -> dict[str, np.ndarray]:
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
    arrays["channels"] = np.array(first.channels)
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


def unpack(arrays: Mapping[str, np.ndarray], number: int) -> DemoActor:
    """Return actor `number` from arrays made by `pack` (a dict, or an open npz file read lazily)."""
    own = {name: arrays[f"{number}/{name}"] for name in ("neutral", "triangles", "identity")}
    scaled: dict[str, Any] = {
        name: arrays[f"{number}/{name}"].astype(np.float32) / 255 for name in ("colors", "material", "head_weight")
    }
    shared: dict[str, Any] = {name: arrays[name] for name in _SHARED}
    facts = json.loads(str(arrays[f"{number}/facts"]))
    moving = arrays["shapes"]
    n_vertices = len(own["neutral"])
    shapes = np.zeros((len(moving), n_vertices, 3), np.float32)
    shapes[:, : moving.shape[1]] = moving
    rig = Rig(
        name=facts["name"],
        channels=tuple(map(str, arrays["channels"])),
        neutral=own["neutral"],
        shapes=shapes,
        triangles=own["triangles"],
        identity=np.zeros((0, n_vertices, 3), np.float32),
        normal_offset=arrays[f"{number}/normal_offset"].astype(np.float32),
        regions={name.split("/", 1)[1]: arrays[name] for name in arrays if name.startswith("region/")},
        **scaled,
        **shared,
    )
    return DemoActor(rig, own["identity"], facts["look"], facts["style"], facts["sex"])


def save_actors(path: str | os.PathLike, numbers: Iterable[int]) -> None:
    """Build actors `numbers` and write them to one .npz file, the same bytes every time."""
    from speechface.rig import builtin

    write_npz(path, pack({number: builtin.actor(number) for number in numbers}))


@contextlib.contextmanager
def _opened(path: str | os.PathLike, number: int) -> Iterator[Any]:
    """Open a file that holds actor `number`."""
    if not os.path.exists(path):
        raise RigError(f"demo actors {path}: no such file; build it with 'speechface make-demo-actors'")
    check_zip(path, RigError)
    with np.load(path, allow_pickle=False) as arrays:
        if f"{number}/neutral" not in arrays:
            raise RigError(
                f"demo actors {path}: no actor {number} in it; build it again with 'speechface make-demo-actors'"
            )
        yield arrays


def load_actor(path: str | os.PathLike, number: int) -> DemoActor:
    """Read one actor from a file of `save_actors`; RigError if the file is absent or lacks the actor."""
    with _opened(path, number) as arrays:
        return unpack(arrays, number)


def actor_digest(path: str | os.PathLike, number: int) -> str:
    """Return a text that changes when the stored actor does, and not when other actors come or go; errors as above."""
    with _opened(path, number) as arrays:
        sums = [
            (entry.filename, entry.CRC, entry.file_size)
            for entry in arrays.zip.infolist()
            if entry.filename.startswith(f"{number}/") or not entry.filename.split("/")[0].isdigit()
        ]
    return hashlib.sha256(json.dumps(sorted(sums)).encode()).hexdigest()
