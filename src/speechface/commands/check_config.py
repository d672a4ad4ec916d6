"""Check a config file and print it with every default filled in, so that nothing is left to guess.

What it names is checked, too: files, actors, splits; but not where the folder of a dataset is not on this machine.
"""

import argparse
import logging
import os
import sys

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="config file (YAML)")


def run(args: argparse.Namespace) -> None:
    import yaml

    from speechface.config import load, plan_clips

    config = load(args.config)
    absent = [name for name, one in config.datasets.items() if not os.path.isdir(getattr(one, "root", "."))]
    for name in absent:
        LOG.warning(
            "datasets.%s.root: no such folder: %s (relative to %s); what depends on its clips is not checked",
            name, getattr(config.datasets[name], "root", ""), os.getcwd(),
        )  # fmt: skip
    if not absent:
        plan_clips(config, args.config)
    yaml.safe_dump(config.dump(), sys.stdout, sort_keys=False, allow_unicode=True)
