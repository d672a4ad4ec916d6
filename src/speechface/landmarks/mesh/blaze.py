"""BlazeFace, short range: what its network's 896 rows mean, and the faces in them.

Source: MediaPipe's face_detector_graph and its SsdAnchors, TensorsToDetections and NonMaxSuppression calculators;
Bazarevsky et al. 2019, arXiv:1907.05047.
"""

from dataclasses import dataclass

import numpy as np

from speechface.landmarks.shape import box_overlap

__all__ = ["SIDE", "Faces", "anchors", "decode", "suppress"]

#: Side of the image that the network reads, pixels.
SIDE = 128
#: Cells along a side, and anchors in each.
_GRIDS = ((16, 2), (8, 6))
#: Overlap (intersection over union) from which two boxes are one face.
_SAME_FACE = 0.5


@dataclass(frozen=True)
class Faces:
    """Faces found in an image.

    Parameters
    ----------
    boxes : ndarray (m, 4), left, top, right, bottom
    points : ndarray (m, 6, 2): right eye, left eye, nose, mouth, right ear, left ear
    scores : ndarray (m,), logits: 0 is as likely a face as not
    """

    boxes: np.ndarray
    points: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def placed(self, scale: float, corner: np.ndarray) -> "Faces":
        """The faces of an image that was cut out at `corner` (2,) and is `scale` times smaller there."""
        return Faces(self.boxes * scale + np.tile(corner, 2), self.points * scale + corner, self.scores)

    @classmethod
    def joined(cls, parts: list["Faces"]) -> "Faces":
        """All faces of several parts of an image."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "points", "scores")))


def anchors() -> np.ndarray:
    """Centres (896, 2) of the network's rows, (x, y) in units of the image's side."""
    grids = []
    for cells, count in _GRIDS:
        places = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(places, places, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, axis=0))
    return np.concatenate(grids)


def decode(values: np.ndarray, scores: np.ndarray, weakest: float) -> Faces:
    """Faces of at least the score `weakest`, many of them several times over, in units of the image's side.

    Parameters
    ----------
    values : ndarray (896, 16): centre, width and height of the box, then six points, pixels from the anchor
    scores : ndarray (896,), logits
    """
    chosen = np.flatnonzero(scores >= weakest)
    pairs = values[chosen].astype(float).reshape(-1, 8, 2) / SIDE
    centres = anchors()[chosen]
    middle, half = pairs[:, 0] + centres, pairs[:, 1] / 2
    return Faces(np.concatenate([middle - half, middle + half], 1), pairs[:, 2:] + centres[:, None],
                 scores[chosen].astype(float))  # fmt: skip


def suppress(faces: Faces) -> Faces:
    """Each face once, the surest first: boxes that overlap the surest one are averaged, weighted by probability."""
    probability = 1 / (1 + np.exp(-faces.scores))
    left = np.argsort(-faces.scores, kind="stable")
    found: list[tuple[np.ndarray, np.ndarray, float]] = []
    while len(left):
        same = box_overlap(faces.boxes[left[0]], faces.boxes[left]) > _SAME_FACE
        same[0] = True
        one = left[same]
        weights = probability[one] / probability[one].sum()
        found.append((weights @ faces.boxes[one], np.tensordot(weights, faces.points[one], 1), faces.scores[left[0]]))
        left = left[~same]
    boxes, points, scores = zip(*found) if found else ((), (), ())
    return Faces(np.array(boxes).reshape(-1, 4), np.array(points).reshape(-1, 6, 2), np.array(scores, float))
