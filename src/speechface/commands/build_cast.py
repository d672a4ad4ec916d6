"""Sculpt the heads of the demo actors once, into one .npz file that make-demo-clip reads."""

import logging

from speechface.commands.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--out", required=True, metavar="NPZ", help="file to write")
    add_settings(parser, "demo")


def run(args):
    from speechface.synthesis.cast import save_cast

    count = settings_of(args)["actors"]
    save_cast(args.out, range(1, count + 1))
    logging.info("%d demo actors in %s", count, args.out)
