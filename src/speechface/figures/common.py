"""What several figures share: the clip table, clips picked from it, and the case of nothing to show."""

from pathlib import Path
from typing import Any

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.errors import ClipError, MediaError, TableError
from speechface.sound_tables import read_sound
from speechface.tables import Table, read_table

__all__ = ["NothingToShow", "clip_id", "evaluated_clips", "read_clips", "sound_of", "usable_table"]


class NothingToShow(Exception):
    """The inputs are readable but hold nothing that this figure shows; the message says why, for the reader."""


def read_clips(path: str | Path) -> list[dict[str, Any]]:
    """Return the clip table as a list of dict, one a clip."""
    table = read_table(path)
    if not table.usable or not len(table):
        raise NothingToShow(f"the clip table {path} lists no clip {table.reason}".rstrip())
    names = list(table.columns)
    return [dict(zip(names, row)) for row in zip(*(table[name] for name in names))]


def evaluated_clips(clips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The clips that models are evaluated on: the test split, or where it is empty those only predicted."""
    for split in ("test", "predict"):
        found = [clip for clip in clips if clip.get("split") == split]
        if found:
            return found
    return []


def clip_id(clip: dict[str, Any]) -> str:
    """Id of a row of the clip table."""
    return f"{clip['dataset']}/{clip['actor']}/{clip['clip']}"


def usable_table(tables: ClipTables | None, clip: dict[str, Any]) -> Table | None:
    """The rows of `clip` (a row of the clip table), or None where they are absent or unusable."""
    if tables is None or clip_id(clip) not in tables:
        return None
    table = tables.read(clip_id(clip))
    return table if table.usable and len(table) else None


def sound_of(tables: ClipTables | None, clip: dict[str, Any]) -> tuple[np.ndarray, int] | None:
    """The sound of `clip` (a row of the clip table) from its first video frame on, in step with it, and its rate, Hz;
    None where it is not known."""
    try:
        if tables is None:
            return None
        sound = read_sound(tables, clip_id(clip), delay_ms=float(clip.get("audio_delay_ms") or 0))
    except (ClipError, MediaError, TableError):
        return None
    return sound.since(0.0), sound.sr
