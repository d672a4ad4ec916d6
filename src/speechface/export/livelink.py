"""Live Link Face CSV, which Unreal Engine and most face tools import.

Columns: Timecode, BlendshapeCount (61), Apple's 52 shapes in PascalCase, then head and eye angles in radians: yaw is
positive to the subject's right, pitch down, roll as the recordings' eyes have it. Rows are at 60 a second with exact
steps, whatever the animation's rate: Unreal divides the frame part of the time code by 60, and other importers read by
position.
"""

from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation, gaze_angles
from speechface.export.rows import resampled
from speechface.files import written_whole

__all__ = ["DESCRIPTION", "HEADER", "RATE", "SUFFIX", "angles", "timecode", "write"]

DESCRIPTION = "Live Link Face CSV, for Unreal Engine"
SUFFIX = ".csv"

#: Rows a second.
RATE = 60
_ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw",
    "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
HEADER = ("Timecode", "BlendshapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES), *_ANGLES)


def timecode(sixtieths: int) -> str:
    """Sixtieths of a second since the start -> ``hh:mm:ss:ff.000``."""
    seconds, frame = divmod(sixtieths, RATE)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.000"


def angles(arkit: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Weights (T, 52) and head rotations (T, 3) -> the nine angles (T, 9), radians, of head, left and right eye."""
    pitch, yaw, roll = rotations.T
    eyes = gaze_angles(arkit)
    out = np.zeros((len(arkit), len(_ANGLES)), np.float32)
    out[:, :3] = np.stack([-yaw, pitch, -roll], 1)
    for eye in range(2):
        down, left = eyes[:, eye].T
        out[:, 3 + 3 * eye], out[:, 4 + 3 * eye] = -left, down
    return out


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>_1_speechface_cal.csv`` into `folder` and return its path."""
    path = folder / f"{animation.name}_1_speechface_cal.csv"
    rows = np.concatenate([animation.arkit, angles(animation.arkit, animation.rotations)], 1)
    count = rows.shape[1]
    pattern = "%s," + str(count) + ",%.6f" * count + "\n"
    with written_whole(path) as temporary, open(temporary, "w", newline="") as file:
        file.write(",".join(HEADER) + "\n")
        for k, row in enumerate(resampled(rows, animation.fps, RATE)):
            file.write(pattern % (timecode(k), *(row + 0.0).tolist()))  # no -0.000000
    return path
