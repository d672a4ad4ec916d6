"""Our tables for others: any table of a run as NumPy arrays, as pandas or as Arrow, with shapes, units and clips.

>>> labels = speechface.read("results/labels/demo/Actor_01.parquet")
>>> labels["jawOpen"], labels.units["translation_x"], labels.pandas()
"""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.columns import ID_COLUMNS, column
from speechface.errors import TableError
from speechface.tables import KEY, Table, from_arrow, read_arrow

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Frames", "read"]


class Frames:
    """The rows of one or several tables of the same columns.

    Attributes
    ----------
    columns : list of str
    channels : list of str, the blendshape weights among them, in their order
    observed : ndarray (n channels,), bool, channels that the labels show; all true where the table does not say
    shapes : dict of column -> shape of a row, () for a number
    units : dict of column -> unit, "" where there is none
    meta : dict, the table's own metadata: settings, version, commit, ...
    clips : list of str, ids of the clips that have rows, ``dataset/actor/clip``
    unusable : dict of clip id -> why it has none
    """

    def __init__(self, parts: Sequence["pyarrow.Table"]):
        import json

        import pyarrow as pa

        joined = pa.concat_tables(parts, promote_options="default")
        self._arrow = joined.replace_schema_metadata(parts[0].schema.metadata)
        self._table: Table = from_arrow(self._arrow)
        self.meta: dict[str, Any] = self._table.meta
        self.columns = list(self._table.columns)
        self.channels = [name for name in self.meta.get("channels", ()) if name in self.columns]
        self.observed = np.asarray(self.meta.get("observed") or [True] * len(self.channels), bool)
        self.shapes = {name: np.shape(values)[1:] for name, values in self._table.columns.items()}
        self.units = {name: known.unit if (known := column(name)) else "" for name in self.columns}
        self.unusable: dict[str, str] = {}
        for part in parts:
            for entry in json.loads((part.schema.metadata or {}).get(KEY, b"{}")).get("clips", ()):
                if entry["status"] != "ok":
                    self.unusable[entry["id"]] = entry["reason"]
        self._rows = self._rows_of_clips()
        self.clips = list(self._rows)

    def _rows_of_clips(self) -> dict[str, np.ndarray]:
        if not len(self) or not all(name in self.columns for name in ID_COLUMNS):
            return {}
        names = self._table.clip_ids()
        _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
        return {names[group[0]]: group for group in sorted(groups, key=lambda group: group[0])}

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column as ndarray (n, *shape), in physical units."""
        return self._table[name]

    @property
    def weights(self) -> np.ndarray:
        """All channels, ndarray (n, channels), float32."""
        return self._table.stack(self.channels)

    def clip(self, clip_id: str) -> dict[str, np.ndarray]:
        """The columns of one clip, without those that name it."""
        if clip_id not in self._rows:
            why = self.unusable.get(clip_id, f"there are {len(self.clips)} others")
            raise TableError(f"no rows of {clip_id}: {why}")
        rows = self._rows[clip_id]
        return {name: values[rows] for name, values in self._table.columns.items() if name not in ID_COLUMNS}

    def __iter__(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yield (clip id, its columns), for tables that name clips."""
        for clip_id in self.clips:
            yield clip_id, self.clip(clip_id)

    def pandas(self) -> "pandas.DataFrame":
        """All columns as a DataFrame: numbers as they are, arrays one a cell, what names a clip as categories."""
        import pandas as pd

        frame = pd.DataFrame({name: list(v) if v.ndim > 1 else v for name, v in self._table.columns.items()})
        return frame.astype({name: "category" for name in ID_COLUMNS if name in frame})

    def arrow(self) -> "pyarrow.Table":
        """All columns as Arrow, in physical units; arrays are of the extension type ``arrow.fixed_shape_tensor``."""
        import pyarrow as pa

        arrays = {}
        for name, values in self._table.columns.items():
            if self.shapes[name]:
                arrays[name] = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(values))
            else:
                arrays[name] = self._arrow.column(name)
        return pa.table(arrays)


def read(paths: str | os.PathLike | Iterable[str | os.PathLike], columns: Sequence[str] | None = None) -> Frames:
    """Read a table of a run, or several of the same kind: ``speechface.read("results/labels/*/*.parquet")``.

    Parameters
    ----------
    paths : one path, a pattern, or several paths
    columns : only these; default all

    Raises
    ------
    TableError
        If there is no such file, it is no table, or the tables differ in their columns.
    """
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    found = [Path(path) for one in given for path in (sorted(glob.glob(str(one))) or [str(one)])]
    tables = [read_arrow(path, columns) for path in found]
    for path, table in zip(found, tables):
        if table.schema.names != tables[0].schema.names:
            raise TableError(f"{path}: its columns are not those of {found[0]}; read them one by one")
    return Frames(tables)
