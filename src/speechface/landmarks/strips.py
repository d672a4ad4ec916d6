"""The part of every picture around the face, kept until the landmarks of the whole clip are known.

Where a face picture is cut depends on the landmarks of the frames after it. Decoding a video twice costs more than
all that is done to its face pictures, and keeping whole pictures takes five times the memory.
"""

import numpy as np

from speechface.landmarks.crop import CENTRE_UP
from speechface.landmarks.shape import spread

__all__ = ["FaceStrips", "covers"]

#: Half side of the part that is kept, in half sides of an upright crop: for roll, motion and smoothing.
SLACK = 1.4


class FaceStrips:
    """Parts of 4:2:0 pictures.

    Parameters
    ----------
    margin : float
        Half side of a crop in units of the landmarks' spread, see `speechface.landmarks.crop.crop_transforms`.
    most_bytes : int
        Memory for the parts of one clip; a longer clip is given up (`complete` is False, the parts are dropped).
    """

    def __init__(self, *, margin, most_bytes):
        self._margin, self._left = margin, most_bytes
        self._landmarks = None  # of the last frame that showed a face
        self._parts = []
        self.complete = True

    def add(self, picture, landmarks):
        """Keep the part of the next picture around its landmarks.

        Parameters
        ----------
        picture : object with ``planes()`` -> (planes, kind)
            Planes are uint8: luma (height, width), chroma at half size; `kind` is handed on as it is.
        landmarks : ndarray (68, 2), pixels, or None
            Without a face the part is that around the last face, if there was one.
        """
        self._landmarks = self._landmarks if landmarks is None else landmarks
        if not self.complete:
            return
        part = None
        if self._landmarks is not None:
            planes, kind = picture.planes()
            left, top, right, bottom = window = self._window(planes[0].shape)
            halves = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
            cut = [planes[0][top:bottom, left:right].copy(), *(plane[halves].copy() for plane in planes[1:])]
            self._left -= sum(plane.nbytes for plane in cut)
            part = (cut, kind, window, planes[0].shape)
        self._parts.append(part)
        if self._left < 0:
            self.complete, self._parts = False, []

    def _window(self, shape):
        """(left, top, right, bottom) of the part, pixels; even, or the picture's border."""
        size = float(spread(self._landmarks))
        centre = self._landmarks.mean(0) - [0, CENTRE_UP * size]
        half = SLACK * self._margin * size
        low = np.maximum(np.floor((centre - half) / 2) * 2, 0)
        high = np.minimum(np.ceil((centre + half) / 2) * 2, [shape[1], shape[0]])
        low = np.minimum(low, np.maximum(np.floor((high - 2) / 2) * 2, 0))  # a face that has left the picture
        high = np.maximum(high, np.minimum(low + 2, [shape[1], shape[0]]))
        return *low.astype(int).tolist(), *high.astype(int).tolist()

    def placed(self, transforms, *, size):
        """Return [(planes, kind, transform)] of all pictures, for `warp_planes`; None where a part does not reach.

        Parameters
        ----------
        transforms : ndarray (n, 2, 3)
            From whole picture to crop, one a picture.
        size : int
            Side of the crop, pixels.
        """
        if not self.complete or len(transforms) != len(self._parts):
            return None
        out = []
        for part, transform in zip(self._parts, transforms):
            if part is None or not covers(*part[2:], transform, size=size):
                return None
            planes, kind, (left, top, *_), _ = part
            moved = transform.copy()
            moved[:, 2] += transform[:, :2] @ [left, top]
            out.append((planes, kind, moved))
        return out


def covers(window, shape, transform, *, size):
    """Does a part of a picture hold every pixel that a crop is made of?

    Parameters
    ----------
    window : tuple (left, top, right, bottom) of int, pixels
    shape : tuple (height, width) of the picture
        Beyond its border the border is repeated, which the part does as well.
    transform : ndarray (2, 3)
    size : int, pixels
    """
    ends = np.array([-1.0, size])
    corners = np.stack(np.meshgrid(ends, ends), -1).reshape(-1, 2)
    source = np.linalg.solve(transform[:, :2], (corners - transform[:, 2]).T).T
    low, high = source.min(0) - 3, source.max(0) + 4  # bilinear reading of chroma: two pixels of luma, and one
    width_height = np.array(shape[::-1])
    low, high = np.clip(low, 0, width_height - 1), np.clip(high, 1, width_height)
    return bool((low >= window[:2]).all() and (high <= window[2:]).all())
