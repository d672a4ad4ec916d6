"""Locate 68 face landmarks in every video frame of clips.

One table a clip, one row a video frame; a frame without a face is a row with detected = false. A clip that cannot be
read, or in which too few frames show a face, gives an unusable table that says so.

With --crops the face images are cut while the video is decoded anyway. They are written; or, with --keep, set aside
there until crop-face is asked for them, which makes what is missing or was cut with other settings.
"""

import functools
import logging
from dataclasses import replace
from fractions import Fraction

from speechface.commands.batches import add_keep, pieces_of, work_through
from speechface.commands.common import add_settings, settings_from, settings_of
from speechface.kept import Keeper, Piece

__all__ = ["add_arguments", "run"]

#: Landmarks are stored in steps of 1/32 pixel and 1/4096 of the face: far below their noise, and half the bytes.
STEP_PX, STEP_NORMALISED = 1 / 32, 1 / 4096
#: Memory for the parts of a clip's images that hold its face; some minutes of a face 400 pixels wide.
STRIP_BYTES = 400_000_000


def add_arguments(parser):
    parser.add_argument("--video", required=True, nargs="+", metavar="FILE", help="clips to read")
    parser.add_argument("--out", required=True, nargs="+", metavar="PARQUET", help="tables to write, one a clip")
    add_settings(parser, "landmarks")
    parser.add_argument(
        "--crops",
        nargs="+",
        metavar="MP4",
        help="face images to cut as well: what crop-face writes",
    )
    parser.add_argument("--crop-settings", default="", metavar="JSON", help="keys of the config section 'crops'")
    add_keep(parser)


def run(args):
    settings = settings_of(args)
    pieces = pieces_of(args, inputs=("video",), outputs=("out", "crops") if args.crops else ("out",))
    crops = _Crops(args) if args.crops else None
    work_through(
        [replace(piece, outputs={"out": piece.outputs["out"]}) for piece in pieces],
        lambda piece: _write(piece.inputs["video"], piece.outputs["out"], settings, crops),
        stage="landmarks", settings=settings, keep=args.keep,
    )  # fmt: skip


class _Crops:
    """The face images that are cut in passing."""

    def __init__(self, args):
        self.settings = settings_from(args.crop_settings, "crops")
        self._keeper = Keeper(args.keep, stage="crops", settings=self.settings) if args.keep else None
        self._places = dict(zip(args.out, args.crops))

    def strips(self):
        """A store for the next clip."""
        from speechface.landmarks.strips import FaceStrips

        return FaceStrips(margin=self.settings["margin"], size=self.settings["size"], most_bytes=STRIP_BYTES)

    def write(self, path, table, strips, tracks, fps):
        """Write the crops of a clip whose `table` of landmarks is written, if `strips` holds all that they need."""
        from speechface.commands.crop_face import transforms_of, write_images

        size = self.settings["size"]
        transforms = transforms_of(tracks.landmarks, tracks.detected, fps, self.settings)
        placed = strips.placed(transforms)
        if placed is None:
            logging.info("%s: its face images need another look at the video", path)
            return
        if self._keeper is None:
            write_images(self._places[table], placed, fps=fps, size=size)
            return
        piece = Piece(path, inputs={"video": path, "landmarks": table}, outputs={"out": self._places[table]})
        with self._keeper.setting_aside(piece) as places:
            write_images(places["out"], placed, fps=fps, size=size)


@functools.cache
def _face():
    """dlib's models, loaded once, for the first clip that needs them."""
    from speechface.landmarks.model import DlibFace

    return DlibFace()


def _write(path, out, settings, crops):
    """Write the table of one clip, and its face images if there are `crops`."""
    from speechface.errors import ClipError, MediaError
    from speechface.tables import write_table, write_unusable

    strips = crops.strips() if crops else None
    try:
        tracks, columns, meta = _detect(path, settings, strips)
    except (ClipError, MediaError) as error:
        write_unusable(out, error, stage="landmarks", settings=settings)
        logging.warning("unusable: %s", error)
        return
    write_table(out, columns, stage="landmarks", settings=settings, meta=meta)
    if crops:
        crops.write(path, out, strips, tracks, Fraction(meta["frame_rate"]))
    logging.info("%s: a face in %d of %d frames", path, columns["detected"].sum(), len(columns["detected"]))


def _detect(path, settings, strips):
    """Return the tracks of one clip, and the columns and metadata of its table."""
    import numpy as np

    from speechface import media
    from speechface.errors import ClipError
    from speechface.landmarks.shape import normalise
    from speechface.landmarks.summary import track_summary
    from speechface.landmarks.track_video import track_video

    video = media.probe_video(path)
    tracks = track_video(media.decode_images(path), settings, face=_face(), strips=strips)
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
    tracks.landmarks = _rounded(tracks.landmarks, STEP_PX)
    columns = {
        "frame": np.arange(len(video.times), dtype=np.int32),
        "time": video.times,
        "detected": tracks.detected,
        "score": tracks.score,
        "box": tracks.box,
        "landmarks": tracks.landmarks,
        "landmarks_normalised": _rounded(normalise(tracks.landmarks), STEP_NORMALISED),
    }
    meta = {"width": video.width, "height": video.height, "fps": float(video.fps), "frame_rate": str(video.fps),
            **track_summary(tracks, width=video.width, height=video.height)}  # fmt: skip
    return tracks, columns, meta


def _rounded(values, step):
    import numpy as np

    return (np.round(values / step) * step).astype(np.float32)
