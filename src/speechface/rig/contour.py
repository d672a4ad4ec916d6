"""Where the outline of the jaw can lie: candidate vertices for the 17 jaw landmarks.

A landmark detector marks the outline that the camera sees, which slides over the skin when the head turns. So each
jaw landmark gets a row of vertices, cut out of the skin by a plane through the landmark.
"""

import numpy as np

from speechface.geometry import ibug

__all__ = ["contour_candidates"]

#: Reach of a row from its landmark, mm: behind it (the ear, or under the chin) and towards the face's middle.
_BEHIND_MM, _UNDER_CHIN_MM, _FRONT_MM = -16.0, -30.0, 42.0
_CHIN = (ibug.CHIN - 1, ibug.CHIN, ibug.CHIN + 1)
#: Price of a millimetre off the cutting plane, in millimetres along the row.
_OFF_PLANE = 3.0


def contour_candidates(neutral: np.ndarray, landmarks: np.ndarray, skin: np.ndarray, *, count: int = 14) -> np.ndarray:
    """Candidates for the 17 jaw landmarks of any face.

    Parameters
    ----------
    neutral : ndarray (V, 3), mm, +x subject's left, +y up, +z out of the face
    landmarks : ndarray (68,), int, iBUG order
    skin : ndarray, int
        Vertices that may be chosen: the outer skin of face and upper neck.
    count : int
        Candidates of each landmark.

    Returns
    -------
    ndarray (17, count), int32
        From the ear or under the jaw towards the middle of the face. The cutting plane of a landmark is spanned by z
        and the normal of the jaw line in the frontal image; rows do not cross to the other half of the face.
    """
    skin = np.asarray(skin)
    jaw = np.asarray(neutral, float)[np.asarray(landmarks)[ibug.JAW]]
    points = np.asarray(neutral, float)[skin]
    along = np.gradient(jaw[:, :2], axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    chosen = np.empty((ibug.N_JAW, count), np.int32)
    for i, (corner, direction) in enumerate(zip(jaw, along)):
        offset = points - corner
        reach = np.copysign(np.linalg.norm(offset, axis=1), offset[:, 2])
        cost = _OFF_PLANE * np.abs(offset[:, :2] @ direction)
        if abs(corner[0]) > 8:
            cost = cost + 1e3 * (points[:, 0] * np.sign(corner[0]) < 0)
        behind = _UNDER_CHIN_MM if i in _CHIN else _BEHIND_MM
        targets = np.linspace(behind, _FRONT_MM, count)
        chosen[i] = skin[np.argmin(np.abs(reach - targets[:, None]) + cost, axis=1)]
    return chosen
