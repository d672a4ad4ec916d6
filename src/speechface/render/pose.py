"""From weights, identity and head pose to a mesh in camera space."""

from collections.abc import Sequence

import numpy as np

from speechface.rig.rig import Rig

__all__ = ["pose"]


def pose(
    rig: Rig,
    weights: np.ndarray | None = None,
    identity: np.ndarray | None = None,
    rotation: np.ndarray | None = None,
    translation: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
    *,
    neutral: np.ndarray | None = None,
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
    neutral : ndarray (V, 3), optional
        ``rig.mesh(None, identity)`` computed before, which saves that sum in every frame.

    Returns
    -------
    vertices : ndarray (V, 3), float32, mm in camera space
    normal_offset : ndarray (V, 3), float32
        The rig's normal offsets, turned with the head, for `Renderer.draw`.
    """
    vertices = np.asarray(rig.mesh(None, identity) if neutral is None else neutral, np.float32)
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
