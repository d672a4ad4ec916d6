"""Places of a landmark detector's points on a rig: vertices, or found by looking (benchmarks/calibrate_points.py)."""

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

from speechface.errors import RigError

__all__ = ["Joined", "Places", "Vertices", "places"]

#: (rig's name, scheme of points) -> file of this package, written by benchmarks/calibrate_points.py
FILES = {
    ("builtin", "ibug68"): "builtin/points_ibug68.json",
    ("builtin", "mediapipe478"): "builtin/points_mediapipe478.json",
    ("ict-facekit", "ibug68"): "points_ict_ibug68.json",
    ("ict-facekit", "mediapipe478"): "points_ict_mediapipe478.json",
}


@dataclass(frozen=True, eq=False)
class Vertices:
    """Points that are vertices: their numbers, of any shape."""

    numbers: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """Values of vertices (V, d) or (k, V, d) -> of the points (..., d)."""
        return values[self.numbers] if values.ndim == 2 else values[:, self.numbers]


@dataclass(frozen=True, eq=False)
class Places:
    """Where the points of a scheme lie on a surface.

    Parameters
    ----------
    triangles : ndarray (n, 3), int, vertices
    weights : ndarray (n, 3), of these vertices, sum 1
    spread_mm : ndarray (n,), root mean square miss of the detector's points, mm
    """

    triangles: np.ndarray
    weights: np.ndarray
    spread_mm: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """Values of vertices (..., V, d), such as places or offsets -> of the points (..., n, d)."""
        return np.einsum("pc,...pcd->...pd", self.weights, values[..., self.triangles, :])


@dataclass(frozen=True, eq=False)
class Joined:
    """The points of several schemes, one after the other."""

    parts: tuple["Vertices | Places | Joined", ...]

    def of(self, values: np.ndarray) -> np.ndarray:
        """See `Places.of`."""
        return np.concatenate([part.of(values) for part in self.parts], -2)


def places(rig_name: str, n_vertices: int, scheme: str) -> Places:
    """Return the places of the points of `scheme` on a rig of at least `n_vertices`.

    Raises
    ------
    RigError
        If nobody looked yet, or at a rig with other vertices.
    """
    file = FILES.get((rig_name, scheme))
    if file is None:
        known = sorted(f"{name} ({points})" for name, points in FILES)
        raise RigError(
            f"rig '{rig_name}': the places of the points '{scheme}' are not known; known are {', '.join(known)}; "
            "benchmarks/calibrate_points.py finds them"
        )
    content = json.loads(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))
    if n_vertices < content["n_vertices"]:
        raise RigError(
            f"rig '{rig_name}' has {n_vertices} vertices, the points '{scheme}' were found on one with "
            f"{content['n_vertices']}; run benchmarks/calibrate_points.py again"
        )
    return Places(*(np.array(content[name]) for name in ("triangles", "weights", "spread_mm")))
