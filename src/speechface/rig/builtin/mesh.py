"""Vertices with a part each, collected piece by piece."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["HeadMesh", "strip", "grid_faces"]


@dataclass
class HeadMesh:
    """A growing triangle mesh in named parts.

    `tags` holds per-vertex numbers that painting and motion use; a vertex that was given none has NaN:
    ``lip`` 0 at the lip border to 1 at the contact line; ``lower`` 1 on the lower lip's side of the mouth;
    ``tone`` and ``edge``, whatever the part says.
    """

    vertices: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    triangles: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    part: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    names: list = field(default_factory=list)
    tags: dict = field(default_factory=lambda: {k: np.zeros(0) for k in ("lip", "lower", "tone", "edge")})
    loops: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.vertices)

    def add(self, name, vertices, triangles=None, **tags):
        """Append a piece of part `name`; triangles count from its first vertex. Returns its vertex indices."""
        if name not in self.names:
            self.names.append(name)
        start, n = len(self), len(vertices)
        self.vertices = np.concatenate([self.vertices, vertices])
        self.part = np.concatenate([self.part, np.full(n, self.names.index(name))])
        for key in self.tags:
            value = np.broadcast_to(np.asarray(tags.pop(key, np.nan), float), n)
            self.tags[key] = np.concatenate([self.tags[key], value])
        if tags:
            raise KeyError(f"unknown tags {sorted(tags)}")
        if triangles is not None:
            self.faces(np.asarray(triangles) + start)
        return np.arange(start, start + n)

    def faces(self, triangles):
        """Append triangles (n, 3) over vertices that exist already."""
        self.triangles = np.concatenate([self.triangles, np.asarray(triangles, np.int64).reshape(-1, 3)])

    def is_part(self, *names: str) -> np.ndarray:
        """Mask (V,) of the vertices of the named parts (absent names match nothing)."""
        known = [self.names.index(name) for name in names if name in self.names]
        return np.isin(self.part, known)

    def tag(self, name: str, default: float) -> np.ndarray:
        """Tag values (V,) with `default` where none was given."""
        return np.nan_to_num(self.tags[name], nan=default)


def strip(first: np.ndarray, second: np.ndarray, *, closed: bool) -> np.ndarray:
    """Triangles between two rows of vertex indices of equal length."""
    first, second = np.asarray(first), np.asarray(second)
    k = np.arange(len(first) if closed else len(first) - 1)
    following = (k + 1) % len(first)
    a, b, c, d = first[k], first[following], second[k], second[following]
    return np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)])


def grid_faces(n_rows: int, n_columns: int, *, closed: bool) -> np.ndarray:
    """Triangles of a grid stored row by row; `closed` joins the last column to the first."""
    k = np.arange(n_rows * n_columns).reshape(n_rows, n_columns)
    return np.concatenate([strip(k[i], k[i + 1], closed=closed) for i in range(n_rows - 1)])
