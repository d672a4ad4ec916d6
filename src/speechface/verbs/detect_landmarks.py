"""Locate 68 face landmarks in every video frame of a clip.

One row a video frame; a frame without a face is a row with detected = false. A clip that cannot be read, or in which
too few frames show a face, gives an unusable table that says so.
"""

import logging

from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]

#: Frames decoded before the predictor runs over them: it then keeps its trees in the processor's cache.
CHUNK = 64


def add_arguments(parser):
    parser.add_argument("--video", required=True, metavar="FILE", help="clip to read")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")
    add_settings(parser, "landmarks")


def run(args):
    from speechface.errors import ClipError, MediaError
    from speechface.tables import write_table, write_unusable

    settings = settings_of(args)
    try:
        columns, meta = _detect(args.video, settings)
    except (ClipError, MediaError) as error:
        write_unusable(args.out, error, stage="landmarks", settings=settings)
        logging.warning("unusable: %s", error)
        return
    write_table(args.out, columns, stage="landmarks", settings=settings, meta=meta)
    logging.info("%s: a face in %d of %d frames", args.video, columns["detected"].sum(), len(columns["detected"]))


def _detect(path, settings):
    """Return the columns and metadata of one clip's table."""
    import numpy as np

    from speechface import media
    from speechface.errors import ClipError
    from speechface.landmarks.shape import normalise
    from speechface.landmarks.track_video import track_video

    video = media.probe_video(path)
    tracks = track_video(media.decode_gray(path, chunk=CHUNK), settings)
    if len(tracks.detected) != len(video.times):
        raise ClipError(
            f"{path}: {len(tracks.detected)} frames decoded, {len(video.times)} announced; the file is damaged"
        )
    rate = float(tracks.detected.mean())
    if rate < settings["min_detection_rate"] or rate == 0:
        raise ClipError(
            f"{path}: a face in {tracks.detected.sum()} of {len(tracks.detected)} frames; expected a share of at "
            f"least {settings['min_detection_rate']:g} (landmarks.min_detection_rate)"
        )
    columns = {
        "frame": np.arange(len(video.times), dtype=np.int32),
        "time": video.times,
        "detected": tracks.detected,
        "score": tracks.score,
        "box": tracks.box,
        "landmarks": tracks.landmarks,
        "landmarks_normalised": normalise(tracks.landmarks),
    }
    meta = {"width": video.width, "height": video.height, "fps": float(video.fps), "frame_rate": str(video.fps),
            "detection_rate": rate}  # fmt: skip
    return columns, meta
