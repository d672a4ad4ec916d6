"""Tables of many clips as the stages write them, for tests."""

import io

import numpy as np

from speechface.clip_tables import ClipRows, bytes_column, update_clip_tables
from speechface.errors import ClipError

__all__ = ["flac", "write_clip_table", "write_sounds"]


def write_clip_table(path, stage, clips, *, settings=None, shared=()):
    """Write `clips`, clip id -> ClipRows, or why the clip cannot be used; a table that is there is replaced."""

    def make(clip_id):
        if isinstance(clips[clip_id], str):
            raise ClipError(clips[clip_id])
        return clips[clip_id]

    path.unlink(missing_ok=True)
    update_clip_tables({"table": path}, list(clips), make, stage=stage, settings=settings or {},
                       facts=lambda clip_id, known: {}, shared=shared)  # fmt: skip


def flac(audio, sr):
    """A FLAC file of mono sound, bytes."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.asarray(audio, np.float32), sr, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def write_sounds(path, sounds, *, sr, fps=25.0, n_frames=50):
    """An audio table: clip id -> samples."""
    rows = {
        clip_id: ClipRows(
            {"audio": bytes_column([flac(audio, sr)], [f"{clip_id.split('/')[-1]}.flac"]),
             "times": [(np.arange(n_frames) / fps).tolist()]},
            {"fps": fps, "sr": sr, "n_samples": len(audio)},
        )
        for clip_id, audio in sounds.items()
    }  # fmt: skip
    write_clip_table(path, "audio", rows)
