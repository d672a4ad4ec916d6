"""Fit one trivial reference on a train table: neutral, mean, ridge or knn."""

import logging

from speechface.commands.common import add_settings, settings_of
from speechface.errors import TableError

__all__ = ["add_arguments", "run", "fit"]

NAMES = ("neutral", "mean", "ridge", "knn")


def add_arguments(parser):
    parser.add_argument("--name", required=True, choices=NAMES)
    parser.add_argument("--train", required=True, help="train table of build-split")
    parser.add_argument("--stats", required=True, help="its statistics (label-stats)")
    parser.add_argument("--out", required=True, help="baseline to write (.npz)")
    add_settings(parser, "baselines")


def fit(name, train, stats, settings):
    """Return the `Baseline` called `name` of a train table (path) and its statistics (dict)."""
    import numpy as np

    from speechface.networks.baselines import COLUMNS, Baseline, fit_knn, fit_mean, fit_neutral, fit_ridge
    from speechface.tables import read_meta, row_groups

    meta = read_meta(train)
    feature = meta.get("feature")
    if feature is None or feature != stats["feature"]:
        raise TableError(f"{train}: its feature is {feature}, that of the statistics is {stats['feature']}")
    target_mean = np.concatenate([stats["weight_mean"], stats["rotation_mean"]])
    scaling = {"mean": stats["feature_mean"], "std": stats["feature_std"]}
    batches = ((group[feature], group.stack(COLUMNS)) for group in row_groups(train, [feature, *COLUMNS]))
    options = {}
    if name == "neutral":
        arrays = fit_neutral()
    elif name == "mean":
        arrays = fit_mean(target_mean)
    elif name == "ridge":
        options = {"alpha": settings["ridge_alpha"]}
        arrays = fit_ridge(batches, target_mean=target_mean, **scaling, **options)
    else:
        options = {"components": settings["knn_components"], "frames": settings["knn_frames"]}
        arrays = fit_knn(batches, n=stats["n_frames"], rng=np.random.default_rng(0), **scaling, **options)
        options["neighbours"] = settings["neighbours"]
    return Baseline(name, feature, meta.get("feature_settings", {}), arrays, options)


def run(args):
    from speechface.commands.label_stats import read_stats

    stats = read_stats(args.stats)
    fit(args.name, args.train, stats, settings_of(args)).save(args.out)
    logging.info("%s: fitted on %d frames of %d clips", args.name, stats["n_frames"], stats["n_clips"])
