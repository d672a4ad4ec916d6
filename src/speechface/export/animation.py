"""What every export format is given: the curves of one animation, the rig they move and the sound they belong to."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from speechface.errors import RigError
from speechface.rig.channels import LISTS, on_channels, require, sides
from speechface.rig.rig import Rig

__all__ = ["ARKIT_NAMES", "Animation", "Sound", "arkit_weights"]


#: Apple's 52 blendshape names in the order of Live Link Face's CSV files.
ARKIT_NAMES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthRight", "mouthLeft", *sides("mouthSmile"), *sides("mouthFrown"), *sides("mouthDimple"),
    *sides("mouthStretch"), "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *sides("mouthPress"), *sides("mouthLowerDown"), *sides("mouthUpperUp"), *sides("browDown"), "browInnerUp",
    *sides("browOuterUp"), "cheekPuff", *sides("cheekSquint"), *sides("noseSneer"), "tongueOut",
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
    rig_file : rig (.npz) of these channels, which the weights move; "": the builtin head
    image_size : side of the images in formats that show some, pixels
    meta : JSON values: model, commit, settings
    """

    name: str
    fps: Fraction
    weights: np.ndarray
    rotations: np.ndarray
    channels: Sequence[str]
    sound: Sound | None = None
    rig_file: str = ""
    image_size: int = 640
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def times(self) -> np.ndarray:
        """Seconds at which the frames show, (T,)."""
        return np.arange(len(self)) / float(self.fps)

    @functools.cached_property
    def rig(self) -> Rig:
        """The rig, read or built when a format first asks for it; RigError where its channels are not `channels`."""
        from speechface.rig.builtin import build

        rig = Rig.load(self.rig_file) if self.rig_file else build()
        if not self.rig_file and tuple(self.channels) in LISTS.values():
            rig = rig.on(self.channels)
        where, remedy = f"rig {self.rig_file or rig.name}", "give the rig that the model was trained for"
        require(rig.channels, self.channels, where=where, of="the model", remedy=remedy, error=RigError)
        return rig


def arkit_weights(weights: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Weights (T, n) of `channels` -> Apple's 52 (T, 52).

    noseSneer feeds both sides where a rig has only that; shapes that have no channel stay 0.
    """
    return on_channels(weights, channels, ARKIT_NAMES)
