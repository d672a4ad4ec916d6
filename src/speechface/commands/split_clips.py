"""Decide which clips train and which test: the clip table with its final split, and why clips are excluded."""

import logging
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence

import numpy as np

from speechface.errors import TableError

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run", "split_clips"]

#: Columns that are taken over from the label report.
_DELAYS = ("audio_delay_ms", "delay_found_ms", "delay_low_ms", "delay_high_ms", "sound_agreement")
_DELAY_FROM = "audio_delay_from"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, help="clip table (list-clips)")
    parser.add_argument("--quality", help="label report: clips that it does not use are excluded")
    parser.add_argument("--labels", required=True, nargs="+", metavar="TABLE", help="labels of all clips")
    parser.add_argument("--audio", nargs="+", default=[], metavar="TABLE", help="sound: clips without any are excluded")
    parser.add_argument("--out", required=True, help="clip table with split, reason, n_frames and n_used to write")


def run(args: Namespace) -> None:
    split_clips(args.clips, args.quality, args.labels, args.out, audio=args.audio)


def _labelled(labels, clip_id):
    from speechface.splits import Labelled

    if clip_id not in labels:
        return None
    table = labels.read(clip_id, ["used"])
    if not table.usable:
        return Labelled(reason=table.reason or "its labels are unusable")
    return Labelled(len(table), int(np.count_nonzero(table["used"])))


def _silent(audio, clip_id):
    """Why a clip's sound cannot be used, or ""."""
    from speechface.media.sound import SILENCE

    if clip_id not in audio:
        return ""
    meta = audio.clip_meta(clip_id)
    if meta["status"] != "ok":
        return meta["reason"] or "its sound cannot be read"
    if not meta["n_samples"]:
        return "the video has no sound"
    # a face that moves to silence teaches a network to do so
    return "its sound is silent" if meta["power"] <= SILENCE else ""


def _content(audio, clip_id):
    """Hash of the file that a clip's sound was read from, None where it is not known."""
    facts = audio.entry(clip_id)["facts"] if clip_id in audio else {}
    return facts.get("source", {}).get("sha256")


def split_clips(
    clips_path: str, quality_path: str | None, labels: Sequence[str], out: str, *, audio: Sequence[str] = ()
) -> None:
    """Write the clip table with the final split of every clip."""
    from speechface.clip_tables import ClipTables
    from speechface.splits import check_disjoint, decide, repeated
    from speechface.tables import read_table, write_table

    clips = read_table(clips_path)
    ids = clips.clip_ids()
    quality, delays = {}, {}
    if quality_path:
        report = read_table(quality_path)
        reported = report.clip_ids()
        for clip_id, used, reason in zip(reported, report["used"], report["reason"]):
            quality[clip_id] = (bool(used), reason or "")
        if _DELAY_FROM in report.columns:
            told_of = zip(*(report[name] for name in (_DELAY_FROM, *_DELAYS)))
            for clip_id, (source, used, *others) in zip(reported, told_of):
                delays[clip_id] = (source, np.nan_to_num(used), *others)
    unknown = ("", 0.0, *[np.nan] * (len(_DELAYS) - 1))
    told = [delays.get(clip_id, unknown) for clip_id in ids]
    label_tables, audio_tables = ClipTables(labels), ClipTables(audio)
    labelled = [_labelled(label_tables, clip_id) for clip_id in ids]
    if ids and not any(labelled):
        raise TableError(f"{labels[0]}: no labels of any of the {len(ids)} clips; check --labels")
    decided = []
    for clip_id, plan, found in zip(ids, clips["split"], labelled):
        split, reason = decide(plan, found, quality.get(clip_id))
        silent = _silent(audio_tables, clip_id)
        decided.append(("excluded", silent) if silent and split in ("train", "test", "predict") else (split, reason))
    contents = [_content(audio_tables, clip_id) for clip_id in ids]
    for k, kept in repeated(contents, [split for split, _ in decided]).items():
        decided[k] = ("excluded", f"its video is the same as that of {ids[kept]}")
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
    columns[_DELAY_FROM] = np.array([source for source, *_ in told], object)
    columns |= {name: np.array([row[k] for row in told], float) for k, name in enumerate(_DELAYS, 1)}
    counts = Counter(splits)
    write_table(out, columns, stage="splits", meta={"by_clip": by_clip, "counts": dict(counts)})
    for clip_id, (split, reason) in zip(ids, decided):
        if split == "excluded":
            LOG.warning("%s is excluded: %s", clip_id, reason)
    LOG.info("%d clips: %s", len(ids), ", ".join(f"{n} {split}" for split, n in sorted(counts.items())))
