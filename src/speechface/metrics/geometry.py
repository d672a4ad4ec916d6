"""What the metrics need of a rig, as matrices: weights times a basis gives displacements in mm."""

from dataclasses import dataclass

import numpy as np

from speechface.geometry.ibug import LIP_MIDDLE, N_POINTS
from speechface.rig.rig import Rig

__all__ = ["FRAMES_AT_ONCE", "RigBases", "squared_lengths"]

#: Frames of a dense mesh held in memory at once.
FRAMES_AT_ONCE = 256


@dataclass(frozen=True)
class RigBases:
    """Displacement bases of one rig at mean identity, without head motion.

    Rows of channels that are not observed are zero, so every geometric metric ignores them.

    Parameters
    ----------
    channels : tuple of C str
    observed : ndarray (C,), bool
    landmarks : ndarray (C, 68 * 3), float32, mm
    lip_rest : ndarray (2, 3), float32, mm, the middle inner lip landmarks of the neutral face
    lips, upper_face, face : ndarray (3, C, n), float32, mm
        x, y, z bases of the vertices that some observed channel moves.
        `face` are all such vertices of the rig: hair and shoulders, which only dilute a mean, are left out.
    n_upper_face : int
        All vertices of that set, those that never move included: they count in means as still.
    """

    channels: tuple[str, ...]
    observed: np.ndarray
    landmarks: np.ndarray
    lip_rest: np.ndarray
    lips: np.ndarray
    upper_face: np.ndarray
    face: np.ndarray
    n_upper_face: int

    @classmethod
    def from_rig(cls, rig: Rig, observed: np.ndarray) -> "RigBases":
        """Build the bases of `rig` for the channels `observed` (C,), bool."""
        observed = np.asarray(observed, bool)
        shapes = rig.shapes * observed[:, None, None].astype(np.float32)

        def moving(vertices: np.ndarray) -> np.ndarray:
            part = shapes[:, vertices]
            part = part[:, np.any(part != 0, (0, 2))]
            return np.ascontiguousarray(part.transpose(2, 0, 1))

        return cls(
            channels=tuple(rig.channels),
            observed=observed,
            landmarks=np.ascontiguousarray(shapes[:, rig.landmarks].reshape(len(observed), -1)),
            lip_rest=np.asarray(rig.neutral[rig.landmarks[list(LIP_MIDDLE)]], np.float32),
            lips=moving(rig.regions["lips"]),
            upper_face=moving(rig.regions["upper_face"]),
            face=moving(np.arange(len(rig.neutral))),
            n_upper_face=len(rig.regions["upper_face"]),
        )

    def landmark_motion(self, weights: np.ndarray) -> np.ndarray:
        """Weights (..., C) -> displacement of the 68 landmarks (..., 68, 3), float32, mm."""
        weights = np.asarray(weights, np.float32)
        return (weights @ self.landmarks).reshape(*weights.shape[:-1], N_POINTS, 3)

    def lip_gap(self, motion: np.ndarray) -> np.ndarray:
        """Landmark displacements (..., 68, 3) -> distance of the inner lips' middles (...,), float64, mm."""
        lips = motion[..., LIP_MIDDLE, :].astype(np.float64) + self.lip_rest
        return np.linalg.norm(lips[..., 0, :] - lips[..., 1, :], axis=-1)


def squared_lengths(weights: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Squared displacement lengths, mm^2: weights (n, C), basis (3, C, v) -> (n, v), float32."""
    weights = np.ascontiguousarray(weights, np.float32)
    total = np.square(weights @ basis[0])
    for axis in basis[1:]:
        part = weights @ axis
        total += np.square(part, out=part)
    return total
