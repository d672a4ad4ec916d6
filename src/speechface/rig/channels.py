"""The 46 blendshape channels: their names and their one order.

ARKit's 52 names without tongueOut, cheekSquintLeft/Right and mouthPressLeft/Right, and with
noseSneerLeft/Right as one noseSneer. The order is written into every table's metadata.
"""

import numpy as np

__all__ = ["CHANNELS", "INDEX", "GAZE", "ROTATIONS", "MIRROR", "N_CHANNELS", "index_of", "limit_mouth_close"]


def _sides(stem):
    return (stem + "Left", stem + "Right")


CHANNELS = (
    *_sides("browDown"), "browInnerUp", *_sides("browOuterUp"), "cheekPuff", *_sides("eyeBlink"),
    *_sides("eyeLookDown"), *_sides("eyeLookIn"), *_sides("eyeLookOut"), *_sides("eyeLookUp"),
    *_sides("eyeSquint"), *_sides("eyeWide"), "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    *_sides("mouthDimple"), *_sides("mouthFrown"), "mouthFunnel", "mouthLeft", *_sides("mouthLowerDown"),
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *_sides("mouthSmile"), *_sides("mouthStretch"), *_sides("mouthUpperUp"), "noseSneer",
)  # fmt: skip
N_CHANNELS = len(CHANNELS)
INDEX = {name: i for i, name in enumerate(CHANNELS)}
#: The eight gaze channels, which no landmark shows.
GAZE = tuple(name for name in CHANNELS if name.startswith("eyeLook"))
#: Head rotation columns, radians; see `speechface.geometry.rotation`.
ROTATIONS = ("rotation_x", "rotation_y", "rotation_z")


def _mirror(name):
    if name.endswith("Left"):
        return name[: -len("Left")] + "Right"
    if name.endswith("Right"):
        return name[: -len("Right")] + "Left"
    return name


#: Channel index that each channel becomes when the face is mirrored left to right.
MIRROR = tuple(INDEX[_mirror(name)] for name in CHANNELS)


def index_of(*names: str) -> list[int]:
    """Return the channel indices of `names` as a list; KeyError names the unknown one."""
    return [INDEX[name] for name in names]


def limit_mouth_close(weights: np.ndarray) -> np.ndarray:
    """Lower mouthClose to jawOpen where it is above, in place: lips can only close what the jaw has opened.

    weights (..., n) with the channels first, in the order of `CHANNELS`; returned for convenience.
    """
    close, jaw = INDEX["mouthClose"], INDEX["jawOpen"]
    weights[..., close] = np.minimum(weights[..., close], weights[..., jaw])
    return weights
