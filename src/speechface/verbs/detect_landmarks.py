"""Locate 68 face landmarks in every video frame of clips.

One table a clip, one row a video frame; a frame without a face is a row with detected = false. A clip that cannot be
read, or in which too few frames show a face, gives an unusable table that says so.
"""

import functools
import logging

from speechface.verbs.batches import add_keep, pieces_of, work_through
from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]

#: Frames decoded before the predictor runs over them: it then keeps its trees in the processor's cache.
CHUNK = 64


def add_arguments(parser):
    parser.add_argument("--video", required=True, nargs="+", metavar="FILE", help="clips to read")
    parser.add_argument("--out", required=True, nargs="+", metavar="PARQUET", help="tables to write, one a clip")
    add_settings(parser, "landmarks")
    add_keep(parser)


def run(args):
    settings = settings_of(args)
    work_through(
        pieces_of(args, inputs=("video",), outputs=("out",)),
        lambda piece: _write(piece.inputs["video"], piece.outputs["out"], settings),
        stage="landmarks", settings=settings, keep=args.keep,
    )  # fmt: skip


@functools.cache
def _face():
    """dlib's models, loaded once, for the first clip that needs them."""
    from speechface.landmarks.model import DlibFace

    return DlibFace()


def _write(path, out, settings):
    """Write the table of one clip."""
    from speechface.errors import ClipError, MediaError
    from speechface.tables import write_table, write_unusable

    try:
        columns, meta = _detect(path, settings)
    except (ClipError, MediaError) as error:
        write_unusable(out, error, stage="landmarks", settings=settings)
        logging.warning("unusable: %s", error)
        return
    write_table(out, columns, stage="landmarks", settings=settings, meta=meta)
    logging.info("%s: a face in %d of %d frames", path, columns["detected"].sum(), len(columns["detected"]))


def _detect(path, settings):
    """Return the columns and metadata of one clip's table."""
    import numpy as np

    from speechface import media
    from speechface.errors import ClipError
    from speechface.landmarks.shape import normalise
    from speechface.landmarks.track_video import track_video

    video = media.probe_video(path)
    tracks = track_video(media.decode_gray(path, chunk=CHUNK), settings, face=_face())
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
