"""Cut an upright face image out of every frame of clips, into one small video a clip.

Place, size and roll follow the landmarks, smoothed over time. Frames without a face show the place of the nearest frame
that has one. The table has one row a clip; a clip that cannot be used is listed with the reason.
`speechface unpack video` makes mp4 files of the table.
"""

import argparse
import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_clips, add_settings, clips_of, settings_of

if TYPE_CHECKING:
    import numpy as np

    from speechface.clip_tables import ClipRows
    from speechface.sections import CropSettings
    from speechface.tables import Table

__all__ = ["add_arguments", "crop_clip", "run"]

LOG = logging.getLogger(__name__)

#: Standard deviation of the smoothing in time, s.
SMOOTHING_S = 0.12
#: Quality of the video (x264): hardly visible loss.
CRF = 18


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_clips(parser)
    parser.add_argument("--landmarks", required=True, metavar="PARQUET", help="table of the clips' landmarks")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")
    add_settings(parser, "crops")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTable
    from speechface.clip_updates import update_clip_tables
    from speechface.media import source_facts

    sources, settings, tables = clips_of(args), settings_of(args), ClipTable(args.landmarks)

    def facts(clip_id: str, known: Any) -> dict[str, Any]:
        return {
            "source": source_facts(sources[clip_id], known.get("source")),
            "landmarks": tables.content(clip_id),
        }

    update_clip_tables(
        {"crops": args.out},
        list(sources),
        lambda clip_id: crop_clip(clip_id, sources[clip_id], tables.read(clip_id, ("detected", "landmarks")), settings),
        stage="crops",
        settings=settings,
        facts=facts,
    )


def crop_clip(clip_id: str, source: str, table: "Table", settings: "CropSettings") -> "ClipRows":
    """The row of one clip."""
    from speechface import media
    from speechface.clip_tables import ClipRows, bytes_column
    from speechface.errors import ClipError
    from speechface.landmarks.crop import crop_transforms, warp_planes
    from speechface.landmarks.detectors import DETECTORS

    if not table.usable:
        raise ClipError(table.reason)
    fps = Fraction(table.meta["frame_rate"])
    transforms = crop_transforms(
        table["landmarks"], table["detected"], DETECTORS[table.meta["detector"]].profile, margin=settings.margin,
        size=settings.size, deviation=SMOOTHING_S * float(fps),
    )  # fmt: skip
    with media.VideoWriter(None, width=settings.size, height=settings.size, fps=fps, crf=CRF) as video:
        for image, transform in _paired(source, media.decode_images(source), transforms):
            planes, kind = image.planes()
            video.write_planes(warp_planes(planes, transform, size=settings.size), kind)
    LOG.info("%d face images of %d pixels", video.count, settings.size)
    name = clip_id.rsplit("/", 1)[-1]
    columns = {"video": bytes_column([video.content], [f"{name}.mp4"])}
    return ClipRows(columns, {"fps": float(fps), "frame_rate": str(fps), "n_frames": video.count})


def _paired(source: str, images: Iterator[Any], transforms: "np.ndarray") -> Iterator[tuple[Any, "np.ndarray"]]:
    """Yield (image, transform); TableError where they differ in number."""
    from speechface.errors import TableError

    count = 0
    for count, image in enumerate(images, 1):
        if count > len(transforms):
            raise TableError(f"{source}: more frames than its table of landmarks ({len(transforms)}); detect again")
        yield image, transforms[count - 1]
    if count < len(transforms):
        raise TableError(f"{source}: {count} frames, its table of landmarks has {len(transforms)}; detect again")
