"""The 68 face landmarks of iBUG 300-W: their names, regions and the distances that are measured between them.

Numbers count from 0, the subject's right stands on the left of the image and first: jaw line from the right ear over
the chin, right brow, left brow, bridge and base of the nose, right eye, left eye, outer lips, inner lips (Sagonas et
al. 2016, doi:10.1016/j.imavis.2016.01.002).
"""

import numpy as np

__all__ = [
    "BRIDGE", "BROWS", "CHIN", "CONTOURS", "EYES", "INNER_LIPS", "INNER_LIP_PAIRS", "JAW", "JAW_ENDS", "LEFT_BROW",
    "LEFT_EYE", "LEFT_EYE_CORNERS", "LEFT_LID_PAIRS", "LIP_MIDDLE", "MIRROR", "MOUTH", "MOUTH_CORNERS", "N_JAW",
    "N_POINTS", "NOSE", "NOSE_TIP", "OUTER_EYE_CORNERS", "OUTER_LIPS", "OUTER_LIP_MIDDLE", "REGIONS", "RIGHT_BROW",
    "RIGHT_EYE", "RIGHT_EYE_CORNERS", "RIGHT_LID_PAIRS", "WITHOUT_JAW", "interocular", "lip_gap",
]  # fmt: skip

N_POINTS, N_JAW = 68, 17
JAW = slice(0, 17)
RIGHT_BROW, LEFT_BROW, BROWS = slice(17, 22), slice(22, 27), slice(17, 27)
BRIDGE, NOSE = slice(27, 31), slice(27, 36)
RIGHT_EYE, LEFT_EYE, EYES = slice(36, 42), slice(42, 48), slice(36, 48)
OUTER_LIPS, INNER_LIPS, MOUTH = slice(48, 60), slice(60, 68), slice(48, 68)
#: All but the jaw line, which slides along the jaw.
WITHOUT_JAW = slice(17, 68)
REGIONS = {"jaw": JAW, "brows": BROWS, "nose": NOSE, "eyes": EYES, "mouth": MOUTH}

CHIN, NOSE_TIP = 8, 30
#: Where the jaw line begins and ends, in front of the ears.
JAW_ENDS = (0, 16)
#: Pairs stand right, left; of one eye the corners stand outer, inner, the lids upper, lower.
OUTER_EYE_CORNERS = (36, 45)
MOUTH_CORNERS = (48, 54)
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (36, 39), (45, 42)
RIGHT_LID_PAIRS, LEFT_LID_PAIRS = ((37, 41), (38, 40)), ((43, 47), (44, 46))
#: Upper and lower point in the middle of the outer lips.
OUTER_LIP_MIDDLE = (51, 57)
#: Upper and lower point of the three inner pairs, and of the middle one.
INNER_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))
LIP_MIDDLE = (62, 66)
#: Point that each point becomes in a mirror.
MIRROR = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])  # fmt: skip
#: The points as lines to draw: (first, last + 1, closed).
CONTOURS = (
    (0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False), (36, 42, True), (42, 48, True),
    (48, 60, True), (60, 68, True),
)  # fmt: skip


def interocular(landmarks: np.ndarray, corners: tuple[int, int] = OUTER_EYE_CORNERS) -> np.ndarray:
    """Distance of the outer eye corners: (..., n, d) -> (...), in the points' unit; `corners` in another scheme."""
    right, left = corners
    return np.linalg.norm(landmarks[..., right, :] - landmarks[..., left, :], axis=-1)


def lip_gap(landmarks: np.ndarray, pairs: tuple[tuple[int, int], ...] = INNER_LIP_PAIRS) -> np.ndarray:
    """Mean distance of pairs of inner lip points: (..., n, d) -> (...), in their unit; `pairs` of other schemes."""
    upper, lower = (list(side) for side in zip(*pairs))
    return np.linalg.norm(landmarks[..., upper, :] - landmarks[..., lower, :], axis=-1).mean(-1)
