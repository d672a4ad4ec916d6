"""What lies in a data set's folder: files by their kind, whatever they are called."""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speechface.datasets.base import Clip, FilesSettings
from speechface.errors import ConfigError
from speechface.names import same_form

__all__ = ["AUDIO", "VIDEO", "Found", "files_under", "folders_in", "keep_one", "root_of"]

LOG = logging.getLogger(__name__)

VIDEO = (".mp4", ".mov", ".mkv", ".avi", ".mpg", ".mpeg", ".webm", ".flv", ".m4v", ".wmv", ".mts", ".3gp")
AUDIO = (".wav", ".m4a", ".flac", ".mp3", ".aac", ".ogg")
#: What systems and archivers leave behind; hidden files (.DS_Store, ._a.mp4) are left out as well.
_JUNK = {"__MACOSX", "$RECYCLE.BIN", "System Volume Information"}


@dataclass(frozen=True)
class Found:
    """A file: its `path`, the names of the `folders` below the root that lead to it, `stem` and `suffix` (small)."""

    path: str
    folders: tuple[str, ...]
    stem: str
    suffix: str


def root_of(name: str, settings: FilesSettings) -> str:
    """The folder of a data set; ConfigError where it is none or cannot be read."""
    root, place = settings.root, f"datasets.{name}.root"
    more = "" if os.path.isabs(root) else f" (relative to {os.getcwd()})"
    if "$" in root and not os.path.exists(root):
        more += "; a variable in it is not set"
    if not os.path.exists(root):
        raise ConfigError(f"{place}: no such folder: {root}{more}")
    if not os.path.isdir(root):
        raise ConfigError(f"{place}: a file, not a folder: {root}{more}")
    if not os.access(root, os.R_OK | os.X_OK):
        raise ConfigError(f"{place}: the folder may not be read: {root}; ask its owner for the right to")
    return root


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What a folder holds, by name, without hidden things and those whose names are no text."""
    try:
        with os.scandir(folder) as entries:
            seen = sorted((e for e in entries if e.name[0] != "." and e.name not in _JUNK), key=lambda e: e.name)
    except OSError as error:
        LOG.warning("%s: left out: the folder cannot be read (%s)", folder, error.strerror)
        return []
    texts = [entry for entry in seen if entry.name.isascii() or not _is_odd(entry.name)]
    if len(texts) < len(seen):
        LOG.warning("%s: %d names are not UTF-8 and left out; rename them", folder, len(seen) - len(texts))
    return texts


def _is_odd(name: str) -> bool:
    return any(0xD800 <= ord(char) < 0xE000 for char in name)


def folders_in(folder: str) -> list[tuple[str, str]]:
    """(name, path) of the folders in a folder, by name."""
    return [(same_form(entry.name), entry.path) for entry in _entries(folder) if entry.is_dir()]


def files_under(root: str, suffixes: Iterable[str], *, depth: int = 8) -> Iterator[Found]:
    """Yield the files of some kinds under a folder, at most `depth` folders below it, in the order of names.

    Links are followed, also those that lead nowhere: whoever opens them tells. Hidden files and folders, and what
    archivers leave behind, are left out.
    """
    yield from _walk(root, (), frozenset(suffixes), depth, (os.path.realpath(root),))


def _walk(
    folder: str, names: tuple[str, ...], suffixes: frozenset[str], depth: int, above: tuple[str, ...]
) -> Iterator[Found]:
    for entry in _entries(folder):
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if len(names) < depth and real not in above:  # a link may lead back
                yield from _walk(entry.path, (*names, same_form(entry.name)), suffixes, depth, (*above, real))
            continue
        stem, suffix = os.path.splitext(entry.name)
        # no device or pipe, which would be waited for
        if suffix.lower() in suffixes and (entry.is_file() or not os.path.exists(entry.path)):
            yield Found(entry.path, names, same_form(stem), suffix.lower())


def keep_one(clips: Iterable[Clip]) -> list[Clip]:
    """Of clips that are there more than once, by their names, only the one of the largest file; said once."""
    best: dict[str, Clip] = {}
    count: Counter[str] = Counter()
    for clip in clips:
        count[clip.id] += 1
        if clip.id not in best or _size(clip) > _size(best[clip.id]):
            best[clip.id] = clip
    twice = [name for name, times in count.items() if times > 1]
    if twice:
        LOG.warning(
            "%d clips are there more than once; of each the largest file is kept, e.g. of %s %s",
            len(twice), twice[0], best[twice[0]].path,
        )  # fmt: skip
    return list(best.values())


def _size(clip: Clip) -> int:
    try:
        return os.path.getsize(clip.files()[0])
    except OSError:
        return -1
