"""Files that are either whole or absent."""

import contextlib
import errno
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from speechface.errors import ConfigError, TableError

try:
    import fcntl
except ImportError:  # Windows, where files are animated and no tables made
    fcntl = None  # type: ignore[assignment]

__all__ = ["alone", "attempt", "failed_attempts", "made_folder", "write_file", "write_npz", "written_whole"]


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[str]:
    """Yield a temporary name beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the extension, since many writers choose a format by it. What writers of `path` that were
    killed have left goes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    handle, temporary = _held_temporary(path)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if fcntl:
            os.close(handle)


def _held_temporary(path: Path) -> tuple[int, str]:
    """Make a hidden empty file beside `path`: (its handle, locked until it is closed; its name)."""
    while True:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        if not fcntl:
            os.close(handle)
            return handle, temporary
        with contextlib.suppress(OSError):  # a file system without locks, where nothing is taken for abandoned
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)  # removed by another writer before it was locked


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files of `path` that no process holds."""
    pattern = re.compile(rf"\.{re.escape(path.stem)}\.[a-z0-9_]{{8}}{re.escape(path.suffix)}")
    for name in os.listdir(path.parent) if fcntl else ():
        if pattern.fullmatch(name):
            with contextlib.suppress(OSError), open(path.with_name(name), "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(file.name)


def write_file(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a file whole or not at all; text as UTF-8."""
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def made_folder(path: str | os.PathLike) -> Path:
    """Return a folder for results, made where there is none; ConfigError where nothing can be written to it."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ConfigError(f"{path}: a file, expected a folder for the results; name another") from None
    except OSError as error:
        raise ConfigError(f"{path}: this folder cannot be made ({error.strerror}); name another") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: nothing can be written into this folder; name another, or change its permissions")
    return folder


def write_npz(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Write a dict of arrays as .npz, whole or absent, the same bytes for the same arrays."""
    import numpy as np

    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            # ascontiguousarray would turn a scalar into an array of one
            np.save(buffer, np.asarray(arrays[name], order="C"), allow_pickle=False)
            # a fixed time stamp: numpy.savez writes the present
            archive.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(),
                             zipfile.ZIP_DEFLATED)  # fmt: skip


@contextlib.contextmanager
def alone(path: str | os.PathLike) -> Iterator[None]:
    """Keep other processes from making the same file or working in the same folder: TableError where one does.

    A hidden file beside `path` is locked, which ends with the process, however that ends. Where the file system knows
    no locks nothing is kept from anybody.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.stem}.lock")
    with open(place, "a") as file:
        if fcntl and not _locked(file, place):
            raise TableError(f"{path}: another process is making it; wait until it is done, or end it")
        try:
            yield
        finally:
            # before the lock goes: whoever opened the file meanwhile was refused
            place.unlink(missing_ok=True)


def _locked(file: IO[str], place: Path) -> bool:
    """Lock an open file; False where another process has, or has just removed it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(file.fileno()).st_ino == place.stat().st_ino
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT)


def _attempts(path: str | os.PathLike) -> Path:
    path = Path(path)
    return path.with_name(f".{path.stem}.failed")


def failed_attempts(path: str | os.PathLike) -> int:
    """Return how many attempts to update the file `path` have failed or were killed so far (`attempt`)."""
    try:
        return len(_attempts(path).read_text().splitlines())
    except OSError:
        return 0


@contextlib.contextmanager
def attempt(path: str | os.PathLike) -> Iterator[None]:
    """Note an attempt to update the file `path` in a hidden file beside it; the note goes when the block succeeds.

    Snakemake puts a file back that a failed job was to update, and records it as if the job had made it. The number of
    failed attempts is therefore a parameter of the job: after a failure it is another one, and the job runs again. Only
    one process at a time may try (`alone`).
    """
    notes = _attempts(path)
    with alone(path):
        before = notes.read_text() if notes.exists() else ""
        write_file(notes, f"{before}{datetime.now().isoformat(timespec='seconds')}\n")
        yield
        if before:
            write_file(notes, before)
        else:
            notes.unlink(missing_ok=True)
