"""What every export format is given: the curves of one animation, the rig they move and the sound they belong to."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from speechface.rig.channels import CHANNELS
from speechface.rig.rig import Rig

__all__ = ["ARKIT_NAMES", "Animation", "Sound", "arkit_weights", "gaze_angles", "resampled", "weights_on"]


def _sides(stem: str) -> tuple[str, str]:
    return (stem + "Left", stem + "Right")


#: Apple's 52 blendshape names in the order of Live Link Face's CSV files.
ARKIT_NAMES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthRight", "mouthLeft", *_sides("mouthSmile"), *_sides("mouthFrown"), *_sides("mouthDimple"),
    *_sides("mouthStretch"), "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *_sides("mouthPress"), *_sides("mouthLowerDown"), *_sides("mouthUpperUp"), *_sides("browDown"), "browInnerUp",
    *_sides("browOuterUp"), "cheekPuff", *_sides("cheekSquint"), *_sides("noseSneer"), "tongueOut",
)  # fmt: skip


@dataclass(frozen=True)
class Sound:
    """`samples` (n,), float32, mono, full scale 1.0, from the first frame on; `sr`, Hz; `name` of the recording."""

    samples: np.ndarray
    sr: int
    name: str = ""


@dataclass
class Animation:
    """Curves of one recording.

    Parameters
    ----------
    name : str, used in file names
    fps : frames a second
    weights : ndarray (T, n), float32 in [0, 1], a column for each of `channels`
    rotations : ndarray (T, 3), float32, radians (x, y, z), see `speechface.geometry.rotation`; zeros if not modelled
    channels : names of the weights
    sound : of the recording, or None
    rig_file : rig (.npz) that the weights move; "": the builtin head
    avatar_file : .glb or .vrm of the user's own that the format avatar animates; "": none
    image_size : side of the images in formats that show some, pixels
    meta : JSON values: model, commit, settings
    """

    name: str
    fps: Fraction
    weights: np.ndarray
    rotations: np.ndarray
    channels: Sequence[str] = CHANNELS
    sound: Sound | None = None
    rig_file: str = ""
    avatar_file: str = ""
    image_size: int = 640
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def times(self) -> np.ndarray:
        """Seconds at which the frames show, (T,)."""
        return np.arange(len(self)) / float(self.fps)

    @functools.cached_property
    def arkit(self) -> np.ndarray:
        """Apple's 52 weights (T, 52), in the order of `ARKIT_NAMES`."""
        return arkit_weights(self.weights, self.channels)

    @functools.cached_property
    def rig(self) -> Rig:
        """The rig, read or built when a format first asks for it."""
        if self.rig_file:
            return Rig.load(self.rig_file)
        from speechface.rig.builtin import build

        return build()


def weights_on(weights: np.ndarray, channels: Sequence[str], target: Sequence[str]) -> np.ndarray:
    """Weights (T, n) of `channels` -> (T, m) of the list `target`, float32.

    A shape for both sides (noseSneer) takes the mean of the two and feeds both; shapes without a source stay 0.
    """
    column = {name: k for k, name in enumerate(channels)}
    out = np.zeros((len(weights), len(target)), np.float32)
    for place, name in enumerate(target):
        stem = name.removesuffix("Left").removesuffix("Right")
        for names in ((name,), _sides(name), (stem,)):
            found = [column[n] for n in names if n in column]
            if found:
                out[:, place] = weights[:, found].mean(1)
                break
    return out


def arkit_weights(weights: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Weights (T, n) of `channels` -> Apple's 52 (T, 52), in the order of `ARKIT_NAMES`; see `weights_on`."""
    return weights_on(weights, channels, ARKIT_NAMES)


def resampled(curves: np.ndarray, fps: Fraction | float, rate: int) -> np.ndarray:
    """Curves (T, n) at `fps` -> at `rate` a second, linear between frames, as long as the recording.

    Row k shows at k / rate; the last frame holds to its end.
    """
    curves = np.asarray(curves, np.float32)
    at = np.arange(max(1, round(len(curves) * rate / Fraction(fps)))) * (float(fps) / rate)
    below = np.minimum(at.astype(np.intp), len(curves) - 1)
    above = np.minimum(below + 1, len(curves) - 1)
    share = (at - below).clip(0, 1).astype(np.float32)[:, None]
    return curves[below] * (1 - share) + curves[above] * share


#: Turn of an eye at weight 1, radians: sideways, up or down; slopes of a recording by Live Link Face.
_GAZE_RAD = (0.52, 0.586)


def gaze_angles(arkit: np.ndarray) -> np.ndarray:
    """Apple's 52 (T, 52) -> turns of the eyes (T, 2, 2), radians: left eye first; down, then to the left.

    The signs are those of head rotations x and y (`speechface.geometry.rotation`).
    """
    column = {name: arkit[:, k] for k, name in enumerate(ARKIT_NAMES)}
    eyes = []
    for side, outward in (("Left", 1), ("Right", -1)):
        aside = outward * (column["eyeLookOut" + side] - column["eyeLookIn" + side])
        down = column["eyeLookDown" + side] - column["eyeLookUp" + side]
        eyes.append(np.stack([down * _GAZE_RAD[1], aside * _GAZE_RAD[0]], -1))
    return np.stack(eyes, 1)
