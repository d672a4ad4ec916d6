"""MediaPipe's three networks: faces in an image, 478 points of a face, 52 scores of its expression.

Each runs in one thread, one face at a time: of two, four and eight crops at once each takes as long or longer.
Source: MediaPipe's face_detector_graph, face_landmarks_detector_graph, face_blendshapes_graph and the calculators that
they join; `benchmarks/mediapipe_agreement.py` compares with the package.
"""

import math
import os
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from speechface.errors import ModelError
from speechface.geometry import mesh478
from speechface.landmarks.mesh import blaze
from speechface.landmarks.mesh.model_file import read_networks

__all__ = ["FaceLandmarker", "Pixels", "Roi"]

#: Side of the crop that the network of points reads, pixels.
SIDE = 256
#: Sides of the crop in units of the box around a face.
_MARGIN = 1.5


class Pixels(Protocol):
    """An image, such as `speechface.media.Image`."""

    @property
    def gray(self) -> np.ndarray:
        """Luma (height, width), uint8."""

    def rgb(self, window: tuple[int, int, int, int] | None = None) -> np.ndarray:
        """The image or a part (left, top, right, bottom) of it, (height, width, 3), uint8."""


@dataclass(frozen=True)
class Roi:
    """A turned rectangle of an image: centre (x, y), width, height in pixels; angle in radians, clockwise as seen."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    @classmethod
    def of_box(cls, box: np.ndarray, eyes: np.ndarray | None = None) -> "Roi":
        """Around a detected face: `box` (4,), and its right and left eye (2, 2), which are turned level."""
        (x, y), (width, height) = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * _MARGIN
        return cls(x, y, width, height, 0.0 if eyes is None else _angle(*eyes))

    @classmethod
    def of_points(cls, points: np.ndarray) -> "Roi":
        """Around the face with these points (478, 2 or more) in the frame before: a square."""
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        (x, y), side = (low + high) / 2, (high - low).max() * _MARGIN
        outer = points[[mesh478.RIGHT_EYE_CORNERS[0], mesh478.LEFT_EYE_CORNERS[0]], :2]
        return cls(x, y, side, side, _angle(*outer))

    def corners(self) -> np.ndarray:
        """Top left, top right, bottom right and bottom left corner (4, 2), as the crop shows them."""
        return self.place(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 2) in units of the crop -> pixels of the image."""
        x, y = ((points - 0.5) * (self.width, self.height)).T
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.stack([self.x + cos * x - sin * y, self.y + sin * x + cos * y], 1)


def _angle(right_eye: np.ndarray, left_eye: np.ndarray) -> float:
    return math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])


class _Network:
    """One network in the interpreter, in one thread."""

    def __init__(self, content: bytes):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ModelError(
                f"the detector mediapipe needs the Python package ai-edge-litert ({error}); run "
                "`pip install ai-edge-litert`"
            ) from None
        self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = (detail["index"] for detail in self._interpreter.get_input_details())
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for one input without its batch dimension, float32."""
        self._interpreter.set_tensor(self._input, values[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


class FaceLandmarker:
    """The networks of one model file.

    Parameters
    ----------
    path : path-like, face_landmarker.task

    Raises
    ------
    ModelError
        If the file or the package ai-edge-litert is missing, or the file is another one.
    """

    def __init__(self, path: str | os.PathLike):
        networks = read_networks(path)
        self._detector = _Network(networks["face_detector"])
        self._mesh = _Network(networks["face_landmarks_detector"])
        self._expression = _Network(networks["face_blendshapes"])

    def candidates(self, pixels: np.ndarray, *, weakest: float) -> blaze.Faces:
        """Faces in an image (height, width, 3), uint8 RGB, before `blaze.suppress`; in its pixels.

        `weakest` : logit from which a face counts; MediaPipe's is 0.
        """
        import cv2

        height, width = pixels.shape[:2]
        side = max(height, width)
        corner = np.array([width - side, height - side]) / 2
        matrix = np.array([[blaze.SIDE / side, 0, 0], [0, blaze.SIDE / side, 0], [0, 0, 1]])
        matrix[:2, 2] = -corner * blaze.SIDE / side
        square = cv2.warpPerspective(pixels, matrix, (blaze.SIDE, blaze.SIDE), flags=cv2.INTER_LINEAR)
        values, scores = self._detector(square * np.float32(2 / 255) - np.float32(1))
        return blaze.decode(values[0], scores[0, :, 0], weakest).placed(side, corner)

    def faces(self, pixels: np.ndarray) -> blaze.Faces:
        """Faces in an image (height, width, 3), uint8 RGB, the surest first, in its pixels."""
        return blaze.suppress(self.candidates(pixels, weakest=0.0))

    def points(self, image: Pixels, roi: Roi) -> tuple[np.ndarray, float]:
        """Points of the face in a part of an image.

        Returns
        -------
        points : ndarray (478, 3), x, y in pixels; z in pixels too, towards the camera negative, from the head's middle
        score : float, logit of that there is a face; MediaPipe follows it from 0
        """
        found, score, _ = self._mesh(_crop(image, roi) * np.float32(1 / 255))
        points = found.reshape(mesh478.N_POINTS, 3).astype(float) / SIDE
        return np.concatenate([roi.place(points[:, :2]), points[:, 2:] * roi.width], 1), float(score.ravel()[0])

    def expression(self, points: np.ndarray) -> np.ndarray:
        """Scores (52,) of `mesh478.BLENDSHAPES` for points (478, 2 or more), pixels."""
        return self._expression(points[mesh478.BLENDSHAPE_POINTS, :2].astype(np.float32))[0]


def _crop(image: Pixels, roi: Roi) -> np.ndarray:
    """The part of an image, upright, (256, 256, 3), uint8 RGB; beyond the image's edge its last pixels go on."""
    import cv2

    height, width = image.gray.shape
    corners = roi.corners()
    low = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, (width - 2, height - 2))
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 2, low + 2, (width, height))
    part = image.rgb((*low.tolist(), *high.tolist()))
    goal = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)
    matrix = cv2.getPerspectiveTransform((corners - low).astype(np.float32), goal)
    return cv2.warpPerspective(part, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
