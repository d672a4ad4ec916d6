"""Take the sound out of the clips of a shard, and the time of every video frame.

Writes a table of one row a clip: 16-bit mono sound (mean of the channels) as the bytes of a FLAC file, when its sample
0 is heard (`start`, s from the first video frame), its mean square (`power`), and the times of the frames. Of sound
before the first frame a second is kept. Nothing is moved: how late the sound stands is told by `estimate-delay`, from
this table. A clip without sound has one of no samples; a clip that cannot be read is listed with the reason.
`speechface unpack audio` makes wav files of the table.
"""

import argparse
import logging

from speechface.commands.common import add_clips, add_settings, clips_of, settings_of

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: How much of the sound before the first frame is kept, s: as much as a delay may be.
LEAD_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_clips(parser)
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
    sr = settings.sr

    def extract(clip_id: str) -> ClipRows:
        source = sources[clip_id]
        video = media.probe_video(source)
        audio, start = np.zeros(0, np.float32), 0.0
        if video.has_sound:
            audio, start = media.decode_audio(source, sr=sr, start=video.start - LEAD_S), -LEAD_S
            lead = round(LEAD_S * sr)
            if not (np.abs(audio[: lead - sr // 100]) >= 1 / 32768).any():  # but for the resampler's ringing
                audio, start = audio[lead:], 0.0
        else:
            LOG.warning("%s: no sound; noted a sound of no samples", source)
        LOG.info("%d frames at %s per second, %.2f s of sound", len(video.times), video.fps, len(audio) / sr)
        return sound_rows(
            clip_id, audio, sr, video.times, start=start, fps=float(video.fps),
            power=float(np.mean(np.square(audio), dtype=np.float64)) if len(audio) else 0.0,
            frame_rate=str(video.fps), width=video.width, height=video.height,
        )  # fmt: skip

    update_clip_tables(
        {"audio": args.out},
        list(sources),
        extract,
        stage="audio",
        settings=settings,
        facts=lambda clip_id, known: {"source": media.source_facts(sources[clip_id], known.get("source"))},
    )
