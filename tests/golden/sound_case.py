"""The tiny clip that the golden tests of features share."""

import numpy as np

from golden import sound
from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.clip_updates import update_clip_tables
from speechface.sound_tables import sound_rows

__all__ = ["rows_of"]

FPS, SR, N_FRAMES = 30000 / 1001, 44100, 20


def rows_of(feature, folder):
    """Make the table of a feature from a clip of 20 frames, by the command; returns the clip's rows as stored."""
    audio, out = folder / "audio.parquet", folder / "out.parquet"
    update_clip_tables(
        {"audio": audio}, ["d/a/c"], lambda clip: sound_rows(clip, sound(SR), SR, np.arange(N_FRAMES) / FPS, fps=FPS),
        stage="audio", settings={}, facts=lambda clip, known: {},
    )  # fmt: skip
    assert main(["features", feature, "--audio", str(audio), "--out", str(out)]) == 0
    return ClipTable(out).read("d/a/c")
