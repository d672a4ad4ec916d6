"""Arrays larger than the memory: rows in a file, read when they are asked for."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["RowFile", "free_memory"]


class RowFile:
    """Rows of one shape and type in a file without a name, which goes when this object or its process does.

    Reading by index gives what a numpy array would give: ``rows[indices]`` for integers of any shape, and slices.
    Rows that follow one another are read at one go, in the order of the file; nothing stays in memory.

    Parameters
    ----------
    folder : path-like
        Where there is room for the file.
    shape : tuple of int, of one row
    dtype : numpy dtype
    """

    def __init__(self, folder: str | Path, shape: tuple[int, ...], dtype: Any):
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)
        self._row, self.dtype = np.empty(shape, dtype), np.dtype(dtype)
        self._count = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._count, *self._row.shape)

    @property
    def nbytes(self) -> int:
        return self._count * self._row.nbytes

    def __len__(self) -> int:
        return self._count

    def append(self, rows: np.ndarray) -> None:
        """Add rows, array (n, *shape), at the end."""
        bytes_left = np.ascontiguousarray(rows, self.dtype).data.cast("B")
        while len(bytes_left):
            bytes_left = bytes_left[self._file.write(bytes_left) :]
        self._count += len(rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        wanted = np.arange(self._count)[index]  # an index out of range is an error here
        rows, place = np.unique(wanted, return_inverse=True)
        out = np.empty((len(rows), *self._row.shape), self.dtype)
        edges = [0, *(np.nonzero(np.diff(rows) != 1)[0] + 1), len(rows)]
        for start, stop in zip(edges[:-1], edges[1:]):
            if start < stop:
                self._read(out[start:stop], rows[start])
        return out[place.reshape(wanted.shape)]

    def _read(self, out, first):
        target, offset = memoryview(out).cast("B"), int(first) * self._row.nbytes
        while len(target):
            count = os.preadv(self._file.fileno(), [target], offset)
            if not count:
                raise OSError("the file of the train table ends too early")
            target, offset = target[count:], offset + count


def _number(path):
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def _groups_left(root="/sys/fs/cgroup", own="/proc/self/cgroup"):
    """Bytes that the control groups around this process leave it: list, empty where none sets a limit."""
    left = []
    try:
        lines = Path(own).read_text().splitlines()
    except OSError:
        return left
    for _, kinds, place in (line.split(":", 2) for line in lines):
        if not kinds:  # version 2
            base, names = Path(root), ("memory.max", "memory.current")
        elif "memory" in kinds.split(","):
            base, names = Path(root, "memory"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        folder = base / place.lstrip("/")
        for group in (folder, *folder.parents):
            limit, used = (_number(group / name) for name in names)
            if limit is not None and used is not None:
                left.append(max(0, limit - used))
            if group == base:
                break
    return left


def free_memory() -> int | None:
    """Return the bytes of memory that this process may take: what the machine has left, or its control groups (those of
    a Slurm job, a container) if they leave less; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    machine = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return min(machine + _groups_left(), default=None)
