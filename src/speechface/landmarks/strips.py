"""The part of every image around the face, kept until the landmarks of the whole clip are known.

Where a face image is cut depends on the landmarks of the frames after it. Decoding a video twice costs more than
all that is done to its face images, and keeping whole images takes many times the memory. The parts are kept
reduced as far as `speechface.landmarks.crop.warp_planes` reduces them anyway.
"""

import numpy as np

from speechface.landmarks.crop import CENTRE_UP, reduction
from speechface.landmarks.reduce import reduced
from speechface.landmarks.shape import spread

__all__ = ["FaceStrips", "covers"]

#: Half side of the part that is kept, in half sides of an upright crop: for roll, motion and smoothing.
SLACK = 1.4


class FaceStrips:
    """Parts of 4:2:0 images.

    Parameters
    ----------
    margin : float
        Half side of a crop in units of the landmarks' spread, see `speechface.landmarks.crop.crop_transforms`.
    size : int
        Side of a crop, pixels.
    most_bytes : int
        Memory for the parts of one clip; a longer clip is given up (`complete` is False, the parts are dropped).
    """

    def __init__(self, *, margin, size, most_bytes):
        self._margin, self._size, self._left = margin, size, most_bytes
        self._landmarks = None  # of the last frame that showed a face
        self._parts = []
        self.complete = True

    def add(self, image, landmarks):
        """Keep the part of the next image around its landmarks.

        Parameters
        ----------
        image : object with ``planes()`` -> (planes, kind)
            Planes are uint8: luma (height, width), chroma at half size; `kind` is handed on as it is.
        landmarks : ndarray (68, 2), pixels, or None
            Without a face the part is that around the last face, if there was one.
        """
        self._landmarks = self._landmarks if landmarks is None else landmarks
        if not self.complete:
            return
        part = None
        if self._landmarks is not None:
            planes, kind = image.planes()
            step = reduction(2 * self._margin * float(spread(self._landmarks)) / self._size)
            left, top, right, bottom = window = self._window(planes[0].shape, 2 * step)
            halves = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
            cut = [planes[0][top:bottom, left:right], *(plane[halves] for plane in planes[1:])]
            cut = [plane.copy() if step == 1 else reduced(plane, step) for plane in cut]
            self._left -= sum(plane.nbytes for plane in cut)
            part = (cut, kind, window, planes[0].shape, step)
        self._parts.append(part)
        if self._left < 0:
            self.complete, self._parts = False, []

    def _window(self, shape, unit):
        """(left, top, right, bottom) of the part, pixels; multiples of `unit`, or the image's border."""
        size = float(spread(self._landmarks))
        centre = self._landmarks.mean(0) - [0, CENTRE_UP * size]
        half = SLACK * self._margin * size
        low = np.maximum(np.floor((centre - half) / unit) * unit, 0)
        high = np.minimum(np.ceil((centre + half) / unit) * unit, [shape[1], shape[0]])
        low = np.minimum(low, np.maximum(np.floor((high - unit) / unit) * unit, 0))  # a face that has left the image
        high = np.maximum(high, np.minimum(low + unit, [shape[1], shape[0]]))
        return *low.astype(int).tolist(), *high.astype(int).tolist()

    def placed(self, transforms):
        """Return [(planes, kind, transform)] of all images, for `warp_planes`; None where a part does not reach.

        Parameters
        ----------
        transforms : ndarray (n, 2, 3)
            From whole image to crop, one an image.
        """
        if not self.complete or len(transforms) != len(self._parts) or any(part is None for part in self._parts):
            return None
        windows, shapes, steps = (np.array(values) for values in list(zip(*self._parts))[2:])
        if not covers(windows, shapes, transforms, size=self._size, step=steps).all():
            return None
        middles = windows[:, :2] + (steps[:, None] - 1) / 2
        moved = np.array(transforms)
        moved[:, :, 2] += np.einsum("nij,nj->ni", transforms[:, :, :2], middles)
        moved[:, :, :2] *= steps[:, None, None]
        return [(planes, kind, transform) for (planes, kind, *_), transform in zip(self._parts, moved)]


def covers(windows, shapes, transforms, *, size, step):
    """Do parts of images hold every pixel that their crops are made of?

    Parameters
    ----------
    windows : array_like (..., 4) of int, left, top, right, bottom, pixels
    shapes : array_like (..., 2), height and width of the image
        Beyond its border the border is repeated, which the part does as well.
    transforms : ndarray (..., 2, 3)
    size : int, pixels
    step : int or ndarray (...)
        By which the parts are reduced.

    Returns
    -------
    covered : ndarray (...), bool
    """
    windows, limits, step = np.asarray(windows), np.asarray(shapes)[..., ::-1], np.asarray(step)[..., None]
    ends = np.array([-1.0, size])
    corners = np.stack(np.meshgrid(ends, ends), -1).reshape(-1, 2).T
    source = np.linalg.solve(transforms[..., :2], corners - transforms[..., 2:])  # (..., 2, 4)
    # bilinear reading of chroma: two pixels of luma, and one, all as large as `step`
    low, high = source.min(-1) - 3 * step, source.max(-1) + 3 * step + 1
    low, high = np.clip(low, 0, limits - 1), np.clip(high, 1, limits)
    return (low >= windows[..., :2]).all(-1) & (high <= windows[..., 2:]).all(-1)
