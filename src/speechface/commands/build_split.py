"""Join features and labels of clips into one train and one test table, or one pool.

One row a used frame, one row group a clip. Features and labels join on the frame index; frames without partner are
counted and named in the metadata. --pool-out takes all clips that may train when one actor after the other is left out:
the train clips and those of all actors that are only tested or predicted.
"""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

import numpy as np

from speechface.columns import ID_COLUMNS
from speechface.errors import TableError

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "join_tables", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, help="clip table with its splits (split-clips)")
    parser.add_argument("--feature", required=True, help="column to join, e.g. spectrogram")
    parser.add_argument("--features", required=True, nargs="+", metavar="TABLE", help="tables of that feature")
    parser.add_argument("--labels", required=True, nargs="+", metavar="TABLE", help="tables of labels")
    parser.add_argument("--train-out", help="train table to write")
    parser.add_argument("--test-out", help="test table to write")
    parser.add_argument("--pool-out", help="in the place of both: table for leaving actors out to write")


def run(args: Namespace) -> None:
    outs = {"pool": args.pool_out} if args.pool_out else {"train": args.train_out, "test": args.test_out}
    if None in outs.values():
        raise TableError("build-split writes --train-out and --test-out, or --pool-out; name both, or the pool")
    join_tables(args.clips, args.feature, args.features, args.labels, outs)


class _Side:
    """The clips of one split and what is said of them in the table's metadata."""

    def __init__(self, name):
        self.name = name
        self.joined = {}  # clip id -> Join
        self.unused, self.missing, self.left_out = {}, {}, {}

    def add(self, clip_id, join):
        from speechface.splits import frame_ranges

        if len(join.labels):
            self.joined[clip_id] = join
        else:
            self.leave_out(clip_id, "labels and features share no usable frame")
        if len(join.unused):
            self.unused[clip_id] = len(join.unused)
        lost = {"without_features": join.without_features, "without_labels": join.without_labels}
        lost = {key: {"count": len(f), "frames": frame_ranges(f)} for key, f in lost.items() if len(f)}
        if lost:
            self.missing[clip_id] = lost
            LOG.warning("%s: frames without partner: %s", clip_id, lost)

    def leave_out(self, clip_id, reason):
        self.left_out[clip_id] = reason
        LOG.warning("%s is left out: %s", clip_id, reason)

    @property
    def n_frames(self):
        return sum(len(join.labels) for join in self.joined.values())

    def meta(self):
        return {"split": self.name, "n_clips": len(self.joined), "n_frames": self.n_frames, "unused": self.unused,
                "missing": self.missing, "left_out": self.left_out}  # fmt: skip

    def summary(self):
        lost = sum(part["count"] for parts in self.missing.values() for part in parts.values())
        return (
            f"{self.name} {len(self.joined)} clips, {self.n_frames} frames ({sum(self.unused.values())} not used, "
            f"{lost} without partner, {len(self.left_out)} clips left out)"
        )


def _common(feature, labels, features, clip_id):
    """What all clips of a table must share: the metadata of the train and test table."""
    label_meta, feature_meta = labels.clip_meta(clip_id), features.clip_meta(clip_id)
    stored = features.table(clip_id).meta
    return {
        "channels": list(labels.channels(clip_id)),
        "observed": label_meta.get("observed"),
        "feature": feature,
        "feature_settings": {**feature_meta.get("settings", {}), "audio_sr": feature_meta.get("audio_sr")},
        "feature_description": feature_meta.get("description"),
        **{key: {k: v for k, v in stored.get(key, {}).items() if k == feature} for key in ("_shapes", "_scaled")},
    }


def _schema(feature, channels, kind):
    """Columns of a train or test table; `kind` is the stored type of the feature column."""
    import pyarrow as pa

    from speechface.rig.channels import ROTATIONS

    fields = [(name, pa.dictionary(pa.int32(), pa.string())) for name in ID_COLUMNS]
    fields += [("frame", pa.int32()), ("time", pa.float64()), (feature, kind)]
    return pa.schema(fields + [(name, pa.float32()) for name in (*ROTATIONS, *channels)])


def _rows(schema, clip_id, feature, labels, features, join):
    """The used frames of one clip as a pyarrow Table; the feature stays as it is stored."""
    import pyarrow as pa

    columns = {}
    zeros = np.zeros(len(join.labels), np.int32)
    for name, value in zip(ID_COLUMNS, clip_id.split("/", 2)):
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(zeros), pa.array([value]))
    others = [name for name in schema.names if name not in (*ID_COLUMNS, feature)]
    chosen = labels.arrow(clip_id, others).take(pa.array(join.labels))
    columns |= {name: chosen[name].cast(schema.field(name).type) for name in others}
    columns[feature] = features.arrow(clip_id, [feature])[feature].take(pa.array(join.features))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _plan(sides, feature, features, labels):
    """Join the frames of all clips, given as {split: [clip id]}.

    Returns (list of _Side, common metadata, stored type of the feature); the last two are None where no clip is
    usable.
    """
    from speechface.splits import join_frames

    found, common, kind = [], None, None
    for split, clip_ids in sides.items():
        side = _Side(split)
        found.append(side)
        for clip_id in clip_ids:
            bad = [entry for entry in (labels.entry(clip_id), features.entry(clip_id)) if entry["status"] != "ok"]
            if bad:
                side.leave_out(clip_id, bad[0]["reason"] or "unusable")
                continue
            facts = _common(feature, labels, features, clip_id)
            if common is None:
                common, kind = facts, features.arrow(clip_id, [feature]).schema.field(feature).type
            differing = [key for key in common if facts[key] != common[key]]
            if differing:
                raise TableError(
                    f"{clip_id}: {differing[0]} of its tables is {facts[differing[0]]}, of the clips before "
                    f"it {common[differing[0]]}; make the older tables again"
                )
            label_rows = labels.read(clip_id, ["frame", "used"])
            try:
                join = join_frames(label_rows["frame"], label_rows["used"], features.read(clip_id, ["frame"])["frame"])
            except TableError as error:
                raise TableError(f"{clip_id}: {error}") from None
            side.add(clip_id, join)
    return found, common, kind


def join_tables(
    clips_path: str, feature: str, features_paths: Sequence[str], labels_paths: Sequence[str], outs: Mapping[str, str]
) -> None:
    """Write tables of one feature; `outs` maps a side (train, test or pool) to its path."""
    from speechface.clip_tables import ClipTables
    from speechface.splits import check_disjoint, sides_of
    from speechface.tables import read_table, streamed_table

    clips = read_table(clips_path)
    acted = clips.columns.get("emotion", [None] * len(clips))
    ids = clips.clip_ids()
    emotions = dict(zip(ids, acted))
    by_clip = clips.meta.get("by_clip", ())
    check_disjoint(clips["dataset"], clips["actor"], clips["split"], by_clip)
    members: dict[str, list[str]] = {side: [] for side in outs}
    for clip_id, split, dataset in zip(ids, clips["split"], clips["dataset"]):
        for side in sides_of(split, dataset in by_clip):
            if side in members:
                members[side].append(clip_id)
    features, labels = ClipTables(features_paths), ClipTables(labels_paths)
    sides, common, kind = _plan(members, feature, features, labels)
    if not sides[0].joined:
        example = next((f" ({clip}: {reason})" for clip, reason in sides[0].left_out.items()), "")
        raise TableError(f"{clips_path}: no {sides[0].name} clip is usable{example}; see its column 'reason'")
    schema = _schema(feature, common["channels"], kind)
    for side in sides:
        of_side = {clip_id: emotions[clip_id] for clip_id in side.joined if emotions[clip_id]}
        meta = {**common, **side.meta(), "emotions": of_side}
        with streamed_table(outs[side.name], schema, stage="splits", meta=meta, dictionary=ID_COLUMNS) as write:
            for clip_id, join in side.joined.items():
                write(_rows(schema, clip_id, feature, labels, features, join))
    LOG.info("%s: %s", feature, "; ".join(side.summary() for side in sides))
