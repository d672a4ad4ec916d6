"""Parquet: one row a frame, our 46 channels and three head rotations, everything else in the metadata."""

import numpy as np

from speechface.rig.channels import CHANNELS, ROTATIONS
from speechface.tables import write_table

__all__ = ["write"]


def write(animation, folder):
    """Write ``<name>.parquet`` into `folder` and return its path."""
    path = folder / f"{animation.name}.parquet"
    columns = {"frame": np.arange(len(animation), dtype=np.int32), "time": animation.times}
    columns |= {name: animation.weights[:, k].astype(np.float32) for k, name in enumerate(CHANNELS)}
    columns |= {name: animation.rotations[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
    meta = {
        **animation.meta,
        "channels": list(CHANNELS),
        "fps": float(animation.fps),
        "units": "weights in [0, 1]; rotations in radians, R = Rz Ry Rx, +x subject's left, +y up, +z out of the face",
    }
    write_table(path, columns, stage="animation", meta=meta)
    return path
