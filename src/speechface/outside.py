"""Predictions that were made elsewhere: plain tables, Parquet or CSV, with columns dataset, actor, clip, frame and
weights.

Weights are the columns named as the rig's channels; `rotation_x/y/z`, radians, may stand beside them.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.columns import ID_COLUMNS
from speechface.errors import TableError
from speechface.rig.channels import ROTATIONS
from speechface.seals import is_sealed
from speechface.tables import Table, read_meta

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OutsidePredictions", "open_predictions"]

LOG = logging.getLogger(__name__)


class OutsidePredictions:
    """The predictions in some plain tables; a clip is found by its id, as in `ClipTables`.

    Parameters
    ----------
    paths : files ending in .parquet or .csv
    channels : of the rig; those that a file lacks are taken for 0, which is said

    Raises
    ------
    TableError
        If a file cannot be read, lacks a column that names frames, or has no channel at all.
    """

    def __init__(self, paths: Sequence[str | os.PathLike], channels: Sequence[str]):
        self._rows: dict[str, Table] = {}
        for path in map(Path, paths):
            frame = _read(path)
            known = [name for name in channels if name in frame]
            if not known:
                raise TableError(f"{path}: no column is a channel of the rig, e.g. {', '.join(channels[:3])}")
            if len(known) < len(channels):
                missing = [name for name in channels if name not in frame]
                LOG.warning("%s: %d channels are missing and taken for 0: %s", path, len(missing), ", ".join(missing))
            turned = [name for name in ROTATIONS if name in frame]
            for who, rows in frame.groupby(list(ID_COLUMNS), sort=False, observed=True):
                clip_id = "/".join(map(str, who))
                rows = rows.sort_values("frame")
                if clip_id in self._rows or rows.frame.duplicated().any():
                    raise TableError(f"{path}: {clip_id} has a frame twice")
                zeros = np.zeros(len(rows), np.float32)
                columns = {"frame": rows.frame.to_numpy(np.int32)}
                columns |= {name: rows[name].to_numpy(np.float32) if name in known else zeros for name in channels}
                columns |= {name: rows[name].to_numpy(np.float32) for name in turned if len(turned) == len(ROTATIONS)}
                self._rows[clip_id] = Table(columns)

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, clip_id: str) -> Table:
        """The rows of a clip; one without rows, and a reason, where there are none."""
        return self._rows.get(clip_id) or Table({}, {"status": "unusable", "reason": "no prediction of this clip"})


def _read(path: Path) -> "pd.DataFrame":
    import pandas as pd

    if not path.exists():
        raise TableError(f"{path}: no such file")
    try:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=dict.fromkeys(ID_COLUMNS, str))
        else:
            frame = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise TableError(f"{path}: neither Parquet nor CSV ({' '.join(str(error).split())})") from None
    missing = [name for name in (*ID_COLUMNS, "frame") if name not in frame]
    if missing:
        raise TableError(f"{path}: column '{missing[0]}' is missing; expected dataset, actor, clip, frame and weights")
    return frame


def open_predictions(
    paths: Sequence[str | os.PathLike], channels: Sequence[str], *, of: str
) -> ClipTables | OutsidePredictions:
    """Open tables of `speechface predict`, or predictions made elsewhere; `of` names the rig in messages."""
    if all(Path(path).suffix == ".parquet" and is_sealed(path) and "clips" in read_meta(path) for path in paths):
        tables = ClipTables(paths)
        tables.require_channels(channels, of)
        return tables
    return OutsidePredictions(paths, channels)
