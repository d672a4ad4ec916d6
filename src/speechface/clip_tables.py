"""Tables of many clips: one Parquet file a stage and shard, one row group a clip. What they hold, and reading them.

The file's metadata hold, beside what all its clips share (stage, version, settings, channels, units, provenance), the
entry ``clips``: for every clip its status, its own facts (frame rate, size, ...), what it was made from and a hash of
what came out. So a later run makes only clips whose facts have changed (`speechface.clip_updates`), and a reader finds
a clip alone.

A clip that cannot be used has an entry with a reason and no rows.
"""

import functools
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from speechface.columns import ID_COLUMNS
from speechface.errors import TableError
from speechface.rig.channels import require, told
from speechface.seals import check_table
from speechface.tables import KEY, Table, from_arrow

__all__ = [
    "ClipRows", "ClipTable", "ClipTables", "binary_array", "bytes_column", "file_facts", "one_line",
]  # fmt: skip


@dataclass
class ClipRows:
    """What a stage makes of one clip.

    Parameters
    ----------
    columns : dict of str to ndarray or pyarrow Array, equal length
    meta : dict, JSON values that hold for this clip: frame rate, size, quality
    scaled : dict of column to step, see `speechface.tables.to_arrow`
    """

    columns: dict[str, Any]
    meta: dict[str, Any] = field(default_factory=dict)
    scaled: dict[str, float] = field(default_factory=dict)


def bytes_column(contents: Sequence[bytes], names: Sequence[str]) -> pa.Array:
    """Return a column of files: ``struct<bytes: binary, path: string>``, as Hugging Face's Audio, Image and Video."""
    if len(contents) != len(names):
        raise ValueError(f"{len(contents)} files, {len(names)} names")
    return pa.StructArray.from_arrays(
        [binary_array(contents, pa.binary()), binary_array(names, pa.string())], ["bytes", "path"]
    )


def binary_array(values: Iterable[bytes | str], kind: pa.DataType) -> pa.Array:
    """The same as ``pa.array(list(values), kind)``, which imports pandas (0.4 s), of texts or bytes."""
    parts = [value.encode() if isinstance(value, str) else value for value in values]
    wide = pa.types.is_large_binary(kind)
    offsets = np.zeros(len(parts) + 1, np.int64 if wide else np.int32)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return pa.Array.from_buffers(kind, len(parts), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(parts))])


@functools.lru_cache(maxsize=4096)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    """Hash of a file's content; `size` and `mtime_ns` only tell when an answer is out of date."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_facts(path: str | os.PathLike, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return size (bytes), time of change (ns) and SHA-256 of a file; only the hash says whether a content is the same.

    The file is not read where `known`, facts from an earlier run, show the same size and time of change.
    """
    try:
        state = os.stat(path)
    except OSError:
        return {"sha256": "absent"}
    facts = {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    if known and {key: known.get(key) for key in facts} == facts and "sha256" in known:
        return dict(known)
    return facts | {"sha256": _sha256(os.fspath(path), state.st_size, state.st_mtime_ns)}


class ClipTable:
    """One file of many clips, opened: its metadata are read, rows only when asked for.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    TableError
        If the file is absent, damaged or no table of many clips.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        check_table(path)
        try:
            self._file = pq.ParquetFile(self.path)
            self.schema: pa.Schema = self._file.schema_arrow  # once: pyarrow works it out at every call
            self._meta = json.loads((self.schema.metadata or {}).get(KEY, b"{}"))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise TableError(f"{path}: not a readable Parquet table ({one_line(error)})") from None
        if "clips" not in self._meta:
            raise TableError(f"{path}: not a table of many clips: its metadata list none")
        layout = {key: self._meta.get(key, {}) for key in ("_shapes", "_scaled")}
        self._layout = {KEY: json.dumps(layout, sort_keys=True).encode()}
        #: clip id -> entry, in the order of the rows
        self.entries: dict[str, dict[str, Any]] = {e["id"]: e for e in self._meta.pop("clips")}

    @property
    def meta(self) -> dict[str, Any]:
        """What all clips share."""
        return self._meta

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self.entries

    def entry(self, clip_id: str) -> dict[str, Any]:
        """The entry of a clip: ``status``, ``reason``, ``meta``, ``facts``, ``content``."""
        try:
            return self.entries[clip_id]
        except KeyError:
            raise TableError(f"{self.path}: no clip {clip_id}; it has {len(self.entries)} others") from None

    def content(self, clip_id: str) -> dict[str, str]:
        """Hash of what a clip's rows hold, for the facts of what is made from them."""
        return {"sha256": self.entry(clip_id)["content"]}

    def clip_meta(self, clip_id: str) -> dict[str, Any]:
        """What holds for one clip: shared and own metadata, status and reason."""
        entry = self.entry(clip_id)
        shared = {key: value for key, value in self._meta.items() if not key.startswith("_")}
        return {**shared, **entry["meta"], "status": entry["status"], "reason": entry["reason"]}

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that its weights are of; TableError where it does not tell."""
        return told(self._meta, self.path)

    def arrow(self, clip_id: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a usable clip as stored, without the columns that name it; pyarrow Table."""
        entry = self.entry(clip_id)
        if entry["status"] != "ok":
            raise TableError(f"{self.path}: {clip_id} has no rows: {entry['reason']}")
        names = [name for name in self.schema.names if name not in ID_COLUMNS] if columns is None else list(columns)
        missing = [name for name in names if name not in self.schema.names]
        if missing:
            raise TableError(f"{self.path}: column '{missing[0]}' is missing; it has {', '.join(self.schema.names)}")
        try:
            found = self._file.read_row_group(entry["row_group"], columns=names).select(names)
        except (pa.ArrowException, OSError) as error:
            raise TableError(f"{self.path}: {clip_id} is damaged ({one_line(error)})") from None
        return found.replace_schema_metadata(self._layout)

    def read(self, clip_id: str, columns: Sequence[str] | None = None) -> Table:
        """The rows of a clip as `Table`; one without columns for a clip that cannot be used (`Table.usable`)."""
        meta = self.clip_meta(clip_id)
        if meta["status"] != "ok":
            return Table({}, meta)
        return Table(from_arrow(self.arrow(clip_id, columns)).columns, meta)


class ClipTables:
    """The files of a stage, all shards together; a clip is found by its id.

    Parameters
    ----------
    paths : iterable of path-like
    """

    def __init__(self, paths: Iterable[str | os.PathLike]):
        self.tables = [ClipTable(path) for path in paths]
        self._of = {clip_id: table for table in self.tables for clip_id in table.entries}

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._of

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def table(self, clip_id: str) -> ClipTable:
        """The file that holds a clip; TableError where none does."""
        try:
            return self._of[clip_id]
        except KeyError:
            where = self.tables[0].path.parent if self.tables else "no table"
            raise TableError(f"{where}: no table holds the clip {clip_id}") from None

    def entry(self, clip_id: str) -> dict[str, Any]:
        """See `ClipTable.entry`."""
        return self.table(clip_id).entry(clip_id)

    def clip_meta(self, clip_id: str) -> dict[str, Any]:
        return self.table(clip_id).clip_meta(clip_id)

    def channels(self, clip_id: str) -> tuple[str, ...]:
        """See `ClipTable.channels`."""
        return self.table(clip_id).channels

    def require_channels(self, expected: Sequence[str], of: str) -> None:
        """TableError where the weights of some file are not of the channels `expected`, which are those `of`."""
        for table in self.tables:
            if any(entry["status"] == "ok" for entry in table.entries.values()):
                require(table.channels, expected, where=table.path, of=of)

    def content(self, clip_id: str) -> dict[str, str]:
        """See `ClipTable.content`."""
        return self.table(clip_id).content(clip_id)

    def arrow(self, clip_id: str, columns: Sequence[str] | None = None) -> pa.Table:
        return self.table(clip_id).arrow(clip_id, columns)

    def read(self, clip_id: str, columns: Sequence[str] | None = None) -> Table:
        return self.table(clip_id).read(clip_id, columns)


def one_line(error: BaseException) -> str:
    """The message of an error as one line."""
    return " ".join(str(error).split())
