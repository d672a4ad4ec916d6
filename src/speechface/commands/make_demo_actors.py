"""Build the heads of the demo actors once, into one .npz file that make-demo-clips reads."""

import argparse
import logging

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n-actors", required=True, type=int, metavar="N", help="actors 1 to N, at most 24")
    parser.add_argument("--out", required=True, metavar="NPZ", help="file to write")


def run(args: argparse.Namespace) -> None:
    from speechface.errors import ConfigError
    from speechface.synthesis.actors import save_actors

    if not 1 <= args.n_actors <= 24:
        raise ConfigError(f"--n-actors is {args.n_actors}; expected 1 to 24")
    save_actors(args.out, range(1, args.n_actors + 1))
    LOG.info("%d demo actors in %s", args.n_actors, args.out)
