"""What several figures share: the clip table, clips picked from it, the drawn face and the case of nothing to show."""

from pathlib import Path

from speechface.tables import clip_path, read_table

__all__ = ["CONTOURS", "NothingToShow", "evaluated_clips", "read_clips", "usable_table"]

#: The 68 landmarks as lines: (first, last + 1, closed).
CONTOURS = (
    (0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False), (36, 42, True), (42, 48, True),
    (48, 60, True), (60, 68, True),
)  # fmt: skip


class NothingToShow(Exception):
    """The inputs are readable but hold nothing that this figure shows; the message says why, for the reader."""


def read_clips(path):
    """Return the clip table as a list of dict, one a clip."""
    table = read_table(path)
    if not table.usable or not len(table):
        raise NothingToShow(f"the clip table {path} lists no clip {table.reason}".rstrip())
    names = list(table.columns)
    return [dict(zip(names, row)) for row in zip(*(table[name] for name in names))]


def evaluated_clips(clips):
    """The clips that models are judged on: the test split, or where it is empty those only predicted."""
    for split in ("test", "predict"):
        found = [clip for clip in clips if clip.get("split") == split]
        if found:
            return found
    return []


def usable_table(folder, clip):
    """The table of `clip` (a row of the clip table) in `folder`, or None where it is absent or unusable."""
    path = clip_path(folder, clip["dataset"], clip["actor"], clip["clip"])
    if not Path(path).exists():
        return None
    table = read_table(path)
    return table if table.usable and len(table) else None
