"""Tell how good the labels of every clip are.

Writes one row a clip: reprojection in percent of the distance of the outer eye corners, correlation and amplitude of
the lip gap between fit and landmarks, eye closing, jitter, how the face was followed; frames whose face is not to be
believed, and by how much the images end early; how often the detector's lips are shut and the fitted ones not; how
often the eyes were seen and how far the gaze wanders; gaps; how late the sound stands and whether it belongs to the
lips; and whether the clip is used, with every threshold it failed. With --actors the same by actor, with --flagged the
runs of frames that are not used, with their reasons.
"""

import argparse
import itertools
import logging
from collections.abc import Callable, Iterator
from math import nan
from typing import TYPE_CHECKING, Any

from speechface.columns import ID_COLUMNS
from speechface.commands.common import add_settings, columns_of, settings_of, write_csv

if TYPE_CHECKING:
    import numpy as np

    from speechface.clip_tables import ClipTables
    from speechface.rig.rig import Rig
    from speechface.sections import QualitySettings
    from speechface.tables import Table

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

_NUMBERS = ("reprojection_pct_iod", "lip_gap_r", "ear_blink_r", "jitter_mm")
_MISSES = ("reprojection_median_pct", "reprojection_p95_pct", "reprojection_worst_pct")
_TRACKING = ("landmark_jitter_pct", "eye_distance_px", "brightness", "cut_fraction", "missing_s")
_COUNTS = ("n_used", "faces", "losses", "strangers")
#: Frames whose face is not to be believed, by the numbers of `speechface.landmarks.faults.FAULTS`.
_FAULTS = ("damaged", "frozen", "covered", "others", "dim")
_LIPS = ("lip_gap_amplitude", "shut_fraction", "shut_open_fraction")
_GAZE = ("gaze_seen", "gaze_spread")
#: Columns of the tables of delays.
_DELAYS = ("audio_delay_ms", "delay_found_ms", "delay_low_ms", "delay_high_ms", "delay_own_ms", "delay_own_sigma_ms",
           "sound_agreement")  # fmt: skip
_DELAY_FROM = "audio_delay_from"
_FLAGGED = (*ID_COLUMNS, "first_frame", "last_frame", "n_frames", "reason")
#: Of these an actor has the worst of the clips, of others their mean.
_WORST: dict[str, Callable[[Any], float]] = {
    "reprojection_worst_pct": max,
    "longest_gap_s": max,
    "sound_agreement": min,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table of list-clips")
    parser.add_argument("--landmarks", required=True, nargs="+", metavar="PARQUET", help="landmark tables of the clips")
    parser.add_argument("--labels", required=True, nargs="+", metavar="PARQUET", help="label tables of the clips")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="the rig of the labels")
    parser.add_argument(
        "--delays",
        nargs="+",
        default=[],
        metavar="PARQUET",
        help="tables of pool-delays; without, sound is not judged",
    )
    parser.add_argument("--out", required=True, metavar="PARQUET", help="quality table to write")
    parser.add_argument("--csv", metavar="CSV", help="the quality table as text, too")
    parser.add_argument("--actors", metavar="CSV", help="the same by actor, to write")
    parser.add_argument("--flagged", metavar="CSV", help="frames that are not used, to write: one row a run of them")
    add_settings(parser, "quality")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTables
    from speechface.rig.rig import Rig
    from speechface.tables import read_table, write_table

    settings = settings_of(args)
    table = read_table(args.clips)
    clips = sorted(zip(*(map(str, table[name]) for name in ID_COLUMNS), strict=True))
    landmarks, labels, rig = ClipTables(args.landmarks), ClipTables(args.labels), Rig.load(args.rig)
    labels.require_channels(rig.channels, f"rig {args.rig}")
    delays = _delays(args.delays)
    rows: list[dict[str, Any]] = []
    flagged: list[dict[str, Any]] = []
    for _, own in itertools.groupby(clips, key=lambda clip: clip[:2]):
        for row, runs in _of_actor(list(own), landmarks, labels, delays, rig, settings):
            rows.append(row)
            flagged += runs
    integers = dict.fromkeys(("n_frames", "gaps", *_COUNTS, *_FAULTS), "int32")
    columns = columns_of(rows, integers | {"used": "bool"}, (*ID_COLUMNS, "reason", "notes", _DELAY_FROM))
    write_table(args.out, columns, stage="label_report", settings=settings.dump())
    write_csv(args.csv, columns)
    write_csv(args.actors, _by_actor(rows))
    write_csv(args.flagged, flagged, _FLAGGED)
    LOG.info("%s: %d clips, %d used", args.out, len(clips), columns["used"].sum())


def _delays(paths: list[str]) -> dict[str, dict[str, Any]]:
    """clip id -> what the tables of delays tell of it."""
    from speechface.tables import read_table

    found: dict[str, dict[str, Any]] = {}
    for table in map(read_table, paths):
        rows = zip(*(table[name].tolist() for name in (_DELAY_FROM, *_DELAYS)), strict=True)
        found |= {clip_id: dict(zip((_DELAY_FROM, *_DELAYS), row)) for clip_id, row in zip(table.clip_ids(), rows)}
    return found


def _of_actor(
    clips: list[tuple[str, ...]], landmarks: "ClipTables", labels: "ClipTables", delays: dict[str, dict[str, Any]],
    rig: "Rig", settings: "QualitySettings",
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:  # fmt: skip
    """Yield the quality row of each clip of an actor, and rows for the runs of its frames that are not used."""
    import numpy as np

    from speechface.fitting.eyes import EYE_CHANNELS
    from speechface.fitting.report import flagged_runs, notes, shut_lips, verdict
    from speechface.landmarks.detectors import DETECTORS
    from speechface.landmarks.faults import trusted
    from speechface.rig.channels import GAZE

    found = {}
    for clip_id in map("/".join, clips):
        table = labels.read(clip_id) if clip_id in labels else None
        if table is not None and table.usable:
            seen = landmarks.read(clip_id, ("detected", "fault", "landmarks"))
            believed = trusted(seen.columns)[:, None, None]
            found[clip_id] = (table, np.where(believed, seen["landmarks"], np.nan), seen["fault"])
    profile = DETECTORS[next(iter(found.values()))[0].meta["detector"]].profile if found else None
    shut = shut_lips([points for _, points, _ in found.values()], profile) if profile else []
    shut_of = dict(zip(found, shut, strict=True))
    for clip in clips:
        clip_id, start = "/".join(clip), dict(zip(ID_COLUMNS, clip, strict=True))
        row = start | _nothing_known() | delays.get(clip_id, {})
        if clip_id in landmarks:
            row |= _tracking(landmarks.clip_meta(clip_id))
        if clip_id not in found:
            reason = labels.clip_meta(clip_id)["reason"] if clip_id in labels else "it has no labels"
            yield row | {"reason": reason or "unusable"}, []
            continue
        table, points, fault = found[clip_id]
        assert profile is not None
        miss = 100 * table["reprojection_px"] / profile.interocular(points)
        quality = {name: nan if value is None else value for name, value in table.meta["quality"].items()}
        row |= {name: quality[name] for name in (*_NUMBERS, "lip_gap_amplitude")}
        looks = profile.irises is not None and {*EYE_CHANNELS, *GAZE} <= set(rig.channels)
        row |= _measured(table, miss, shut_of[clip_id], looks, rig)
        row |= {name: int(np.sum(fault == number)) for number, name in enumerate(_FAULTS, 1)}
        row["notes"] = notes(row)
        used, reason = verdict(row | quality, float(np.mean(table["used"])), settings)
        runs = flagged_runs(table["frame"], table["detected"], table["used"], miss, fault)
        yield row | {"used": used, "reason": reason}, [start | run for run in runs]


def _nothing_known() -> dict[str, Any]:
    """The columns of a clip without labels."""
    unknown = (*_MISSES, *_TRACKING, *_LIPS, *_GAZE)
    return {
        "n_frames": 0, "detection_rate": 0.0, **dict.fromkeys(_NUMBERS, nan), "used": False, "reason": "",
        "notes": "", **dict.fromkeys((*_COUNTS, *_FAULTS), 0), **dict.fromkeys(unknown, nan),
        "gaps": 0, "longest_gap_s": nan, _DELAY_FROM: "", **dict.fromkeys(_DELAYS, nan),
    }  # fmt: skip


def _tracking(meta: dict[str, Any]) -> dict[str, Any]:
    """How the face was followed, by the metadata of the landmarks."""
    named = {"landmark_jitter_pct": "jitter_pct"}
    values = {name: meta.get(named.get(name, name)) for name in ("detection_rate", *_COUNTS[1:], *_TRACKING)}
    return {name: value for name, value in values.items() if value is not None}


def _measured(table: "Table", miss_pct: "np.ndarray", shut: "np.ndarray", irises: bool, rig: "Rig") -> dict[str, Any]:
    """What the rows of a clip's labels tell."""
    import numpy as np

    from speechface.fitting.report import gaps, gaze, lips_shut, miss_distribution, opening_mm

    detected, used = table["detected"].astype(bool), table["used"].astype(bool)
    opening = opening_mm(rig, table.stack(rig.channels))
    return {
        "n_frames": len(table), "n_used": int(np.sum(used)), **miss_distribution(miss_pct),
        **lips_shut(shut, detected, opening), **gaze(table.columns, detected, irises),
        **gaps(used, float(table.meta["fps"])),
    }  # fmt: skip


def _by_actor(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row an actor: clips, clips used, and the means over clips (of some the worst)."""
    import numpy as np

    result = []
    for who in dict.fromkeys((row["dataset"], row["actor"]) for row in rows):
        own = [row for row in rows if (row["dataset"], row["actor"]) == who]
        line = {"dataset": who[0], "actor": who[1], "clips": len(own), "clips_used": sum(row["used"] for row in own)}
        for name in ("n_frames", "n_used", "gaps"):
            line[name] = sum(row[name] for row in own)
        for name in ("detection_rate", *_NUMBERS, *_MISSES, *_TRACKING, *_LIPS, *_GAZE, "longest_gap_s", *_DELAYS):
            values = np.array([row[name] for row in own], float)
            values = values[np.isfinite(values)]
            whole = _WORST.get(name, np.mean)
            line[name] = float(whole(values)) if len(values) else nan
        result.append(line | {"faces": max(row["faces"] for row in own)})
    return result
