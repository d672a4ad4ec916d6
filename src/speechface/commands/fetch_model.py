"""Download the model of the landmark detector mediapipe (Google's Face Landmarker, Apache 2.0) and check it.

The file is whole or absent; an interrupted download goes on where the server allows it. Name the file in
landmarks.model.
"""

import argparse
import logging

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="TASK", help="file to write, face_landmarker.task")
    parser.add_argument(
        "--url", help="another address of the same file, e.g. a mirror or file:///.../face_landmarker.task"
    )


def run(args: argparse.Namespace) -> None:
    from speechface.landmarks.mesh.model_file import URL, fetch

    fetch(args.out, url=args.url or URL)
    LOG.info("%s: the checksum holds", args.out)
