"""Where images and sound of a clip come from: its SOURCE, one string.

========================================  ==============================================================
``FILE``                                  a video file
``TABLE.parquet::DATASET/ACTOR/CLIP``     a video in the column `video` of a table of many clips
``FOLDER::audio=SOUND::fps=25``           numbered images and a sound file that begins with the first;
                                          ``::audio=SOUND`` is left out where there is none
========================================  ==============================================================

A path that holds ``::`` and fits none of the others is a file.
"""

import functools
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechface.errors import MediaError, TableError

if TYPE_CHECKING:
    from speechface.clip_tables import ClipTable

__all__ = [
    "FileSource", "ImagesSource", "Source", "SourceLike", "TableSource", "image_files", "parse_source", "source_facts",
    "video_bytes",
]  # fmt: skip

#: Suffixes of images; VidTIMIT's have none.
IMAGE_SUFFIXES = ("", ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_TABLE = re.compile(r"(.+\.parquet)::([^/]+/[^/]+/[^/]+)")
_IMAGES = re.compile(r"(.+?)(?:::audio=(.+))?::fps=(\d+(?:\.\d+)?|\d+/[1-9]\d*)")
_NUMBERED = re.compile(r".*?(\d+)(\.[A-Za-z]+)?")


@dataclass(frozen=True)
class FileSource:
    """A video or sound file."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class TableSource:
    """A video stored as bytes."""

    table: str
    clip_id: str

    def __str__(self) -> str:
        return f"{self.table}::{self.clip_id}"


@dataclass(frozen=True)
class ImagesSource:
    """Numbered images, `fps` a second, and a sound file; `audio` is "" where there is none."""

    folder: str
    audio: str
    fps: Fraction

    def __str__(self) -> str:
        return f"{self.folder}{'::audio=' * bool(self.audio)}{self.audio}::fps={self.fps}"


Source = FileSource | TableSource | ImagesSource
#: What functions of this package take: the text of a source, a path, or a source.
SourceLike = str | os.PathLike[str] | Source


def parse_source(source: SourceLike) -> Source:
    """Read the text of a source; nothing is opened."""
    if isinstance(source, Source):
        return source
    text = os.fspath(source)
    if found := _TABLE.fullmatch(text):
        return TableSource(found[1], found[2])
    if (found := _IMAGES.fullmatch(text)) and Fraction(found[3]) > 0:
        return ImagesSource(found[1], found[2] or "", Fraction(found[3]).limit_denominator(1001))
    return FileSource(text)


@functools.lru_cache(maxsize=4)
def _opened(path: str, size: int, mtime_ns: int) -> "ClipTable":
    """An open table; `size` and `mtime_ns` only tell when it is out of date."""
    from speechface.clip_tables import ClipTable

    return ClipTable(path)


def _table_of(source: TableSource) -> "ClipTable":
    if not os.path.exists(source.table):
        raise TableError(f"{source.table}: no such table")
    state = os.stat(source.table)
    return _opened(source.table, state.st_size, state.st_mtime_ns)


def video_bytes(source: TableSource) -> bytes:
    """Return the file that a table holds for a clip.

    Raises
    ------
    TableError
        If the table is absent, damaged or without the clip.
    MediaError
        If the clip cannot be used; the reason is the table's.
    """
    table = _table_of(source)
    entry = table.entry(source.clip_id)
    if entry["status"] == "unusable":
        raise MediaError(f"{source}: {entry['reason']}")
    return table.arrow(source.clip_id, ["video"]).column(0)[0]["bytes"].as_py()


def image_files(source: ImagesSource) -> list[str]:
    """Return the paths of the images, by number.

    Raises
    ------
    MediaError
        If there is no such folder or image, two images have one number, or a number between them is missing.
    """
    try:
        names = os.listdir(source.folder)
    except OSError as error:
        raise MediaError(f"{source}: no folder of images ({error.strerror})") from None
    found: dict[int, str] = {}
    for name in sorted(names):
        match = _NUMBERED.fullmatch(name)
        if not match or (match[2] or "").lower() not in IMAGE_SUFFIXES:
            continue
        number = int(match[1])
        if number in found:
            raise MediaError(f"{source}: two images have the number {number}: {found[number]} and {name}")
        found[number] = name
    if not found:
        raise MediaError(f"{source}: no numbered image in the folder")
    missing = next((number for number in range(min(found), max(found)) if number not in found), None)
    if missing is not None:
        raise MediaError(f"{source}: image {missing} is missing between {min(found)} and {max(found)}")
    return [os.path.join(source.folder, found[number]) for number in sorted(found)]


def source_facts(source: SourceLike, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what tells whether a source's content is still the same, for the facts of a clip.

    Parameters
    ----------
    source : source
    known : dict, facts from an earlier run
        Files whose size and time of change are the same are not read again.

    Returns
    -------
    dict
        Of a file `speechface.clip_tables.file_facts`; else ``sha256`` of the content, "absent" where there is none, and
        for images ``state``, a hash of names, sizes and times of change.
    """
    place = parse_source(source)
    if isinstance(place, FileSource):
        from speechface.clip_tables import file_facts

        return file_facts(place.path, known)
    if isinstance(place, TableSource):
        try:
            return {"sha256": _table_of(place).entry(place.clip_id)["content"]}
        except TableError:
            return {"sha256": "absent"}
    return _images_facts(place, known or {})


def _images_facts(source: ImagesSource, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        files = [*image_files(source), *([source.audio] if source.audio else [])]
        stats = [os.stat(path) for path in files]
    except (MediaError, OSError):
        return {"sha256": "absent"}
    listed = [[path, state.st_size, state.st_mtime_ns] for path, state in zip(files, stats)]
    state = hashlib.sha256(repr([source.fps, listed]).encode()).hexdigest()
    if known.get("state") == state:
        return dict(known)
    content = hashlib.sha256(str(source.fps).encode())
    for path in files:
        content.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return {"state": state, "sha256": content.hexdigest()}
