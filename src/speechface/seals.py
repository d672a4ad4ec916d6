"""Checksums of files: what a disk, a copy or a network has changed is refused, never used.

JSON of ours carries the CRC-32 of its other content under the key ``crc32``; one without, written by hand, is read as
it is. A Parquet table carries the CRC-32 of all its other bytes in its own footer, as the value of the metadata key
``speechface_crc32``; other programs read past it. Zip files (.npz, PyTorch's .ckpt) have a CRC-32 of every member, at
which their readers do not all look.
"""

import contextlib
import functools
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speechface.errors import SpeechfaceError, TableError
from speechface.files import write_file, written_whole

__all__ = ["EMPTY", "check_table", "check_zip", "is_sealed", "read_json", "write_json", "written_sealed"]

_KEY = b"speechface_crc32"
_CRC = "crc32"
_BLANK = b"00000000"
#: What the schema of a table to be sealed must have among its metadata.
EMPTY = {_KEY: _BLANK}
#: The key and its value as Parquet's footer stores them: each after a field's head and its length.
_PLACE = re.compile(_KEY + rb"[\x00-\x20]\x08([0-9a-f]{8})", re.DOTALL)
_BLOCK = 1 << 20


@contextlib.contextmanager
def written_sealed(path: str | os.PathLike[str]) -> Iterator[str]:
    """As `speechface.files.written_whole`, for a Parquet file whose schema has `EMPTY`; its checksum is put in."""
    with written_whole(path) as temporary:
        yield temporary
        place = _place(Path(temporary))
        if place is None:
            raise TableError(f"{path}: no place for a checksum in its footer")
        crc = _crc(Path(temporary), place[0])
        with open(temporary, "r+b") as file:
            file.seek(place[0])
            file.write(b"%08x" % crc)


def _place(path: Path) -> tuple[int, bytes] | None:
    """Where the checksum stands, and what it says; None where there is none."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        if file.read(4) != b"PAR1" or length > size - 12:
            return None
        start = size - 8 - length
        file.seek(start)
        found = list(_PLACE.finditer(file.read(length)))
    return (start + found[-1].start(1), found[-1][1]) if found else None


def is_sealed(path: str | os.PathLike[str]) -> bool:
    """Is a file a table of ours? False where it is absent or of another program."""
    return os.path.exists(path) and _place(Path(path)) is not None


def _crc(path: Path, blank: int) -> int:
    """CRC-32 of a file, the eight bytes from `blank` on taken for zeros."""
    crc, position = 0, 0
    with open(path, "rb") as file:
        while block := bytearray(file.read(_BLOCK)):
            low, high = max(blank - position, 0), min(blank + 8 - position, len(block))
            if low < high:
                block[low:high] = _BLANK[: high - low]
            crc = zlib.crc32(block, crc)
            position += len(block)
    return crc


def check_table(path: str | os.PathLike[str]) -> None:
    """Refuse a table that is not as it was written; TableError. What was checked once is not read again."""
    try:
        state = os.stat(path)
        reason = _damage(os.fspath(path), state.st_size, state.st_mtime_ns, state.st_ino)
    except (FileNotFoundError, NotADirectoryError):
        raise TableError(f"{path}: no such table") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror})") from None
    if reason:
        raise TableError(f"{path}: {reason}")


@functools.lru_cache(maxsize=4096)
def _damage(path: str, *state: int) -> str:
    """What is wrong with a table, "" if nothing is; `state` only tells when an answer is out of date."""
    place = _place(Path(path))
    if place is None:
        with open(path, "rb") as file:
            head = file.read(4)
        if head not in (b"", b"PAR1"):  # who gave the wrong file shall not delete it
            return "not a Parquet table; check the path (if it is a result that was damaged, delete it and run again)"
        return (
            "not a readable Parquet table: its end is missing or damaged, or an older version wrote it; delete it and "
            "run again"
        )
    crc = b"%08x" % _crc(Path(path), place[0])
    if crc != place[1]:
        return (
            f"damaged: its checksum is {crc.decode()}, it was written with {place[1].decode()}; delete it and run again"
        )
    return ""


def check_zip(path: str | os.PathLike[str], error: type[SpeechfaceError]) -> None:
    """Refuse an .npz or .ckpt with a member that is not as it was written, with one line of class `error`."""
    kind, advice = os.path.splitext(path)[1], "copy it again, or make it again"
    try:
        with zipfile.ZipFile(path) as content:
            broken = content.testzip()
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        NotImplementedError,
        EOFError,
        ValueError,
        RuntimeError,
    ) as failure:
        reason = " ".join(str(failure).split())
        raise error(f"{path}: damaged, or not a readable {kind} file at all ({reason}); {advice}") from None
    if broken:
        raise error(f"{path}: damaged: the checksum of {broken} does not hold; {advice}")


def write_json(path: str | os.PathLike[str], content: dict[str, Any], *, indent: int | None = None) -> None:
    """Write a dict of JSON values with its checksum, whole or not at all."""
    content = {**content, _CRC: _json_crc(json.loads(json.dumps(content)))}
    write_file(path, json.dumps(content, indent=indent, sort_keys=True) + "\n")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a dict that `write_json` wrote, or that somebody wrote without a checksum; TableError else."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{path}: no such file") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # of JSON or of UTF-8
        raise TableError(f"{path}: not valid JSON ({error}); delete it and run again") from None
    if not isinstance(content, dict):
        raise TableError(f"{path}: found a JSON {type(content).__name__}, expected an object")
    if content.pop(_CRC, None) not in (None, _json_crc(content)):
        raise TableError(f"{path}: damaged: its checksum does not hold; delete it and run again")
    return content


def _json_crc(content: dict[str, Any]) -> str:
    """CRC-32 of JSON values, whatever the spaces between them."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"
