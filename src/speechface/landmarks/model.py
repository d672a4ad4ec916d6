"""dlib's face detector and 68-point predictor, loaded in milliseconds.

dlib takes more than a second in every process to unpack its two models. They are converted once and kept, see
`speechface.landmarks.caches`. Without a folder that can be written everything works, a few seconds slower in each
process.
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import numpy as np

from speechface.errors import ModelError
from speechface.files import written_whole
from speechface.landmarks.caches import cache_folder, warn_no_cache
from speechface.landmarks.equalise import Equalised, Equaliser
from speechface.landmarks.forest import ForestPredictor, parse_predictor
from speechface.landmarks.shape import spread, square_window
from speechface.landmarks.tracking import FaceFinder

__all__ = [
    "CANONICAL_HALF",
    "CLAHE_TILES",
    "PREDICTOR_BYTES",
    "WEAKEST_SCORE",
    "DlibFace",
    "canonical_box",
    "jittered_boxes",
    "load_forest",
    "predictor_path",
    "recognition_path",
]

LOG = logging.getLogger(__name__)

#: Size of the one predictor file that the constants of this package were measured with.
PREDICTOR_BYTES = 99_693_937
_PACKAGE = "face_recognition_models"
_FILE = "models/shape_predictor_68_face_landmarks.dat"
_RECOGNITION = "dlib_face_recognition_resnet_model_v1.dat"
#: Raise when the converted files change.
_CACHE_VERSION = 1
#: The detector is asked for weak faces too: one with a negative score may confirm a face that is already tracked.
WEAKEST_SCORE = -0.5
#: Tiles along each axis of the histogram equalisation, as in the report's listing A.1.
CLAHE_TILES = 8
#: Where dlib's detector puts its box around a face: centre against the landmarks' mean, and half side, both in units of
#: the landmarks' spread. Mean over full-resolution detections on ten clips of nine people; x is 0 by symmetry.
CANONICAL_CENTRE = (0.0, -0.11)
CANONICAL_HALF = 1.36
#: Shifts (in box widths) and scales of the boxes that the predictor is averaged over.
_JITTER = ((0.0, 0.0, 1.0), (0.03, 0.03, 1.04), (-0.03, -0.03, 1.04), (0.03, -0.03, 0.96), (-0.03, 0.03, 0.96))
#: Side of the part that the predictor reads, in box widths, and how far it lies below the box's centre: dlib's boxes
#: cut the chin.
PREDICTED_SIDE = 1.3
PREDICTED_DOWN = 0.08


def predictor_path() -> Path:
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


def recognition_path() -> Path:
    """Return the path of the face recognition network's file, of the predictor's package; ModelError as there."""
    path = predictor_path().parent / _RECOGNITION
    if not path.exists():
        raise ModelError(f"{path}: the face recognition model is missing: run `pip install {_PACKAGE}==0.3.0`")
    return path


def load_forest() -> dict[str, np.ndarray]:
    """Return the predictor's arrays (see `forest.parse_predictor`), from the cache or from dlib's file.

    The leaves, nearly all of the 65 MB, are mapped into memory, so that processes on one machine share them.
    """
    path = predictor_path()
    small, large = (cache_folder() / f"predictor68-v{_CACHE_VERSION}{suffix}" for suffix in (".npz", ".npy"))
    try:
        with np.load(small) as file:
            return {**file, "leaves": np.load(large, mmap_mode="r")}
    except (OSError, ValueError):
        LOG.info("converting the landmark model, once")
    model = parse_predictor(path.read_bytes())
    try:
        with written_whole(large) as temporary:
            np.save(temporary, model["leaves"])
        with written_whole(small) as temporary:
            rest: dict[str, Any] = {name: array for name, array in model.items() if name != "leaves"}
            np.savez(temporary, **rest)
    except OSError as error:
        warn_no_cache(error)
    return model


def _load_detector() -> Any:
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


def canonical_box(landmarks: np.ndarray) -> np.ndarray:
    """Return the box that dlib's detector would put around a face with these landmarks.

    Parameters
    ----------
    landmarks : ndarray (..., 68, 2), pixels

    Returns
    -------
    box : ndarray (..., 4), left, top, right, bottom, pixels
    """
    size = spread(landmarks)[..., None]
    centre = landmarks.mean(-2) + size * np.array(CANONICAL_CENTRE)
    return np.concatenate([centre - CANONICAL_HALF * size, centre + CANONICAL_HALF * size], -1)


def jittered_boxes(box: np.ndarray, count: int) -> np.ndarray:
    """Return `count` (1 to 5) boxes (count, 4) around `box` (4,), the first of them `box` itself."""
    jitter = np.array(_JITTER[:count])
    middle = (box[:2] + box[2:]) / 2 + (box[2] - box[0]) * jitter[:, :2]
    half = (box[2:] - box[:2]) / 2 * jitter[:, 2:]
    return np.concatenate([middle - half, middle + half], 1)


class DlibFace(FaceFinder):
    """dlib's detector and predictor behind local histogram equalisation, in one thread, on grey images (height, width)
    uint8; what `speechface.landmarks.tracking.FaceTracker` asks for.

    Parameters
    ----------
    clahe_clip : float
        Contrast limit of the equalisation, in mean histogram counts; 0, no limit.
    jittered_boxes : int, 1 to 5
        Predictions averaged over so many shifted boxes.
    """

    def __init__(self, *, clahe_clip: float, jittered_boxes: int):
        self._detector = _load_detector()
        self._forest = ForestPredictor(load_forest())
        self._equaliser = Equaliser(clip_limit=clahe_clip, tiles=CLAHE_TILES)
        self._boxes = jittered_boxes

    def box_of(self, landmarks: np.ndarray) -> np.ndarray:
        """See `canonical_box`."""
        return canonical_box(landmarks)

    def predict(self, gray: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Landmarks (68, 2), pixels, of the face in `box` (4,), from the equalised image around it."""
        lower = box + (box[3] - box[1]) * np.array([0, PREDICTED_DOWN, 0, PREDICTED_DOWN])
        window = square_window(lower, PREDICTED_SIDE, gray.shape)
        if window is None:
            return np.tile((box[:2] + box[2:]) / 2, (68, 1))  # outside the image: a shape that no check accepts
        part, corner = self._equaliser.part(gray, window), np.array(window[:2])
        boxes = jittered_boxes(box, self._boxes) - np.tile(corner, 2)
        return self._forest.predict(part, boxes).mean(0) + corner

    def detect(
        self, gray: np.ndarray, scale: float, window: tuple[int, int, int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find faces in an image or a part of it that is first equalised and resized by `scale`.

        Parameters
        ----------
        gray : ndarray (height, width), uint8
        scale : float
        window : tuple (left, top, right, bottom), pixels, optional

        Returns
        -------
        boxes : ndarray (m, 4), left, top, right, bottom in pixels of the image
        scores : ndarray (m,), from `WEAKEST_SCORE`; the detector's own threshold is 0
        """
        if window is None:
            return self._run(self._equaliser.whole(gray), scale)
        boxes, scores = self._run(self._equaliser.part(gray, window), scale)
        return boxes + np.tile(window[:2], 2), scores

    def _run(self, image: Equalised, scale: float) -> tuple[np.ndarray, np.ndarray]:
        import cv2

        step = max(int(1 / scale + 1e-9), 1)  # the greater part of it before equalising: far fewer pixels
        gray, left = np.asarray(image.reduced(step)), scale * step
        if abs(left - 1) > 1e-9:
            how = cv2.INTER_AREA if left < 1 else cv2.INTER_LINEAR
            gray = cv2.resize(gray, None, fx=left, fy=left, interpolation=how)
        found, scores, _ = self._detector.run(np.ascontiguousarray(gray), 0, WEAKEST_SCORE)
        boxes = np.array([[r.left(), r.top(), r.right(), r.bottom()] for r in found], float).reshape(-1, 4)
        return boxes / scale, np.array(scores, float)
