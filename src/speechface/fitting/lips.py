"""Lips that touch, by the detector's inner lips.

A fit of points leaves shut lips a little open: every point errs, and a face that is nearly shut fits nearly as well.
But a good detector's inner lips meet where lips meet, so that a small gap tells more than the points' places: contact
is a measurement of its own, that the rig's inner lips stand as they do at rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechface.landmarks.detector import Profile

__all__ = ["CONTACT_MM", "LipCalibration", "calibrate_lips", "contact", "relative_gap"]

#: The gap of lips that touch is this quantile over all of an actor's frames, if it is small enough for shut lips.
_SHUT_QUANTILE = 0.05
#: How well contact tells the gap of the rig's lips, mm.
CONTACT_MM = 0.3


@dataclass(frozen=True)
class LipCalibration:
    """One actor's lips. `shut`: gap of lips that touch, in units of the eyes' distance."""

    shut: float


def relative_gap(observed: np.ndarray, profile: Profile) -> np.ndarray:
    """Gap of the inner lips in units of the eyes' distance: (T, p, 2) -> (T,)."""
    return profile.lip_gap(observed) / np.maximum(profile.interocular(observed), 1e-6)


def calibrate_lips(observed: Sequence[np.ndarray], profile: Profile) -> LipCalibration | None:
    """What an actor's shut lips look like: points (T, p, 2), one array a clip, of frames with a face.

    None where the profile does not tell contact.
    """
    if profile.contact is None:
        return None
    gap = np.concatenate([relative_gap(clip, profile) for clip in observed])
    lowest = float(np.quantile(gap, _SHUT_QUANTILE))
    return LipCalibration(lowest if lowest < profile.contact.largest else profile.contact.usual)


def contact(observed: np.ndarray, calibration: LipCalibration, profile: Profile) -> np.ndarray:
    """Certainty that the lips touch in each frame: points (T, p, 2) -> (T,), 0 to 1."""
    assert profile.contact is not None
    beyond = relative_gap(observed, profile) - calibration.shut
    sure, open_ = profile.contact.sure, profile.contact.open
    return np.clip((open_ - beyond) / (open_ - sure), 0.0, 1.0)
