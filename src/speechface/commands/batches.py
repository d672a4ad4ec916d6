"""What the commands of single clips share: several clips a process, each with its own outputs and errors."""

import logging

from speechface.errors import BatchError, ConfigError, SpeechfaceError
from speechface.kept import Keeper, Piece

__all__ = ["add_keep", "pieces_of", "work_through"]


def add_keep(parser):
    """Add ``--keep DIR``."""
    parser.add_argument(
        "--keep", default="", metavar="DIR",
        help="folder of kept work: clips that are the same as in an earlier run are taken from it, not made again",
    )  # fmt: skip


def pieces_of(args, *, inputs, outputs, shared=(), facts=None):
    """Return the clips of a command line, one `Piece` each.

    Parameters
    ----------
    args : argparse.Namespace
    inputs, outputs : tuple of str
        Options with one file a clip, in the same order.
    shared : tuple of str
        Options with one input file for all clips.
    facts : list of dict, optional
        Other JSON values that each clip depends on.

    Raises
    ------
    ConfigError
        If the options differ in length, or two clips are to be written to one file.
    """
    counts = {option: len(getattr(args, option)) for option in (*inputs, *outputs)}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"--{option} {count}" for option, count in counts.items())
        raise ConfigError(f"expected as many files of each kind as there are clips, in the same order; found {found}")
    for option in outputs:
        paths = getattr(args, option)
        twice = next((path for place, path in enumerate(paths) if path in paths[:place]), None)
        if twice is not None:
            raise ConfigError(f"--{option} names {twice} twice; every clip needs a file of its own")
    common = {option: getattr(args, option) for option in shared if getattr(args, option)}
    count = counts[outputs[0]]
    return [
        Piece(
            name=str(getattr(args, outputs[0])[place]),
            inputs={option: getattr(args, option)[place] for option in inputs} | common,
            outputs={option: getattr(args, option)[place] for option in outputs},
            facts=facts[place] if facts else {},
        )
        for place in range(count)
    ]


def work_through(pieces, make, *, stage, settings, keep):
    """Make the outputs of every clip; an error of one clip does not stop the others.

    Parameters
    ----------
    pieces : list of Piece
    make : function of a Piece
        Writes its outputs, each whole or not at all.
    stage, settings : str, dict
        What the outputs depend on beside the files, see `speechface.kept.Keeper`.
    keep : str
        Folder of kept work, or "".

    Raises
    ------
    BatchError
        At the end, naming the clips that failed. Each failure is in the log; an unexpected one with its traceback. The
        error of an only clip is raised as it is.
    """
    keeper = Keeper(keep, stage=stage, settings=settings)
    failed, done, kept = [], [], 0
    for piece in pieces:
        if keeper.restore(piece):
            logging.info("%s: nothing changed, kept", piece.name)
            kept += 1
            done.append(piece)
            continue
        try:
            with keeper.keeping(piece):
                make(piece)
        except Exception as error:
            if len(pieces) == 1:
                raise
            # a known error is one line, a bug shows where it is
            logging.error("%s: %s", piece.name, error, exc_info=not isinstance(error, SpeechfaceError))
            failed.append(piece.name)
        else:
            done.append(piece)
    if len(pieces) > 1:
        logging.info("%d clips: %d made, %d kept, %d failed", len(pieces), len(done) - kept, kept, len(failed))
    if failed:
        keeper.note_failure(done)
        raise BatchError(f"{len(failed)} of {len(pieces)} clips failed, the others are done: {', '.join(failed)}")
