"""Build the configured rig into one .npz file.

Kinds: builtin (our own head, needs nothing), ict (ICT-FaceKit from its OBJ files: a folder or a .tar.xz), npz (any
other face, docs/rigs.md).
"""

import argparse
import logging

from speechface.commands.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="NPZ", help="rig to write")
    add_settings(parser, "rig")


def run(args: argparse.Namespace) -> None:
    from speechface.rig.registry import build_rig

    settings = settings_of(args)
    rig = build_rig(settings.kind, settings.source, identity_modes=settings.identity_modes,
                    channels=settings.channels)  # fmt: skip
    rig.save(args.out)
    LOG.info("rig '%s': %d channels, %d vertices, %d triangles, %d identity modes",
             rig.name, len(rig.channels), len(rig.neutral), len(rig.triangles), len(rig.identity))  # fmt: skip
