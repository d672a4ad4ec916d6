"""Live Link Face CSV, which Unreal Engine and most face tools import.

Columns: Timecode, BlendShapeCount (61), Apple's 52 shapes in PascalCase, then head and eye angles. Unreal divides the
frame part of the time code by 60 whatever the recording's rate, so it is written in sixtieths of a second.
Head angles are in radians; yaw is rotation about the vertical axis, pitch about the axis through the ears.
Eye angles are 0: gaze is not modelled.
"""

from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation, arkit_weights
from speechface.files import written_whole

__all__ = ["DESCRIPTION", "HEADER", "timecode", "write"]

DESCRIPTION = "Live Link Face CSV, for Unreal Engine"
SUFFIX = ".csv"

_ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw",
    "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
HEADER = ("Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES), *_ANGLES)


def timecode(milliseconds_60: int) -> str:
    """Thousandths of a sixtieth of a second since the start (int) -> ``hh:mm:ss:ff.zzz``."""
    frames, thousandths = divmod(int(milliseconds_60), 1000)
    seconds, frame = divmod(frames, 60)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.{thousandths:03d}"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>_1_speechface_cal.csv`` into `folder` and return its path."""
    path = folder / f"{animation.name}_1_speechface_cal.csv"
    shapes = arkit_weights(animation.weights, animation.channels)
    pitch, yaw, roll = animation.rotations.T
    angles = np.zeros((len(animation), len(_ANGLES)), np.float32)
    angles[:, 0], angles[:, 1], angles[:, 2] = yaw, pitch, roll
    stamps = np.round(animation.times * 60_000).astype(np.int64)
    count = len(ARKIT_NAMES) + len(_ANGLES)
    with written_whole(path) as temporary, open(temporary, "w", newline="") as file:
        file.write(",".join(HEADER) + "\n")
        for stamp, row in zip(stamps, np.concatenate([shapes, angles], 1)):
            file.write(f"{timecode(stamp)},{count}," + ",".join(f"{value:.6f}" for value in row) + "\n")
    return path
