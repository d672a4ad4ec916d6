"""Take the sound out of a clip, and the time of every video frame.

Writes a 16-bit mono wav (mean of the channels) whose sample 0 is at the time of the first video frame, and a table with
one row a video frame. A clip without sound gives a wav of no samples; a clip that cannot be read gives that and an
unusable table.
"""

import logging

from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--video", required=True, metavar="FILE", help="clip to read")
    parser.add_argument("--wav", required=True, metavar="WAV", help="sound to write")
    parser.add_argument("--frames", required=True, metavar="PARQUET", help="table of frame times to write")
    add_settings(parser, "audio")


def run(args):
    import numpy as np

    from speechface import media
    from speechface.audio.wav import write_wav
    from speechface.errors import MediaError
    from speechface.tables import write_table, write_unusable

    settings = settings_of(args)
    sr = settings["sr"]
    try:
        video = media.probe_video(args.video)
        if video.has_sound:
            audio = media.decode_audio(args.video, sr=sr, start=video.start)
        else:
            audio = np.zeros(0, np.float32)
            logging.warning("%s: no sound in the file; wrote an empty wav", args.video)
    except MediaError as error:
        write_wav(args.wav, np.zeros(0, np.float32), sr)
        write_unusable(args.frames, error, stage="audio", settings=settings)
        logging.warning("unusable: %s", error)
        return
    write_wav(args.wav, audio, sr)
    columns = {"frame": np.arange(len(video.times), dtype=np.int32), "time": video.times}
    meta = {"fps": float(video.fps), "frame_rate": str(video.fps), "width": video.width, "height": video.height,
            "n_samples": len(audio), "sr": sr}  # fmt: skip
    write_table(args.frames, columns, stage="audio", settings=settings, meta=meta)
    logging.info(
        "%s: %d frames at %s per second, %.2f s of sound", args.video, len(video.times), video.fps, len(audio) / sr
    )
