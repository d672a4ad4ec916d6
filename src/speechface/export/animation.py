"""What every export format is given: the curves of one animation."""

from dataclasses import dataclass, field

import numpy as np

from speechface.rig.channels import INDEX, N_CHANNELS

__all__ = ["Animation", "ARKIT_NAMES", "arkit_weights"]


def _sides(stem):
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


@dataclass
class Animation:
    """Curves of one recording.

    Parameters
    ----------
    name : str, used in file names
    fps : fractions.Fraction, frames a second
    weights : ndarray (T, 46), float32 in [0, 1], order of `speechface.rig.channels.CHANNELS`
    rotations : ndarray (T, 3), float32, radians (x, y, z), see `speechface.geometry.rotation`; zeros if not modelled
    sound : path of the recording, for formats that refer to it
    meta : dict, JSON-able: model, commit, settings
    """

    name: str
    fps: object
    weights: np.ndarray
    rotations: np.ndarray
    sound: str = ""
    meta: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.weights)

    @property
    def times(self):
        """Seconds at which the frames show, (T,)."""
        return np.arange(len(self)) / float(self.fps)


def arkit_weights(weights):
    """Our 46 weights (T, 46) -> Apple's 52 (T, 52).

    noseSneer feeds both sides; mouthPress, cheekSquint and tongueOut have no channel here and stay 0.
    """
    weights = np.asarray(weights, np.float32).reshape(-1, N_CHANNELS)
    out = np.zeros((len(weights), len(ARKIT_NAMES)), np.float32)
    for column, name in enumerate(ARKIT_NAMES):
        source = "noseSneer" if name.startswith("noseSneer") else name
        if source in INDEX:
            out[:, column] = weights[:, INDEX[source]]
    return out
