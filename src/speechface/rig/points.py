"""A landmark detector's points on a rig: their places (vertices, or found by looking, benchmarks/calibrate_points.py),
and how they move beyond these (benchmarks/calibrate_motion.py)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from speechface.errors import RigError
from speechface.rig.channels import sides

__all__ = ["Joined", "Places", "Vertices", "motion", "places"]

#: (rig's name, scheme of points) -> file of this package, written by benchmarks/calibrate_points.py
FILES = {
    ("builtin", "ibug68"): "builtin/points_ibug68.json",
    ("builtin", "mediapipe478"): "builtin/points_mediapipe478.json",
    ("ict-facekit", "ibug68"): "points_ict_ibug68.json",
    ("ict-facekit", "mediapipe478"): "points_ict_mediapipe478.json",
}
#: The same for the points' own motion.
MOTION = {key: file.replace("points_", "motion_") for key, file in FILES.items()}


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


def motion(rig_name: str, scheme: str, channels: Sequence[str], n_points: int) -> np.ndarray:
    """How far the points of `scheme` move beyond their places for weight 1 of each channel, (C, n_points, 3), mm.

    A detector follows features rather than skin. 0 for what was not measured.
    """
    moved = np.zeros((len(channels), n_points, 3), np.float32)
    if (rig_name, scheme) in MOTION:
        file = resources.files(__package__).joinpath(MOTION[rig_name, scheme])
        content = json.loads(file.read_text(encoding="utf-8"))
        for k, name in enumerate(channels):
            for known in (name, *(sides(name) if name not in content["hundredths_mm"] else ())):
                if known in content["hundredths_mm"]:
                    moved[k, content["points"], :2] += np.array(content["hundredths_mm"][known]) / 100
    return moved
