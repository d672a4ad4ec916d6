"""Compute log-mel, MFCC with deltas and chroma (537 numbers by default) for each video frame of clips.

What the numbers are stands in `speechface.audio.acoustics` and, as `layout`, in the table's metadata. A clip without
usable sound or frames gives a table of no rows that says why.
"""

from speechface.commands.features import add_feature_arguments, run_feature

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Add this command's options."""
    add_feature_arguments(parser, "acoustics")


def run(args):
    """Run the command."""
    run_feature("acoustics", args)
