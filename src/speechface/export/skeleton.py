"""Bones of somebody else's avatar: which node is the head, and how it must turn."""

import re
from typing import Any

import numpy as np

from speechface.geometry.rotation import quaternion_from_euler

__all__ = ["Skeleton"]

#: Bone -> what names of nodes look like, without prefix (mixamorig:, J_Bip_C_, CC_Base_) and in small letters.
_NAMES = {
    "head": r"head", "leftEye": r"(left|l)eye|eye(left|l)", "rightEye": r"(right|r)eye|eye(right|r)",
}  # fmt: skip
_PREFIX = re.compile(r"^(mixamorig\d*:?|j_(bip|adj)_[clr]_|cc_base_|bip0?01?[ _]|def[-_]|armature[|_])", re.IGNORECASE)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quaternions (..., 4), x y z w: the turn `b`, then `a`."""
    ax, ay, az, aw = np.moveaxis(a, -1, 0)
    bx, by, bz, bw = np.moveaxis(b, -1, 0)
    return np.stack([
        aw * bx + ax * bw + ay * bz - az * by, aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw, aw * bw - ax * bx - ay * by - az * bz,
    ], -1)  # fmt: skip


def _inverse(q: np.ndarray) -> np.ndarray:
    return q * [-1, -1, -1, 1]


class Skeleton:
    """The nodes of a glTF. Avatars look along +z, those of VRM 0 along -z."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._nodes = content.get("nodes", [])
        self._parent = {child: k for k, node in enumerate(self._nodes) for child in node.get("children", [])}
        extensions = content.get("extensions", {})
        bones = extensions.get("VRMC_vrm", {}).get("humanoid", {}).get("humanBones", {})
        self._told = {name: bone["node"] for name, bone in bones.items()}
        bones = extensions.get("VRM", {}).get("humanoid", {}).get("humanBones", [])
        self._told |= {bone["bone"]: bone["node"] for bone in bones}
        self._facing = np.array([0.0, 1.0, 0.0, 0.0] if "VRM" in extensions else [0.0, 0.0, 0.0, 1.0])

    def bone(self, name: str) -> int | None:
        """The node of ``head``, ``leftEye`` or ``rightEye``: as VRM tells it, or by its name; None where there is none.

        Nodes with a mesh are meshes of that name, not bones.
        """
        if name in self._told:
            return self._told[name]
        for k, node in enumerate(self._nodes):
            plain = re.sub(r"[^a-z]", "", _PREFIX.sub("", node.get("name", "")).lower())
            if "mesh" not in node and re.fullmatch(_NAMES[name], plain):
                return k
        return None

    def _rest(self, node: int) -> np.ndarray:
        """A node's own rotation at rest, quaternion (4,)."""
        item = self._nodes[node]
        if "matrix" in item:
            turn = np.array(item["matrix"], float).reshape(4, 4).T[:3, :3]
            return _from_matrix(turn / np.linalg.norm(turn, axis=0))
        return np.array(item.get("rotation", [0.0, 0.0, 0.0, 1.0]), float)

    def turned(self, node: int, angles: np.ndarray) -> np.ndarray:
        """Rotations (T, 4) of a node that turn it by `angles` (T, 3), radians, about the axes of the avatar."""
        above, parent = np.array([0.0, 0.0, 0.0, 1.0]), self._parent.get(node)
        while parent is not None:
            above = _product(self._rest(parent), above)
            parent = self._parent.get(parent)
        turn = quaternion_from_euler(angles)
        in_world = _product(_product(self._facing, turn), _inverse(self._facing))
        return _product(_product(_product(_inverse(above), in_world), above), self._rest(node))


def _from_matrix(m: np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3) -> quaternion (4,): the eigenvector of the largest eigenvalue (Bar-Itzhack, 2000)."""
    k = np.array([
        [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
        [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
        [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
        [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m.trace()],
    ])  # fmt: skip
    return np.linalg.eigh(k)[1][:, -1]
