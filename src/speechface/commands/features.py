"""Compute a feature of the sound around every video frame, for all clips of a table of sound.

Writes a table of one row a video frame. Where the sound stands late (--audio-delay-ms), each frame hears what belongs
to it. A clip without usable sound or frames is listed with the reason. What the numbers of a feature are stands in its
module under `speechface.audio` and in the table's metadata.
"""

import argparse
import logging

from speechface.commands.common import add_delay, add_settings, delay_of

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("feature", metavar="NAME", help="a feature, e.g. spectrogram; its config section has its name")
    parser.add_argument("--audio", required=True, metavar="PARQUET", help="table of sound, written by extract-audio")
    add_delay(parser)
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")
    add_settings(parser, "NAME")


def run(args: argparse.Namespace) -> None:
    from speechface.audio.features import FEATURES, Feature, compute
    from speechface.clip_tables import ClipRows, ClipTable
    from speechface.clip_updates import update_clip_tables
    from speechface.errors import ClipError
    from speechface.sound_tables import read_sound, read_times

    name = args.feature
    feature: Feature = FEATURES[name]
    settings = feature.settings.parse(args.settings, f"--settings ({name})")
    storage = feature.storage(settings)
    scaled = {name: 1 / 255} if storage == "uint8" else {}
    description = feature.description(settings)
    tables, delay_ms = ClipTable(args.audio), delay_of(args)

    def make(clip_id: str) -> ClipRows:
        import numpy as np

        audio, sr, start = read_sound(tables, clip_id, delay_ms=delay_ms(clip_id))
        times, fps = read_times(tables, clip_id)
        if not len(audio):
            raise ClipError(f"{clip_id} has no sound")
        values = compute(name, audio, times, fps=fps, sr=sr, settings=settings, start=start)
        LOG.info("%d frames of %s at %d Hz", len(values), "x".join(map(str, values.shape[1:])), sr)
        columns = {"frame": np.arange(len(times), dtype=np.int32), "time": times,
                   name: values if scaled else values.astype(storage)}  # fmt: skip
        return ClipRows(columns, {"fps": fps, "audio_sr": sr, **description}, scaled)

    update_clip_tables(
        {name: args.out},
        list(tables.entries),
        make,
        stage=name,
        settings=settings,
        facts=lambda clip_id, known: {"audio": tables.content(clip_id), "audio_delay_ms": delay_ms(clip_id)},
        shared=tuple(description),
    )
