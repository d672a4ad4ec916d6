"""The clips that are finished while a table of many clips is being made: a file beside it, an Arrow IPC stream.

It can be read up to the point where a killed process stopped writing.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from speechface.clip_tables import binary_array

__all__ = ["Finished", "content_hash", "digest", "read_stream", "to_bytes", "unfinished"]

_STREAM = pa.schema([("output", pa.string()), ("entry", pa.string()), ("rows", pa.large_binary())])


def unfinished(path: str | os.PathLike) -> Path:
    """Where the clips of a table that is being made stand: a hidden file beside it."""
    path = Path(path)
    return path.with_name(f".{path.stem}.finished.arrows")


def read_stream(path: Path) -> dict[str, dict[str, tuple[dict[str, Any], pa.Scalar]]]:
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
                if entry["status"] != "ok" or entry["content"] == content_hash(rows.as_buffer(), entry["meta"]):
                    found.setdefault(entry["id"], {})[output.as_py()] = (entry, rows)
    return found


def to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


class Finished:
    """The stream of one attempt: what earlier attempts finished is taken over, what is finished now is added."""

    def __init__(self, path: Path):
        self.path = path
        self.carried = read_stream(path)
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
            binary_array(entries, pa.string()),
            binary_array((json.dumps(entry, sort_keys=True) for entry in entries.values()), pa.string()),
            binary_array((rows[output] for output in entries), pa.large_binary()),
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=_STREAM))

    def close(self) -> None:
        if self._writer is not None and self._file is not None:
            with contextlib.suppress(OSError, pa.ArrowException):
                self._writer.close()
            self._file.close()
            self._writer = self._file = None


def content_hash(rows: Any, meta: dict[str, Any]) -> str:
    """Hash of a clip's rows, IPC bytes, and metadata."""
    return digest(rows, json.dumps(meta, sort_keys=True))


def digest(*parts: Any) -> str:
    """Hash of texts and bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
    return found.hexdigest()
