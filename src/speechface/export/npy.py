"""A NumPy file: one record a frame, with named float32 fields.

``a = numpy.load(path)``; ``a["jawOpen"]`` is a curve, ``a.view("f4").reshape(len(a), -1)`` the matrix of all.
"""

from pathlib import Path

import numpy as np

from speechface.export.animation import Animation
from speechface.files import written_whole
from speechface.rig.channels import ROTATIONS

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "NumPy array with named fields: time, channels, rotations"
SUFFIX = ".npy"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.npy`` into `folder` and return its path."""
    path = folder / f"{animation.name}.npy"
    names = ("time", *animation.channels, *ROTATIONS)
    rows = np.column_stack([animation.times, animation.weights, animation.rotations]).astype(np.float32)
    records = np.ascontiguousarray(rows).view([(name, np.float32) for name in names])[:, 0]
    with written_whole(path) as temporary:
        np.save(temporary, records, allow_pickle=False)
    return path
