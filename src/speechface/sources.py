"""Where images and sound of a clip come from: its SOURCE, one string.

========================================  ==============================================================
``FILE``                                  a video file
``FILE::audio=SOUND``                     its images, and the sound of another file that begins with them
``TABLE.parquet::DATASET/ACTOR/CLIP``     a video in the column `video` of a table of many clips
``FOLDER::audio=SOUND::fps=25``           numbered images and a sound file that begins with the first;
                                          ``::audio=SOUND`` is left out where there is none
========================================  ==============================================================

A path that holds ``::`` and fits none of the others is a file.
"""

import os
import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["FileSource", "ImagesSource", "Source", "SourceLike", "TableSource", "parse_source"]

_TABLE = re.compile(r"(.+\.parquet)::([^/]+/[^/]+/[^/]+)", re.DOTALL)
_IMAGES = re.compile(r"(.+?)(?:::audio=(.+))?::fps=(\d+(?:\.\d+)?|\d+/[1-9]\d*)", re.DOTALL)
_SEPARATE = re.compile(r"(.+?)::audio=((?:(?!::).)+)", re.DOTALL)


@dataclass(frozen=True)
class FileSource:
    """A video or sound file; `audio` is another file that holds the sound, "" where it is the same."""

    path: str
    audio: str = ""

    def __str__(self) -> str:
        return f"{self.path}{'::audio=' * bool(self.audio)}{self.audio}"

    @property
    def files(self) -> list[str]:
        """The files that it lies in."""
        return [self.path, *filter(None, [self.audio])]


@dataclass(frozen=True)
class TableSource:
    """A video stored as bytes."""

    table: str
    clip_id: str

    def __str__(self) -> str:
        return f"{self.table}::{self.clip_id}"

    @property
    def files(self) -> list[str]:
        return [self.table]


@dataclass(frozen=True)
class ImagesSource:
    """Numbered images, `fps` a second, and a sound file; `audio` is "" where there is none."""

    folder: str
    audio: str
    fps: Fraction

    def __str__(self) -> str:
        return f"{self.folder}{'::audio=' * bool(self.audio)}{self.audio}::fps={self.fps}"

    @property
    def files(self) -> list[str]:
        return [self.folder, *filter(None, [self.audio])]


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
    if not os.path.exists(text) and (found := _SEPARATE.fullmatch(text)):
        return FileSource(found[1], found[2])
    return FileSource(text)
