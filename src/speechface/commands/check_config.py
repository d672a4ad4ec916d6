"""Check a config file and print it with every default filled in, so that nothing is left to guess."""

import argparse
import sys

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="config file (YAML)")


def run(args: argparse.Namespace) -> None:
    import yaml

    from speechface.config import load

    yaml.safe_dump(load(args.config).dump(), sys.stdout, sort_keys=False, allow_unicode=True)
