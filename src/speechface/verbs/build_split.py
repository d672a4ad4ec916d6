"""Decide which clips train and test, or join their features and labels into one train and one test table.

Without --feature: --clips and the label report become the clip table with its final split, and the reason where a
clip is excluded (--out). With --feature: that table and the clips' features and labels become --train-out and
--test-out, one row a used frame, one row group a clip. Features and labels join on the frame index; frames
without partner are counted and named in the metadata.
"""

import logging
from collections import Counter

import numpy as np

from speechface.errors import TableError

__all__ = ["add_arguments", "run", "split_clips", "join_tables"]

_ID = ("dataset", "actor", "clip")


def add_arguments(parser):
    parser.add_argument("--clips", required=True, help="clip table; with --feature the one that has been split")
    parser.add_argument("--labels-dir", required=True, help="folder of the label tables")
    parser.add_argument("--quality", help="label report (without --feature)")
    parser.add_argument("--out", help="clip table with split, reason and n_frames to write (without --feature)")
    parser.add_argument("--feature", help="column to join, e.g. spectrogram")
    parser.add_argument("--features-dir", help="folder of the feature tables (with --feature)")
    parser.add_argument("--train-out", help="train table to write (with --feature)")
    parser.add_argument("--test-out", help="test table to write (with --feature)")


def run(args):
    mode = "with --feature" if args.feature else "without --feature"
    needed = ("features_dir", "train_out", "test_out") if args.feature else ("out",)
    missing = ["--" + name.replace("_", "-") for name in needed if getattr(args, name) is None]
    if missing:
        raise TableError(f"build-split {mode} needs {', '.join(missing)}")
    if args.feature:
        join_tables(args.clips, args.feature, args.features_dir, args.labels_dir,
                    {"train": args.train_out, "test": args.test_out})  # fmt: skip
    else:
        split_clips(args.clips, args.quality, args.labels_dir, args.out)


# ---- the clip table ---------------------------------------------------------------------------------------------


def _labelled(path):
    from speechface.splits import Labelled
    from speechface.tables import from_arrow, read_arrow, read_meta

    if not path.exists():
        return None
    meta = read_meta(path)
    if meta.get("status", "ok") != "ok":
        return Labelled(reason=meta.get("reason") or "its labels are unusable")
    used = from_arrow(read_arrow(path, ["used"]))["used"]
    return Labelled(len(used), int(np.count_nonzero(used)))


def split_clips(clips_path, quality_path, labels_dir, out):
    """Write the clip table with the final split of every clip."""
    from speechface.splits import check_disjoint, decide
    from speechface.tables import clip_path, read_table, write_table

    clips = read_table(clips_path)
    ids = list(zip(*(clips[name] for name in _ID)))
    quality = {}
    if quality_path:
        report = read_table(quality_path)
        for *clip, used, reason in zip(*(report[name] for name in (*_ID, "used", "reason"))):
            quality[tuple(clip)] = (bool(used), reason or "")
    labelled = [_labelled(clip_path(labels_dir, *clip)) for clip in ids]
    if ids and not any(labelled):
        raise TableError(f"{labels_dir}: no label table of any of the {len(ids)} clips; check --labels-dir")
    decided = [decide(plan, found, quality.get(clip)) for clip, plan, found in zip(ids, clips["split"], labelled)]
    splits = [split for split, _ in decided]
    datasets = clips.meta.get("settings", {}).get("datasets", {})
    by_clip = sorted(name for name, dataset in datasets.items() if dataset["split"]["by"] == "clip")
    check_disjoint(clips["dataset"], clips["actor"], splits, by_clip)
    columns = {
        **clips.columns,
        "split": np.array(splits, object),
        "reason": np.array([reason for _, reason in decided], object),
        "n_frames": np.array([found.n_frames if found else 0 for found in labelled], np.int32),
        "n_used": np.array([found.n_used if found else 0 for found in labelled], np.int32),
    }
    counts = Counter(splits)
    write_table(out, columns, stage="splits", meta={"by_clip": by_clip, "counts": dict(counts)})
    for clip, (split, reason) in zip(ids, decided):
        if split == "excluded":
            logging.warning("%s is excluded: %s", "/".join(clip), reason)
    logging.info("%d clips: %s", len(ids), ", ".join(f"{n} {split}" for split, n in sorted(counts.items())))


# ---- train and test table ---------------------------------------------------------------------------------------


def _joined(clip, feature, features_path, labels_path):
    """Arrow table of one clip's used frames, its Join, and the metadata of both tables; a str says why not."""
    import json

    import pyarrow as pa

    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.splits import join_frames
    from speechface.tables import read_arrow

    labels, features = read_arrow(labels_path), read_arrow(features_path)
    metas = [json.loads((table.schema.metadata or {}).get(b"speechface", b"{}")) for table in (labels, features)]
    for name, meta in zip(("labels", feature), metas):
        if meta.get("status", "ok") != "ok":
            return f"{name}: {meta.get('reason') or 'unusable'}"
    absent = [c for c in ("frame", "time", "used", *ROTATIONS, *CHANNELS) if c not in labels.column_names]
    if absent:
        raise TableError(f"{labels_path}: column '{absent[0]}' is missing")
    if feature not in features.column_names:
        raise TableError(
            f"{features_path}: column '{feature}' is missing; the table has {', '.join(features.column_names)}"
        )
    try:
        join = join_frames(labels["frame"].to_numpy(), labels["used"].to_numpy(), features["frame"].to_numpy())
    except TableError as error:
        raise TableError(f"{'/'.join(clip)}: {error}") from None
    labels, features = labels.take(pa.array(join.labels)), features.take(pa.array(join.features))
    zeros = pa.array(np.zeros(len(labels), np.int32))
    columns = {name: pa.DictionaryArray.from_arrays(zeros, pa.array([str(value)])) for name, value in zip(_ID, clip)}
    columns |= {"frame": labels["frame"].cast(pa.int32()), "time": labels["time"].cast(pa.float64())}
    columns[feature] = features[feature]
    columns |= {name: labels[name].cast(pa.float32()) for name in (*ROTATIONS, *CHANNELS)}
    return pa.table(columns), join, *metas


def _common(feature, label_meta, feature_meta):
    """What all clips of a table must share: the metadata of the train and test table."""
    return {
        "channels": label_meta.get("channels"),
        "observed": label_meta.get("observed"),
        "feature": feature,
        "feature_settings": feature_meta.get("settings", {}),
        "feature_layout": feature_meta.get("layout"),
        "_shapes": {k: v for k, v in feature_meta.get("_shapes", {}).items() if k == feature},
        "_scaled": {k: v for k, v in feature_meta.get("_scaled", {}).items() if k == feature},
    }


class _Side:
    """The clips of one split on their way into its table."""

    def __init__(self, name):
        self.name = name
        self.n_clips = self.n_frames = 0
        self.unused, self.missing, self.left_out = {}, {}, {}

    def count(self, clip, join):
        from speechface.splits import frame_ranges

        self.n_clips += len(join.labels) > 0
        self.n_frames += len(join.labels)
        if len(join.unused):
            self.unused[clip] = len(join.unused)
        lost = {"without_features": join.without_features, "without_labels": join.without_labels}
        lost = {key: {"count": len(f), "frames": frame_ranges(f)} for key, f in lost.items() if len(f)}
        if lost:
            self.missing[clip] = lost
            logging.warning("%s: frames without partner: %s", clip, lost)

    def meta(self):
        return {"split": self.name, "n_clips": self.n_clips, "n_frames": self.n_frames, "unused": self.unused,
                "missing": self.missing, "left_out": self.left_out}  # fmt: skip


def _write_side(out, clips, side, feature, features_dir, labels_dir, known):
    """Stream the clips of one split into its table; `known` is (schema, common metadata) of an earlier one."""
    from speechface.tables import clip_path, streamed_table

    def tables():
        for clip in clips:
            name = "/".join(clip)
            found = _joined(clip, feature, clip_path(features_dir, *clip), clip_path(labels_dir, *clip))
            if isinstance(found, str):
                side.left_out[name] = found
                logging.warning("%s is left out: %s", name, found)
                continue
            table, join, label_meta, feature_meta = found
            yield name, table, join, _common(feature, label_meta, feature_meta)

    stream = tables()
    first = next(stream, None)
    if first is not None and known is None:
        known = first[1].schema, first[3]
    if known is None or (first is None and side.name == "train"):
        raise TableError(
            f"no {side.name} clip is usable"
            + "".join(f"; {clip}: {reason}" for clip, reason in list(side.left_out.items())[:1])
            + "; see 'reason' in the clip table"
        )
    schema, common = known
    with streamed_table(out, schema, stage="splits", dictionary=_ID) as (write, meta):
        while first is not None:
            name, table, join, facts = first
            differing = [key for key in common if facts[key] != common[key]]
            if differing:
                raise TableError(
                    f"{name}: {differing[0]} of its tables is {facts[differing[0]]}, of the clips before it "
                    f"{common[differing[0]]}; make the older tables again"
                )
            side.count(name, join)
            if len(table):
                write(table)
            first = next(stream, None)
        meta.update(common)
        meta.update(side.meta())
    return known


def join_tables(clips_path, feature, features_dir, labels_dir, outs):
    """Write the train and the test table of one feature; `outs` maps split to path."""
    from speechface.splits import check_disjoint
    from speechface.tables import read_table

    clips = read_table(clips_path)
    check_disjoint(clips["dataset"], clips["actor"], clips["split"], clips.meta.get("by_clip", ()))
    rows = list(zip(*(clips[name] for name in (*_ID, "split"))))
    known, totals = None, []
    for split in ("train", "test"):
        side = _Side(split)
        chosen = [tuple(map(str, row[:3])) for row in rows if row[3] == split]
        known = _write_side(outs[split], chosen, side, feature, features_dir, labels_dir, known)
        missing = sum(part["count"] for lost in side.missing.values() for part in lost.values())
        totals.append(
            f"{split} {side.n_clips} clips, {side.n_frames} frames ({sum(side.unused.values())} not used, "
            f"{missing} without partner, {len(side.left_out)} clips left out)"
        )
    logging.info("%s: %s", feature, "; ".join(totals))
