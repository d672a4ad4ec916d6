"""Blinks from the shape of the eye.

dlib's points keep a closed eye half open, so that a fit of the landmarks stops half way. The opening of an
actor's eyes, seen over all clips, tells what dlib's points look like when the lids meet.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["EYE_CHANNELS", "LIDS", "EyeCalibration", "eye_aspect_ratio", "calibrate_eyes", "blink_weights"]

#: Channels of the two columns every function here uses: the subject's left, then right eye.
EYE_CHANNELS = ("eyeBlinkLeft", "eyeBlinkRight")
#: Landmarks of the lids without the corners.
LIDS = (37, 38, 40, 41, 43, 44, 46, 47)

#: Where an actor never blinks, closed eyes are taken to be this share of open ones (dlib's points on closed
#: eyes: 0.45 on recorded faces, 0.6 on rendered ones). The low quantile is a blink only below `_BLINK_SHARE`.
_CLOSED_SHARE, _BLINK_SHARE, _CLOSED_QUANTILE = 0.55, 0.75, 0.02
#: The open eye is this quantile over this many seconds: a blink is shorter, a squint or a raised lid longer.
_OPEN_QUANTILE, _OPEN_SECONDS = 0.6, 1.5
#: The open eye is at least this share of the actor's usual one, so that eyes that stay shut count as shut.
_OPEN_FLOOR = 0.75
#: Openings within this many standard deviations of noise are open eyes; at most `_LARGEST_DEAD` of a blink.
_DEAD_SDS, _LARGEST_DEAD = 2.0, 0.3
#: Eyes blink together; a difference beyond this (in weights) is a wink.
_WINK = 0.4


@dataclass(frozen=True)
class EyeCalibration:
    """One actor's eyes.

    `open`: usual relative opening (see `identity.relative_opening`); `closed`: opening of shut eyes as a
    share of the open ones; `noise`: standard deviation of the opening of open eyes, as a share too. All (2,):
    left, right.
    """

    open: np.ndarray
    closed: np.ndarray
    noise: np.ndarray


def eye_aspect_ratio(landmarks):
    """Height over width of the eyes: landmarks (..., 68, 2) -> (..., 2), left then right."""

    def distance(a, b):
        return np.linalg.norm(landmarks[..., a, :] - landmarks[..., b, :], axis=-1)

    left = (distance(43, 47) + distance(44, 46)) / (2 * np.maximum(distance(42, 45), 1e-6))
    right = (distance(37, 41) + distance(38, 40)) / (2 * np.maximum(distance(36, 39), 1e-6))
    return np.stack([left, right], -1)


def _open_eye(opening, fps):
    """Slowly changing opening of the open eye, (T, 2)."""
    from scipy.ndimage import percentile_filter

    window = max(1, min(round(_OPEN_SECONDS * fps), len(opening)))
    return percentile_filter(opening, 100 * _OPEN_QUANTILE, size=(window, 1), mode="nearest")


def calibrate_eyes(openings, *, fps):
    """What open and closed eyes look like for one actor.

    Parameters
    ----------
    openings : list of ndarray (T, 2), one a clip: aspect ratio over that of the actor's rest face in the same pose
    fps : list of float, 1/s, frame rate of each clip

    Returns
    -------
    calibration : EyeCalibration
    """
    opened = [_open_eye(opening, rate) for opening, rate in zip(openings, fps, strict=True)]
    usual = np.median(np.concatenate(opened), 0)
    share = np.concatenate(openings) / np.maximum(np.concatenate(opened), _OPEN_FLOOR * usual)
    lowest = np.quantile(share, _CLOSED_QUANTILE, axis=0)
    noise = 1.4826 * np.median(np.abs(share - np.median(share, 0)), 0)
    return EyeCalibration(usual, np.where(lowest < _BLINK_SHARE, lowest, _CLOSED_SHARE), noise)


def blink_weights(opening, calibration, *, fps):
    """Relative opening (T, 2) -> weights of eyeBlinkLeft and eyeBlinkRight (T, 2) in [0, 1]."""
    opened = np.maximum(_open_eye(opening, fps), _OPEN_FLOOR * calibration.open)
    span = np.maximum(1.0 - calibration.closed, 0.1)
    blink = (1.0 - opening / opened) / span
    both = blink.mean(1, keepdims=True)
    wink = blink - both
    blink = both + np.sign(wink) * np.maximum(np.abs(wink) - _WINK / 2, 0.0)
    dead = np.minimum(_DEAD_SDS * calibration.noise / span, _LARGEST_DEAD)
    return np.clip((blink - dead) / (1.0 - dead), 0.0, 1.0)
