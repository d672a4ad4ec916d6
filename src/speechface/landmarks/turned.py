"""Pictures that lie on a side or stand on their head, without a tag that says so."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from speechface.geometry import ibug
from speechface.landmarks.detector import Tracker, Tracks

__all__ = ["LOOKS", "may_be_turned", "quarter_turns", "turned_text", "turns_of_eyes"]

#: Frames that are looked at from all sides, and the height to which they are reduced for it, pixels.
LOOKS, LOOK_HEIGHT = 5, 480
#: Faces that lean less than this are not turned, degrees.
LEAST_TILT = 60


def may_be_turned(tracks: Tracks, sure_score: float) -> bool:
    """Is the detector less sure of a clip's faces than of upright ones, or does it miss most of them?"""
    scores = tracks.score[np.isfinite(tracks.score)]
    return bool(tracks.detected.mean() < 0.5 or not len(scores) or np.median(scores) < sure_score)


def turns_of_eyes(ibug_points: np.ndarray) -> int:
    """Quarter turns counter-clockwise that make faces upright by their eyes, iBUG points (n, 68, 2), pixels; 0 up to
    60 degrees of tilt. Some detectors follow a face however it lies."""
    eyes = ibug_points[:, ibug.LEFT_EYE].mean(1) - ibug_points[:, ibug.RIGHT_EYE].mean(1)
    across, down = np.median(eyes, 0) if len(eyes) else (1.0, 0.0)
    tilt = float(np.degrees(np.arctan2(down, across)))
    return 0 if abs(tilt) < LEAST_TILT else round(tilt / 90) % 4


def quarter_turns(
    tracker: Tracker, images: Sequence[np.ndarray], sure_score: float, *, image_of: Callable[[np.ndarray], Any]
) -> int:
    """Quarter turns counter-clockwise (`numpy.rot90`) that make a picture upright, 0 where none does better.

    Parameters
    ----------
    tracker : Tracker, opened detector
    images : `LOOKS` images, (height, width, 3), uint8 RGB, some time apart
    sure_score : float, score of faces that are surely upright, see `speechface.landmarks.detector.Profile`
    image_of : function, makes of an array (height, width, 3) what `tracker` takes
    """
    import cv2

    medians = []
    for turns in range(4):
        scores = []
        for image in images:
            if image.shape[0] > LOOK_HEIGHT:
                image = cv2.resize(
                    image, None, fx=LOOK_HEIGHT / image.shape[0], fy=LOOK_HEIGHT / image.shape[0],
                    interpolation=cv2.INTER_AREA,
                )  # fmt: skip
            tracks = tracker.track([image_of(np.ascontiguousarray(np.rot90(image, turns)))])
            scores.append(float(tracks.score[0]) if tracks.detected[0] else -np.inf)
        medians.append(float(np.median(scores)))
    best = int(np.argmax(medians))
    return best if medians[best] >= sure_score > medians[0] else 0


def turned_text(turns: int) -> str:
    """What to say of a picture that `turns` quarter turns counter-clockwise would make upright, and what to do."""
    how = {1: "lies on its right side", 2: "stands on its head", 3: "lies on its left side"}[turns]
    return (
        f"the picture {how} and no tag says so; expected an upright face; turn it, e.g. by "
        f"'ffmpeg -display_rotation {90 * turns if turns < 3 else -90} -i IN -c copy OUT'"
    )
