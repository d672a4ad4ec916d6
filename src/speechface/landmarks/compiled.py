"""The compiled kernels (`speechface.landmarks.kernels`) as functions of images and models."""

import numpy as np

from speechface.landmarks.equalise import Equalised

__all__ = ["Model", "predict", "read_pixels"]

_POINTS, _FEATURES, _TREES = 68, 500, 500
#: Scratch of a tile's histogram.
_COUNTS = np.empty(4 * 256, np.int32)


def _image(image: Equalised) -> list:
    """Arguments that describe an image."""
    gray, tiles = image.gray, image.tiles
    length = (len(gray) - 1) * gray.strides[0] + gray.shape[1]
    flat = np.lib.stride_tricks.as_strided(gray, (length,), (1,), writeable=False)
    arrays = tiles.columns, tiles.rows, tiles.right, tiles.lower, tiles.curves.ravel(), tiles.ready, _COUNTS
    return [flat, gray.strides[0], tiles.count, tiles.height, tiles.width, tiles.clip, *arrays]


def read_pixels(image: Equalised, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Equalised values (n,), uint8, of the pixels (x, y) of an image, whole numbers inside it.

    Parameters
    ----------
    image : Equalised
    x, y : ndarray (n,), pixels of the whole image
    """
    from speechface.landmarks import kernels

    x, y = np.ascontiguousarray(x, np.int64), np.ascontiguousarray(y, np.int64)
    out = np.empty(len(x), np.uint8)
    kernels.read_pixels(*_image(image), x, y, out)
    return out


class Model:
    """A predictor's arrays as the kernel takes them.

    Parameters
    ----------
    model : dict
        From `speechface.landmarks.forest.parse_predictor`.
    """

    def __init__(self, model: dict[str, np.ndarray]):
        mean = np.ascontiguousarray(model["mean"], np.float64)
        centred = mean - mean.mean(0)
        # greys are whole numbers: a difference above a threshold is above the whole number below it
        thresholds = np.clip(np.floor(model["thresholds"]), -256, 255).astype(np.int64) + 256
        first, second = np.asarray(model["samples"], np.int64).swapaxes(0, 1)
        nodes = np.zeros((*thresholds.shape[:2], 16), np.uint32)  # the root is number 1, below k are 2 k and 2 k + 1
        nodes[:, :, 1:] = first | second << 9 | thresholds << 18
        arrays = [
            mean,
            centred / (centred**2).sum(),
            np.ascontiguousarray(model["anchors"], np.int16),
            np.ascontiguousarray(model["deltas"], np.float32),
            nodes,
            np.ascontiguousarray(model["leaves"], np.float32),
            np.empty(_FEATURES, np.uint8),
            np.empty((_FEATURES, 2), np.int32),
            np.empty(_TREES, np.int64),
            np.empty(2 * _POINTS, np.float32),
        ]
        #: Flat arrays; the last four are scratch.
        self.arrays = [array.reshape(-1) for array in arrays]
        for array in self.arrays[:-4]:
            array.flags.writeable = False  # one compiled version, whether mapped into memory or not


def predict(image: Equalised, boxes: np.ndarray, model: Model) -> np.ndarray:
    """Landmarks (n, 68, 2), float64, in units of the boxes.

    Parameters
    ----------
    image : Equalised
        Beyond its window all is 0.
    boxes : ndarray (n, 4)
        left, top, right, bottom in pixels of the window.
    model : Model
    """
    from speechface.landmarks import kernels

    boxes = np.ascontiguousarray(boxes, np.float64)
    window = np.array(image.window, np.int64)
    shapes = np.empty((len(boxes), _POINTS, 2))
    kernels.predict(*_image(image), window, boxes.ravel(), *model.arrays, shapes.ravel())
    return shapes
