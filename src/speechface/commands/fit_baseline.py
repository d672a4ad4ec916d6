"""Fit one trivial reference on a train table: neutral, mean, ridge or knn."""

import logging
from argparse import ArgumentParser, Namespace

from speechface.commands.common import add_settings, settings_of

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="its family: neutral, mean, ridge or knn")
    parser.add_argument("--train", required=True, help="train table of build-split")
    parser.add_argument("--stats", required=True, help="its statistics (label-stats)")
    parser.add_argument("--out", required=True, help="baseline to write (.npz)")
    add_settings(parser, "baselines")


def run(args: Namespace) -> None:
    from speechface.commands.label_stats import read_stats
    from speechface.errors import ModelError
    from speechface.networks.families import FAMILIES
    from speechface.networks.loading import save_model

    family = FAMILIES[args.name]
    if family.fit is None:
        raise ModelError(f"--name: models of family {args.name} are not fitted")
    stats = read_stats(args.stats)
    save_model(args.out, family.fit(args.name, args.train, stats, settings_of(args)))
    LOG.info("%s: fitted on %d frames of %d clips", args.name, stats["n_frames"], stats["n_clips"])
