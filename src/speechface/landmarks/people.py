"""Which of several people a video follows, and how many it shows."""

import numpy as np

from speechface.landmarks.shape import box_overlap

__all__ = ["People"]

#: Overlap (intersection over union) from which two boxes are the same face at the same place.
SAME_PLACE = 0.3
#: A face that comes back is as wide as the lost one within this factor.
SAME_SIZE = 1.6
#: Frames for which somebody else is not followed after the face was lost.
LOYALTY = 90


class People:
    """Tells the followed person from others.

    Of faces nothing is known but place and size. While a face is followed, faces beside it are remembered by their
    place. After a loss, a face at the place of one of these, or of another size, is somebody else's and is followed
    only after `LOYALTY` frames. In the end, of all that was followed between two cuts, the person with the largest
    area summed over the frames counts.
    """

    def __init__(self):
        self._scene, self._person, self._people = 0, 0, 0
        self._rows = []  # (scene, person) of each frame
        self._counts = []  # faces seen at once in looks at the whole image
        self._beside = np.zeros((0, 4))
        self._lost = None  # (width, frame) of the face that was lost

    def next_frame(self) -> None:
        """Begin the next frame."""
        self._rows.append((self._scene, self._person))

    def new_scene(self) -> None:
        """After a cut nothing is known about anybody."""
        self._scene += 1
        self._begin()

    def _begin(self):
        self._people += 1
        self._person, self._beside, self._lost = self._people, np.zeros((0, 4)), None
        self._rows[-1] = (self._scene, self._person)

    def saw(self, boxes: np.ndarray, followed: np.ndarray | None) -> None:
        """Note the faces (m, 4) of a whole image; `followed` (4,) is the box of the followed one, if known."""
        self._counts.append(len(boxes))
        if followed is not None:
            self._beside = boxes[box_overlap(followed, boxes) < SAME_PLACE]

    def lost(self, box: np.ndarray) -> None:
        """The followed face, last in `box` (4,), is lost."""
        self._lost = (box[2] - box[0], len(self._rows))

    def may_be_followed(self, boxes: np.ndarray) -> np.ndarray:
        """Which of faces (m, 4) may be followed now, (m,) bool: for a while nobody but the lost person."""
        if self._lost is None or len(self._rows) - self._lost[1] > LOYALTY:
            return np.ones(len(boxes), bool)
        return self._is_lost_one(boxes)

    def _is_lost_one(self, boxes):
        size = (boxes[:, 2] - boxes[:, 0]) / self._lost[0]
        same = (size < SAME_SIZE) & (size > 1 / SAME_SIZE)
        for k in np.flatnonzero(same):
            same[k] = not (box_overlap(boxes[k], self._beside) > SAME_PLACE).any()
        return same

    def found(self, box: np.ndarray) -> None:
        """A face in `box` (4,) is followed from now on."""
        if self._lost is not None and not self._is_lost_one(box[None])[0]:
            self._begin()
        self._lost = None
        self._rows[-1] = (self._scene, self._person)

    def count(self) -> int:
        """How many faces were seen at once: in two looks at least, since the detector errs; else in the only one."""
        return sorted(self._counts)[-2:][0] if self._counts else 0

    def others(self, boxes: np.ndarray, detected: np.ndarray) -> np.ndarray:
        """Rows (n,) bool with a face (`detected` (n,), `boxes` (n, 4)) that is not its scene's main person's."""
        rows = np.array(self._rows).reshape(-1, 2)[: len(detected)]
        area = np.where(detected, np.nan_to_num(boxes[:, 2:] - boxes[:, :2]).prod(1), 0)
        others = np.zeros(len(detected), bool)
        for scene in np.unique(rows[:, 0]):
            inside = rows[:, 0] == scene
            people = np.unique(rows[inside & detected, 1])
            if len(people) > 1:
                main = max(people, key=lambda person: area[inside & (rows[:, 1] == person)].sum())
                others |= inside & detected & (rows[:, 1] != main)
        return others
