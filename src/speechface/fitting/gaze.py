"""Gaze from the irises, after the fit: head, lids and brows are known by then.

An iris that stands beside its place at rest, seen from the fitted head, is turned by the eyeball. Both eyes look the
same way; a shut eye tells nothing. Where an actor looks at rest is the median over the frames of all clips: people look
at the camera or at the text beside it most of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechface.fitting.pose import fill_gaps, initial_pose
from speechface.landmarks.detector import Profile
from speechface.rig.channels import columns
from speechface.rig.rig import Rig

__all__ = ["SHUT_EYE", "Eyeballs", "gaze_at_rest", "with_gaze"]

_SIDES = ("Left", "Right")
_TURNS = ("In", "Out", "Up", "Down")
#: An eye whose blink weight is beyond this does not show its iris.
SHUT_EYE = 0.5
#: Frames of the running median over the gaze.
_MEDIAN = 3


@dataclass(frozen=True)
class Eyeballs:
    """The eyes of one actor on the rig, mm; the subject's left, then right eye.

    Parameters
    ----------
    blinks : ndarray (2,), int, the channels that shut them
    looks : ndarray (2, 4), int, the channels that turn them in, out, up, down
    points : ndarray (2, 3), int, the detector's iris and both corners of each eye
    places : ndarray (2, 3, 3), their places at rest
    turns : ndarray (2, 4, 2), how far the iris's point moves along x and y for in, out, up, down
    lids : ndarray (2, 4), blink weight that moves the lids as far as each of them
    """

    blinks: np.ndarray
    looks: np.ndarray
    points: np.ndarray
    places: np.ndarray
    turns: np.ndarray
    lids: np.ndarray

    @classmethod
    def of_rig(cls, rig: Rig, profile: Profile, modes: np.ndarray) -> "Eyeballs | None":
        """Return the eyes of the actor with the identity `modes`; None where the detector does not see irises, or
        the rig does not turn or shut its eyes."""
        blinks = np.array(columns(rig.channels, [f"eyeBlink{side}" for side in _SIDES]))
        looks = np.array(columns(rig.channels, [f"eyeLook{turn}{side}" for side in _SIDES for turn in _TURNS]))
        if profile.irises is None or blinks.size < 2 or looks.size < 8:
            return None
        looks = looks.reshape(2, 4)
        places = rig.points(profile.scheme)[0]
        right, left = (int(profile.numbers(iris)[0]) for iris in profile.irises)
        points = np.array([[left, *profile.left_eye.corners], [right, *profile.right_eye.corners]])
        at, moved = places.of(rig.mesh(None, modes)), places.of(rig.shapes)
        turns, lids = np.zeros((2, 4, 2)), np.zeros((2, 4))
        for k, eye in enumerate((profile.left_eye, profile.right_eye)):
            edge = np.ravel(eye.lids)
            blink = moved[blinks[k], edge, 1]
            for j in range(len(_TURNS)):
                shape = moved[looks[k, j]]
                turns[k, j] = shape[points[k, 0], :2] * profile.iris_gain
                lids[k, j] = shape[edge, 1] @ blink / max(blink @ blink, 1e-6)
        return cls(blinks, looks, points, at[points].astype(float), turns, lids)

    def offsets(
        self, observed: np.ndarray, rotation: np.ndarray, translation: np.ndarray, *, focal: float
    ) -> np.ndarray:
        """How far the irises stand beside their places at rest, from the eyes' corners, (T, 2, 2), mm along x and y.

        `observed` (T, n, 2), pixels from the principal point, y up: all points of the detector.
        """
        camera = np.einsum("tij,epj->tepi", rotation, self.places) + translation[:, None, None]
        scale = focal / -camera[..., 2:]
        miss = (observed[:, self.points] - scale * camera[..., :2]) / scale
        miss = miss[:, :, 0] - miss[:, :, 1:].mean(2)
        return np.einsum("tij,tej->tei", np.linalg.inv(rotation[:, :2, :2]), miss)


def gaze_at_rest(
    eyeballs: Eyeballs,
    points: np.ndarray,
    fitted: Sequence[np.ndarray],
    observed: Sequence[np.ndarray],
    *,
    focal: Sequence[float],
) -> np.ndarray:
    """Median offsets of an actor's irises, (2, 2), mm.

    Parameters
    ----------
    eyeballs : Eyeballs
    points : ndarray (p, 3), the actor's face at rest, points that do not slide
    fitted, observed : lists of ndarray (T, p, 2) and (T, n, 2), these points and all, pixels from the principal point
    focal : list of float, pixels, one a clip
    """
    found = [
        eyeballs.offsets(whole, *initial_pose(points, some, focal=length), focal=length)
        for some, whole, length in zip(fitted, observed, focal, strict=True)
    ]
    return np.median(np.concatenate(found), 0)


def with_gaze(
    weights: np.ndarray,
    eyeballs: Eyeballs,
    observed: np.ndarray,
    detected: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    *,
    rest: np.ndarray,
    focal: float,
) -> np.ndarray:
    """Weights (T, C) with the gaze from the irises; blinks without what the gaze moves the lids.

    `rest` (2, 2), mm, see `gaze_at_rest`; the others as in `fit_labels`, but `observed` are all points.
    """
    from scipy.ndimage import median_filter

    weights = weights.copy()
    blink = eyeballs.blinks
    open_ = (weights[:, blink] < SHUT_EYE).all(1) & detected
    if not open_.any():
        return weights
    seen = np.where(detected[:, None, None], observed, 0.0)
    offset = eyeballs.offsets(seen, rotation, translation, focal=focal) - rest
    # along the turns of each eye, in units of the weight: towards the subject's left and up
    turns = np.zeros((len(weights), 2, 2))
    for k, (to_left, to_right) in enumerate(((1, 0), (0, 1))):
        x, y = offset[:, k].T
        turns[:, k, 0] = x / np.where(x > 0, eyeballs.turns[k, to_left, 0], -eyeballs.turns[k, to_right, 0])
        turns[:, k, 1] = y / np.where(y > 0, eyeballs.turns[k, 2, 1], -eyeballs.turns[k, 3, 1])
    together = median_filter(fill_gaps(turns.mean(1), open_), size=(_MEDIAN, 1), mode="nearest")
    left, up = np.clip(together, 0, 1).T
    right, down = np.clip(-together, 0, 1).T
    looks = np.stack([np.stack([right, left, up, down], -1), np.stack([left, right, up, down], -1)], 1)
    weights[:, eyeballs.looks] = looks
    weights[:, blink] = np.clip(weights[:, blink] - np.einsum("tkj,kj->tk", looks, eyeballs.lids), 0, 1)
    return weights
