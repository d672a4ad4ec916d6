"""Contrast-limited adaptive histogram equalisation of a part of an image, as if the whole had been equalised.

Equalising a 720p image costs more than decoding it or finding the landmarks, yet the predictor reads only some pixels
of the face: they are equalised when they are read, see `speechface.landmarks.kernels`. The detector gets its part as
an array, reduced to the size it wants before it is equalised. The grey curve of a tile depends on that tile alone, and
a pixel on the four tiles around it: no others are needed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from speechface.landmarks.reduce import reduced

__all__ = ["Equalised", "Equaliser", "untouched"]


@dataclass(frozen=True)
class Tiles:
    """How an image is equalised: `count` tiles along each axis (0: not at all) of `height` x `width` pixels, contrast
    limit `clip`; for each pixel column the tile before its centre, `columns` int32, and the fraction of the next,
    `right` float32; `rows` and `lower` likewise; and what the kernels have worked out so far: `curves` (count, count,
    256) uint8, `ready` uint8, for every cell between four tile centres and then for every tile whether it is."""

    count: int
    height: int
    width: int
    clip: float
    columns: np.ndarray
    right: np.ndarray
    rows: np.ndarray
    lower: np.ndarray
    curves: np.ndarray
    ready: np.ndarray


_NO_TILES = Tiles(0, 1, 1, 0.0, *(np.empty(0, np.dtype(kind)) for kind in ("i4", "f4", "i4", "f4", "u1", "u1")))


@dataclass(frozen=True)
class Equalised:
    """A part of an image, equalised where it is looked at; ``numpy.asarray`` gives the whole part.

    `gray` (height, width) uint8 is the image as it was, its rows without gaps between pixels; `window` (left, top,
    right, bottom) the part; `tiles` as `speechface.landmarks.compiled` needs them; ``reduced(step)`` gives the part
    with `step` x `step` pixels averaged to one and equalised then.
    """

    gray: np.ndarray
    window: tuple
    tiles: Tiles
    reduced: Callable

    @property
    def shape(self):
        left, top, right, bottom = self.window
        return bottom - top, right - left

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.reduced(1), dtype)

    def at(self, x, y):
        """Equalised values (n,), uint8, at whole pixels inside the part."""
        from speechface.landmarks.compiled import read_pixels

        return read_pixels(self, np.asarray(x) + self.window[0], np.asarray(y) + self.window[1])


def untouched(gray):
    """Return a whole image that is seen as it is."""
    gray = _with_close_pixels(gray)
    window = (0, 0, gray.shape[1], gray.shape[0])
    return Equalised(gray, window, _NO_TILES, lambda step: reduced(gray, step))


def _with_close_pixels(gray):
    return gray if gray.strides[1] == 1 else np.ascontiguousarray(gray)


class Equaliser:
    """CLAHE as in OpenCV, of the whole image or a window of it.

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
        self._last = None, None, None  # image, the same with a border that makes it divisible, its tiles
        self._cells = None, None  # shape of an image, and what `Tiles` say of its rows and columns

    def whole(self, gray):
        """Return an image (height, width), uint8, equalised as OpenCV does it, as `Equalised`."""
        return self.part(gray, (0, 0, gray.shape[1], gray.shape[0]))

    def part(self, gray, window):
        """Return ``whole(gray)[top:bottom, left:right]`` to within one grey level of rounding, as `Equalised`.

        Parameters
        ----------
        gray : ndarray (height, width), uint8
        window : tuple (left, top, right, bottom) of int, pixels, inside the image and not empty
        """
        if self._last[0] is not gray:
            self._last = gray, *self._tiled(gray)
        _, bordered, tiles = self._last
        return Equalised(bordered, window, tiles, lambda step: self._reduced(bordered, window, step))

    def _tiled(self, gray):
        """The image, bordered as OpenCV does where a side is no multiple of the tiles, and its tiles."""
        import cv2

        height, width = gray.shape
        if height % self._tiles or width % self._tiles:
            down, across = (self._tiles - side % self._tiles for side in (height, width))
            gray = cv2.copyMakeBorder(gray, 0, down, 0, across, cv2.BORDER_REFLECT_101)
        if self._cells[0] != gray.shape:
            self._cells = gray.shape, [place for side in gray.shape[::-1] for place in self._places(side)]
        count = self._tiles
        worked_out = np.empty((count, count, 256), np.uint8), np.zeros((count + 1) ** 2 + count**2, np.uint8)
        sizes = gray.shape[0] // count, gray.shape[1] // count
        return _with_close_pixels(gray), Tiles(count, *sizes, self._clip_limit, *self._cells[1], *worked_out)

    def _places(self, length):
        """For every pixel of an axis the tile before it, and the fraction of the tile after it; OpenCV's arithmetic."""
        size = np.float32(length // self._tiles)
        place = np.arange(length, dtype=np.float32) * (np.float32(1) / size) - np.float32(0.5)
        return np.floor(place).astype(np.int32), place - np.floor(place)

    def _reduced(self, gray, window, step):
        """Reduce and equalise the tiles that shape the part, with OpenCV."""
        left, top, right, bottom = window
        rows, n_rows = self._span(top, bottom, gray.shape[0], step)
        columns, n_columns = self._span(left, right, gray.shape[1], step)
        self._clahe.setTilesGridSize((n_columns, n_rows))
        equal = self._clahe.apply(reduced(gray[rows, columns], step))
        first_row, first_column = (top - rows.start) // step, (left - columns.start) // step
        return equal[first_row : first_row + (bottom - top) // step, first_column:][:, : (right - left) // step]

    def _span(self, start, stop, length, step):
        """Return the slice of the tiles whose curves shape pixels start..stop of an axis, and how many they are.

        It begins a multiple of `step` before `start`.
        """
        tile = length // self._tiles
        first = max(int(np.floor(start / tile - 0.5)), 0)
        last = min(int(np.floor((stop - 1) / tile - 0.5)) + 1, self._tiles - 1)
        return slice(first * tile + (start - first * tile) % step, (last + 1) * tile), last - first + 1
