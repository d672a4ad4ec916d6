"""JSON as the data set BEAT has it: 51 names (ARKit's without tongueOut) and 60 frames a second."""

from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation
from speechface.export.rows import resampled, write_json

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "JSON as in the data set BEAT, 60 frames a second"
SUFFIX = ".beat.json"
_RATE = 60


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.beat.json`` into `folder` and return its path."""
    path = folder / f"{animation.name}.beat.json"
    names = ARKIT_NAMES[:-1]
    curves = resampled(animation.arkit[:, : len(names)], animation.fps, _RATE)
    frames = (
        {"weights": np.round(row.astype(float), 5).tolist(), "time": round(k / _RATE, 6), "rotation": []}
        for k, row in enumerate(curves)
    )
    write_json(path, {"names": list(names), "frames": frames})
    return path
