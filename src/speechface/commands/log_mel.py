"""Compute the log-mel spectrum around each video frame of clips, one table a clip.

The newest of the 8 spectra of a frame ends --settings' look_ahead_ms after the frame does. A clip without usable sound
or frames gives a table of no rows that says why.
"""

from speechface.commands.features import add_feature_arguments, run_feature

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Add this command's options."""
    add_feature_arguments(parser, "log_mel")


def run(args):
    """Run the command."""
    run_feature("log_mel", args)
