"""Contrast-limited adaptive histogram equalisation of a part of a picture, as if the whole had been equalised.

Equalising a 720p picture costs more than decoding it or finding the landmarks, yet the predictor reads only some pixels
of the face: they are equalised when they are read, see `speechface.landmarks.compiled`. The detector gets its part as
an array. The grey curve of a tile depends on that tile alone, and a pixel on the four tiles around it: no others are
needed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Equalised", "Equaliser", "untouched"]


@dataclass(frozen=True)
class Equalised:
    """A part of a picture, equalised where it is looked at; ``numpy.asarray`` gives the whole part.

    `gray` (height, width) uint8 is the picture as it was; `window` (left, top, right, bottom) the part; `tiles` what
    `speechface.landmarks.compiled` knows of the equalisation, filled in by it; `whole_part` a function that
    equalises the part.
    """

    gray: np.ndarray
    window: tuple
    tiles: tuple
    whole_part: Callable

    @property
    def shape(self):
        left, top, right, bottom = self.window
        return bottom - top, right - left

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.whole_part(), dtype)

    def at(self, x, y):
        """Equalised values (n,), float32, at whole pixels inside the part."""
        from speechface.landmarks.compiled import read_pixels

        return read_pixels(self.gray, np.asarray(x) + self.window[0], np.asarray(y) + self.window[1], *self.tiles)


def untouched(gray):
    """Return a whole picture that is seen as it is."""
    window = (0, 0, gray.shape[1], gray.shape[0])
    return Equalised(gray, window, (1, 1, 0.0, np.empty((0, 0, 256), np.uint8), np.empty((0, 0), bool)), lambda: gray)


class Equaliser:
    """CLAHE as in OpenCV, of the whole picture or a window of it.

    Parameters
    ----------
    clip_limit : float
        Contrast limit in units of the mean histogram count; 0 leaves histograms unclipped.
    tiles : int
        Tiles along each axis.
    """

    def __init__(self, *, clip_limit, tiles):
        import cv2

        self._tiles = tiles
        self._clip_limit = float(clip_limit)
        self._clahe = cv2.createCLAHE(clipLimit=clip_limit)
        self._last = None, None, None  # picture, the same with a border that makes it divisible, its tiles

    def whole(self, gray):
        """Equalise a picture (height, width), uint8; returns a new one."""
        self._clahe.setTilesGridSize((self._tiles, self._tiles))
        return self._clahe.apply(gray)

    def part(self, gray, window):
        """Return ``whole(gray)[top:bottom, left:right]`` to within one grey level of rounding, as `Equalised`.

        Parameters
        ----------
        gray : ndarray (height, width), uint8
        window : tuple (left, top, right, bottom) of int, pixels, inside the picture and not empty
        """
        if self._last[0] is not gray:
            self._last = gray, *self._tiled(gray)
        _, bordered, tiles = self._last
        return Equalised(bordered, window, tiles, lambda: self._whole_part(bordered, window))

    def _tiled(self, gray):
        """The picture, bordered as OpenCV does where a side is no multiple of the tiles, and its tiles."""
        import cv2

        height, width = gray.shape
        if height % self._tiles or width % self._tiles:
            down, across = (self._tiles - side % self._tiles for side in (height, width))
            gray = cv2.copyMakeBorder(gray, 0, down, 0, across, cv2.BORDER_REFLECT_101)
        counts = (self._tiles, self._tiles)
        size = (gray.shape[0] // self._tiles, gray.shape[1] // self._tiles)
        return gray, (*size, self._clip_limit, np.empty((*counts, 256), np.uint8), np.zeros(counts, bool))

    def _whole_part(self, gray, window):
        """Equalise the tiles that shape the part, with OpenCV."""
        left, top, right, bottom = window
        rows, n_rows = self._span(top, bottom, gray.shape[0])
        columns, n_columns = self._span(left, right, gray.shape[1])
        self._clahe.setTilesGridSize((n_columns, n_rows))
        equal = self._clahe.apply(gray[rows, columns])
        return equal[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]

    def _span(self, start, stop, length):
        """Return the slice of the tiles whose curves shape pixels start..stop of an axis, and how many they are."""
        tile = length // self._tiles
        first = max(int(np.floor(start / tile - 0.5)), 0)
        last = min(int(np.floor((stop - 1) / tile - 0.5)) + 1, self._tiles - 1)
        return slice(first * tile, (last + 1) * tile), last - first + 1
