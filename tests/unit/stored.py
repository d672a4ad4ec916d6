"""Tables of many clips as the stages write them, for tests."""

import numpy as np

from speechface.clip_updates import update_clip_tables
from speechface.errors import ClipError
from speechface.sound_tables import sound_rows

__all__ = ["write_clip_table", "write_sounds"]


def write_clip_table(path, stage, clips, *, settings=None, shared=()):
    """Write `clips`, clip id -> ClipRows, or why the clip cannot be used; a table that is there is replaced."""

    def make(clip_id):
        if isinstance(clips[clip_id], str):
            raise ClipError(clips[clip_id])
        return clips[clip_id]

    if any("channels" in getattr(rows, "meta", ()) for rows in clips.values()):
        shared = [*shared, "channels"]  # as all stages with weights do
    path.unlink(missing_ok=True)
    update_clip_tables({"table": path}, list(clips), make, stage=stage, settings=settings or {},
                       facts=lambda clip_id, known: {}, shared=shared)  # fmt: skip


def write_sounds(path, sounds, *, sr, fps=25.0, n_frames=50):
    """An audio table: clip id -> samples."""
    times = np.arange(n_frames) / fps
    rows = {clip_id: sound_rows(clip_id, audio, sr, times, fps=float(fps)) for clip_id, audio in sounds.items()}
    write_clip_table(path, "audio", rows)
