"""The 68 face landmarks of iBUG 300-W: their names, regions and the distances that are measured between them.

Numbers count from 0, the subject's right stands on the left of the image and first: jaw line from the right ear over the
chin, right brow, left brow, bridge and base of the nose, right eye, left eye, outer lips, inner lips (Sagonas et al. 2016,
doi:10.1016/j.imavis.2016.01.002).
"""

import numpy as np

__all__ = [
    "BROWS", "CHIN", "CONTOURS", "EYES", "INNER_LIPS", "INNER_LIP_PAIRS", "JAW", "LEFT_BROW", "LEFT_EYE", "LIP_MIDDLE",
    "MOUTH", "MOUTH_CORNERS", "N_JAW", "N_POINTS", "NOSE", "NOSE_TIP", "OUTER_EYE_CORNERS", "OUTER_LIPS", "REGIONS",
    "RIGHT_BROW", "RIGHT_EYE", "WITHOUT_JAW", "interocular", "lip_gap",
]  # fmt: skip

N_POINTS, N_JAW = 68, 17
JAW = slice(0, 17)
RIGHT_BROW, LEFT_BROW, BROWS = slice(17, 22), slice(22, 27), slice(17, 27)
NOSE = slice(27, 36)
RIGHT_EYE, LEFT_EYE, EYES = slice(36, 42), slice(42, 48), slice(36, 48)
OUTER_LIPS, INNER_LIPS, MOUTH = slice(48, 60), slice(60, 68), slice(48, 68)
#: All but the jaw line, which slides along the jaw.
WITHOUT_JAW = slice(17, 68)
REGIONS = {"jaw": JAW, "brows": BROWS, "nose": NOSE, "eyes": EYES, "mouth": MOUTH}

CHIN, NOSE_TIP = 8, 30
OUTER_EYE_CORNERS = (36, 45)
MOUTH_CORNERS = (48, 54)
#: Upper and lower point of the three inner pairs, and of the middle one.
INNER_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))
LIP_MIDDLE = (62, 66)
#: The points as lines to draw: (first, last + 1, closed).
CONTOURS = (
    (0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False), (36, 42, True), (42, 48, True),
    (48, 60, True), (60, 68, True),
)  # fmt: skip


def interocular(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the outer eye corners: (..., 68, d) -> (...), in the points' unit."""
    right, left = OUTER_EYE_CORNERS
    return np.linalg.norm(landmarks[..., right, :] - landmarks[..., left, :], axis=-1)


def lip_gap(landmarks: np.ndarray) -> np.ndarray:
    """Mean distance of the three inner pairs of lip points: (..., 68, d) -> (...), in the points' unit."""
    upper, lower = (list(side) for side in zip(*INNER_LIP_PAIRS))
    return np.linalg.norm(landmarks[..., upper, :] - landmarks[..., lower, :], axis=-1).mean(-1)
