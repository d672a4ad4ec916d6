"""The Face Landmarker as what the tracker of one face asks for."""

from collections.abc import Sequence

import numpy as np

from speechface.geometry import ibug, mesh478
from speechface.landmarks.mesh import blaze
from speechface.landmarks.mesh.landmarker import FaceLandmarker, Pixels, Roi
from speechface.landmarks.tracking import FaceFinder

__all__ = ["JointFinder", "MeshFinder"]

#: Where the detector puts its box around a face: half side, and how far its centre lies below that of the points'
#: bounding box, in units of the longer side of the latter. Means over 13 recorded people; they differ by 4 and 2 %.
_BOX_HALF, _BOX_DOWN = 0.45, 0.043
#: Logit from which a detection confirms a tracked face.
_WEAKEST = -1.0
#: Shortest side of a square that is searched for small faces, pixels.
_LEAST_SIDE = 160


class MeshFinder(FaceFinder):
    """Faces and their 478 points in colour images; scores are logits.

    The network of points says in every frame how sure it is of a face, so that the detector may miss a face that turns
    away for longer than dlib's.
    """

    misses = 15

    def __init__(self, landmarker: FaceLandmarker):
        self._landmarker = landmarker

    def view(self, image: Pixels) -> Pixels:
        """The image itself."""
        return image

    def gray(self, view: Pixels) -> np.ndarray:
        """See `FaceFinder`."""
        return view.gray

    def scales_of(self, view: Pixels, detect_height: int) -> Sequence[float]:
        """1, the whole image at once; 2, 4 and 8, squares of half, a quarter and an eighth of its longer side."""
        side = max(view.gray.shape)
        return [2**k for k in range(4) if k == 0 or side / 2**k >= _LEAST_SIDE]

    def detect(
        self, view: Pixels, scale: float, window: tuple[int, int, int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `FaceFinder`."""
        windows, weakest = ([window], _WEAKEST) if window else (_squares(view.gray.shape, scale), 0.0)
        found = [
            self._landmarker.candidates(view.rgb(part), weakest=weakest).placed(1.0, np.array(part[:2], float))
            for part in windows
        ]
        faces = blaze.suppress(blaze.Faces.joined(found))
        return faces.boxes, faces.scores

    def predict(self, view: Pixels, box: np.ndarray) -> np.ndarray:
        """See `FaceFinder`; the head is taken as upright."""
        return self._points(view, Roi.of_box(box))[0]

    def follow(self, view: Pixels, landmarks: np.ndarray) -> tuple[np.ndarray, float]:
        """See `FaceFinder`."""
        return self._points(view, Roi.of_points(landmarks))

    def box_of(self, landmarks: np.ndarray) -> np.ndarray:
        """See `FaceFinder`."""
        low, high = landmarks[: mesh478.N_MESH].min(0), landmarks[: mesh478.N_MESH].max(0)
        side = (high - low).max()
        middle = (low + high) / 2 + (0, _BOX_DOWN * side)
        return np.concatenate([middle - _BOX_HALF * side, middle + _BOX_HALF * side])

    def _points(self, view: Pixels, roi: Roi) -> tuple[np.ndarray, float]:
        points, score = self._landmarker.points(view, roi)
        return np.ascontiguousarray(points[:, :2]), score


class JointFinder(MeshFinder):
    """The same faces, with the 68 points that another finder predicts there before the 478."""

    def __init__(self, landmarker: FaceLandmarker, other: FaceFinder):
        super().__init__(landmarker)
        self._other = other

    def predict(self, view: Pixels, box: np.ndarray) -> np.ndarray:
        """See `FaceFinder`."""
        return self._joined(view, super().predict(view, box))

    def follow(self, view: Pixels, landmarks: np.ndarray) -> tuple[np.ndarray, float]:
        """See `FaceFinder`."""
        points, score = super().follow(view, landmarks[ibug.N_POINTS :])
        return self._joined(view, points), score

    def box_of(self, landmarks: np.ndarray) -> np.ndarray:
        """See `FaceFinder`."""
        return super().box_of(landmarks[ibug.N_POINTS :])

    def _joined(self, view: Pixels, points: np.ndarray) -> np.ndarray:
        other = self._other.predict(self._other.view(view), self._other.box_of(points[mesh478.IBUG]))
        return np.concatenate([other, points])


def _squares(shape: tuple[int, ...], scale: float) -> list[tuple[int, int, int, int]]:
    """Windows (left, top, right, bottom) that cover an image, each half over the next, of its longer side / `scale`."""
    side = min(round(max(shape) / scale), max(shape))

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        count = int(np.ceil(2 * (length - side) / side)) + 1
        return np.linspace(0, length - side, count).round().astype(int).tolist()

    return [(left, top, min(left + side, shape[1]), min(top + side, shape[0]))
            for top in starts(shape[0]) for left in starts(shape[1])]  # fmt: skip
