"""Triangle meshes: normals and neighbours."""

import numpy as np

__all__ = ["NormalField", "vertex_normals", "vertex_neighbours"]

_TINY = np.float32(1e-20)


def _unit(vectors):
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return vectors / np.maximum(length, _TINY)[..., None]


class NormalField:
    """Vertex normals of a mesh whose vertices move and whose triangles stay.

    The sum over the corners that meet in a vertex is a sparse product prepared once, so that a frame costs a few
    array operations.

    Parameters
    ----------
    triangles : ndarray (T, 3), int
        Counter-clockwise seen from outside.
    n_vertices : int
    """

    def __init__(self, triangles, n_vertices):
        from scipy.sparse import csr_array

        self._corners = np.ascontiguousarray(np.asarray(triangles).T)
        columns = np.arange(self._corners.size)
        ones = np.ones(self._corners.size, np.float32)
        self._gather = csr_array((ones, (self._corners.ravel(), columns)), shape=(n_vertices, len(columns)))

    def __call__(self, vertices):
        """Return unit normals (V, 3), float32: face normals weighted by the angle at the corner.

        Vertices without a proper triangle get a zero vector.
        """
        vertices = np.asarray(vertices, np.float32)
        a, b, c = (vertices[corner] for corner in self._corners)
        along = [_unit(b - a), _unit(c - b), _unit(a - c)]
        face = _unit(np.cross(b - a, c - a))
        weighted = np.empty((3, len(face), 3), np.float32)
        for k in range(3):
            cosine = -np.einsum("ij,ij->i", along[k], along[k - 1])
            weighted[k] = face * np.arccos(np.clip(cosine, -1, 1))[:, None]
        return _unit(self._gather @ weighted.reshape(-1, 3))


def vertex_normals(vertices, triangles):
    """Unit normals (V, 3) of one mesh: vertices (V, 3), triangles (T, 3). See `NormalField`."""
    return NormalField(triangles, len(vertices))(vertices)


def vertex_neighbours(triangles, n_vertices):
    """Sparse adjacency (V, V), float32 ones where an edge joins two vertices, symmetric, empty diagonal."""
    from scipy.sparse import csr_array

    t = np.asarray(triangles)
    start = np.concatenate([t[:, 0], t[:, 1], t[:, 2], t[:, 1], t[:, 2], t[:, 0]])
    end = np.concatenate([t[:, 1], t[:, 2], t[:, 0], t[:, 0], t[:, 1], t[:, 2]])
    graph = csr_array((np.ones(len(start), np.float32), (start, end)), shape=(n_vertices, n_vertices))
    graph.sum_duplicates()
    graph.data[:] = 1
    return graph
