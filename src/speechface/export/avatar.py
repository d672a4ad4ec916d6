"""A user's own avatar, .glb or .vrm, with the animation added; nothing else in the file changes.

One buffer view's worth of curves is put behind the file's own data, so that compressed meshes and textures stay as they
are. Driven are, of the first kind that the file has: morph targets with ARKit's names in any of the usual spellings or
VRM expressions with such names; Oculus' visemes; VRM's presets. The head's node turns, and the eyes' where no target of
a mesh does it.
"""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from speechface.errors import ConfigError, MediaError
from speechface.export.animation import ARKIT_NAMES, Animation, gaze_angles
from speechface.export.glb import add_times
from speechface.export.gltf import Document, read_glb
from speechface.export.names import arkit_name, preset_name, viseme_name
from speechface.export.skeleton import Skeleton
from speechface.export.visemes import OCULUS, VRM_PRESETS, oculus_visemes, vrm_presets
from speechface.files import write_file
from speechface.rig.channels import on_channels

__all__ = ["DESCRIPTION", "SUFFIX", "animated", "read_avatar", "write"]

DESCRIPTION = "your own avatar (--avatar FILE.glb or .vrm), animated"
SUFFIX = ".avatar.glb"

#: (mesh, target) -> [(shape, weight)]: a target moves by the sum of the shapes' weights times these.
Bindings = dict[tuple[int, int], list[tuple[str, float]]]


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.<avatar's name>`` into `folder` and return its path.

    Raises
    ------
    ConfigError
        Without an avatar.
    MediaError
        If the avatar is no binary glTF or has no target that speech moves.
    """
    if not animation.avatar_file:
        raise ConfigError("format avatar needs the avatar: --avatar FILE.glb or FILE.vrm")
    source = Path(animation.avatar_file)
    document = read_avatar(source)
    path = folder / f"{animation.name}.{source.name}"
    write_file(path, animated(document, animation, str(source)).to_bytes())
    return path


def read_avatar(source: Path) -> Document:
    """Read an avatar; MediaError where it is no binary glTF or has no target that speech moves."""
    if source.suffix.lower() not in (".glb", ".vrm"):
        raise MediaError(f"{source}: expected an avatar as .glb or .vrm")
    try:
        content = source.read_bytes()
    except OSError as error:
        raise MediaError(f"{source}: the avatar cannot be read ({error.strerror})") from None
    document = read_glb(content, str(source))
    _language(document, str(source))
    return document


class _Language(NamedTuple):
    """How an avatar's targets are named: all shapes, their weights from ARKit's curves, and the targets' bindings."""

    shapes: tuple[str, ...]
    weights_of: Callable[[np.ndarray], np.ndarray]
    bindings: Bindings

    @property
    def told(self) -> set[str]:
        return {shape for bound in self.bindings.values() for shape, _ in bound}


def _language(document: Document, name: str) -> _Language:
    kinds: tuple[tuple[Callable[[str], str | None], tuple[str, ...], Callable[[np.ndarray], np.ndarray]], ...] = (
        (arkit_name, ARKIT_NAMES, lambda arkit: arkit),
        (viseme_name, OCULUS, oculus_visemes),
        (preset_name, VRM_PRESETS, vrm_presets),
    )
    for spelling, shapes, weights_of in kinds:
        found = _Language(shapes, weights_of, _bindings(document.json, spelling))
        if found.told & {"jawOpen", "aa"}:
            return found
    raise MediaError(
        f"{name}: no morph target that speech moves; expected ARKit's names (jawOpen, ...), Oculus' visemes "
        f"(viseme_aa, ...) or VRM expressions; it has {_some_names(document.json)}"
    )


def animated(document: Document, animation: Animation, name: str) -> Document:
    """Add the animation to an avatar; `name` stands in the error of one that cannot speak."""
    language = _language(document, name)
    shapes, weights_of, bindings = language
    told = language.told
    curves = _curves(weights_of(animation.arkit), shapes, told)
    if shapes is not ARKIT_NAMES:  # the lids, where ARKit names them beside visemes
        lids = _bindings(document.json, lambda text: arkit_name(text) if "blink" in text.lower() else None)
        bindings = lids | bindings
        curves |= _curves(animation.arkit, ARKIT_NAMES, {shape for bound in lids.values() for shape, _ in bound})
    tracks = _weight_tracks(document, bindings, curves)
    tracks += _turn_tracks(
        document, animation, turn_eyes=not any(shape.startswith(("eyeLook", "look")) for shape in told)
    )
    document.animate(animation.name, tracks, add_times(document, animation))
    return document


def _curves(weights: np.ndarray, shapes: Sequence[str], wanted: set[str]) -> dict[str, np.ndarray]:
    names = sorted(wanted)
    return dict(zip(names, on_channels(weights, shapes, names).T))


def _target_names(mesh: dict[str, Any]) -> list[str]:
    names = mesh.get("extras", {}).get("targetNames")
    if names is None:  # some exporters hang them on the primitive
        names = mesh["primitives"][0].get("extras", {}).get("targetNames", [])
    count = len(mesh["primitives"][0].get("targets", []))
    return [str(name) for name in names][:count]


def _some_names(content: dict[str, Any]) -> str:
    names = [name for mesh in content.get("meshes", []) for name in _target_names(mesh)]
    return ", ".join(names[:4]) + ", ..." * (len(names) > 4) if names else "no names of targets at all"


def _bindings(content: dict[str, Any], spelling: Callable[[str], str | None]) -> Bindings:
    """Targets of the meshes and expressions of VRM whose names `spelling` knows."""
    found: Bindings = {}
    for place, mesh in enumerate(content.get("meshes", [])):
        shapes = [spelling(name) for name in _target_names(mesh)]
        for k, shape in enumerate(shapes):
            # one for two sides moves only where the two are not there
            if shape and shape + "Left" not in shapes:
                found.setdefault((place, k), []).append((shape, 1.0))
    if found:
        return found
    for name, mesh_place, target, weight in _expressions(content):
        shape = spelling(name)
        if shape:
            found.setdefault((mesh_place, target), []).append((shape, weight))
    return found


def _expressions(content: dict[str, Any]) -> list[tuple[str, int, int, float]]:
    """Name, mesh, target and weight of all morph target binds of a VRM 1 or 0."""
    extensions, nodes = content.get("extensions", {}), content.get("nodes", [])
    found = []
    groups = extensions.get("VRMC_vrm", {}).get("expressions", {})
    for name, expression in [*groups.get("preset", {}).items(), *groups.get("custom", {}).items()]:
        for bind in expression.get("morphTargetBinds", []):
            found.append((name, nodes[bind["node"]].get("mesh", -1), bind["index"], float(bind.get("weight", 1))))
    for group in extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", []):
        preset = group.get("presetName", "unknown")
        name = preset if preset not in ("unknown", "") else group.get("name", "")
        for bind in group.get("binds", []):
            found.append((name, bind["mesh"], bind["index"], float(bind.get("weight", 100)) / 100))
    return found


def _weight_tracks(document: Document, bindings: Bindings, curves: dict[str, np.ndarray]) -> list[tuple[int, str, int]]:
    """Tracks of every node whose mesh has a bound target; targets that are not bound keep their weight."""
    length = len(next(iter(curves.values())))
    values: dict[bytes, int] = {}
    tracks = []
    for node, item in enumerate(document.json.get("nodes", [])):
        mesh = item.get("mesh")
        bound = {target: shapes for (place, target), shapes in bindings.items() if place == mesh}
        if mesh is None or not bound:
            continue
        content = document.json["meshes"][mesh]
        count = len(content["primitives"][0]["targets"])
        rest = item.get("weights", content.get("weights", [0.0] * count))
        weights = np.tile(np.asarray(rest, np.float32), (length, 1))
        for target, shapes in bound.items():
            weights[:, target] = sum(curves[shape] * weight for shape, weight in shapes)
        data = weights.clip(0, 1).tobytes()
        if data not in values:  # meshes of one face often have the same targets
            values[data] = document.accessor(weights.clip(0, 1).ravel())
        tracks.append((node, "weights", values[data]))
    return tracks


def _turn_tracks(document: Document, animation: Animation, *, turn_eyes: bool) -> list[tuple[int, str, int]]:
    skeleton = Skeleton(copy.copy(document.json))
    turns = {skeleton.bone("head"): animation.rotations}
    if turn_eyes:
        gaze = np.pad(gaze_angles(animation.arkit), ((0, 0), (0, 0), (0, 1)))
        turns |= {skeleton.bone("leftEye"): gaze[:, 0], skeleton.bone("rightEye"): gaze[:, 1]}
    return [
        (node, "rotation", document.accessor(skeleton.turned(node, angles).astype(np.float32)))
        for node, angles in turns.items() if node is not None and angles.any()
    ]  # fmt: skip
