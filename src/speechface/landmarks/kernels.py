"""The inner loops of the landmark predictor, compiled by numba: 15 cascades of 500 trees, and the greys they read.

Equalising the part of a 720p image that holds a face takes as long as decoding the image, yet the predictor reads
7,500 pixels of it. So the equalised value is worked out for each pixel that is read, and a tile's curve when the first
such pixel needs it. The arithmetic is that of OpenCV's CLAHE and of dlib's ``shape_predictor``.

The loops get pointers into flat arrays: numba's arrays, which count from the end where an index is negative, take
twice the time. Numba keeps the machine code (in ``__pycache__`` beside this file, or in ``$NUMBA_CACHE_DIR``), so that
only the first process compiles.
"""

import logging
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

__all__ = ["predict", "read_pixels", "scan_integers"]

LOG = logging.getLogger(__name__)

_POINTS, _CASCADES, _TREES, _FEATURES, _DEPTH = 68, 15, 500, 500, 4
_LEAVES = 2**_DEPTH
#: Trees walked side by side; divides their number.
_BLOCK = 20
#: Added to a threshold so that it is not negative.
_OFFSET = 256
_VALUES = 2 * _POINTS


def _compiled(*signature: Any, cache: bool = True) -> Callable:
    """Decorator: compile a function, at once where its signature is given; keep the machine code where that can be."""

    def decorate(function):
        try:
            return numba.njit(*signature, cache=cache, error_model="numpy")(function)
        except RuntimeError as error:
            LOG.warning("no cache for compiled code (%s); set NUMBA_CACHE_DIR to a folder to start faster", error)
            return numba.njit(*signature, error_model="numpy")(function)

    return decorate


def _pointers(*kinds: str) -> list:
    return [types.CPointer(getattr(types, kind)) for kind in kinds]


_INT, _REAL = types.int64, types.float64
_IMAGE = [*_pointers("uint8"), _INT, _INT, _INT, _INT, _REAL,
          *_pointers("int32", "int32", "float32", "float32", "uint8", "uint8", "int32")]  # fmt: skip


@_compiled()
def scan_integers(data, out):
    """Decode dlib's integers (see `speechface.landmarks.forest.parse_integers`); returns their number."""
    place, count = 0, 0
    while place < len(data):
        control = data[place]
        size = control & 15
        value = np.int64(0)
        for k in range(size):
            value |= np.int64(data[place + 1 + k]) << (8 * k)
        out[count] = -value if control & 128 else value
        place += 1 + size
        count += 1
    return count


@_compiled(cache=False)
def _curve(gray, stride, top, left, height, width, clip, counts, curves, place):
    """Grey curve (256,), from ``curves[place]``, of one tile: its histogram clipped, spread and summed."""
    for k in range(1024):
        counts[k] = 0
    for row in range(top, top + height):
        pixel = row * stride + left
        end = pixel + width
        while pixel + 3 < end:  # four counters: equal neighbours do not wait for each other
            counts[gray[pixel]] += 1
            counts[256 + gray[pixel + 1]] += 1
            counts[512 + gray[pixel + 2]] += 1
            counts[768 + gray[pixel + 3]] += 1
            pixel += 4
        while pixel < end:
            counts[gray[pixel]] += 1
            pixel += 1
    for k in range(256):
        counts[k] += counts[256 + k] + counts[512 + k] + counts[768 + k]
    area = height * width
    if clip > 0:
        limit = max(np.int64(clip * area / 256), 1)
        excess = 0
        for k in range(256):
            if counts[k] > limit:
                excess += counts[k] - limit
                counts[k] = limit
        share = excess >> 8
        for k in range(256):
            counts[k] += share
        rest = excess & 255
        if rest > 0:
            step = max(256 // rest, 1)
            k = 0
            while k < 256 and rest > 0:
                counts[k] += 1
                rest -= 1
                k += step
    scale = np.float32(255) / np.float32(area)
    total = 0
    for k in range(256):
        total += counts[k]
        curves[place + k] = np.uint8(min(np.rint(np.float32(total) * scale), np.float32(255)))


@_compiled(cache=False)
def _read(gray, stride, x, y, tiles, tile_height, tile_width, clip, columns, rows, right, lower, curves, ready, counts):
    """Equalised value of one pixel inside the image; as it is where there are no tiles."""
    value = np.int64(gray[y * stride + x])
    if tiles == 0:
        return np.uint8(value)
    first_column, first_row = columns[x], rows[y]  # of the tiles before the pixel: -1 at the border
    cell = (first_row + 1) * (tiles + 1) + first_column + 1
    left_column, right_column = max(first_column, 0), min(first_column + 1, tiles - 1)
    top_row, low_row = max(first_row, 0) * tiles, min(first_row + 1, tiles - 1) * tiles
    worked_out = (tiles + 1) * (tiles + 1)
    if ready[cell] == 0:
        for corner in range(4):
            row = top_row if corner < 2 else low_row
            column = left_column if corner % 2 == 0 else right_column
            tile = row + column
            if ready[worked_out + tile] == 0:
                _curve(gray, stride, (row // tiles) * tile_height, column * tile_width, tile_height, tile_width, clip,
                       counts, curves, tile * 256)  # fmt: skip
                ready[worked_out + tile] = 1
        ready[cell] = 1
    one, to_right, to_lower = np.float32(1), right[x], lower[y]
    upper = (
        np.float32(curves[(top_row + left_column) * 256 + value]) * (one - to_right)
        + np.float32(curves[(top_row + right_column) * 256 + value]) * to_right
    )
    under = (
        np.float32(curves[(low_row + left_column) * 256 + value]) * (one - to_right)
        + np.float32(curves[(low_row + right_column) * 256 + value]) * to_right
    )
    return np.uint8(np.rint(upper * (one - to_lower) + under * to_lower))


@_compiled(types.void(*_IMAGE, *_pointers("int64", "int64", "uint8"), _INT))
def _read_pixels(gray, stride, tiles, tile_height, tile_width, clip, columns, rows, right, lower, curves, ready, counts,
                 x, y, out, count):  # fmt: skip
    for k in range(count):
        out[k] = _read(gray, stride, x[k], y[k], tiles, tile_height, tile_width, clip, columns, rows, right, lower,
                       curves, ready, counts)  # fmt: skip


@_compiled()
def read_pixels(gray, stride, tiles, tile_height, tile_width, clip, columns, rows, right, lower, curves, ready, counts,
                x, y, out):  # fmt: skip
    """Equalised values `out` (n,) of the pixels (x, y), whole numbers inside the image."""
    _read_pixels(gray.ctypes, stride, tiles, tile_height, tile_width, clip, columns.ctypes, rows.ctypes, right.ctypes,
                 lower.ctypes, curves.ctypes, ready.ctypes, counts.ctypes, x.ctypes, y.ctypes, out.ctypes,
                 len(out))  # fmt: skip


@_compiled(types.void(
    *_IMAGE, *_pointers("int64", "float64"), _INT,
    *_pointers("float64", "float64", "int16", "float32", "uint32", "float32", "uint8", "int32", "int64", "float32",
               "float64"),
))  # fmt: skip
def _predict(gray, stride, tiles, tile_height, tile_width, clip, columns, rows, right, lower, curves, ready, counts,
             window, boxes, n_boxes, mean, centred, anchors, deltas, nodes, leaves, grey, place, leaf, total,
             shapes):  # fmt: skip
    left, top = window[0], window[1]
    width, height = window[2] - left, window[3] - top
    for k in range(n_boxes):
        for j in range(_VALUES):
            shapes[_VALUES * k + j] = mean[j]
    for cascade in range(_CASCADES):
        for k in range(n_boxes):  # box by box within a cascade: they often end in the same leaves
            shape = _VALUES * k
            box_left, box_top = boxes[4 * k], boxes[4 * k + 1]
            box_width, box_height = boxes[4 * k + 2] - box_left, boxes[4 * k + 3] - box_top
            # least-squares similarity from the mean shape
            cos, sin = 0.0, 0.0
            for j in range(_POINTS):
                x, y = shapes[shape + 2 * j], shapes[shape + 2 * j + 1]
                cos += centred[2 * j] * x + centred[2 * j + 1] * y
                sin += centred[2 * j] * y - centred[2 * j + 1] * x
            for j in range(_FEATURES):
                feature = cascade * _FEATURES + j
                across, down = np.float64(deltas[2 * feature]), np.float64(deltas[2 * feature + 1])
                anchor = shape + 2 * np.int64(anchors[feature])
                x = (across * cos - down * sin + shapes[anchor]) * box_width + (box_left + 0.5)
                y = (across * sin + down * cos + shapes[anchor + 1]) * box_height + (box_top + 0.5)
                place[2 * j], place[2 * j + 1] = np.int32(np.floor(x)), np.int32(np.floor(y))
            for j in range(_FEATURES):
                u, v = np.int64(place[2 * j]), np.int64(place[2 * j + 1])
                if 0 <= u < width and 0 <= v < height:
                    grey[j] = _read(gray, stride, u + left, v + top, tiles, tile_height, tile_width, clip, columns,
                                    rows, right, lower, curves, ready, counts)  # fmt: skip
                else:
                    grey[j] = 0
            for first in range(cascade * _TREES, (cascade + 1) * _TREES, _BLOCK):
                # level by level, so that the trees of a block do not wait for each other
                start = first - cascade * _TREES
                for j in range(_BLOCK):
                    leaf[start + j] = 1
                for _ in range(_DEPTH):
                    for j in range(_BLOCK):
                        node = leaf[start + j]
                        split = nodes[(first + j) * _LEAVES + node]
                        difference = np.int32(grey[split & 511]) - np.int32(grey[(split >> 9) & 511])
                        leaf[start + j] = 2 * node + 1 - np.int64(difference > np.int32(split >> 18) - _OFFSET)
                for j in range(_BLOCK):
                    leaf[start + j] = ((first + j) * _LEAVES + leaf[start + j] - _LEAVES) * _VALUES
            for j in range(_VALUES):
                total[j] = 0
            for tree in range(0, _TREES, 4):
                a, b, c, d = leaf[tree], leaf[tree + 1], leaf[tree + 2], leaf[tree + 3]
                for j in range(_VALUES):
                    total[j] += (leaves[a + j] + leaves[b + j]) + (leaves[c + j] + leaves[d + j])
            for j in range(_VALUES):
                shapes[shape + j] += total[j]


@_compiled()
def predict(gray, stride, tiles, tile_height, tile_width, clip, columns, rows, right, lower, curves, ready, counts,
            window, boxes, mean, centred, anchors, deltas, nodes, leaves, grey, place, leaf, total,
            shapes):  # fmt: skip
    """Landmarks `shapes` (n_boxes, 68, 2), in units of the boxes; see `speechface.landmarks.compiled.predict`."""
    _predict(gray.ctypes, stride, tiles, tile_height, tile_width, clip, columns.ctypes, rows.ctypes, right.ctypes,
             lower.ctypes, curves.ctypes, ready.ctypes, counts.ctypes, window.ctypes, boxes.ctypes, len(boxes) // 4,
             mean.ctypes, centred.ctypes, anchors.ctypes, deltas.ctypes, nodes.ctypes, leaves.ctypes, grey.ctypes,
             place.ctypes, leaf.ctypes, total.ctypes, shapes.ctypes)  # fmt: skip
