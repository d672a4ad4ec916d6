"""Tell how good the labels of every clip are.

Writes one row a clip: reprojection in percent of the distance of the outer eye corners, correlation of lip gap and
eye closing between fit and landmarks, jitter, how the face was followed, and whether the clip is used, with every
threshold it failed; with --actors the same by actor, with --flagged the runs of frames that are not used, with their
reasons.
"""

import argparse
import logging
from typing import TYPE_CHECKING, Any

from speechface.commands.common import add_settings, columns_of, settings_of, write_csv

if TYPE_CHECKING:
    from speechface.clip_tables import ClipTables
    from speechface.sections import QualitySettings

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

_ID = ("dataset", "actor", "clip")
_NUMBERS = ("reprojection_pct_iod", "lip_gap_r", "ear_blink_r", "jitter_mm")
_MISSES = ("reprojection_median_pct", "reprojection_p95_pct", "reprojection_worst_pct")
_TRACKING = ("landmark_jitter_pct", "eye_distance_px", "brightness", "cut_fraction")
_COUNTS = ("n_used", "faces", "losses", "strangers")
_FLAGGED = (*_ID, "first_frame", "last_frame", "n_frames", "reason")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table of list-clips")
    parser.add_argument("--landmarks", required=True, nargs="+", metavar="PARQUET", help="landmark tables of the clips")
    parser.add_argument("--labels", required=True, nargs="+", metavar="PARQUET", help="label tables of the clips")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="quality table to write")
    parser.add_argument("--csv", metavar="CSV", help="the quality table as text, too")
    parser.add_argument("--actors", metavar="CSV", help="the same by actor, to write")
    parser.add_argument("--flagged", metavar="CSV", help="frames that are not used, to write: one row a run of them")
    add_settings(parser, "quality")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTables
    from speechface.tables import read_table, write_table

    settings = settings_of(args)
    table = read_table(args.clips)
    clips = list(zip(*(map(str, table[name]) for name in _ID), strict=True))
    landmarks, labels = ClipTables(args.landmarks), ClipTables(args.labels)
    rows: list[dict[str, Any]] = []
    flagged: list[dict[str, Any]] = []
    for clip in clips:
        row, runs = _quality(clip, landmarks, labels, settings)
        rows.append(row)
        flagged += runs
    integers = dict.fromkeys(("n_frames", *_COUNTS), "int32")
    columns = columns_of(rows, integers | {"used": "bool"}, (*_ID, "reason"))
    write_table(args.out, columns, stage="label_report", settings=settings.dump())
    write_csv(args.csv, columns)
    write_csv(args.actors, _by_actor(rows))
    write_csv(args.flagged, flagged, _FLAGGED)
    LOG.info("%s: %d clips, %d used", args.out, len(clips), columns["used"].sum())


def _quality(
    clip: tuple[str, ...], landmarks: "ClipTables", labels: "ClipTables", settings: "QualitySettings"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The quality row of one clip, and a row for each run of its frames that are not used."""
    import numpy as np

    from speechface.fitting.report import flagged_runs, miss_distribution, verdict
    from speechface.landmarks.detectors import DETECTORS

    clip_id, nan = "/".join(clip), float("nan")
    start = dict(zip(_ID, clip, strict=True))
    row = {**start, "n_frames": 0, "detection_rate": 0.0, **dict.fromkeys(_NUMBERS, nan), "used": False, "reason": "",
           **dict.fromkeys(_COUNTS, 0), **dict.fromkeys((*_MISSES, *_TRACKING), nan)}  # fmt: skip
    tracking, table = (
        landmarks.clip_meta(clip_id),
        labels.read(clip_id, ("frame", "detected", "used", "reprojection_px")),
    )
    named = {"detection_rate": "detection_rate", "landmark_jitter_pct": "jitter_pct"}
    for name in ("detection_rate", *_COUNTS[1:], *_TRACKING):
        value = tracking.get(named.get(name, name))
        row[name] = row[name] if value is None else value
    if not table.usable:
        return row | {"reason": table.reason or "unusable"}, []
    profile = DETECTORS[tracking["detector"]].profile
    size = profile.interocular(landmarks.read(clip_id, ("landmarks",))["landmarks"])
    miss = 100 * table["reprojection_px"] / size
    quality = {name: nan if value is None else value for name, value in table.meta["quality"].items()}
    used, reason = verdict(quality, table["used"].mean(), settings)
    row |= {name: quality[name] for name in _NUMBERS} | miss_distribution(miss)
    row |= {"n_frames": len(table), "n_used": int(np.sum(table["used"])), "used": used, "reason": reason}
    runs = flagged_runs(table["frame"], table["detected"], table["used"], miss)
    return row, [start | run for run in runs]


def _by_actor(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row an actor: clips, clips used, and the means over clips (the worst of the reprojection's)."""
    import numpy as np

    result = []
    for who in dict.fromkeys((row["dataset"], row["actor"]) for row in rows):
        own = [row for row in rows if (row["dataset"], row["actor"]) == who]
        line = {"dataset": who[0], "actor": who[1], "clips": len(own), "clips_used": sum(row["used"] for row in own)}
        for name in ("n_frames", "n_used"):
            line[name] = sum(row[name] for row in own)
        for name in ("detection_rate", *_NUMBERS, *_MISSES, *_TRACKING):
            values = np.array([row[name] for row in own], float)
            values = values[np.isfinite(values)]
            whole = np.max if name == "reprojection_worst_pct" else np.mean
            line[name] = float(whole(values)) if len(values) else float("nan")
        result.append(line | {"faces": max(row["faces"] for row in own)})
    return result
