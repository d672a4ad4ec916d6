"""Compute one spectrogram (128 x 32 by default) for each video frame of clips, one table a clip.

Each window of sound ends with its video frame. A clip without usable sound or frames gives a table of no rows that says
why.
"""

from speechface.commands.features import add_feature_arguments, run_feature

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Add this command's options."""
    add_feature_arguments(parser, "spectrogram")


def run(args):
    """Run the command."""
    run_feature("spectrogram", args)
