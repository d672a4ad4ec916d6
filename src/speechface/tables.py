"""Parquet tables with typed columns and metadata.

A table is a dict of numpy arrays with equal first dimension plus a metadata dict. Array columns of more
than one dimension are stored as fixed-size lists, those of bytes as binary of fixed size (Parquet would make 32-bit
numbers of them), their shape in the metadata. A column may be stored as scaled unsigned bytes; reading returns float32
in physical units. The bytes of floats are stored apart, highest together, which compresses better.

Every file carries a checksum of its bytes (`speechface.seals`), which reading verifies.

A clip that cannot be used is a table of zero rows whose metadata says ``status: unusable`` and why.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.columns import ID_COLUMNS, described
from speechface.errors import TableError
from speechface.provenance import provenance
from speechface.seals import EMPTY, check_table, written_sealed
from speechface.stages import STAGES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "KEY", "Table", "write_table", "read_table", "read_arrow", "read_meta", "row_groups", "stored_rows",
    "streamed_table", "to_arrow", "from_arrow", "float_columns", "full_meta",
]  # fmt: skip

#: Key of the metadata of every table, a JSON text.
KEY = b"speechface"


@dataclass
class Table:
    """Columns (dict of ndarray with equal length) and metadata of one table."""

    columns: dict[str, Any]
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Any:
        try:
            return self.columns[name]
        except KeyError:
            raise TableError(f"column '{name}' is missing; the table has {', '.join(self.columns)}") from None

    @property
    def usable(self) -> bool:
        """False where the clip could not be used; `reason` says why."""
        return self.meta.get("status", "ok") == "ok"

    @property
    def reason(self) -> str:
        return self.meta.get("reason", "")

    def stack(self, names: Sequence[str]) -> np.ndarray:
        """Return columns `names` as one float32 array (n, len(names))."""
        return np.stack([self[name].astype(np.float32) for name in names], 1)

    def clip_ids(self) -> list[str]:
        """``dataset/actor/clip`` of every row."""
        return ["/".join(map(str, row)) for row in zip(*(self[name] for name in ID_COLUMNS), strict=True)]


# pyarrow's own conversions import pandas (0.3 s), more than most jobs of one clip compute: plain numbers go by their
# buffers instead.
_NUMPY_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}


def _array(values: Any) -> Any:
    """Arrow array of a numpy array (n,); the same as ``pa.array(values)``."""
    import pyarrow as pa

    if values.dtype.kind in "iuf" and values.dtype.isnative:
        buffer = pa.py_buffer(np.ascontiguousarray(values))
        return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])
    if values.dtype == bool:
        buffer = pa.py_buffer(np.packbits(values, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, buffer])
    return pa.array(values)


def _values(column: Any) -> np.ndarray:
    """Numpy array of an arrow ChunkedArray; the same as ``column.to_numpy()``."""
    kind = str(column.type)
    if kind in ("string", "null") or kind.startswith(("dictionary<values=string", "struct", "list")):
        out = np.empty(len(column), object)
        out[:] = column.to_pylist()
        return out
    plain = kind in _NUMPY_NAMES or kind == "bool" or kind.startswith(("int", "uint"))
    if not plain or column.null_count:
        return column.to_numpy()
    parts = [_chunk_values(chunk, kind) for chunk in column.chunks if len(chunk)]
    if not parts:
        return np.zeros(0, _NUMPY_NAMES.get(kind, kind))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _chunk_values(chunk: Any, kind: Any) -> np.ndarray:
    buffer, stop = chunk.buffers()[1], chunk.offset + len(chunk)
    if kind == "bool":
        bits = np.unpackbits(np.frombuffer(buffer, np.uint8), count=stop, bitorder="little")
        return bits[chunk.offset :].astype(bool)
    return np.frombuffer(buffer, _NUMPY_NAMES.get(kind, kind), count=stop)[chunk.offset :]


def to_arrow(
    columns: Mapping[str, Any], meta: Mapping[str, Any], *, scaled: Mapping[str, float] | None = None
) -> "pa.Table":
    """Return a pyarrow Table of `columns`; `scaled` maps a column to its step when stored as uint8."""
    import pyarrow as pa

    scaled = scaled or {}
    arrays, shapes = [], {}
    for name, array in columns.items():
        if not isinstance(array, np.ndarray):
            arrays.append(array if isinstance(array, (pa.Array, pa.ChunkedArray)) else pa.array(array))
            continue
        if name in scaled:
            array = np.clip(np.round(array / np.float32(scaled[name])), 0, 255).astype(np.uint8)
        if array.ndim > 1 and array.dtype == np.uint8:
            shapes[name] = list(array.shape[1:])
            kind, buffer = pa.binary(int(np.prod(array.shape[1:]))), pa.py_buffer(np.ascontiguousarray(array))
            arrays.append(pa.Array.from_buffers(kind, len(array), [None, buffer]))
        elif array.ndim > 1:
            shapes[name] = list(array.shape[1:])
            flat = _array(np.ascontiguousarray(array).reshape(-1))
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, int(np.prod(array.shape[1:]))))
        else:
            arrays.append(_array(array))
    full = {**meta, "_shapes": shapes, "_scaled": scaled}
    return pa.table(arrays, names=list(columns)).replace_schema_metadata({KEY: json.dumps(full, sort_keys=True)})


def stored_rows(column: "pa.ChunkedArray") -> np.ndarray:
    """Numpy array (n, size) of an arrow ChunkedArray of arrays of one size, as stored."""
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(column.type):
        size = column.type.byte_width
        parts = [
            np.frombuffer(chunk.buffers()[1], np.uint8, count=len(chunk) * size, offset=chunk.offset * size)
            for chunk in column.chunks
            if len(chunk)
        ]
        flat = np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.zeros(0, np.uint8)
        return flat.reshape(len(column), size)
    flat = pa.chunked_array([chunk.flatten() for chunk in column.chunks], type=column.type.value_type)
    return _values(flat).reshape(len(column), column.type.list_size)


def float_columns(schema: "pa.Schema") -> list[str]:
    """Parquet's names of the columns of floats, alone or in lists."""
    import pyarrow as pa

    paths = []
    for name, kind in zip(schema.names, schema.types):
        listed = pa.types.is_fixed_size_list(kind)
        if pa.types.is_floating(kind.value_type if listed else kind):
            paths.append(name + ".list.element" * listed)
    return paths


def from_arrow(table: "pa.Table") -> Table:
    """Inverse of `to_arrow`."""
    meta = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    shapes, scaled = meta.pop("_shapes", {}), meta.pop("_scaled", {})
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if name in shapes:
            array = stored_rows(column).reshape([len(column), *shapes[name]])
        else:
            array = _values(column)
        if name in scaled:
            array = array.astype(np.float32) * np.float32(scaled[name])
        columns[name] = array
    return Table(columns, meta)


def full_meta(stage: str, settings: Mapping[str, Any] | None, meta: Mapping[str, Any] | None) -> dict[str, Any]:
    """Metadata of a table: `meta`, and where it comes from."""
    return {"status": "ok", **(meta or {}), "stage": stage, "stage_version": STAGES[stage].version,
            "settings": settings or {}, "provenance": provenance()}  # fmt: skip


def write_table(
    path: str | os.PathLike,
    columns: Mapping[str, Any],
    *,
    stage: str,
    settings: Any = None,
    meta: Mapping[str, Any] | None = None,
    scaled: Mapping[str, float] | None = None,
) -> None:
    """Write a table whole or not at all.

    Parameters
    ----------
    path : path-like, ends in .parquet
    columns : dict of str -> ndarray or list, equal length
    stage : str, key of `speechface.stages.STAGES`; its version goes into the metadata
    settings : dict, the resolved settings the stage ran with
    meta : dict, JSON-able facts about the table (units, conventions, rates)
    scaled : dict of column -> step; the column is stored as uint8 multiples of the step
    """
    import pyarrow.parquet as pq

    lengths = {name: len(array) for name, array in columns.items()}
    if len(set(lengths.values())) > 1:
        raise TableError(f"{path}: columns differ in length: {lengths}")
    full = full_meta(stage, settings, meta)
    table = to_arrow(columns, full, scaled=scaled)
    facts = json.loads(table.schema.metadata[KEY])
    table = table.cast(described(table.schema, facts["_shapes"], facts["_scaled"]))
    table = table.replace_schema_metadata({**table.schema.metadata, **EMPTY})
    with written_sealed(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=3, use_dictionary=False,
                       use_byte_stream_split=float_columns(table.schema))  # fmt: skip


def read_table(path: str | os.PathLike) -> Table:
    """Read a table written by `write_table`; TableError if the file is absent or not such a table."""
    return from_arrow(read_arrow(path))


def read_arrow(path: str | os.PathLike, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read a table as stored (scaled columns stay bytes): pyarrow Table; errors as `read_table`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_table(path)
    try:
        return pq.ParquetFile(path).read(columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{path}: not a readable Parquet table ({error})") from None


def row_groups(path: str | os.PathLike, columns: Sequence[str] | None = None) -> Iterator[Table]:
    """Yield the row groups of a table one by one as `Table`, for tables larger than the memory."""
    import pyarrow.parquet as pq

    check_table(path)
    with pq.ParquetFile(path) as file:
        for k in range(file.num_row_groups):
            yield from_arrow(file.read_row_group(k, columns=columns))


@contextlib.contextmanager
def streamed_table(
    path: str | os.PathLike,
    schema: "pa.Schema",
    *,
    stage: str,
    meta: Mapping[str, Any] | None = None,
    dictionary: Sequence[str] = (),
) -> Iterator[Any]:
    """Write a table row group by row group, whole or not at all.

    Yields a function that appends one pyarrow Table as a row group. `meta` must hold ``_shapes`` and ``_scaled``
    where `to_arrow` would have set them. Columns named in `dictionary` are stored as dictionaries.
    """
    import pyarrow.parquet as pq

    full = {"_shapes": {}, "_scaled": {}, **full_meta(stage, None, meta)}
    # statistics of every column of every small row group would make up most of the file's footer
    options = {"compression": "zstd", "compression_level": 3, "write_statistics": False,
               "use_byte_stream_split": float_columns(schema)}  # fmt: skip
    schema = described(schema, full["_shapes"], full["_scaled"])
    schema = schema.with_metadata({KEY: json.dumps(full, sort_keys=True), **EMPTY})
    with (
        written_sealed(path) as temporary,
        pq.ParquetWriter(temporary, schema, use_dictionary=list(dictionary), **options) as writer,
    ):
        yield lambda table: writer.write_table(
            table.replace_schema_metadata(schema.metadata), row_group_size=max(len(table), 1)
        )


def read_meta(path: str | os.PathLike) -> dict[str, Any]:
    """Read only the metadata dict of a table."""
    import pyarrow.parquet as pq

    check_table(path)
    return json.loads((pq.read_schema(path).metadata or {}).get(KEY, b"{}"))
