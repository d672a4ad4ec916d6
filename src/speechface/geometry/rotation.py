"""Head rotations.

Convention: right-handed axes, +x to the subject's left, +y up, +z out of the face. Angles are
(x, y, z) = (pitch, yaw, roll) in radians and R = Rz @ Ry @ Rx, so x is applied first. Positive pitch
nods down, positive yaw turns to the subject's left, positive roll tilts the head to the subject's
right shoulder (counter-clockwise about +z as the viewer sees it).
"""

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "matrix_from_euler", "euler_from_matrix", "matrix_from_rotvec", "rotvec_from_matrix", "skew",
    "geodesic_angle", "median_rotation", "quaternion_from_euler",
]  # fmt: skip


def skew(v: ArrayLike) -> np.ndarray:
    """Cross-product matrices: (..., 3) -> (..., 3, 3) with ``skew(a) @ b == cross(a, b)``."""
    v = np.asarray(v)
    zero = np.zeros(v.shape[:-1], v.dtype)
    rows = [zero, -v[..., 2], v[..., 1], v[..., 2], zero, -v[..., 0], -v[..., 1], v[..., 0], zero]
    return np.stack(rows, -1).reshape(v.shape[:-1] + (3, 3))


def matrix_from_rotvec(v: ArrayLike) -> np.ndarray:
    """Rodrigues' formula: rotation vectors (..., 3), radians -> matrices (..., 3, 3)."""
    v = np.asarray(v, float)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    k = skew(v)
    return np.eye(3) + np.sinc(angle / np.pi) * k + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * (k @ k)


def rotvec_from_matrix(matrix: ArrayLike) -> np.ndarray:
    """Matrices (..., 3, 3) -> rotation vectors (..., 3), radians, of length at most pi."""
    from scipy.spatial.transform import Rotation

    matrix = np.asarray(matrix, float)
    return Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec().reshape(matrix.shape[:-1])


def matrix_from_euler(angles: ArrayLike) -> np.ndarray:
    """Angles (..., 3) = (x, y, z), radians -> matrices Rz @ Ry @ Rx, (..., 3, 3)."""
    x, y, z = np.moveaxis(np.asarray(angles, float), -1, 0)
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    rows = [
        cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx,
        sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx,
        -sy, cy * sx, cy * cx,
    ]  # fmt: skip
    return np.stack(rows, -1).reshape(x.shape + (3, 3))


def quaternion_from_euler(angles: ArrayLike) -> np.ndarray:
    """Angles (..., 3) = (x, y, z), radians -> unit quaternions (..., 4) = (x, y, z, w) of Rz @ Ry @ Rx."""
    x, y, z = np.moveaxis(np.asarray(angles, float) / 2, -1, 0)
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    parts = [
        sx * cy * cz - cx * sy * sz, cx * sy * cz + sx * cy * sz,
        cx * cy * sz - sx * sy * cz, cx * cy * cz + sx * sy * sz,
    ]  # fmt: skip
    return np.stack(parts, -1)


def euler_from_matrix(matrix: ArrayLike) -> np.ndarray:
    """Matrices (..., 3, 3) -> angles (..., 3) = (x, y, z), radians, y in [-pi/2, pi/2]."""
    m = np.asarray(matrix, float)
    x = np.arctan2(m[..., 2, 1], m[..., 2, 2])
    y = -np.arcsin(np.clip(m[..., 2, 0], -1, 1))
    z = np.arctan2(m[..., 1, 0], m[..., 0, 0])
    return np.stack([x, y, z], -1)


def geodesic_angle(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Angle in radians between rotations a and b, (..., 3, 3) each."""
    trace = np.einsum("...ij,...ij->...", np.asarray(a, float), np.asarray(b, float))
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))


def median_rotation(matrices: ArrayLike) -> np.ndarray:
    """Robust centre of rotations (n, 3, 3): chordal mean, then the median rotation vector about it."""
    matrices = np.asarray(matrices, float)
    u, _, vt = np.linalg.svd(matrices.mean(0))
    mean = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    offset = np.median(rotvec_from_matrix(mean.T @ matrices), axis=0)
    return mean @ matrix_from_rotvec(offset)
