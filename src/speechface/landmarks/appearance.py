"""What a followed face looks like, frame by frame: small upright pictures of it, and how much they change.

From these `speechface.landmarks.faults` tells frames that show no face that moves or no mouth.
"""

import numpy as np

from speechface.landmarks.shape import square_window

__all__ = ["CORE", "EYES", "HEIGHT", "LIPS", "MOUTH", "UPPER", "WIDTH", "Appearance", "face_patch"]

#: Size of a face's picture, pixels: the eyes' middles stand 20 apart in row 12, the nose ends in row 28.
WIDTH, HEIGHT = 40, 52
_ANCHORS = np.array([[10, 12], [30, 12], [20, 28]], np.float32)
#: Rows and columns of a picture: from the nose to the chin, the lips, their middle; brows to nose, the eyes.
MOUTH, LIPS, CORE = np.s_[26:48, 6:34], np.s_[32:42, 11:29], np.s_[32:42, 13:27]
UPPER, EYES = np.s_[2:24, 4:36], np.s_[6:18, 3:37]
#: Samples along a side of the face's box to compare an image with the one before.
_SAMPLES = 32


def face_patch(gray: np.ndarray, ibug_points: np.ndarray) -> np.ndarray:
    """The face of an image (height, width), uint8, by its iBUG points (68, 2), pixels: (HEIGHT, WIDTH), uint8."""
    import cv2

    from speechface.geometry import ibug

    low = range(*ibug.NOSE.indices(ibug.N_POINTS))[-5:]
    middles = [ibug_points[ibug.RIGHT_EYE].mean(0), ibug_points[ibug.LEFT_EYE].mean(0), ibug_points[low].mean(0)]
    to_patch = cv2.getAffineTransform(np.array(middles, np.float32), 2 * _ANCHORS + 0.5)
    double = cv2.warpAffine(gray, to_patch, (2 * WIDTH, 2 * HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(double, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


class Appearance:
    """Gathers the pictures of one clip."""

    def __init__(self) -> None:
        self._patches: list[np.ndarray | None] = []
        self._changes: list[float] = []
        self._before: np.ndarray | None = None

    def see(self, gray: np.ndarray, box: np.ndarray | None, ibug_points: np.ndarray | None) -> None:
        """Note the next image, uint8, with the box (4,) and the points (68, 2) of its face, None without one."""
        before, self._before = self._before, gray
        self._patches.append(None if ibug_points is None else face_patch(gray, ibug_points))
        change = np.nan
        window = None if box is None else square_window(np.asarray(box, float), 1, gray.shape)
        if window is not None and before is not None and before.shape == gray.shape:
            left, top, right, bottom = window
            step = max((right - left) // _SAMPLES, 1)
            part = np.s_[top:bottom:step, left:right:step]
            change = float(np.abs(gray[part].astype(np.int16) - before[part]).mean())
        self._changes.append(change)

    def patches(self) -> np.ndarray:
        """Pictures (n, HEIGHT, WIDTH), uint8; 0 without a face."""
        nothing = np.zeros((HEIGHT, WIDTH), np.uint8)
        rows = [nothing if patch is None else patch for patch in self._patches]
        return np.stack(rows) if rows else np.zeros((0, HEIGHT, WIDTH), np.uint8)

    def changes(self) -> np.ndarray:
        """Mean absolute change of the face's box since the image before (n,), grey levels; NaN where unknown."""
        return np.array(self._changes)
