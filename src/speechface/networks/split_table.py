"""Train and test tables in memory, features as they are stored."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speechface.errors import TableError
from speechface.rig.channels import CHANNELS, ROTATIONS
from speechface.tables import stored_rows

__all__ = ["SplitTable", "read_split"]


@dataclass
class SplitTable:
    """Every frame of one split.

    Parameters
    ----------
    features : ndarray (n, ...), uint8, float16 or float32
        As stored; times `step` they are in the feature's own units.
    step : float
    weights : ndarray (n, 46), float32
    rotations : ndarray (n, 3), float32, radians
    clip : ndarray (n,), int64, index into `clips`; the rows of a clip stand together
    frame : ndarray (n,), int64, video frame
    time : ndarray (n,), float64, s, when it shows
    clips : list of (dataset, actor, clip)
    meta : dict
    """

    features: np.ndarray
    step: float
    weights: np.ndarray
    rotations: np.ndarray
    clip: np.ndarray
    frame: np.ndarray
    time: np.ndarray
    clips: list
    meta: dict

    def __len__(self):
        return len(self.clip)

    @property
    def input_shape(self):
        return self.features.shape[1:]

    def without(self, actor):
        """The same table without the clips of `actor`, (dataset, actor); TableError if none is left."""
        kept = [k for k, key in enumerate(self.clips) if key[:2] != tuple(actor)]
        if not kept:
            raise TableError(f"without {'/'.join(actor)} the table holds no clip; leave nobody out, or add actors")
        rows = np.isin(self.clip, kept)
        return replace(
            self, features=self.features[rows], weights=self.weights[rows], rotations=self.rotations[rows],
            clip=np.searchsorted(kept, self.clip[rows]), frame=self.frame[rows], time=self.time[rows],
            clips=[self.clips[k] for k in kept],
        )  # fmt: skip


def read_split(path, feature):
    """Read ``results/splits/<feature>/train.parquet``, row group by row group.

    The features take their stored size: 1 byte a value for spectrograms, 1 GB for 245,000 frames.

    Raises
    ------
    TableError
        If the file is absent, empty, lacks a column or was made for another feature or other channels.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).exists():
        raise TableError(f"{path}: no such table; make it with 'speechface build-split'")
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{path}: not a readable Parquet table ({error})") from None
    with file:
        meta = json.loads((file.schema_arrow.metadata or {}).get(b"speechface", b"{}"))
        missing = [
            name
            for name in ("dataset", "actor", "clip", "frame", "time", feature, *ROTATIONS, *CHANNELS)
            if name not in file.schema_arrow.names
        ]
        if missing:
            raise TableError(f"{path}: column '{missing[0]}' is missing; was the table made for '{feature}'?")
        if tuple(meta.get("channels", CHANNELS)) != CHANNELS:
            raise TableError(f"{path}: its channels differ from this version's; make the table again")
        if file.metadata.num_rows == 0:
            raise TableError(f"{path}: no frame in it; see results/splits/clips.parquet for why clips were left out")
        return _read(file, feature, meta)


def _read(file, feature, meta):
    import pyarrow as pa

    n = file.metadata.num_rows
    shape = meta.get("_shapes", {}).get(feature, [])
    features = None
    rotations = np.empty((n, len(ROTATIONS)), np.float32)
    weights = np.empty((n, len(CHANNELS)), np.float32)
    clip, frame, time, clips, seen, start = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n), [], {}, 0
    for batch in file.iter_batches(batch_size=4096):
        rows = slice(start, start + len(batch))
        values = stored_rows(pa.chunked_array([batch.column(feature)])).reshape([len(batch), *shape])
        if features is None:
            features = np.empty((n, *shape), values.dtype)
        features[rows] = values
        for k, name in enumerate(CHANNELS):
            weights[rows, k] = batch.column(name).to_numpy(zero_copy_only=False)
        for k, name in enumerate(ROTATIONS):
            rotations[rows, k] = batch.column(name).to_numpy(zero_copy_only=False)
        time[rows] = batch.column("time").to_numpy(zero_copy_only=False)
        frame[rows] = batch.column("frame").to_numpy(zero_copy_only=False)
        ids = zip(*(batch.column(name).to_pylist() for name in ("dataset", "actor", "clip")))
        for row, key in enumerate(ids, start):
            if key not in seen:
                seen[key] = len(clips)
                clips.append(key)
            clip[row] = seen[key]
        start = rows.stop
    step = float(meta.get("_scaled", {}).get(feature, 1.0))
    return SplitTable(features, step, weights, rotations, clip, frame, time, clips, meta)
