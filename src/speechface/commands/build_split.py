"""Decide which clips train and test, or join their features and labels into one train and one test table.

Without --feature: --clips and the label report become the clip table with its final split, and the reason where a
clip is excluded (--out). With --feature: that table and the clips' features and labels become --train-out and
--test-out, one row a used frame, one row group a clip. Features and labels join on the frame index; frames
without partner are counted and named in the metadata. --pool-out takes all clips that may train when one actor after
the other is left out: the train clips and those of all actors that are only tested or predicted.
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
    parser.add_argument("--audio-dir", help="folder of the frame times: clips without sound are excluded")
    parser.add_argument("--out", help="clip table with split, reason and n_frames to write (without --feature)")
    parser.add_argument("--feature", help="column to join, e.g. spectrogram")
    parser.add_argument("--features-dir", help="folder of the feature tables (with --feature)")
    parser.add_argument("--train-out", help="train table to write (with --feature)")
    parser.add_argument("--test-out", help="test table to write (with --feature)")
    parser.add_argument("--pool-out", help="in the place of both: table for leaving actors out to write")


def run(args):
    mode = "with --feature" if args.feature else "without --feature"
    outs = {side: getattr(args, f"{side}_out") for side in (("pool",) if args.pool_out else ("train", "test"))}
    needed = ("features_dir", *(f"{side}_out" for side in outs)) if args.feature else ("out",)
    missing = ["--" + name.replace("_", "-") for name in needed if getattr(args, name) is None]
    if missing:
        raise TableError(f"build-split {mode} needs {', '.join(missing)}")
    if args.feature:
        join_tables(args.clips, args.feature, args.features_dir, args.labels_dir, outs)
    else:
        split_clips(args.clips, args.quality, args.labels_dir, args.out, audio_dir=args.audio_dir)


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


def _silent(audio_dir, clip):
    """Why a clip's sound cannot be used, or ""."""
    from speechface.tables import clip_path, read_meta

    path = clip_path(audio_dir, *clip, suffix=".frames.parquet")
    if not path.exists():
        return ""
    meta = read_meta(path)
    if meta.get("status", "ok") != "ok":
        return meta.get("reason") or "its sound cannot be read"
    return "" if meta["n_samples"] else "the video has no sound"


def split_clips(clips_path, quality_path, labels_dir, out, *, audio_dir=None):
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
    if audio_dir:
        silent = [_silent(audio_dir, clip) for clip in ids]
        decided = [
            ("excluded", why) if why and split in ("train", "test", "predict") else (split, reason)
            for (split, reason), why in zip(decided, silent)
        ]
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


class _Side:
    """The clips of one split and what is said of them in the table's metadata."""

    def __init__(self, name):
        self.name = name
        self.joined = []  # (clip, label path, feature path, Join)
        self.unused, self.missing, self.left_out = {}, {}, {}

    def add(self, clip, labels_path, features_path, join):
        from speechface.splits import frame_ranges

        name = "/".join(clip)
        if len(join.labels):
            self.joined.append((clip, labels_path, features_path, join))
        else:
            self.leave_out(clip, "labels and features share no usable frame")
        if len(join.unused):
            self.unused[name] = len(join.unused)
        lost = {"without_features": join.without_features, "without_labels": join.without_labels}
        lost = {key: {"count": len(f), "frames": frame_ranges(f)} for key, f in lost.items() if len(f)}
        if lost:
            self.missing[name] = lost
            logging.warning("%s: frames without partner: %s", name, lost)

    def leave_out(self, clip, reason):
        name = "/".join(clip)
        self.left_out[name] = reason
        logging.warning("%s is left out: %s", name, reason)

    @property
    def n_frames(self):
        return sum(len(join.labels) for *_, join in self.joined)

    def meta(self):
        return {"split": self.name, "n_clips": len(self.joined), "n_frames": self.n_frames, "unused": self.unused,
                "missing": self.missing, "left_out": self.left_out}  # fmt: skip

    def summary(self):
        lost = sum(part["count"] for parts in self.missing.values() for part in parts.values())
        return (
            f"{self.name} {len(self.joined)} clips, {self.n_frames} frames ({sum(self.unused.values())} not used, "
            f"{lost} without partner, {len(self.left_out)} clips left out)"
        )


def _common(feature, label_meta, feature_meta):
    """What all clips of a table must share: the metadata of the train and test table."""
    return {
        "channels": label_meta.get("channels"),
        "observed": label_meta.get("observed"),
        "feature": feature,
        "feature_settings": {**feature_meta.get("settings", {}), "sr": feature_meta.get("sr")},
        "feature_layout": feature_meta.get("layout"),
        "_shapes": {k: v for k, v in feature_meta.get("_shapes", {}).items() if k == feature},
        "_scaled": {k: v for k, v in feature_meta.get("_scaled", {}).items() if k == feature},
    }


def _schema(feature, kind):
    """Columns of a train or test table; `kind` is the stored type of the feature column."""
    import pyarrow as pa

    from speechface.rig.channels import CHANNELS, ROTATIONS

    fields = [(name, pa.dictionary(pa.int32(), pa.string())) for name in _ID]
    fields += [("frame", pa.int32()), ("time", pa.float64()), (feature, kind)]
    return pa.schema(fields + [(name, pa.float32()) for name in (*ROTATIONS, *CHANNELS)])


def _rows(schema, clip, feature, labels_path, features_path, join):
    """The used frames of one clip as a pyarrow Table; the feature stays as it is stored."""
    import pyarrow as pa

    from speechface.tables import read_arrow

    columns = {}
    zeros = np.zeros(len(join.labels), np.int32)
    for name, value in zip(_ID, clip):
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(zeros), pa.array([value]))
    others = [name for name in schema.names if name not in (*_ID, feature)]
    labels = read_arrow(labels_path, others).take(pa.array(join.labels))
    columns |= {name: labels[name].cast(schema.field(name).type) for name in others}
    columns[feature] = read_arrow(features_path, [feature])[feature].take(pa.array(join.features))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _plan(sides, feature, features_dir, labels_dir):
    """Join the frames of all clips, given as {split: [(dataset, actor, clip)]}.

    Returns (list of _Side, common metadata, stored type of the feature); the last two are None where no clip is
    usable.
    """
    import pyarrow.parquet as pq

    from speechface.rig.channels import CHANNELS, ROTATIONS
    from speechface.splits import join_frames
    from speechface.tables import clip_path, read_meta, read_table

    found, common, kind = [], None, None
    for split, clips in sides.items():
        side = _Side(split)
        found.append(side)
        for clip in clips:
            paths = [clip_path(folder, *clip) for folder in (labels_dir, features_dir)]
            metas = [read_meta(path) for path in paths]
            bad = [meta.get("reason") or "unusable" for meta in metas if meta.get("status", "ok") != "ok"]
            if bad:
                side.leave_out(clip, bad[0])
                continue
            wanted = (("frame", "time", "used", *ROTATIONS, *CHANNELS), ("frame", feature))
            for path, names in zip(paths, wanted):
                absent = set(names) - set(pq.read_schema(path).names)
                if absent:
                    raise TableError(f"{path}: column '{sorted(absent)[0]}' is missing")
            facts = _common(feature, *metas)
            if common is None:
                common, kind = facts, pq.read_schema(paths[1]).field(feature).type
            differing = [key for key in common if facts[key] != common[key]]
            if differing:
                raise TableError(
                    f"{'/'.join(clip)}: {differing[0]} of its tables is {facts[differing[0]]}, of the clips before "
                    f"it {common[differing[0]]}; make the older tables again"
                )
            labels, features = read_table(paths[0], ["frame", "used"]), read_table(paths[1], ["frame"])
            try:
                join = join_frames(labels["frame"], labels["used"], features["frame"])
            except TableError as error:
                raise TableError(f"{'/'.join(clip)}: {error}") from None
            side.add(clip, *paths, join)
    return found, common, kind


def join_tables(clips_path, feature, features_dir, labels_dir, outs):
    """Write tables of one feature; `outs` maps a side (train, test or pool) to its path."""
    from speechface.splits import check_disjoint, sides_of
    from speechface.tables import read_table, streamed_table

    clips = read_table(clips_path)
    by_clip = clips.meta.get("by_clip", ())
    check_disjoint(clips["dataset"], clips["actor"], clips["split"], by_clip)
    sides = {side: [] for side in outs}
    for split, *clip in zip(*(clips[name].astype(str) for name in ("split", *_ID))):
        for side in sides_of(split, clip[0] in by_clip):
            if side in sides:
                sides[side].append(tuple(clip))
    sides, common, kind = _plan(sides, feature, features_dir, labels_dir)
    if not sides[0].joined:
        example = next((f" ({clip}: {reason})" for clip, reason in sides[0].left_out.items()), "")
        raise TableError(f"{clips_path}: no {sides[0].name} clip is usable{example}; see its column 'reason'")
    schema = _schema(feature, kind)
    for side in sides:
        meta = {**common, **side.meta()}
        with streamed_table(outs[side.name], schema, stage="splits", meta=meta, dictionary=_ID) as write:
            for clip, labels_path, features_path, join in side.joined:
                write(_rows(schema, clip, feature, labels_path, features_path, join))
    logging.info("%s: %s", feature, "; ".join(side.summary() for side in sides))
