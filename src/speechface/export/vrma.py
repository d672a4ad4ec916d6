"""VRM animation (.vrma, extension VRMC_vrm_animation 1.0): plays on any VRM avatar.

A glTF without a mesh: each expression is a node whose translation x is the weight over time, the head's turn is that
of the bone ``head``, the gaze that of the node ``lookAt``. ``vrma`` drives the presets, which every avatar has;
``vrma_arkit`` Apple's 52 as custom expressions, for avatars with "perfect sync". Never both: the mouth would move
twice.
"""

from pathlib import Path

import numpy as np

from speechface import __version__
from speechface.export.animation import ARKIT_NAMES, Animation, gaze_angles
from speechface.export.glb import add_times
from speechface.export.gltf import Document
from speechface.export.visemes import VRM_PRESETS, vrm_presets
from speechface.files import write_file
from speechface.geometry.rotation import quaternion_from_euler

__all__ = ["ARKIT", "PRESETS"]

#: Bones down to the head and their places over the one before, m.
_BONES = (("hips", 0.95), ("spine", 0.15), ("chest", 0.15), ("neck", 0.2), ("head", 0.1))
_EYES_OVER_HEAD = (0.0, 0.06, 0.06)


class _Vrma:
    def __init__(self, *, presets: bool) -> None:
        self._presets = presets
        self.SUFFIX = ".vrma" if presets else ".arkit.vrma"
        self.DESCRIPTION = (
            "VRM animation, for any VRM avatar" if presets
            else "VRM animation of ARKit's 52, for VRM avatars with perfect sync"
        )  # fmt: skip

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.vrma`` (``<name>.arkit.vrma``) into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        if self._presets:
            # the gaze is told by lookAt
            keep = [k for k, name in enumerate(VRM_PRESETS) if not name.startswith("look")]
            names = [VRM_PRESETS[k] for k in keep]
            content = _document(animation, "preset", names, vrm_presets(animation.arkit)[:, keep])
        else:
            content = _document(animation, "custom", list(ARKIT_NAMES), animation.arkit)
        write_file(path, content.to_bytes())
        return path


def _document(animation: Animation, kind: str, names: list[str], weights: np.ndarray) -> Document:
    document = Document({
        "asset": {"version": "2.0", "generator": f"speechface {__version__}"},
        "scene": 0, "scenes": [{"name": animation.name, "nodes": []}], "buffers": [{}],
    })  # fmt: skip
    roots = document.json["scenes"][0]["nodes"]
    bones = []
    for k, (name, height) in enumerate(_BONES):
        bone = {"name": name, "translation": [0.0, height, 0.0]}
        bones.append(document.add("nodes", bone if name == "head" else bone | {"children": [k + 1]}))
    look = document.add("nodes", {"name": "lookAt"})
    roots += [bones[0], look]
    nodes = {name: document.add("nodes", {"name": name}) for name in names}
    roots += nodes.values()
    places = np.zeros((len(animation), 3), np.float32)
    tracks = []
    for k, node in enumerate(nodes.values()):
        places[:, 0] = weights[:, k]
        tracks.append((node, "translation", document.accessor(places)))
    turns = quaternion_from_euler(animation.rotations).astype(np.float32)
    tracks.append((bones[-1], "rotation", document.accessor(turns)))
    gaze = np.zeros((len(animation), 3))
    gaze[:, :2] = gaze_angles(animation.arkit).mean(1)
    tracks.append((look, "rotation", document.accessor(quaternion_from_euler(gaze).astype(np.float32))))
    document.animate(animation.name, tracks, add_times(document, animation))
    document.use("VRMC_vrm_animation")
    document.json["extensions"] = {"VRMC_vrm_animation": {
        "specVersion": "1.0",
        "humanoid": {"humanBones": {name: {"node": node} for (name, _), node in zip(_BONES, bones)}},
        "expressions": {kind: {name: {"node": node} for name, node in nodes.items()}},
        "lookAt": {"node": look, "offsetFromHeadBone": list(_EYES_OVER_HEAD)},
    }}  # fmt: skip
    return document


PRESETS, ARKIT = _Vrma(presets=True), _Vrma(presets=False)
