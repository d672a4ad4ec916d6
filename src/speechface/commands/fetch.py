"""Fetch a corpus. RAVDESS comes from Zenodo: archives are checked by their MD5 sums, unpacked and removed; an
interrupted fetch goes on when it is started again, and what is there already is left alone. Of corpora that people must
ask for, the exact steps are printed. Mind their licences (docs/datasets.md).
"""

import argparse
import logging

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from speechface.datasets.fetching import CHANNELS, RECORD, STEPS

    parser.add_argument("dataset", choices=["ravdess", *STEPS])
    parser.add_argument("--out", metavar="DIR", help="folder for the data (default: data/<dataset>)")
    parser.add_argument("--actors", nargs="+", default=[], metavar="N", help="actors, e.g. 1-4 7 (default: all)")
    parser.add_argument("--channels", nargs="+", default=list(CHANNELS), choices=CHANNELS, help="default: both")
    parser.add_argument("--url", default=RECORD, help="another address of the record")


def run(args: argparse.Namespace) -> None:
    from speechface.datasets.fetching import STEPS, archives, fetch

    out = args.out or f"data/{args.dataset}"
    if args.dataset in STEPS:
        print(STEPS[args.dataset].format(out=out))
        return
    wanted = archives(args.url, actors=args.actors, channels=args.channels)
    folders = fetch(wanted, out)
    LOG.info("%s: %d archives; in the config: datasets: {ravdess: {adapter: ravdess, root: %s, ...}}",
             out, len(folders), out)  # fmt: skip
