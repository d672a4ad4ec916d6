"""Train and test tables, features as they are stored: in memory, or in a file where they are too large for it."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechface.columns import ID_COLUMNS
from speechface.errors import TableError
from speechface.networks.row_file import RowFile
from speechface.rig.channels import ROTATIONS, told
from speechface.seals import check_table
from speechface.tables import stored_rows

LOG = logging.getLogger(__name__)

__all__ = ["SplitTable", "read_split"]


@dataclass
class SplitTable:
    """Every frame of one split.

    Parameters
    ----------
    features : ndarray or `RowFile` (n, ...), uint8, float16 or float32
        As stored; times `step` they are in the feature's own units.
    step : float
    channels : tuple of C str
    weights : ndarray (n, C), float32
    rotations : ndarray (n, 3), float32, radians
    clip : ndarray (n,), int64, index into `clips`; the rows of a clip stand together
    frame : ndarray (n,), int64, video frame
    time : ndarray (n,), float64, s, when it shows
    clips : list of (dataset, actor, clip)
    meta : dict
    """

    features: np.ndarray | RowFile
    step: float
    channels: tuple[str, ...]
    weights: np.ndarray
    rotations: np.ndarray
    clip: np.ndarray
    frame: np.ndarray
    time: np.ndarray
    clips: list[tuple[str, str, str]]
    meta: dict[str, Any]

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.features.shape[1:]


def read_split(
    path: str | Path,
    feature: str,
    *,
    without: tuple[str, str] | None = None,
    most_bytes: float | None = None,
    folder: str | Path | None = None,
) -> SplitTable:
    """Read ``results/splits/<feature>/train.parquet`` row group by row group, each of which holds one clip.

    The features take their stored size: 1 byte a value for spectrograms, 1 GB for 245,000 frames.

    Parameters
    ----------
    path : path-like
    feature : str
    without : (dataset, actor), optional
        Whose clips are left out.
    most_bytes : float, optional
        Features that would take more memory go to a `RowFile` in `folder`. None: there is room for all.
    folder : path-like, optional

    Raises
    ------
    TableError
        If the file is absent, empty, lacks a column, was made for another feature or tells no channels, or if nothing
        is left without the actor.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).exists():
        raise TableError(f"{path}: no such table; make it with 'speechface build-split'")
    check_table(path)
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{path}: not a readable Parquet table ({error})") from None
    with file:
        meta = json.loads((file.schema_arrow.metadata or {}).get(b"speechface", b"{}"))
        channels = told(meta, path)
        missing = [
            name
            for name in (*ID_COLUMNS, "frame", "time", feature, *ROTATIONS, *channels)
            if name not in file.schema_arrow.names
        ]
        if missing:
            raise TableError(f"{path}: column '{missing[0]}' is missing; was the table made for '{feature}'?")
        if file.metadata.num_rows == 0:
            raise TableError(f"{path}: no frame in it; see results/splits/clips.parquet for why clips were left out")
        return _read(file, feature, channels, meta, without, most_bytes, folder)


class _Rows:
    """An array that is filled from its beginning; as `RowFile`, in memory."""

    def __init__(self, n, shape, dtype):
        self._array, self._count = np.empty((n, *shape), dtype), 0

    def append(self, rows):
        self._array[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def filled(self):
        return self._array[: self._count]


def _place_for(values, n, most_bytes, folder):
    """Where `n` rows like those of `values` go."""
    shape, needed = values.shape[1:], n * values[:1].nbytes
    if most_bytes is None or needed <= most_bytes:
        return _Rows(n, shape, values.dtype)
    LOG.info("features take %.2f GB, of which %.2f may be in memory: they are read from a file in %s as needed",
             needed / 1e9, most_bytes / 1e9, folder)  # fmt: skip
    return RowFile(folder, shape, values.dtype)


def _read(file, feature, channels, meta, without, most_bytes, folder):
    shape, features = meta.get("_shapes", {}).get(feature, []), None
    clips, counts, parts = [], [], {name: [] for name in ("frame", "time", *channels, *ROTATIONS)}
    # a row group is a clip; not iter_batches, which keeps the whole file in memory
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group)
        key = tuple(str(rows.column(name)[0]) for name in ID_COLUMNS) if len(rows) else None
        if key is None or (without is not None and key[:2] == tuple(without)):
            continue
        values = stored_rows(rows.column(feature)).reshape([len(rows), *shape])
        if features is None:
            features = _place_for(values, file.metadata.num_rows, most_bytes, folder)
        features.append(values)
        clips.append(key)
        counts.append(len(rows))
        for name, part in parts.items():
            part.append(rows.column(name).to_numpy())
    if features is None:
        raise TableError(f"without {'/'.join(without)} the table holds no clip; leave nobody out, or add actors")
    columns = {name: np.concatenate(part) for name, part in parts.items()}
    return SplitTable(
        features=features if isinstance(features, RowFile) else features.filled(),
        step=float(meta.get("_scaled", {}).get(feature, 1.0)),
        channels=channels,
        weights=np.stack([columns[name] for name in channels], 1).astype(np.float32),
        rotations=np.stack([columns[name] for name in ROTATIONS], 1).astype(np.float32),
        clip=np.repeat(np.arange(len(clips)), counts),
        frame=columns["frame"].astype(np.int64),
        time=columns["time"].astype(np.float64),
        clips=clips,
        meta=meta,
    )
