"""Judge the labels of every clip, and compare them with exact truth where there is some.

Writes one row a clip: reprojection in percent of the distance of the outer eye corners, correlation of lip gap and
eye closing between fit and landmarks, jitter, and whether the clip is used, with the threshold it failed. With
--truth-dir and --truth-out, clips that have a table <truth-dir>/<actor>/<clip>.truth.parquet also give one row a
channel: correlation, slope and mean absolute error of the weight, and the clip's errors in mm and degrees.
"""

import logging
from pathlib import Path

from speechface.verbs.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]

_ID = ("dataset", "actor", "clip")
_NUMBERS = ("reprojection_pct_iod", "lip_gap_r", "ear_blink_r", "jitter_mm")
_ERRORS = ("mouth_mm", "inner_mm", "rotation_deg", "rotation_absolute_deg")


def add_arguments(parser):
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table of list-clips")
    parser.add_argument(
        "--landmarks-dir", required=True, metavar="DIR", help="landmark tables, dataset/actor/clip.parquet"
    )
    parser.add_argument("--labels-dir", required=True, metavar="DIR", help="label tables, dataset/actor/clip.parquet")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="quality table to write")
    parser.add_argument("--csv", metavar="CSV", help="the quality table as text, too")
    parser.add_argument("--truth-dir", metavar="DIR", help="exact truth, actor/clip.truth.parquet")
    parser.add_argument("--truth-out", metavar="PARQUET", help="table of errors to write")
    parser.add_argument("--truth-csv", metavar="CSV", help="the table of errors as text, too")
    parser.add_argument("--rig", metavar="NPZ", help="rig of the labels (with --truth-dir)")
    add_settings(parser, "labels")


def run(args):
    from speechface.errors import ConfigError
    from speechface.tables import read_table, write_table

    truth = (args.truth_dir, args.truth_out, args.rig)
    if any(truth) and not all(truth):
        raise ConfigError("label-report: --truth-dir, --truth-out and --rig go together; give all or none")
    settings = settings_of(args)
    table = read_table(args.clips)
    clips = list(zip(*(table[name] for name in _ID), strict=True))
    rows = [_judge(clip, args, settings) for clip in clips]
    columns = _columns(rows, {"n_frames": "int32", "used": "bool"}, (*_ID, "reason"))
    write_table(args.out, columns, stage="label_report", settings=settings)
    _write_csv(args.csv, columns)
    used = int(columns["used"].sum())
    logging.info("%s: %d clips, %d used", args.out, len(clips), used)
    if args.truth_dir:
        _report_truth(clips, args, settings)


def _columns(rows, dtypes, texts):
    """Rows (dicts of equal keys) -> columns; text columns stay lists, numbers are float32 unless named."""
    import numpy as np

    return {
        name: [row[name] for row in rows] if name in texts
        else np.array([row[name] for row in rows], dtypes.get(name, "float32"))
        for name in rows[0]
    }  # fmt: skip


def _write_csv(path, columns):
    if path:
        import pandas as pd

        from speechface.files import written_whole

        with written_whole(path) as temporary:
            pd.DataFrame(columns).to_csv(temporary, index=False, float_format="%.4g")


def _judge(clip, args, settings):
    """The quality row of one clip."""
    from speechface.fitting.quality import verdict
    from speechface.tables import clip_path, read_meta, read_table

    row = {
        **dict(zip(_ID, clip, strict=True)),
        "n_frames": 0,
        "detection_rate": 0.0,
        **dict.fromkeys(_NUMBERS, float("nan")),
    }
    landmarks = read_meta(clip_path(args.landmarks_dir, *clip))
    path = clip_path(args.labels_dir, *clip)
    meta = read_meta(path)
    row["detection_rate"] = landmarks.get("detection_rate", 0.0)
    if meta.get("status") != "ok":
        return row | {"used": False, "reason": meta.get("reason", "unusable")}
    frames = read_table(path, ["used"])["used"]
    quality = {name: float("nan") if value is None else value for name, value in meta["quality"].items()}
    used, reason = verdict(quality, frames.mean(), max_reprojection_pct=settings["max_reprojection_pct"])
    row |= {name: quality[name] for name in _NUMBERS}
    return row | {"n_frames": len(frames), "used": used, "reason": reason}


def _report_truth(clips, args, settings):
    from speechface.errors import TableError
    from speechface.rig.rig import Rig
    from speechface.tables import write_table

    rig = Rig.load(args.rig)
    shapes = rig.shapes[:, rig.landmarks].astype(float)
    rows, compared = [], 0
    for clip in clips:
        found = _compare(clip, args, shapes)
        rows += found
        compared += bool(found)
    if not rows:
        raise TableError(f"{args.truth_dir}: no truth table for any usable clip; expected <actor>/<clip>.truth.parquet")
    columns = _columns(rows, {}, (*_ID, "channel"))
    write_table(args.truth_out, columns, stage="label_report", settings=settings, meta={"rig": rig.name})
    _write_csv(args.truth_csv, columns)
    mean = {name: float(columns[name].mean()) for name in _ERRORS}
    logging.info("%s: %d clips, %s", args.truth_out, compared, ", ".join(f"{k} {v:.2f}" for k, v in mean.items()))


def _compare(clip, args, shapes):
    """The truth rows of one clip: one a channel, none without truth or labels."""
    import numpy as np

    from speechface.errors import TableError
    from speechface.fitting.quality import compare_with_truth
    from speechface.geometry.rotation import matrix_from_euler
    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.tables import clip_path, read_table

    path = Path(args.truth_dir) / str(clip[1]) / f"{clip[2]}.truth.parquet"
    if not path.exists():
        return []
    labels = read_table(clip_path(args.labels_dir, *clip))
    if not labels.usable:
        return []
    truth = read_table(path)
    common, at_label, at_truth = np.intersect1d(labels["frame"][labels["used"]], truth["frame"], return_indices=True)
    if not len(common):
        raise TableError(f"{path}: no frame in common with the labels of {'/'.join(clip)}")
    chosen = np.flatnonzero(labels["used"])[at_label]
    rotation = np.array(labels.meta["rotation_reference"]) @ matrix_from_euler(labels.stack(ROTATIONS)[chosen])
    channels, whole = compare_with_truth(
        labels.stack(CHANNELS)[chosen], truth.stack(CHANNELS)[at_truth], rotation,
        matrix_from_euler(truth.stack(ROTATIONS)[at_truth]), shapes,
    )  # fmt: skip
    start = dict(zip(_ID, clip, strict=True))
    return [
        {**start, "channel": name, **{key: values[k] for key, values in channels.items()}, **whole}
        for k, name in enumerate(CHANNELS)
    ]
