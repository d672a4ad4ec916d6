"""Parquet: one row a frame, the channels and three head rotations, everything else in the metadata."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechface.errors import ConfigError
from speechface.export.animation import Animation
from speechface.rig.channels import ROTATIONS
from speechface.tables import write_table

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "table of channels and head rotation, one row a frame (needs pyarrow)"
SUFFIX = ".parquet"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.parquet`` into `folder` and return its path.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise ConfigError("format parquet needs the package pyarrow: pip install pyarrow")
    path = folder / f"{animation.name}.parquet"
    columns = {"frame": np.arange(len(animation), dtype=np.int32), "time": animation.times}
    columns |= {name: animation.weights[:, k].astype(np.float32) for k, name in enumerate(animation.channels)}
    columns |= {name: animation.rotations[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
    meta = {
        **animation.meta,
        "channels": list(animation.channels),
        "fps": float(animation.fps),
        "units": "weights in [0, 1]; rotations in radians, R = Rz Ry Rx, +x subject's left, +y up, +z out of the face",
    }
    write_table(path, columns, stage="animation", meta=meta)
    return path
