"""A drawn set of 68 points and a make-believe detector and predictor, for tests without real faces."""

from types import SimpleNamespace

import numpy as np

from speechface.landmarks.model import CANONICAL_HALF, canonical_box
from speechface.landmarks.shape import box_overlap, spread

__all__ = ["Scene", "face_points"]


def _arc(x, y, width, height, start, stop, count):
    angle = np.linspace(start, stop, count)
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], 1)


def face_points(x=0.0, y=0.0, size=1.0, roll=0.0, opening=0.0):
    """Return 68 points in dlib's order: `size` is their spread, pixels; `opening` moves the lower lip and jaw down."""
    pi = np.pi
    parts = [
        _arc(0, -0.2, 1.0, 1.3, pi, 0, 17),  # jaw, from the subject's right
        _arc(-0.45, -0.45, 0.3, 0.15, pi, 2 * pi, 5), _arc(0.45, -0.45, 0.3, 0.15, pi, 2 * pi, 5),  # brows
        np.stack([np.zeros(4), np.linspace(-0.3, 0.1, 4)], 1), _arc(0, 0.15, 0.15, 0.06, pi, 0, 5),  # nose
        _arc(-0.42, -0.3, 0.15, 0.06, pi, 3 * pi, 7)[:6], _arc(0.42, -0.3, 0.15, 0.06, pi, 3 * pi, 7)[:6],  # eyes
        _arc(0, 0.5, 0.35, 0.15, pi, 3 * pi, 13)[:12], _arc(0, 0.5, 0.25, 0.07, pi, 3 * pi, 9)[:8],  # lips
    ]  # fmt: skip
    points = np.concatenate(parts)
    points[[*range(5, 12), *range(55, 60), *range(65, 68)], 1] += opening
    points = (points - points.mean(0)) / spread(points)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return size * points @ turn.T + np.array([x, y])


class Scene:
    """Frames without content whose corner pixels count them, and what a detector and a predictor find in them.

    `faces[k]` lists the landmarks shown in frame k; `hidden` frames show them to the predictor alone; `weak` gives all
    detections a negative score; `phantoms[k]` lists boxes that the detector wrongly reports.
    """

    def __init__(self, faces, *, shape=(300, 400), hidden=(), weak=(), phantoms=None, cuts=()):
        self.faces, self.hidden, self.weak, self.phantoms = faces, set(hidden), set(weak), phantoms or {}
        self.frames = np.full((len(faces), *shape), 100, np.uint8)
        for cut in cuts:
            self.frames[cut:] += 40
        count = np.arange(len(faces))
        self.frames[:, 1, 1], self.frames[:, 1, 2] = count // 256, count % 256  # off the 16-pixel grid of cut detection
        self.detections, self.scales, self.predictions = 0, [], 0

    def _index(self, gray):
        return int(gray[1, 1]) * 256 + int(gray[1, 2])

    @property
    def images(self):
        """The frames as a decoder gives them."""
        return [SimpleNamespace(gray=frame) for frame in self.frames]

    def box_of(self, landmarks):
        return canonical_box(landmarks)

    def detect(self, gray, scale, window=None):
        frame = self._index(gray)
        self.detections += 1
        self.scales.append(scale)
        boxes = [] if frame in self.hidden else [canonical_box(face) for face in self.faces[frame]]
        boxes = [box for box in boxes if (box[2] - box[0]) * scale >= 79.5]  # the detector's smallest face
        boxes += [np.array(box, float) for box in self.phantoms.get(frame, [])]
        score = -0.2 if frame in self.weak else 1.0
        return np.array(boxes).reshape(-1, 4), np.full(len(boxes), score)

    def predict(self, gray, box):
        self.predictions += 1
        faces = self.faces[self._index(gray)]
        overlap = box_overlap(box, [canonical_box(face) for face in faces]) if faces else np.zeros(0)
        if len(overlap) and overlap.max() > 0.3:
            return faces[int(overlap.argmax())]
        # like dlib's: a plausible face in any box
        half = (box[2] - box[0]) / 2 / CANONICAL_HALF
        return face_points(*((box[:2] + box[2:]) / 2), size=half)
