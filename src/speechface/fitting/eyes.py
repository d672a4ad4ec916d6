"""Blinks from the shape of the eye.

A detector's points may keep a closed eye half open, so that a fit of the landmarks stops half way. The opening of an
actor's eyes, seen over all clips, tells what the points look like when the lids meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechface.landmarks.detector import Profile

__all__ = ["EYE_CHANNELS", "EyeCalibration", "blink_weights", "calibrate_eyes"]

#: Channels of the two columns every function here uses: the subject's left, then right eye.
EYE_CHANNELS = ("eyeBlinkLeft", "eyeBlinkRight")

#: The opening of shut eyes is this quantile, if it is small enough for a blink.
_CLOSED_QUANTILE = 0.02
#: The open eye is this quantile over this many seconds: a blink is shorter, a squint or a raised lid longer.
_OPEN_QUANTILE, _OPEN_SECONDS = 0.6, 1.5
#: The open eye is at least this fraction of the actor's usual one, so that eyes that stay shut count as shut.
_OPEN_FLOOR = 0.75
#: Openings within this many standard deviations of noise are open eyes; at most `_LARGEST_DEAD` of a blink.
_DEAD_SDS, _LARGEST_DEAD = 2.0, 0.3
#: Eyes blink together; a difference beyond this (in weights) is a wink.
_WINK = 0.4


@dataclass(frozen=True)
class EyeCalibration:
    """One actor's eyes.

    `open`: usual relative opening (see `identity.relative_opening`); `closed`: opening of shut eyes as a
    fraction of the open ones; `noise`: standard deviation of the opening of open eyes, as a fraction too. All (2,):
    left, right.
    """

    open: np.ndarray
    closed: np.ndarray
    noise: np.ndarray


def _open_eye(opening: np.ndarray, fps: float) -> np.ndarray:
    """Slowly changing opening of the open eye, (T, 2)."""
    from scipy.ndimage import percentile_filter

    window = max(1, min(round(_OPEN_SECONDS * fps), len(opening)))
    return percentile_filter(opening, 100 * _OPEN_QUANTILE, size=(window, 1), mode="nearest")


def calibrate_eyes(openings: Sequence[np.ndarray], profile: Profile, *, fps: Sequence[float]) -> EyeCalibration:
    """What open and closed eyes look like for one actor.

    Parameters
    ----------
    openings : list of ndarray (T, 2), one a clip: aspect ratio over that of the actor's rest face in the same pose
    profile : Profile of the detector
    fps : list of float, 1/s, frame rate of each clip

    Returns
    -------
    calibration : EyeCalibration
    """
    opened = [_open_eye(opening, rate) for opening, rate in zip(openings, fps, strict=True)]
    usual = np.median(np.concatenate(opened), 0)
    fraction = np.concatenate(openings) / np.maximum(np.concatenate(opened), _OPEN_FLOOR * usual)
    lowest = np.quantile(fraction, _CLOSED_QUANTILE, axis=0)
    noise = 1.4826 * np.median(np.abs(fraction - np.median(fraction, 0)), 0)
    return EyeCalibration(usual, np.where(lowest < profile.blink_below, lowest, profile.closed_eye), noise)


def blink_weights(opening: np.ndarray, calibration: EyeCalibration, *, fps: float) -> np.ndarray:
    """Relative opening (T, 2) -> weights of eyeBlinkLeft and eyeBlinkRight (T, 2) in [0, 1]."""
    opened = np.maximum(_open_eye(opening, fps), _OPEN_FLOOR * calibration.open)
    span = np.maximum(1.0 - calibration.closed, 0.1)
    blink = (1.0 - opening / opened) / span
    both = blink.mean(1, keepdims=True)
    wink = blink - both
    blink = both + np.sign(wink) * np.maximum(np.abs(wink) - _WINK / 2, 0.0)
    dead = np.minimum(_DEAD_SDS * calibration.noise / span, _LARGEST_DEAD)
    return np.clip((blink - dead) / (1.0 - dead), 0.0, 1.0)
