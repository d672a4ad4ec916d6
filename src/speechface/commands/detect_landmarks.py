"""Locate face landmarks in every video frame of the clips of a shard.

Writes a table of one row a video frame; a frame without a face is a row with detected = false. A clip that cannot be
read, or in which too few frames show a face, is listed with the reason.
"""

import argparse
import functools
import logging
from typing import TYPE_CHECKING

from speechface.commands.common import add_clips, add_settings, clips_of, settings_of

if TYPE_CHECKING:
    import numpy as np

    from speechface.clip_tables import ClipRows
    from speechface.landmarks.detector import DetectorSettings, Profile, Tracker

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: Landmarks are stored in steps of 1/32 pixel and 1/4096 of the face: far below their noise, and half the bytes.
STEP_PX, STEP_NORMALISED = 1 / 32, 1 / 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_clips(parser)
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table to write")
    add_settings(parser, "landmarks")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_updates import update_clip_tables
    from speechface.landmarks.detectors import DETECTORS
    from speechface.media import source_facts

    sources, settings = clips_of(args), settings_of(args)
    detector = DETECTORS[settings.detector]
    tracker = functools.cache(lambda: detector.open(settings))  # loaded for the first clip that needs it
    update_clip_tables(
        {"landmarks": args.out},
        list(sources),
        lambda clip_id: _detect(sources[clip_id], settings, tracker(), detector.profile),
        stage="landmarks",
        settings=settings,
        facts=lambda clip_id, known: {"source": source_facts(sources[clip_id], known.get("source"))},
        shared=("detector",),
    )


def _detect(source: str, settings: "DetectorSettings", tracker: "Tracker", profile: "Profile") -> "ClipRows":
    """Rows of one clip."""
    import numpy as np

    from speechface import media
    from speechface.clip_tables import ClipRows
    from speechface.errors import ClipError
    from speechface.landmarks.shape import normalise
    from speechface.landmarks.summary import track_summary

    video = media.probe_video(source)
    tracks = tracker.track(media.decode_images(source))
    count, found = len(tracks.detected), int(tracks.detected.sum())
    if count != len(video.times):
        raise ClipError(f"{source}: {count} frames decoded, {len(video.times)} announced; the file is damaged")
    if found == 0 or found / count < settings.min_detection_rate:
        raise ClipError(
            f"{source}: a face in {found} of {count} frames; expected a fraction of at least "
            f"{settings.min_detection_rate:g} (landmarks.min_detection_rate)"
        )
    tracks.landmarks = _rounded(tracks.landmarks, STEP_PX)
    columns = {
        "frame": np.arange(count, dtype=np.int32),
        "time": video.times,
        "detected": tracks.detected,
        "score": tracks.score,
        "box": tracks.box,
        "landmarks": tracks.landmarks,
    }
    if profile.scheme == "ibug68":  # the report's features of a face
        columns["landmarks_normalised"] = _rounded(normalise(tracks.landmarks), STEP_NORMALISED)
    meta = {"detector": settings.detector, "width": video.width, "height": video.height, "fps": float(video.fps),
            "frame_rate": str(video.fps),
            **track_summary(tracks, profile, width=video.width, height=video.height)}  # fmt: skip
    LOG.info("a face in %d of %d frames", found, count)
    return ClipRows(columns, meta)


def _rounded(values: "np.ndarray", step: float) -> "np.ndarray":
    import numpy as np

    return (np.round(values / step) * step).astype(np.float32)
