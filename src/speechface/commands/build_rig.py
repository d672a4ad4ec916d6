"""Build the configured rig into one .npz file.

Kinds: builtin (our own head, needs nothing), ict (ICT-FaceKit from its OBJ files: a folder or a .tar.xz), npz (any
other face, docs/rigs.md).
"""

import logging

from speechface.commands.common import add_settings, settings_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--out", required=True, metavar="NPZ", help="rig to write")
    add_settings(parser, "rig")


def run(args):
    from speechface.rig.registry import build_rig

    settings = settings_of(args)
    rig = build_rig(settings["kind"], settings["source"], identity_modes=settings["identity_modes"])
    rig.save(args.out)
    logging.info(
        "rig '%s': %d vertices, %d triangles, %d identity modes",
        rig.name, len(rig.neutral), len(rig.triangles), len(rig.identity),
    )  # fmt: skip
