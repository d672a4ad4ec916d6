"""The inner loops of the landmark predictor, compiled by numba: 15 cascades of 500 trees, and the greys they read.

Equalising the part of a 720p picture that holds a face takes as long as decoding the picture, yet the predictor reads
7,500 pixels of it. So the equalised value is worked out for each pixel that is read, and a tile's curve when the first
such pixel needs it. The arithmetic is that of OpenCV's CLAHE and of dlib's ``shape_predictor``.
"""

import numba
import numpy as np

__all__ = ["predict", "read_pixels"]


def _compiled(function):
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # no folder that can be written: compiled anew in each process
        return numba.njit(function)


@_compiled
def _curve(gray, top, left, height, width, clip, curve):
    """Grey curve (256,) of one tile: its histogram clipped, spread and summed."""
    counts = np.zeros((2, 256), np.int32)
    for row in range(top, top + height):
        for column in range(left, left + width - 1, 2):  # two counters: equal neighbours do not wait for each other
            counts[0, gray[row, column]] += 1
            counts[1, gray[row, column + 1]] += 1
        if width % 2:
            counts[0, gray[row, left + width - 1]] += 1
    counts[0] += counts[1]
    histogram = counts[0]
    area = height * width
    if clip > 0:
        limit = max(int(clip * area / 256), 1)
        excess = 0
        for k in range(256):
            if histogram[k] > limit:
                excess += histogram[k] - limit
                histogram[k] = limit
        histogram += np.int32(excess // 256)
        rest = excess % 256
        if rest:
            step = max(256 // rest, 1)
            k = 0
            while k < 256 and rest > 0:
                histogram[k] += 1
                rest -= 1
                k += step
    scale = np.float32(255) / np.float32(area)
    total = 0
    for k in range(256):
        total += histogram[k]
        curve[k] = np.uint8(min(np.rint(np.float32(total) * scale), 255))


@_compiled
def _read(gray, x, y, tile_height, tile_width, clip, curves, ready):
    """Equalised value of one pixel inside the picture, float32; as it is where there are no tiles."""
    value = gray[y, x]
    tiles = ready.shape[0]
    if tiles == 0:
        return np.float32(value)
    across = np.float32(x) * (np.float32(1) / np.float32(tile_width)) - np.float32(0.5)
    down = np.float32(y) * (np.float32(1) / np.float32(tile_height)) - np.float32(0.5)
    first_column, first_row = int(np.floor(across)), int(np.floor(down))
    right, lower = across - np.float32(first_column), down - np.float32(first_row)
    columns = (max(first_column, 0), min(first_column + 1, tiles - 1))
    rows = (max(first_row, 0), min(first_row + 1, tiles - 1))
    for row in rows:
        for column in columns:
            if not ready[row, column]:
                _curve(gray, row * tile_height, column * tile_width, tile_height, tile_width, clip, curves[row, column])
                ready[row, column] = True
    one = np.float32(1)
    upper = curves[rows[0], columns[0], value] * (one - right) + curves[rows[0], columns[1], value] * right
    under = curves[rows[1], columns[0], value] * (one - right) + curves[rows[1], columns[1], value] * right
    return np.float32(np.rint(upper * (one - lower) + under * lower))


@_compiled
def read_pixels(gray, x, y, tile_height, tile_width, clip, curves, ready):
    """Equalised values (n,), float32, of the pixels (x, y), whole numbers inside the picture."""
    out = np.empty(len(x), np.float32)
    for k in range(len(x)):
        out[k] = _read(gray, x[k], y[k], tile_height, tile_width, clip, curves, ready)
    return out


@_compiled
def predict(gray, window, tile_height, tile_width, clip, curves, ready, box, mean, centred, anchors, deltas, samples,
            thresholds, leaves):  # fmt: skip
    """Landmarks (68, 2), float64, in units of the box.

    Parameters
    ----------
    gray : ndarray (height, width), uint8
    window : tuple of int
        left, top, right, bottom of the part of the picture that is seen; beyond it all is 0.
    tile_height, tile_width, clip, curves, ready
        Equalisation: size of a tile in pixels, contrast limit, curves (t, t, 256) uint8 and whether each is worked out;
        none where t is 0.
    box : tuple of float
        left, top, right, bottom in pixels of the part.
    mean, centred, anchors, deltas, samples, thresholds, leaves : ndarrays
        The model, see `speechface.landmarks.forest`.
    """
    left, top, right, bottom = box
    width, height = window[2] - window[0], window[3] - window[1]
    n_cascades, n_features = anchors.shape
    n_trees, n_splits = samples.shape[2], samples.shape[3]
    n_leaves = n_splits + 1
    shape = mean.copy()
    grey = np.empty(n_features, np.float32)
    leaf = np.empty(n_trees, np.int64)
    total = np.empty(leaves.shape[2], np.float32)
    for cascade in range(n_cascades):
        # least-squares similarity from the mean shape
        cos, sin = 0.0, 0.0
        for k in range(len(shape)):
            cos += centred[k, 0] * shape[k, 0] + centred[k, 1] * shape[k, 1]
            sin += centred[k, 0] * shape[k, 1] - centred[k, 1] * shape[k, 0]
        for k in range(n_features):
            anchor, across, down = anchors[cascade, k], deltas[cascade, k, 0], deltas[cascade, k, 1]
            x = int(np.floor((across * cos - down * sin + shape[anchor, 0]) * (right - left) + (left + 0.5)))
            y = int(np.floor((across * sin + down * cos + shape[anchor, 1]) * (bottom - top) + (top + 0.5)))
            if 0 <= x < width and 0 <= y < height:
                grey[k] = _read(gray, x + window[0], y + window[1], tile_height, tile_width, clip, curves, ready)
            else:
                grey[k] = 0
        for tree in range(n_trees):
            node = 0
            while node < n_splits:
                difference = grey[samples[cascade, 0, tree, node]] - grey[samples[cascade, 1, tree, node]]
                node = 2 * node + (1 if difference > thresholds[cascade, tree, node] else 2)
            leaf[tree] = tree * n_leaves + node - n_splits
        total[:] = 0
        for tree in range(n_trees):
            row = leaves[cascade, leaf[tree]]
            for k in range(len(total)):
                total[k] += row[k]
        for k in range(len(shape)):
            shape[k, 0] += total[2 * k]
            shape[k, 1] += total[2 * k + 1]
    return shape
