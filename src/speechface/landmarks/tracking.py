"""Following one face through a video: points predicted in every frame, a face detector now and then.

Between detections the predictor's box is rebuilt from the landmarks of the frame before, with the proportions that the
detector's boxes have on average. The landmarks do not depend on a box that drifts, nor on the detector's box, which
jumps by several per cent from frame to frame.
"""

import functools
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from speechface.landmarks.appearance import Appearance
from speechface.landmarks.detector import Tracks
from speechface.landmarks.people import People
from speechface.landmarks.shape import box_overlap, shape_residual, spread, square_window

__all__ = ["FaceFinder", "FaceTracker", "search_scales"]

#: Images decoded before the predictor runs over them: so many that it keeps its model in the processor's cache, so few
#: that the images are there still.
CHUNK = 16
#: Images decoded ahead to choose between several faces.
AHEAD = 64
#: Overlap (intersection over union) from which a detected box confirms the tracked one.
CONFIRMING_OVERLAP = 0.4
#: A box that moves or grows by more than this fraction of its width in one frame is implausible, ...
SUDDEN_BOX = 0.2
#: ... and so is a shape that differs by this much (in units of its spread) from the frame before or ...
SUDDEN_SHAPE = 0.12
#: ... from the mean shape of this clip's confirmed frames.
STRANGE_SHAPE = 0.35
#: A change of the image (mean absolute difference, grey levels) that looks like a cut.
CUT_LEVELS = 25
#: Side of the part that is searched to confirm a face, in box widths, and the height its box gets there, pixels.
CHECK_SIDE = 1.5
CHECK_BOX_PX = 96
#: Frames looked at to choose between several faces.
PROBES = 5
#: Frames between looks at the whole image that count the faces.
CENSUS = 60
#: Height up to which images are enlarged three times where nothing else shows a face, pixels.
ENLARGED_HEIGHT = 720
#: Longest wait between searches at every scale while none finds a face, in units of `detect_every`.
LONGEST_WAIT = 8


class FaceFinder(ABC):
    """What the tracker asks of a detector. `view` is what the detector sees of an image; here, its grey levels."""

    #: Checks in a row that must miss a tracked face before it counts as lost.
    misses = 3

    def view(self, image: Any) -> Any:
        """What `detect`, `predict` and `follow` take of a `speechface.media.Image`."""
        return image.gray

    def gray(self, view: Any) -> np.ndarray:
        """Grey levels (height, width), uint8, of a view."""
        return view

    def scales_of(self, view: Any, detect_height: int) -> Sequence[float]:
        """Factors by which an image is resized to search for a face, the cheapest first."""
        return search_scales(self.gray(view).shape[0], detect_height)

    @abstractmethod
    def detect(
        self, view: Any, scale: float, window: tuple[int, int, int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Faces in the image, or in the part `window` (left, top, right, bottom) of it, resized by `scale`.

        Returns boxes (m, 4) in pixels of the image and scores (m,); those below 0 only confirm a tracked face.
        """

    @abstractmethod
    def predict(self, view: Any, box: np.ndarray) -> np.ndarray:
        """Landmarks (n, 2), pixels, of the face in `box` (4,)."""

    @abstractmethod
    def box_of(self, landmarks: np.ndarray) -> np.ndarray:
        """The box (4,) that `detect` would put around a face with these landmarks (n, 2)."""

    def follow(self, view: Any, landmarks: np.ndarray) -> tuple[np.ndarray, float]:
        """Landmarks (n, 2) of the face that had `landmarks` in the frame before, and how sure it is that they are a
        face's: NaN, unknown; below 0 the detector is asked at once, and the frame counts as one without a face if
        nothing better comes of it."""
        return self.predict(view, self.box_of(landmarks)), math.nan


def search_scales(height: int, detect_height: int) -> list[float]:
    """Return the factors by which an image is resized to search for a face, the cheapest first.

    The first brings an image taller than twice `detect_height` down to about that height, each further one doubles
    the size, up to the full image, twice that and, of images that are not too large for it, three times: the detector
    sees no face of less than 80 pixels.
    """
    step = round(height / detect_height) if height > 2 * detect_height else 1
    scales = [1 / step]
    while scales[-1] < 1:
        scales.append(min(1.0, scales[-1] * 2))
    return [*scales, 2.0, 3.0] if height <= ENLARGED_HEIGHT else [*scales, 2.0]


class FaceTracker:
    """Follow the largest, steadiest face of a video.

    Parameters
    ----------
    face : FaceFinder
    detect_every : int
        Frames between checks of the tracked face by the detector.
    points : int
        Number of landmarks.
    detect_height : int, pixels
        See `FaceFinder.scales_of`.
    ibug : function (landmarks) -> iBUG's points (68, 2), None: the face's looks are not noted
    """

    def __init__(
        self, face: FaceFinder, *, detect_every: int, points: int, detect_height: int = 0,
        ibug: Callable[[np.ndarray], np.ndarray] | None = None,
    ):  # fmt: skip
        self._face, self._points, self._ibug = face, points, ibug
        self._detect_every, self._detect_height = detect_every, detect_height
        self._landmarks = None  # of the frame before; None while there is no face
        self._mean_shape, self._confirmations = None, 0
        self._misses = 0
        self._confirmed = -1  # last frame in which the detector saw the tracked face
        self._searched, self._wait = None, detect_every  # last search at every scale; frames until the next one
        self._scale = None  # at which the face was found
        self._people = People()
        self._losses = 0
        self._levels: list[float] = []  # mean grey levels of the face
        self._thumbnail = None
        self._rows: list[Any] = []
        self._appearance = Appearance()
        self._cuts: list[int] = []

    def follow(self, images: Iterable[Any]) -> Tracks:
        """Follow the face through a whole clip.

        Parameters
        ----------
        images : iterable of `speechface.media.Image`, or what else the finder takes a view of
        """
        left = iter(images)
        decoded: list[Any] = []

        def views(count: int) -> list[Any]:
            """The next images; decodes what is missing."""
            decoded.extend(map(self._face.view, itertools.islice(left, max(count - len(decoded), 0))))
            return decoded[:count]

        def ahead(position: int) -> list[Any]:
            return views(AHEAD)[position:]

        while frames := views(CHUNK):
            for position, view in enumerate(frames):
                row = self._step(view, functools.partial(ahead, position))
                self._rows.append(row)
                if self._ibug is not None:
                    _, box, landmarks = row or (None, None, None)
                    points = None if landmarks is None else self._ibug(landmarks)
                    self._appearance.see(self._face.gray(view), box, points)
            del decoded[: len(frames)]
        return self._result()

    def _result(self) -> Tracks:
        """The `Tracks` of all frames so far."""
        tracks = Tracks.empty(len(self._rows), self._points)
        for k, row in enumerate(self._rows):
            if row is not None:
                tracks.detected[k] = True
                tracks.score[k], tracks.box[k], tracks.landmarks[k] = row
        others = self._people.others(tracks.box, tracks.detected)
        tracks.detected[others] = False
        for values in (tracks.score, tracks.box, tracks.landmarks):
            values[others] = np.nan
        tracks.faces = max(self._people.count(), int(tracks.detected.any()))
        tracks.brightness = float(np.median(self._levels)) if self._levels else float("nan")
        tracks.losses, tracks.strangers, tracks.cuts = self._losses, int(others.sum()), self._cuts
        if self._ibug is not None:
            tracks.patches, tracks.changes = self._appearance.patches(), self._appearance.changes()
        return tracks

    def _step(self, view: Any, following: Callable[[], Sequence[Any]]):
        """Process one frame; returns (score, box, landmarks), or None without a face."""
        self._people.next_frame()
        cut = self._is_cut(self._face.gray(view))
        if cut:
            self._people.new_scene()
            self._cuts.append(len(self._rows))
        if self._landmarks is None:
            return self._search(view, following)
        if len(self._rows) % CENSUS == CENSUS // 2:
            boxes, _ = self._detect_whole(view, self._scale)
            self._people.saw(boxes, self._face.box_of(self._landmarks))
        box = self._face.box_of(self._landmarks)
        landmarks, certainty = self._face.follow(view, self._landmarks)
        due = len(self._rows) - self._confirmed >= self._detect_every
        strange = cut or certainty < 0 or self._implausible(landmarks, box)
        if not (due or strange or self._misses):
            self._landmarks = landmarks
            return certainty, box, landmarks
        return self._check(view, following, box, landmarks, certainty, strange=strange, cut=cut)

    def _is_cut(self, gray):
        thumbnail = gray[::16, ::16].astype(np.int16)
        before, self._thumbnail = self._thumbnail, thumbnail
        return before is not None and np.abs(thumbnail - before).mean() > CUT_LEVELS

    def _implausible(self, landmarks, box):
        width = box[2] - box[0]
        moved = np.abs(self._face.box_of(landmarks) - box).max() > SUDDEN_BOX * width
        return (
            moved
            or shape_residual(landmarks, self._landmarks) > SUDDEN_SHAPE
            or (self._mean_shape is not None and shape_residual(landmarks, self._mean_shape) > STRANGE_SHAPE)
        )

    def _check(self, view, following, box, landmarks, certainty, *, strange, cut):
        """Ask the detector whether the tracked face is still there."""
        boxes, scores = self._detect_near(view, box)
        near = box_overlap(box, boxes) > CONFIRMING_OVERLAP
        if near.any():
            best = np.flatnonzero(near)[np.argmax(scores[near])]
            drift = np.abs(boxes[best] - self._face.box_of(landmarks)).max()
            if certainty < 0 or drift > 0.25 * (box[2] - box[0]):
                # tracking has drifted, or the face moved fast: begin again from the detector's box
                box, landmarks, certainty = self._begin(view, boxes[best])
            if certainty < 0:  # the face is there, but shows too little, e.g. in profile
                self._landmarks, self._misses, self._confirmed = landmarks, 0, len(self._rows)
                return None
            self._confirm(view, landmarks)
            return scores[best] if np.isnan(certainty) else certainty, box, landmarks
        self._misses += 1
        if strange or self._misses >= self._face.misses:
            self._lose(just_now=cut)
            return self._search(view, following, everywhere=True)
        self._landmarks = landmarks
        return certainty, box, landmarks

    def _begin(self, view, detected):
        """Box, landmarks and certainty of a face that was `detected` (4,)."""
        first = self._face.predict(view, detected)
        return self._face.box_of(first), *self._face.follow(view, first)

    def _detect_near(self, view, box):
        """Search only around `box`, at a size that suits the detector."""
        window = square_window(box, CHECK_SIDE, self._face.gray(view).shape)
        if window is None:
            return np.zeros((0, 4)), np.zeros(0)
        return self._face.detect(view, CHECK_BOX_PX / (box[2] - box[0]), window)

    def _confirm(self, view, landmarks):
        self._landmarks, self._misses, self._confirmed = landmarks, 0, len(self._rows)
        window = square_window(self._face.box_of(landmarks), 1, self._face.gray(view).shape)
        if window is not None:
            left, top, right, bottom = window
            self._levels.append(self._face.gray(view)[top:bottom:4, left:right:4].mean())
        shape = (landmarks - landmarks.mean(0)) / max(spread(landmarks), 1e-9)
        self._confirmations += 1
        if self._mean_shape is None:
            self._mean_shape = shape
        else:
            self._mean_shape = self._mean_shape + (shape - self._mean_shape) / self._confirmations

    def _lose(self, *, just_now):
        """Drop the face; also from the frames since the detector last saw it, unless it is known to go `just_now`."""
        if not just_now:
            for frame in range(self._confirmed + 1, len(self._rows)):
                self._rows[frame] = None
            self._people.lost(self._face.box_of(self._landmarks))
        self._landmarks, self._misses = None, 0
        self._mean_shape, self._confirmations = None, 0
        self._losses += 1

    def _detect_whole(self, view, scale):
        """Faces, (boxes, scores), that the detector is sure of."""
        boxes, scores = self._face.detect(view, scale)
        return boxes[scores >= 0], scores[scores >= 0]

    def _search(self, view, following, everywhere=False):
        """Look for a face in the whole image: at every scale now and then, else where one was found before."""
        now = len(self._rows)
        scales = self._face.scales_of(view, self._detect_height)
        everywhere = everywhere or self._searched is None or now - self._searched >= self._wait
        if everywhere:
            self._searched = now
        else:
            scales = [self._scale or scales[0]]
        for scale in scales:
            boxes, scores = self._detect_whole(view, scale)
            known = self._people.may_be_followed(boxes)
            if known.any():
                break
        else:
            if everywhere:
                self._wait = min(2 * self._wait, LONGEST_WAIT * self._detect_every)
            return None
        self._wait = self._detect_every
        best = np.flatnonzero(known)[0]
        if len(boxes) > 1:
            best = self._choose(boxes, known, scale, following)
        self._scale = scale
        box, landmarks, certainty = self._begin(view, boxes[best])
        if certainty < 0:
            return None
        self._people.saw(boxes, boxes[best])
        self._people.found(boxes[best])
        self._confirm(view, landmarks)
        return scores[best] if np.isnan(certainty) else certainty, box, landmarks

    def _choose(self, boxes, known, scale, following):
        """Of several faces take the one with the largest area summed over the next frames in which it is seen again."""
        weight = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        following = following()
        for probe in np.unique(np.linspace(0, len(following) - 1, PROBES + 1).astype(int)[1:]):
            seen, _ = self._detect_whole(following[probe], scale)
            self._people.saw(seen, None)
            for k, box in enumerate(boxes):
                overlap = box_overlap(box, seen)
                if len(overlap) and overlap.max() > CONFIRMING_OVERLAP:
                    best = seen[overlap.argmax()]
                    weight[k] += (best[2:] - best[:2]).prod()
        return int(np.argmax(np.where(known, weight, -1)))
