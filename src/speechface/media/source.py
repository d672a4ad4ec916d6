"""Reading what a source (`speechface.sources`) names: bytes of a table, numbered images, and facts about contents."""

import functools
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechface.errors import MediaError, TableError
from speechface.sources import FileSource, ImagesSource, SourceLike, TableSource, parse_source

if TYPE_CHECKING:
    from speechface.clip_tables import ClipTable

__all__ = ["image_files", "source_facts", "video_bytes"]

#: Suffixes of images; VidTIMIT's have none.
IMAGE_SUFFIXES = ("", ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_NUMBERED = re.compile(r".*?(\d+)(\.[A-Za-z]+)?")


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
    if isinstance(place, FileSource) and not place.audio:
        from speechface.clip_tables import file_facts

        return file_facts(place.path, known)
    if isinstance(place, TableSource):
        try:
            return {"sha256": _table_of(place).entry(place.clip_id)["content"]}
        except TableError:
            return {"sha256": "absent"}
    return _images_facts(place, known or {})


def _images_facts(source: ImagesSource | FileSource, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        images = [source.path] if isinstance(source, FileSource) else image_files(source)
        files = [*images, *filter(None, [source.audio])]
        stats = [os.stat(path) for path in files]
    except (MediaError, OSError):
        return {"sha256": "absent"}
    listed = [[path, state.st_size, state.st_mtime_ns] for path, state in zip(files, stats)]
    rate = "" if isinstance(source, FileSource) else source.fps
    state = hashlib.sha256(repr([rate, listed]).encode()).hexdigest()
    if known.get("state") == state:
        return dict(known)
    content = hashlib.sha256(str(rate).encode())
    for path in files:
        content.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return {"state": state, "sha256": content.hexdigest()}
