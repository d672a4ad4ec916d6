"""Locate face landmarks in every video frame of the clips of a shard.

Writes a table of one row a video frame; a frame without a face is a row with detected = false. A clip that cannot be
read, or in which too few frames show a face, is listed with the reason.
"""

import argparse
import functools
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_clips, add_settings, clips_of, settings_of

if TYPE_CHECKING:
    import numpy as np

    from speechface.clip_tables import ClipRows
    from speechface.landmarks.detector import DetectorSettings, Profile, Tracker, Tracks

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
    from speechface.landmarks.faults import FAULTS, damaged_until_key, faults
    from speechface.landmarks.shape import normalise, sideways
    from speechface.landmarks.summary import track_summary
    from speechface.landmarks.turned import LOOKS, may_be_turned, quarter_turns, turned_text, turns_of_eyes

    video = media.probe_video(source)
    marks: list[tuple[bool, bool, bool, int]] = []
    tracks = tracker.track(_noting(media.decode_images(source), marks))
    count, found = len(tracks.detected), int(tracks.detected.sum())
    if count != len(video.times):
        raise ClipError(f"{source}: {count} frames decoded, {len(video.times)} announced; the file is damaged")
    turns = 0
    if profile.ibug is not None and tracks.patches is not None:  # a detector that notes what faces look like
        turns = turns_of_eyes(profile.ibug(tracks.landmarks[tracks.detected]))
    if not turns and may_be_turned(tracks, profile.sure_score):
        looks = np.unique(np.linspace(0, count - 1, LOOKS + 2).astype(int)[1:-1])
        turns = quarter_turns(tracker, list(_images_at(source, looks)), profile.sure_score, image_of=media.ArrayImage)
    if turns:
        raise ClipError(f"{source}: {turned_text(turns)}")
    damaged, key, leaf, order = np.array(marks, int).reshape(-1, 4).T
    damaged = damaged_until_key(damaged > 0, key > 0, leaf > 0, order)
    strangers, people = _strangers(source, tracks, profile)
    gaps = sides = None
    if tracks.patches is not None:
        gaps = profile.lip_gap(tracks.landmarks) / profile.interocular(tracks.landmarks)
        sides = None if profile.ibug is None else sideways(profile.ibug(tracks.landmarks))
    fault = faults(tracks, video.times, damaged=damaged, strangers=strangers, gaps=gaps, turns=sides)
    believed = int((tracks.detected & (fault == 0)).sum())
    if believed == 0 or believed / count < settings.min_detection_rate:
        doubts = ", ".join(f"in {(fault == k).sum()} {FAULTS[k]}" for k in np.unique(fault) if k)
        raise ClipError(
            f"{source}: a face in {found} of {count} frames{f', but {doubts}' if doubts else ''}; expected a fraction "
            f"of at least {settings.min_detection_rate:g} (landmarks.min_detection_rate)"
        )
    tracks.landmarks = _rounded(tracks.landmarks, STEP_PX)
    columns = {
        "frame": np.arange(count, dtype=np.int32),
        "time": video.times,
        "detected": tracks.detected,
        "score": tracks.score,
        "box": tracks.box,
        "landmarks": tracks.landmarks,
        "fault": fault,
    }
    if profile.scheme == "ibug68":  # the report's features of a face
        columns["landmarks_normalised"] = _rounded(normalise(tracks.landmarks), STEP_NORMALISED)
    meta = {"detector": settings.detector, "width": video.width, "height": video.height, "fps": float(video.fps),
            "frame_rate": str(video.fps), "missing_s": video.missing, "people": people,
            **track_summary(tracks, profile, width=video.width, height=video.height)}  # fmt: skip
    LOG.info("a face in %d of %d frames, %d believed", found, count, believed)
    return ClipRows(columns, meta)


def _noting(images: Iterable[Any], marks: list[tuple[bool, bool, bool, int]]) -> Iterator[Any]:
    """The images; `marks` gets what is known of how each was decoded (`media.packets.Decoded`): damaged, key, leaf,
    order."""
    for image in images:
        marks.append((image.decoded.damaged, image.decoded.key, image.decoded.leaf, image.decoded.order))
        yield image


def _images_at(source: str, frames: "np.ndarray") -> "Iterator[np.ndarray]":
    """RGB images (height, width, 3) of some frames, ascending."""
    from speechface import media

    wanted = set(frames.tolist())
    for k, image in enumerate(media.decode_images(source)):
        if k in wanted:
            yield image.rgb()
            wanted.discard(k)
            if not wanted:
                return


def _strangers(source: str, tracks: "Tracks", profile: "Profile") -> "tuple[np.ndarray, int]":
    """Frames (n,) that show somebody else than the clip's main person, and how many people it follows."""
    import numpy as np

    from speechface.landmarks.faults import boundaries, runs_of
    from speechface.landmarks.recognition import LONGEST, Recogniser, main_person, segments

    strangers = np.zeros(len(tracks.detected), bool)
    if profile.ibug is None or tracks.patches is None:
        return strangers, 1
    parts = segments(tracks.detected, boundaries(tracks.patches, tracks.detected, tracks.cuts))
    parts = sorted(sorted(parts, key=len, reverse=True)[:LONGEST], key=lambda part: part[0])
    if len(parts) < 2:
        return strangers, 1
    middles, recogniser = np.array([part[len(part) // 2] for part in parts]), Recogniser()
    points = profile.ibug(tracks.landmarks[middles].astype(float))
    found = np.stack([recogniser.descriptor(*face) for face in zip(_images_at(source, middles), points, strict=True)])
    areas = (tracks.box[:, 2:] - tracks.box[:, :2]).prod(1)
    same = main_person(found, np.array([areas[part].sum() for part in parts]))
    known = np.zeros(len(strangers), bool)
    for part, own in zip(parts, same, strict=True):
        strangers[part], known[part] = not own, True
    for start, stop in runs_of(tracks.detected & ~known):  # too short to be looked at: a stranger's beside one
        strangers[start:stop] = strangers[max(start - 1, 0)] or strangers[min(stop, len(strangers) - 1)]
    return strangers, 1 if same.all() else 2


def _rounded(values: "np.ndarray", step: float) -> "np.ndarray":
    import numpy as np

    return (np.round(values / step) * step).astype(np.float32)
