"""Download the ICT-FaceKit head (MIT licence, one pinned commit), check every file and write one archive.

The archive is whole or absent; an interrupted download goes on where the server allows it. Builds with
`speechface build-rig --settings '{"kind": "ict", "source": ARCHIVE}'`.
"""

import argparse
import logging

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="ARCHIVE", help="archive to write, .tar.xz or .tar.gz")
    parser.add_argument("--url", help="another address of the same files, e.g. a mirror or file:///.../ict.tar.gz")


def run(args: argparse.Namespace) -> None:
    from speechface.rig.fetch import fetch

    count = fetch(args.out, url=args.url)
    LOG.info("%s: %d files, all checksums hold", args.out, count)
