"""Cut an upright face image out of every frame of clips, into one small video a clip.

Place, size and roll follow the landmarks, smoothed over time. Frames without a face show the place of the nearest frame
that has one. A clip that cannot be used gives a video of one grey frame.
"""

import logging
from fractions import Fraction

from speechface.commands.batches import add_keep, pieces_of, work_through
from speechface.commands.common import add_settings, settings_of

__all__ = ["add_arguments", "run", "transforms_of", "write_images"]

#: Standard deviation of the smoothing in time, s.
SMOOTHING_S = 0.12
#: Quality of the video (x264): hardly visible loss.
CRF = 18


def add_arguments(parser):
    parser.add_argument("--video", required=True, nargs="+", metavar="FILE", help="clips to read")
    parser.add_argument("--landmarks", required=True, nargs="+", metavar="PARQUET", help="their tables of landmarks")
    parser.add_argument("--out", required=True, nargs="+", metavar="MP4", help="videos to write, one a clip")
    add_settings(parser, "crops")
    add_keep(parser)


def run(args):
    settings = settings_of(args)
    work_through(
        pieces_of(args, inputs=("video", "landmarks"), outputs=("out",)),
        lambda piece: _crop(piece.inputs["video"], piece.inputs["landmarks"], piece.outputs["out"], settings),
        stage="crops", settings=settings, keep=args.keep,
    )  # fmt: skip


def _crop(path, landmarks, out, settings):
    """Write the face images of one clip."""
    from speechface.errors import ClipError, MediaError
    from speechface.tables import read_table

    table = read_table(landmarks)
    try:
        if not table.usable:
            raise ClipError(table.reason)
        count = _write_crops(path, table, out, settings)
    except (ClipError, MediaError) as error:
        _write_grey(out, settings["size"])
        logging.warning("unusable, wrote one grey frame: %s", error)
        return
    logging.info("%s: %d face images of %d pixels", path, count, settings["size"])


def _write_crops(path, table, out, settings):
    """Decode a clip and write its crops; returns their number."""
    from speechface import media

    transforms = transforms_of(table["landmarks"], table["detected"], Fraction(table.meta["frame_rate"]), settings)
    placed = _placed(path, media.decode_images(path), transforms)
    return write_images(out, placed, fps=Fraction(table.meta["frame_rate"]), size=settings["size"])


def _placed(path, images, transforms):
    """Yield (planes, kind, transform) of every image; TableError where they differ in number."""
    from speechface.errors import TableError

    count = 0
    for count, image in enumerate(images, 1):
        if count > len(transforms):
            raise TableError(f"{path}: more frames than its table of landmarks ({len(transforms)}); detect again")
        yield *image.planes(), transforms[count - 1]
    if count < len(transforms):
        raise TableError(f"{path}: {count} frames, its table of landmarks has {len(transforms)}; detect again")


def transforms_of(landmarks, detected, fps, settings):
    """Affine maps from image to crop, (n, 2, 3), by the settings of the ``crops`` section."""
    from speechface.landmarks.crop import crop_transforms

    return crop_transforms(
        landmarks, detected, margin=settings["margin"], size=settings["size"], deviation=SMOOTHING_S * float(fps)
    )


def write_images(out, placed, *, fps, size):
    """Write the crops of one clip; returns their number.

    Parameters
    ----------
    out : path-like
    placed : iterable of (planes, kind, transform)
        4:2:0 planes of an image or of a part of it, what they mean (`speechface.media.PixelFormat`), and the map from
        their pixels to the crop's.
    fps : Fraction, 1/s
    size : int, pixels
    """
    from speechface import media
    from speechface.landmarks.crop import warp_planes

    with media.VideoWriter(out, width=size, height=size, fps=fps, crf=CRF) as video:
        for planes, kind, transform in placed:
            video.write_planes(warp_planes(planes, transform, size=size), kind)
    return video.count


def _write_grey(out, size):
    import numpy as np

    from speechface import media

    with media.VideoWriter(out, width=size, height=size, fps=25, crf=CRF) as video:
        video.write(np.full((size, size, 3), 128, np.uint8))
