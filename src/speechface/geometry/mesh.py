"""Triangle meshes: normals and neighbours."""

from typing import Any

import numpy as np

__all__ = ["NormalField", "vertex_normals", "vertex_neighbours"]

_TINY = np.float32(1e-20)


def _length(vectors: np.ndarray) -> np.ndarray:
    """Lengths (...) of vectors (3, ...), never zero."""
    x, y, z = vectors
    return np.maximum(np.sqrt(x * x + y * y + z * z), _TINY)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (ax, ay, az), (bx, by, bz) = a, b
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


class NormalField:
    """Vertex normals of a mesh whose vertices move and whose triangles stay.

    What does not move is prepared once, so that a frame costs a few array operations.

    Parameters
    ----------
    triangles : ndarray (T, 3), int
        Counter-clockwise seen from outside.
    n_vertices : int
    """

    def __init__(self, triangles: np.ndarray, n_vertices: int):
        self._corners = np.asarray(triangles, np.intp).T.ravel()  # all first corners, all second, all third
        self._n_vertices = n_vertices

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        """Return unit normals (V, 3), float32: face normals weighted by the angle at the corner.

        Vertices without a proper triangle get a zero vector.
        """
        # coordinates first: numpy is fastest along the last axis
        across = np.ascontiguousarray(np.asarray(vertices, np.float32).T)
        corner = np.take(across, self._corners, axis=1).reshape(3, 3, -1)
        along = np.empty_like(corner)
        for k in range(3):
            np.subtract(corner[:, (k + 1) % 3], corner[:, k], out=along[:, k])
        along /= _length(along)
        face = _cross(along[:, 0], along[:, 1])
        face /= _length(face)
        cosine = -np.stack([(along[:, k] * along[:, k - 1]).sum(0) for k in range(3)])
        angle = np.arccos(np.clip(cosine, -1, 1, out=cosine))
        weighted = (face[:, None] * angle).reshape(3, -1)
        normals = np.stack([np.bincount(self._corners, part, self._n_vertices) for part in weighted]).astype(np.float32)
        normals /= _length(normals)
        return np.ascontiguousarray(normals.T)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of one mesh: vertices (V, 3), triangles (T, 3). See `NormalField`."""
    return NormalField(triangles, len(vertices))(vertices)


def vertex_neighbours(triangles: np.ndarray, n_vertices: int) -> Any:
    """Sparse adjacency (V, V), float32 ones where an edge joins two vertices, symmetric, empty diagonal."""
    from scipy.sparse import csr_array

    t = np.asarray(triangles)
    start = np.concatenate([t[:, 0], t[:, 1], t[:, 2], t[:, 1], t[:, 2], t[:, 0]])
    end = np.concatenate([t[:, 1], t[:, 2], t[:, 0], t[:, 0], t[:, 1], t[:, 2]])
    graph = csr_array((np.ones(len(start), np.float32), (start, end)), shape=(n_vertices, n_vertices))
    graph.sum_duplicates()
    graph.data[:] = 1
    return graph
