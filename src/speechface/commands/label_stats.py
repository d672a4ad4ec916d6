"""Means and standard deviations of a train table: labels, head rotations and features, in one pass."""

import logging
from argparse import ArgumentParser, Namespace
from typing import Any

from speechface.errors import TableError

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run", "train_statistics", "read_stats"]

_KEYS = (
    "channels", "feature", "observed", "n_frames", "n_clips", "weight_mean", "weight_std", "rotation_mean",
    "rotation_std", "feature_mean", "feature_std",
)  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--train", required=True, help="train table of build-split")
    parser.add_argument("--without", metavar="DATASET/ACTOR", help="an actor of the table whose clips do not count")
    parser.add_argument("--out", required=True, help="statistics to write (.json)")


def train_statistics(path: str, without: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return the statistics of a train table as a JSON-able dict; `without` is a (dataset, actor) to leave out.

    Keys: channels, observed, weight_mean, weight_std (a number a channel), rotation_mean, rotation_std (3, radians),
    feature (name), feature_mean, feature_std (nested lists of the feature's shape), n_frames, n_clips.
    Standard deviations are those of the population and may be 0: users floor them.
    """
    import numpy as np

    from speechface.metrics.moments import Moments
    from speechface.rig.channels import ROTATIONS, told
    from speechface.tables import read_meta, row_groups

    meta = read_meta(path)
    feature = meta.get("feature")
    if feature is None:
        raise TableError(f"{path}: not a train table: its metadata names no feature")
    channels = told(meta, path)
    weights, rotations, n_clips = Moments((len(channels),)), Moments((3,)), 0
    inputs: Moments | None = None
    for group in row_groups(path, ["dataset", "actor", feature, *ROTATIONS, *channels]):
        if inputs is None:
            inputs = Moments(group[feature].shape[1:])
        if without and len(group) and (group["dataset"][0], group["actor"][0]) == tuple(without):
            continue  # a row group holds one clip
        weights.update(group.stack(channels))
        rotations.update(group.stack(ROTATIONS))
        inputs.update(group[feature])
        n_clips += len(group) > 0
    if inputs is None or weights.count == 0:
        raise TableError(f"{path}: the train table has no frame")
    numbers = {
        "weight_mean": weights.mean, "weight_std": weights.std,
        "rotation_mean": rotations.mean, "rotation_std": rotations.std,
        "feature_mean": inputs.mean, "feature_std": inputs.std,
    }  # fmt: skip
    for name, values in numbers.items():
        if not np.all(np.isfinite(values)):
            raise TableError(f"{path}: {name} is not finite; a used frame holds NaN")
    return {
        "channels": list(channels),
        "observed": meta.get("observed") or [True] * len(channels),
        "feature": feature,
        "n_frames": weights.count,
        "n_clips": n_clips,
        **{name: values.tolist() for name, values in numbers.items()},
    }


def read_stats(path: str) -> dict[str, Any]:
    """Read the statistics written by this command; TableError where the file is missing, damaged or foreign."""
    from speechface.seals import read_json

    stats = read_json(path)
    missing = [key for key in _KEYS if key not in stats]
    if missing:
        raise TableError(f"{path}: '{missing[0]}' is missing; make it with 'speechface label-stats'")
    return stats


def run(args: Namespace) -> None:
    from speechface.commands.common import actor_of
    from speechface.provenance import provenance
    from speechface.seals import write_json

    stats = train_statistics(args.train, actor_of(args.without) if args.without else None)
    write_json(args.out, {**stats, "provenance": provenance()})
    LOG.info("%s: %d frames of %d clips", stats["feature"], stats["n_frames"], stats["n_clips"])
