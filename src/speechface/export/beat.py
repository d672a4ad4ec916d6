"""JSON as the data set BEAT has it: 51 names (ARKit's without tongueOut) and 60 frames a second."""

import json
from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation, resampled
from speechface.files import written_whole

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "JSON as in the data set BEAT, 60 frames a second"
SUFFIX = ".beat.json"
_RATE = 60


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.beat.json`` into `folder` and return its path."""
    path = folder / f"{animation.name}.beat.json"
    names = ARKIT_NAMES[:-1]
    rows = np.round(resampled(animation.arkit[:, : len(names)], animation.fps, _RATE).astype(float), 5).tolist()
    frames = [{"weights": row, "time": round(k / _RATE, 6), "rotation": []} for k, row in enumerate(rows)]
    with written_whole(path) as temporary, open(temporary, "w") as file:
        json.dump({"names": list(names), "frames": frames}, file, separators=(",", ":"))
    return path
