"""Cut the sound around each video frame of clips, one table a clip, for networks that learn their own filters.

A row ends --settings' look_ahead_ms after the frame does. A clip without usable sound or frames gives a table of no
rows that says why.
"""

from speechface.verbs.features import add_feature_arguments, run_feature

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Add this verb's options."""
    add_feature_arguments(parser, "waveform")


def run(args):
    """Run the verb."""
    run_feature("waveform", args)
