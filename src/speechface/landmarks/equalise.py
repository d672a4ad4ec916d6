"""Contrast-limited adaptive histogram equalisation of a part of a picture, as if the whole had been equalised.

Equalising a 720p picture costs more than decoding it or finding the landmarks, yet the predictor reads only the face.
The grey curve of a tile depends on that tile alone, and a pixel on the four tiles around it: a part needs only these.
"""

import numpy as np

__all__ = ["Equaliser"]


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
        self._clahe = cv2.createCLAHE(clipLimit=clip_limit)

    def whole(self, gray):
        """Equalise a picture (height, width), uint8; returns a new one."""
        self._clahe.setTilesGridSize((self._tiles, self._tiles))
        return self._clahe.apply(gray)

    def part(self, gray, window):
        """Return ``whole(gray)[top:bottom, left:right]`` to within one grey level of rounding.

        Parameters
        ----------
        gray : ndarray (height, width), uint8
        window : tuple (left, top, right, bottom) of int, pixels, inside the picture and not empty
        """
        left, top, right, bottom = window
        height, width = gray.shape
        if height % self._tiles or width % self._tiles:  # OpenCV pads such a picture, which shifts its tiles
            return self.whole(gray)[top:bottom, left:right]
        rows, n_rows = self._span(top, bottom, height)
        columns, n_columns = self._span(left, right, width)
        self._clahe.setTilesGridSize((n_columns, n_rows))
        equal = self._clahe.apply(gray[rows, columns])
        return equal[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]

    def _span(self, start, stop, length):
        """Return the slice of the tiles whose curves shape pixels start..stop of an axis, and how many they are."""
        tile = length // self._tiles
        first = max(int(np.floor(start / tile - 0.5)), 0)
        last = min(int(np.floor((stop - 1) / tile - 0.5)) + 1, self._tiles - 1)
        return slice(first * tile, (last + 1) * tile), last - first + 1
