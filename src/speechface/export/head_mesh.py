"""A rig cut into its parts, as engines want it: metres, linear colours, triangles in an order that compresses."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from speechface.geometry.mesh import NormalField
from speechface.rig.rig import Rig

__all__ = ["Part", "cut", "longest", "normals_of"]


@dataclass
class Part:
    """One part of a face; its vertices are in the order in which its triangles meet them.

    `vertices` (n,) of the rig; `triangles` (t, 3) over them; `neutral` (n, 3), m; `offsets` (C, n, 3), m, of the rig's
    shapes, zero where too small to see; `normals` (n, 3), unit; `color` (n, 3), linear; `gloss`, mean in [0, 1];
    `head_weight` (n,).
    """

    name: str
    vertices: np.ndarray
    triangles: np.ndarray
    neutral: np.ndarray
    offsets: np.ndarray
    normals: np.ndarray
    color: np.ndarray
    gloss: float
    head_weight: np.ndarray

    @property
    def moves(self) -> bool:
        """Whether any shape moves the part."""
        return bool(self.offsets.any())


def cut(rig: Rig, *, ordered: bool, still_mm: float) -> list[Part]:
    """The parts of a rig (its regions ``part/...``; what is in none of them is skin), those without triangles left out.

    `ordered`: put triangles that share an edge one after the other, which compresses to less. `still_mm`: offsets
    shorter than this become 0.
    """
    names = [
        "skin",
        *(key.removeprefix("part/") for key in rig.regions if key.startswith("part/") and key != "part/skin"),
    ]
    owner = np.zeros(len(rig.neutral), int)
    for place, name in enumerate(names):
        owner[rig.regions.get(f"part/{name}", [])] = place
    a, b, c = rig.triangles.T
    whole = rig.triangles[(a != b) & (b != c) & (a != c)]
    normals = normals_of(NormalField(rig.triangles, len(rig.neutral)), rig.neutral, rig.normal_offset)
    parts = []
    for place, name in enumerate(names):
        triangles = whole[owner[whole[:, 0]] == place]
        if not len(triangles):
            continue
        if ordered:
            triangles = triangles[_walk(triangles)]
        used, first, rank = np.unique(triangles, return_index=True, return_inverse=True)
        order = np.argsort(first)
        vertices = used[order]
        offsets = rig.shapes[:, vertices] / np.float32(1000)
        offsets[longest(offsets) < still_mm / 1000] = 0
        parts.append(Part(
            name, vertices, np.argsort(order)[rank].reshape(-1, 3), rig.neutral[vertices] / np.float32(1000), offsets,
            normals[vertices], _linear(rig.colors[vertices]), float(rig.material[vertices, 0].mean()),
            rig.head_weight[vertices],
        ))  # fmt: skip
    return parts


def longest(offsets: np.ndarray) -> np.ndarray:
    """The largest coordinate (...) of offsets (..., 3), without sign; numpy's own max along three is slow."""
    x, y, z = (np.abs(offsets[..., k]) for k in range(3))
    return np.maximum(np.maximum(x, y), z)


def normals_of(field: NormalField, vertices: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), float32, also of vertices without a proper triangle."""
    normals = field(vertices) + offset
    normals[np.linalg.norm(normals, axis=1) < 1e-3] = [0, 0, 1]
    return (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)


def _linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _walk(triangles: np.ndarray) -> list[int]:
    """An order of triangles in which most share an edge with one shortly before."""
    beside: dict[tuple[int, int], list[int]] = defaultdict(list)
    corners = triangles.tolist()
    for k, (a, b, c) in enumerate(corners):
        for edge in ((a, b), (b, c), (c, a)):
            beside[edge].append(k)
    seen, order = [False] * len(corners), []
    for start in range(len(corners)):
        stack = [start]
        while stack:
            k = stack.pop()
            if seen[k]:
                continue
            seen[k] = True
            order.append(k)
            a, b, c = corners[k]
            for edge in ((b, a), (c, b), (a, c)):
                stack += beside.get(edge, ())
    return order
