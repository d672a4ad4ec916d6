"""Take the sound out of clips, and the time of every video frame.

Writes for each clip a 16-bit mono wav (mean of the channels) whose sample 0 is at the time of the first video frame,
and a table with one row a video frame. A clip without sound gives a wav of no samples; a clip that cannot be read
gives that and an unusable table.
"""

import logging

from speechface.verbs.batches import add_keep, pieces_of, work_through
from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--video", required=True, nargs="+", metavar="FILE", help="clips to read")
    parser.add_argument("--wav", required=True, nargs="+", metavar="WAV", help="sound to write, one a clip")
    parser.add_argument("--frames", required=True, nargs="+", metavar="PARQUET", help="frame times to write")
    add_settings(parser, "audio")
    add_keep(parser)


def run(args):
    settings = settings_of(args)
    pieces = pieces_of(args, inputs=("video",), outputs=("wav", "frames"))
    work_through(
        pieces,
        lambda piece: _extract(piece.inputs["video"], piece.outputs["wav"], piece.outputs["frames"], settings),
        stage="audio", settings=settings, keep=args.keep,
    )  # fmt: skip


def _extract(path, wav, table, settings):
    """Write the wav and the frame times of one clip."""
    import numpy as np

    from speechface import media
    from speechface.audio.wav import write_wav
    from speechface.errors import MediaError
    from speechface.tables import write_table, write_unusable

    sr = settings["sr"]
    try:
        video = media.probe_video(path)
        if video.has_sound:
            audio = media.decode_audio(path, sr=sr, start=video.start)
        else:
            audio = np.zeros(0, np.float32)
            logging.warning("%s: no sound in the file; wrote an empty wav", path)
    except MediaError as error:
        write_wav(wav, np.zeros(0, np.float32), sr)
        write_unusable(table, error, stage="audio", settings=settings)
        logging.warning("unusable: %s", error)
        return
    write_wav(wav, audio, sr)
    columns = {"frame": np.arange(len(video.times), dtype=np.int32), "time": video.times}
    meta = {"fps": float(video.fps), "frame_rate": str(video.fps), "width": video.width, "height": video.height,
            "n_samples": len(audio), "sr": sr}  # fmt: skip
    write_table(table, columns, stage="audio", settings=settings, meta=meta)
    logging.info("%s: %d frames at %s per second, %.2f s of sound", path, len(video.times), video.fps, len(audio) / sr)
