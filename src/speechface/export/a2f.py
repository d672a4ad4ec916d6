"""Audio2Face's two files: JSON as its app exports it, and the CSV of the A2F-3D sample client.

JSON: names, and one list of weights a frame. Where the head turns, joint ``head`` with rotations as quaternions
(x, y, z, w), as its readers expect. CSV: ``timeCode`` in seconds and a column ``blendShapes.<Name>`` a shape, in
PascalCase.
"""

from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation
from speechface.export.rows import rows, write_json
from speechface.files import written_whole
from speechface.geometry.rotation import quaternion_from_euler

__all__ = ["CSV", "JSON"]


class _Json:
    SUFFIX = ".a2f.json"
    DESCRIPTION = "Audio2Face-style JSON: facsNames and weightMat"

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.a2f.json`` into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        content = {
            "exportFps": float(animation.fps),
            "trackPath": animation.sound.name if animation.sound else "",
            "numPoses": len(ARKIT_NAMES),
            "numFrames": len(animation),
            "facsNames": list(ARKIT_NAMES),
            "weightMat": rows(animation.arkit, 5),
        }
        if animation.rotations.any():
            turns = quaternion_from_euler(animation.rotations)
            content["joints"] = ["head"]
            content["rotations"] = rows(turns[:, None], 6)
            content["translations"] = rows(np.zeros((len(turns), 1, 3)), 1)
        write_json(path, content)
        return path


class _Csv:
    SUFFIX = ".a2f3d.csv"
    DESCRIPTION = "CSV of the Audio2Face-3D sample client"

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.a2f3d.csv`` into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        pattern = "%.6f" + ",%.6f" * len(ARKIT_NAMES) + "\n"
        with written_whole(path) as temporary, open(temporary, "w", newline="") as file:
            names = [f"blendShapes.{name[0].upper()}{name[1:]}" for name in ARKIT_NAMES]
            file.write(",".join(["timeCode", *names]) + "\n")
            for time, row in zip(animation.times, rows(animation.arkit, 6)):
                file.write(pattern % (time, *row))
        return path


JSON, CSV = _Json(), _Csv()
