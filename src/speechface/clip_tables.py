"""Tables of many clips: one Parquet file a stage and shard, one row group a clip.

The file's metadata hold, beside what all its clips share (stage, version, settings, channels, units, provenance), the
entry ``clips``: for every clip its status, its own facts (frame rate, size, ...), what it was made from and a hash of
what came out. So a later run makes only clips whose facts have changed, and a reader finds a clip alone.

A clip that cannot be used has an entry with a reason and no rows.

While a table is being made, every finished clip goes at once to a file beside it (an Arrow IPC stream). It can be read
up to the point where a killed process stopped writing; the next attempt takes the finished clips from there.
"""

import contextlib
import functools
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from speechface.errors import DISK_ERRORS, BatchError, ClipError, MediaError, SpeechfaceError, TableError
from speechface.files import attempt, written_whole
from speechface.logs import clip_in_work
from speechface.rig.channels import require, told
from speechface.settings import Settings
from speechface.stages import STAGES
from speechface.tables import KEY, Table, float_columns, from_arrow, full_meta, to_arrow

__all__ = [
    "ID_COLUMNS",
    "ClipRows",
    "ClipTable",
    "ClipTables",
    "bytes_column",
    "file_facts",
    "unfinished",
    "update_clip_tables",
]

LOG = logging.getLogger(__name__)

#: output -> the entry of a clip: id, status, reason, facts, meta, content
_Entries = dict[str, dict[str, Any]]

#: Columns that name the clip of a row, in every table of many clips.
ID_COLUMNS = ("dataset", "actor", "clip")
_ID_TYPE = pa.dictionary(pa.int32(), pa.string())


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
    return pa.StructArray.from_arrays([_array(contents, pa.binary()), _array(names, pa.string())], ["bytes", "path"])


def _array(values: Iterable[bytes | str], kind: pa.DataType) -> pa.Array:
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


def _same(known: Any, facts: Any) -> bool:
    """Are the facts the same? Of files only the contents count."""
    if isinstance(known, dict) and isinstance(facts, dict):
        if "sha256" in known and "sha256" in facts:
            return known["sha256"] == facts["sha256"]
        return known.keys() == facts.keys() and all(_same(known[key], facts[key]) for key in facts)
    return known == facts


# ---- reading ----------------------------------------------------------------------------------------------------


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
        if not self.path.exists():
            raise TableError(f"{path}: no such table")
        try:
            self._file = pq.ParquetFile(self.path, page_checksum_verification=True)
            self._meta = json.loads((self._file.schema_arrow.metadata or {}).get(KEY, b"{}"))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise TableError(f"{path}: not a readable Parquet table ({_one_line(error)})") from None
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

    @property
    def schema(self) -> pa.Schema:
        return self._file.schema_arrow

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
            raise TableError(f"{self.path}: {clip_id} is damaged ({_one_line(error)})") from None
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


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


# ---- the stream of finished clips -------------------------------------------------------------------------------

_STREAM = pa.schema([("output", pa.string()), ("entry", pa.string()), ("rows", pa.large_binary())])


def unfinished(path: str | os.PathLike) -> Path:
    """Where the clips of a table that is being made stand: a hidden file beside it."""
    path = Path(path)
    return path.with_name(f".{path.stem}.finished.arrows")


def _read_stream(path: Path) -> dict[str, dict[str, tuple[dict[str, Any], pa.Scalar]]]:
    """clip id -> output -> (entry, rows as IPC bytes); as far as the stream can be read. The bytes stay in the file.

    What is damaged is as if it were not there.
    """
    found: dict[str, dict[str, tuple[dict[str, Any], pa.Scalar]]] = {}
    with contextlib.suppress(pa.ArrowException, OSError, ValueError), pa.memory_map(os.fspath(path)) as source:
        reader = pa.ipc.open_stream(source)
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                break
            batch.validate(full=True)
            for output, text, rows in zip(*batch.columns, strict=True):
                entry = json.loads(text.as_py())
                if entry["status"] != "ok" or entry["content"] == _content(rows.as_buffer(), entry["meta"]):
                    found.setdefault(entry["id"], {})[output.as_py()] = (entry, rows)
    return found


def _to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


class _Finished:
    """The stream of one attempt: what earlier attempts finished is taken over, what is finished now is added."""

    def __init__(self, path: Path):
        self.path = path
        self.carried = _read_stream(path)
        self._file: pa.NativeFile | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def add(self, entries: Mapping[str, dict[str, Any]], rows: Mapping[str, bytes]) -> None:
        if self._writer is None:
            self._start()
        self._write(entries, rows)

    def _start(self) -> None:
        """A new file with what was carried over; it takes the place of the old one only when that is in it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(self.path.name + ".new")
        self._file = pa.OSFile(os.fspath(temporary), "wb")  # unbuffered: what is written survives a kill
        try:
            self._writer = pa.ipc.new_stream(self._file, _STREAM)
            for outputs in self.carried.values():
                self._write(
                    {output: entry for output, (entry, _) in outputs.items()},
                    {output: rows.as_py() for output, (_, rows) in outputs.items()},
                )
            os.replace(temporary, self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _write(self, entries: Mapping[str, dict[str, Any]], rows: Mapping[str, bytes]) -> None:
        assert self._writer is not None
        columns = [
            _array(entries, pa.string()),
            _array((json.dumps(entry, sort_keys=True) for entry in entries.values()), pa.string()),
            _array((rows[output] for output in entries), pa.large_binary()),
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=_STREAM))

    def close(self) -> None:
        if self._writer is not None and self._file is not None:
            with contextlib.suppress(OSError, pa.ArrowException):
                self._writer.close()
            self._file.close()
            self._writer = self._file = None


# ---- making -----------------------------------------------------------------------------------------------------


def _open_old(paths: Mapping[str, Path]) -> dict[str, ClipTable] | None:
    """The tables of an earlier run, None where one is missing; a damaged one is named and made again."""
    if not all(path.exists() for path in paths.values()):
        return None
    try:
        return {output: ClipTable(path) for output, path in paths.items()}
    except TableError as error:
        LOG.warning("%s; its clips are made again", error)
        return None


def update_clip_tables(
    paths: Mapping[str, str | os.PathLike],
    clip_ids: Sequence[str],
    make: Callable[[str], ClipRows | Mapping[str, ClipRows]],
    *,
    stage: str,
    settings: Settings | Mapping[str, Any],
    facts: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
    shared: Sequence[str] = (),
) -> None:
    """Make the tables of a stage for one shard; clips whose facts are those of an earlier run are kept.

    Parameters
    ----------
    paths : dict of output name to path
        Usually one; where a stage gives several tables, `make` returns a dict with the same names.
    clip_ids : sequence of str, ``dataset/actor/clip``
        All clips of the tables. Clips of an earlier run that are not among them are dropped.
    make : function of a clip id
        Makes one clip. ClipError or MediaError: the clip cannot be used, which is noted. Any other error: the others
        are made, the clip is marked as failed and made again in the next run.
    stage : str, key of `speechface.stages.STAGES`
    settings : Settings or dict of JSON values, what the stage runs with
    facts : function of a clip id and of the facts known from an earlier run
        What the clip is made from, beside stage, version and settings: hashes of contents (`file_facts`).
    shared : names of keys of the clips' metadata that all usable clips share; they are stored once

    Raises
    ------
    BatchError
        At the end, naming the clips that failed. The error of an only clip is raised as it is.
    """
    places = {output: Path(path) for output, path in paths.items()}
    with attempt(next(iter(places.values()))):
        _update(_Job(places, stage, settings, make, facts, tuple(shared)), clip_ids)


def _update(job: "_Job", clip_ids: Sequence[str]) -> None:
    try:
        for clip_id in clip_ids:
            with clip_in_work(clip_id):
                job.do(clip_id, alone=len(clip_ids) == 1)
        job.write()
    finally:
        job.finished.close()
    LOG.info("%d clips: %d made, %d kept, %d failed", len(clip_ids), job.made, job.kept, len(job.failed))
    if job.failed:
        raise BatchError(
            f"{len(job.failed)} of {len(clip_ids)} clips failed, the others are done: {', '.join(job.failed)}; the log "
            "tells why, the next run makes only these"
        )
    job.finished.path.unlink(missing_ok=True)


class _Job:
    """One call of `update_clip_tables`, which see."""

    def __init__(
        self,
        paths: dict[str, Path],
        stage: str,
        settings: Settings | Mapping[str, Any],
        make: Callable[[str], ClipRows | Mapping[str, ClipRows]],
        facts: Callable[[str, Mapping[str, Any]], Mapping[str, Any]],
        shared: tuple[str, ...],
    ):
        self.paths, self.stage, self.make, self.facts, self.shared = paths, stage, make, facts, shared
        self.settings = settings.dump() if isinstance(settings, Settings) else dict(settings)
        digest = _digest(json.dumps(self.settings, sort_keys=True))
        self.basis = {"version": STAGES[stage].version, "settings": digest}
        self.old = _open_old(paths)
        self.finished = _Finished(unfinished(next(iter(paths.values()))))
        #: clip id -> output -> entry, in order
        self.done: dict[str, _Entries] = {}
        self.from_old: set[str] = set()
        self.made, self.kept = 0, 0
        self.failed: list[str] = []

    def do(self, clip_id: str, *, alone: bool) -> None:
        """Keep or make one clip."""
        entry: dict[str, Any] = {"id": clip_id, "facts": {}, "meta": {}, "status": "ok", "reason": ""}
        try:
            if not self._keep(clip_id, entry):
                self.done[clip_id] = self._make(clip_id, entry)
        except Exception as error:
            if alone or (isinstance(error, OSError) and error.errno in DISK_ERRORS):
                raise
            # a known error is one line, a bug shows where it is
            LOG.error("failed: %s", error, exc_info=not isinstance(error, SpeechfaceError))
            entry |= {"status": "failed", "reason": _one_line(error), "content": _digest(_one_line(error))}
            self.failed.append(clip_id)
            self.done[clip_id] = dict.fromkeys(self.paths, entry)

    def _keep(self, clip_id: str, entry: dict[str, Any]) -> bool:
        """Take a clip from an earlier run or attempt if its facts are the same; notes the facts in `entry`."""
        old = self._old_entries(clip_id)
        carried = {output: known for output, (known, _) in self.finished.carried.get(clip_id, {}).items()}
        for known in (old, carried):
            if known.keys() != self.paths.keys():
                continue
            entry["facts"] = {**self.basis, **self.facts(clip_id, next(iter(known.values()))["facts"])}
            if all(one["status"] != "failed" and _same(one["facts"], entry["facts"]) for one in known.values()):
                if known is old:
                    self.from_old.add(clip_id)
                self.done[clip_id] = {output: {**one, "facts": entry["facts"]} for output, one in known.items()}
                self.kept += 1
                return True
        entry["facts"] = entry["facts"] or {**self.basis, **self.facts(clip_id, {})}
        return False

    def _old_entries(self, clip_id: str) -> _Entries:
        """Entries of an earlier run, none where its rows cannot be read."""
        if self.old is None or not all(clip_id in table for table in self.old.values()):
            return {}
        try:
            for table in self.old.values():
                if table.entry(clip_id)["status"] == "ok":
                    table.arrow(clip_id)
        except TableError as error:
            LOG.warning("%s; the clip is made again", error)
            return {}
        return {output: self._whole(table, clip_id) for output, table in self.old.items()}

    def _whole(self, table: ClipTable, clip_id: str) -> dict[str, Any]:
        """An old entry as it was made: what all clips share stands in each again."""
        entry = table.entry(clip_id)
        if entry["status"] != "ok":
            return entry
        return {
            **entry,
            "meta": {**{key: table.meta[key] for key in self.shared if key in table.meta}, **entry["meta"]},
        }

    def _make(self, clip_id: str, entry: dict[str, Any]) -> _Entries:
        try:
            found = self.make(clip_id)
        except (ClipError, MediaError) as error:
            LOG.warning("unusable: %s", error)
            entry |= {"status": "unusable", "reason": str(error), "content": _digest(str(error))}
            entries = dict.fromkeys(self.paths, entry)
            contents = dict.fromkeys(self.paths, b"")
        else:
            results = found if isinstance(found, Mapping) else {next(iter(self.paths)): found}
            contents = {output: _to_bytes(_stored(rows)) for output, rows in results.items()}
            entries = {output: _with_meta(entry, results[output].meta, contents[output]) for output in results}
        self.finished.add(entries, contents)
        self.made += 1
        return entries

    def write(self) -> None:
        """Write the tables, each whole or not at all, from the rows kept and the stream of those made."""
        self.finished.close()
        stream = _read_stream(self.finished.path)

        def rows(output: str, clip_id: str) -> pa.Table:
            if clip_id in self.from_old and self.old is not None:
                return self.old[output].arrow(clip_id)
            return pa.ipc.open_stream(stream[clip_id][output][1].as_buffer()).read_all()

        for output, path in self.paths.items():
            _write(path, {clip_id: entries[output] for clip_id, entries in self.done.items()},
                   functools.partial(rows, output), self.stage, self.settings, self.shared)  # fmt: skip


def _with_meta(entry: dict[str, Any], meta: dict[str, Any], rows: bytes) -> dict[str, Any]:
    """The entry of a finished clip."""
    meta = json.loads(json.dumps(meta))
    return {**entry, "meta": meta, "content": _content(rows, meta)}


def _content(rows: Any, meta: dict[str, Any]) -> str:
    """Hash of a clip's rows, IPC bytes, and metadata."""
    return _digest(rows, json.dumps(meta, sort_keys=True))


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()


def _stored(rows: ClipRows) -> pa.Table:
    lengths = {name: len(values) for name, values in rows.columns.items()}
    if len(set(lengths.values())) > 1:
        raise TableError(f"columns differ in length: {lengths}")
    return to_arrow(rows.columns, {}, scaled=rows.scaled)


def _write(
    path: Path,
    entries: dict[str, dict[str, Any]],
    rows: Callable[[str], pa.Table],
    stage: str,
    settings: dict[str, Any],
    shared: Sequence[str],
) -> None:
    """Write one table: `entries` by clip in their order, `rows` gives those of a usable clip."""
    usable = [clip_id for clip_id, entry in entries.items() if entry["status"] == "ok"]
    first = rows(usable[0]) if usable else pa.schema([("frame", pa.int32())]).empty_table()
    stored = json.loads((first.schema.metadata or {}).get(KEY, b"{}"))
    own = entries[usable[0]]["meta"] if usable else {}
    common = {key: own[key] for key in shared if key in own}
    listed = []
    for clip_id, entry in entries.items():
        meta = {key: value for key, value in entry["meta"].items() if key not in common}
        listed.append({**entry, "meta": meta})
        if clip_id in usable:
            listed[-1]["row_group"] = usable.index(clip_id)
            differing = [key for key in common if entry["meta"].get(key, common[key]) != common[key]]
            if differing:
                raise TableError(f"{path}: {clip_id} differs from {usable[0]} in {differing[0]}, which all clips share")
    meta = full_meta(stage, settings, {**common, **{key: stored.get(key, {}) for key in ("_shapes", "_scaled")}})
    meta["clips"] = listed
    fields = [pa.field(name, _ID_TYPE) for name in ID_COLUMNS]
    schema = pa.schema([*fields, *first.schema], {KEY: json.dumps(meta, sort_keys=True).encode()})
    options = {"compression": "zstd", "compression_level": 3, "use_dictionary": list(ID_COLUMNS),
               "use_byte_stream_split": float_columns(schema), "write_statistics": list(ID_COLUMNS),
               "write_page_checksum": True}  # fmt: skip
    with written_whole(path) as temporary, pq.ParquetWriter(temporary, schema, **options) as writer:
        for clip_id in usable:
            table = rows(clip_id)
            if table.schema.names != first.schema.names or table.schema.types != first.schema.types:
                raise TableError(f"{path}: the columns of {clip_id} differ from those of {usable[0]}")
            zeros = pa.Array.from_buffers(pa.int32(), len(table), [None, pa.py_buffer(np.zeros(len(table), np.int32))])
            parts = [_array([part], pa.string()) for part in clip_id.split("/", 2)]
            ids = [pa.DictionaryArray.from_arrays(zeros, part) for part in parts]
            writer.write_table(pa.table([*ids, *table.columns], schema=schema), row_group_size=max(len(table), 1))
