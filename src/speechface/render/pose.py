"""From weights, identity and head pose to a mesh in camera space."""

from collections.abc import Iterator, Sequence

import numpy as np

from speechface.geometry.mesh import vertex_normals
from speechface.rig.rig import Rig

__all__ = ["Poser", "pose"]

#: Vertices that no shape moves farther stand still.
_STILL_MM = 1e-3
#: Frames whose shapes are summed in one product.
_TOGETHER = 16


def pose(
    rig: Rig,
    weights: np.ndarray | None = None,
    identity: np.ndarray | None = None,
    rotation: np.ndarray | None = None,
    translation: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Place one frame of a face in front of the camera.

    Parameters
    ----------
    rig : Rig
    weights : ndarray (C,), optional
    identity : ndarray (<= K,), optional
    rotation : ndarray (3, 3), optional
        Head rotation about the rig's pivot; the neck bends, the shoulders stay (`Rig.rotate_head`).
    translation : (3,), mm
        From rig to camera space, added last; a face 900 mm away has z = -900.

    Returns
    -------
    vertices : ndarray (V, 3), float32, mm in camera space
    normal_offset : ndarray (V, 3), float32
        The rig's normal offsets, turned with the head, for `Renderer.draw`.
    """
    vertices = np.asarray(rig.mesh(None, identity), np.float32)
    if weights is not None:
        weights = np.asarray(weights, np.float32)
        active = np.nonzero(weights)[0]
        if len(active):
            shapes = rig.shapes.reshape(len(rig.shapes), -1)
            moved = weights[active] @ shapes[active] if len(active) < len(weights) // 2 else weights @ shapes
            vertices = vertices + moved.reshape(-1, 3)
    offset = rig.normal_offset
    if rotation is not None:
        rotation = np.asarray(rotation, np.float32)
        vertices = rig.rotate_head(vertices, rotation)
        offset = offset + rig.head_weight[:, None] * (offset @ rotation.T - offset)
    return (vertices + np.asarray(translation, np.float32)).astype(np.float32, copy=False), offset


class Poser:
    """Frames of one face that moves: what `pose` gives, with normals, at a fraction of its cost.

    Normals of a frame are face normals weighted by area, plus what they lack at rest to those weighted by angle and
    to the rig's `normal_offset`: at rest they are exactly those that `Renderer.draw` makes itself. Only what the
    shapes move is worked out anew.

    Parameters
    ----------
    rig : Rig
    neutral : ndarray (V, 3), optional
        The mesh at rest; the rig's own where missing.
    """

    def __init__(self, rig: Rig, neutral: np.ndarray | None = None) -> None:
        rest = np.asarray(rig.neutral if neutral is None else neutral, np.float32)
        self._pivot = np.asarray(rig.pivot, np.float32)[:, None]
        self._rest = np.ascontiguousarray(rest.T)
        self._share = np.asarray(rig.head_weight, np.float32)
        moves = (np.abs(rig.shapes).max(0) > _STILL_MM).any(1)
        self._moving = np.nonzero(moves)[0]
        shapes = rig.shapes[:, self._moving].transpose(0, 2, 1)  # coordinates first: numpy likes long rows
        self._shapes = np.ascontiguousarray(shapes, np.float32).reshape(len(rig.shapes), -1)
        self._triangles = np.ascontiguousarray(rig.triangles[moves[rig.triangles].any(1)].T)
        corners = self._triangles.ravel()
        order = np.argsort(corners, kind="stable")
        self._turning, self._starts = np.unique(corners[order], return_index=True)
        self._faces = order % self._triangles.shape[1]
        self._normals = np.ascontiguousarray((vertex_normals(rest, rig.triangles) + rig.normal_offset).T, np.float32)
        self._lacking = np.zeros((3, len(self._turning)), np.float32)
        if len(self._turning):
            self._lacking = self._normals[:, self._turning] - self._by_area(self._rest)

    def _by_area(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals (3, n) of the vertices whose triangles change."""
        a, b, c = (np.take(vertices, corner, axis=1) for corner in self._triangles)
        b -= a
        c -= a
        face = np.empty_like(a)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            np.multiply(b[i], c[j], out=face[k])
            face[k] -= b[j] * c[i]
        normals = np.add.reduceat(np.take(face, self._faces, axis=1), self._starts, axis=1)
        return normals / np.maximum(np.sqrt(np.einsum("ij,ij->j", normals, normals)), np.float32(1e-20))

    def frames(
        self, weights: np.ndarray, rotations: np.ndarray, translation: Sequence[float] | np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield vertices and normals, (V, 3) each, float32, in camera space, of every frame.

        weights (T, C), rotations (T, 3, 3), translation (3,) mm.
        """
        place = np.asarray(translation, np.float32)[:, None]
        for start in range(0, len(weights), _TOGETHER):
            moved = np.asarray(weights[start : start + _TOGETHER], np.float32) @ self._shapes
            turns = np.asarray(rotations[start : start + _TOGETHER], np.float32)
            for offsets, turn in zip(moved.reshape(len(moved), 3, -1), turns, strict=True):
                vertices, normals = self._rest.copy(), self._normals.copy()
                vertices[:, self._moving] += offsets
                if len(self._turning):
                    normals[:, self._turning] = self._by_area(vertices) + self._lacking
                vertices += self._share * (turn @ (vertices - self._pivot) + self._pivot - vertices)
                normals += self._share * (turn @ normals - normals)
                vertices += place
                yield vertices.T, normals.T
