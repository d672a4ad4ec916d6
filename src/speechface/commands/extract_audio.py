"""Take the sound out of the clips of a shard, and the time of every video frame.

Writes a table of one row a clip: 16-bit mono sound (mean of the channels) as the bytes of a FLAC file, whose sample 0
is at the time of the first video frame (--audio-delay-ms later, where sound and image are out of step), and the times
of the frames. A clip without sound has one of no samples; a clip that cannot be read is listed with the reason.
`speechface unpack audio` makes wav files of the table.
"""

import argparse
import logging

from speechface.commands.common import add_clips, add_settings, clips_of, settings_of

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_clips(parser)
    parser.add_argument(
        "--audio-delay-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="how much later than the image the sound stands in the files",
    )
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")
    add_settings(parser, "audio")


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from speechface import media
    from speechface.clip_tables import ClipRows
    from speechface.clip_updates import update_clip_tables
    from speechface.sound_tables import sound_rows

    sources = clips_of(args)
    settings = settings_of(args)
    sr, delay_s = settings.sr, args.audio_delay_ms / 1000

    def extract(clip_id: str) -> ClipRows:
        source = sources[clip_id]
        video = media.probe_video(source)
        if video.has_sound:
            audio = media.decode_audio(source, sr=sr, start=video.start + delay_s)
        else:
            audio = np.zeros(0, np.float32)
            LOG.warning("%s: no sound; noted a sound of no samples", source)
        LOG.info("%d frames at %s per second, %.2f s of sound", len(video.times), video.fps, len(audio) / sr)
        return sound_rows(
            clip_id, audio, sr, video.times, fps=float(video.fps), frame_rate=str(video.fps), width=video.width,
            height=video.height,
        )  # fmt: skip

    update_clip_tables(
        {"audio": args.out},
        list(sources),
        extract,
        stage="audio",
        settings={**settings.dump(), "audio_delay_ms": args.audio_delay_ms},
        facts=lambda clip_id, known: {"source": media.source_facts(sources[clip_id], known.get("source"))},
    )
