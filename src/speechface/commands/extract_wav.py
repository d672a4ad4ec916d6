"""Take the sound out of clips, and the time of every video frame.

Writes for each clip 16-bit mono sound (mean of the channels; FLAC where the name ends in .flac, else wav) whose sample
0 is at the time of the first video frame (--late-ms later, where sound and image are out of step), and a table with
one row a video frame. A clip without sound gives a file of no samples; a clip that cannot be read gives that and an
unusable table.
"""

import logging

from speechface.commands.batches import add_keep, pieces_of, work_through
from speechface.commands.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--video", required=True, nargs="+", metavar="FILE", help="clips to read")
    parser.add_argument("--wav", required=True, nargs="+", metavar="FILE", help="sound to write, one a clip")
    parser.add_argument("--frames", required=True, nargs="+", metavar="PARQUET", help="frame times to write")
    parser.add_argument(
        "--late-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="how much later than the image the sound stands in the files",
    )
    add_settings(parser, "audio")
    add_keep(parser)


def run(args):
    settings = {**settings_of(args), "late_ms": args.late_ms}
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
    from speechface.audio.sound import write_sound
    from speechface.errors import MediaError
    from speechface.tables import write_table, write_unusable

    sr = settings["sr"]
    try:
        video = media.probe_video(path)
        if video.has_sound:
            audio = media.decode_audio(path, sr=sr, start=video.start + settings["late_ms"] / 1000)
        else:
            audio = np.zeros(0, np.float32)
            logging.warning("%s: no sound in the file; wrote a file of no samples", path)
    except MediaError as error:
        write_sound(wav, np.zeros(0, np.float32), sr)
        write_unusable(table, error, stage="audio", settings=settings)
        logging.warning("unusable: %s", error)
        return
    write_sound(wav, audio, sr)
    columns = {"frame": np.arange(len(video.times), dtype=np.int32), "time": video.times}
    meta = {"fps": float(video.fps), "frame_rate": str(video.fps), "width": video.width, "height": video.height,
            "n_samples": len(audio), "sr": sr}  # fmt: skip
    write_table(table, columns, stage="audio", settings=settings, meta=meta)
    logging.info("%s: %d frames at %s per second, %.2f s of sound", path, len(video.times), video.fps, len(audio) / sr)
