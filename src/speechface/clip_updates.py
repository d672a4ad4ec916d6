"""Making tables of many clips (`speechface.clip_tables`): only clips whose facts have changed are made.

While a table is being made, every finished clip goes at once to a file beside it (`speechface.clip_stream`); the next
attempt after a kill takes the finished clips from there.
"""

import functools
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from speechface.clip_stream import Finished, content_hash, digest, read_stream, to_bytes, unfinished
from speechface.clip_tables import ClipRows, ClipTable, binary_array, one_line
from speechface.columns import ID_COLUMNS, described
from speechface.errors import DISK_ERRORS, BatchError, ClipError, MediaError, SpeechfaceError, TableError
from speechface.files import attempt
from speechface.logs import clip_in_work
from speechface.seals import EMPTY, written_sealed
from speechface.settings import Settings
from speechface.stages import STAGES
from speechface.tables import KEY, float_columns, full_meta, to_arrow

__all__ = ["update_clip_tables"]

LOG = logging.getLogger(__name__)

#: output -> the entry of a clip: id, status, reason, facts, meta, content
_Entries = dict[str, dict[str, Any]]

_ID_TYPE = pa.dictionary(pa.int32(), pa.string())


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
        if len(job.failed) < len(clip_ids) or not clip_ids:  # where nothing could be made, what was there stays
            job.write()
    finally:
        job.finished.close()
    LOG.info("%d clips: %d made, %d kept, %d failed", len(clip_ids), job.made, job.kept, len(job.failed))
    if job.failed:
        reasons = list(dict.fromkeys(job.failed.values()))
        done = "the others are done" if len(job.failed) < len(clip_ids) else "no table was written"
        more = "" if len(reasons) == 1 else " (the log tells the other reasons)"
        raise BatchError(
            f"{len(job.failed)} of {len(clip_ids)} clips failed, {done}: {', '.join(job.failed)}; the "
            f"next run makes only these; {reasons[0]}{more}"
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
        settings_hash = digest(json.dumps(self.settings, sort_keys=True))
        self.basis = {"version": STAGES[stage].version, "settings": settings_hash}
        self.old = _open_old(paths)
        self.finished = Finished(unfinished(next(iter(paths.values()))))
        #: clip id -> output -> entry, in order
        self.done: dict[str, _Entries] = {}
        self.from_old: set[str] = set()
        self.made, self.kept = 0, 0
        #: clip id -> why
        self.failed: dict[str, str] = {}

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
            entry |= {"status": "failed", "reason": one_line(error), "content": digest(one_line(error))}
            self.failed[clip_id] = entry["reason"]
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
            entry |= {"status": "unusable", "reason": str(error), "content": digest(str(error))}
            entries = dict.fromkeys(self.paths, entry)
            contents = dict.fromkeys(self.paths, b"")
        else:
            results = found if isinstance(found, Mapping) else {next(iter(self.paths)): found}
            contents = {output: to_bytes(_stored(rows)) for output, rows in results.items()}
            entries = {output: _with_meta(entry, results[output].meta, contents[output]) for output in results}
        self.finished.add(entries, contents)
        self.made += 1
        return entries

    def write(self) -> None:
        """Write the tables, each whole or not at all, from the rows kept and the stream of those made."""
        self.finished.close()
        stream = read_stream(self.finished.path)

        def rows(output: str, clip_id: str) -> pa.Table:
            if clip_id in self.from_old and self.old is not None:
                return self.old[output].arrow(clip_id)
            return pa.ipc.open_stream(stream[clip_id][output][1].as_buffer()).read_all()

        for output, path in self.paths.items():
            _write(path, {clip_id: entries[output] for clip_id, entries in self.done.items()},
                   functools.partial(rows, output), self.stage, self.settings, self.shared)  # fmt: skip


def _same(known: Any, facts: Any) -> bool:
    """Are the facts the same? Of files only the contents count."""
    if isinstance(known, dict) and isinstance(facts, dict):
        if "sha256" in known and "sha256" in facts:
            return known["sha256"] == facts["sha256"]
        return known.keys() == facts.keys() and all(_same(known[key], facts[key]) for key in facts)
    return known == facts


def _with_meta(entry: dict[str, Any], meta: dict[str, Any], rows: bytes) -> dict[str, Any]:
    """The entry of a finished clip."""
    meta = json.loads(json.dumps(meta))
    return {**entry, "meta": meta, "content": content_hash(rows, meta)}


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
    schema = pa.schema([*fields, *first.schema], {KEY: json.dumps(meta, sort_keys=True).encode(), **EMPTY})
    schema = described(schema, meta["_shapes"], meta["_scaled"])
    options = {"compression": "zstd", "compression_level": 3, "use_dictionary": list(ID_COLUMNS),
               "use_byte_stream_split": float_columns(schema), "write_statistics": list(ID_COLUMNS)}  # fmt: skip
    with written_sealed(path) as temporary, pq.ParquetWriter(temporary, schema, **options) as writer:
        for clip_id in usable:
            table = rows(clip_id)
            if table.schema.names != first.schema.names or table.schema.types != first.schema.types:
                raise TableError(f"{path}: the columns of {clip_id} differ from those of {usable[0]}")
            zeros = pa.Array.from_buffers(pa.int32(), len(table), [None, pa.py_buffer(np.zeros(len(table), np.int32))])
            parts = [binary_array([part], pa.string()) for part in clip_id.split("/", 2)]
            ids = [pa.DictionaryArray.from_arrays(zeros, part) for part in parts]
            writer.write_table(pa.table([*ids, *table.columns], schema=schema), row_group_size=max(len(table), 1))
