"""The ``speechface`` command: one command per workflow rule.

Only the module of the command that was asked for is imported, so that ``--help`` answers at once.
"""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence

from speechface import __version__, logs
from speechface.errors import PATH_ERRORS, SpeechfaceError, is_full_disk

__all__ = ["COMMANDS", "build_parser", "main"]

#: command -> (one line of help, group). The module is ``speechface.commands.<command with underscores>``.
COMMANDS = {
    "view": ("speaking .glb -> a page that plays it", "use a model"),
    "export-onnx": ("trained network -> ONNX graph for engines", "use a model"),
    "animate": ("speech recording in; video, curves and tables out", "use a model"),
    "live": ("sound of a microphone in; frames for engines and avatars out, at once", "use a model"),
    "check-config": ("check a config file and print it with all defaults", "workflow"),
    "plan": ("tell what a run will cost: frames, hours, disk and cluster jobs", "workflow"),
    "job-report": ("memory and time that the jobs of a run asked for, and what they used", "workflow"),
    "check-results": ("compare what earlier runs left with a config file", "workflow"),
    "inspect": ("take one clip through all steps; tell what was used and masked, and why", "workflow"),
    "doctor": ("look at this machine: what is missing, and what to do", "workflow"),
    "reference": ("print the reference of all configuration keys, or of all metrics", "workflow"),
    "list-clips": ("list every clip of the configured datasets with its planned split", "workflow"),
    "make-demo-actors": ("build the heads of the demo actors into one .npz file", "data"),
    "make-demo-clips": ("synthesise clips of demo actors, with their exact truth", "data"),
    "fetch": ("download RAVDESS, or tell how to come by another corpus", "data"),
    "fetch-rig": ("download the ICT-FaceKit files a rig is built from", "data"),
    "fetch-model": ("download the model of the landmark detector mediapipe", "data"),
    "build-rig": ("build a rig into one .npz file", "data"),
    "extract-audio": ("video -> 44.1 kHz sound and frame times", "prepare"),
    "detect-landmarks": ("videos -> face landmarks of every frame", "prepare"),
    "estimate-delay": ("landmarks and sound -> how late the sound of each clip stands", "prepare"),
    "pool-delays": ("delays of clips -> those of their actors and data sets, and which are used", "prepare"),
    "crop-faces": ("videos and landmarks -> 100x100 face images, a small video a clip", "prepare"),
    "features": ("sound -> one feature a frame, e.g. its spectrogram", "prepare"),
    "unpack": ("tables of sound or videos -> wav or mp4 files", "prepare"),
    "fit-identity": ("all landmarks of an actor -> the actor's identity", "label"),
    "fit-labels": ("landmarks and identity -> head rotation and weights a frame", "label"),
    "label-report": ("quality of the labels of every clip", "label"),
    "label-truth": ("errors of the labels of synthetic clips against their exact truth", "label"),
    "split-clips": ("clip table -> clip table with the final split, and why clips are excluded", "train"),
    "build-split": ("features and labels -> train and test tables", "train"),
    "label-stats": ("train table -> means and standard deviations", "train"),
    "train-model": ("train one network with one seed", "train"),
    "join-models": ("trained networks -> one model that predicts their mean", "train"),
    "fit-baseline": ("fit one trivial reference: neutral, mean, ridge or knn", "train"),
    "predict": ("model and clip features -> tables of weights", "evaluate"),
    "evaluate": ("predictions and labels -> metrics of every clip", "evaluate"),
    "summarise-metrics": ("metrics of clips -> table with bootstrap intervals", "evaluate"),
    "compare-models": ("all models: means over seeds, paired differences, the best", "evaluate"),
    "render-clip": ("prediction beside label and face, as a video with sound", "show"),
    "render-examples": ("best, median and worst test clip of the best model, as videos", "show"),
    "figure": ("draw one figure of the paper", "show"),
    "describe-run": ("a card beside every network, and an RO-Crate of the run", "show"),
    "make-page": ("the page that shows a run: faces, scores, figures, data, costs", "show"),
}

#: Groups whose commands take one thread a process: those that work on clips, since as many jobs as cores keep every
#: core busy, and those that use a model, since threads that share small products wait longer than they work.
_ONE_THREAD = ("data", "prepare", "label", "use a model")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


def _overview() -> str:
    """All commands by group."""
    width = max(map(len, COMMANDS)) + 2
    lines = []
    for group in dict.fromkeys(group for _, group in COMMANDS.values()):
        lines.append(f"{group}:")
        lines += [f"  {name:{width}}{text}" for name, (text, own) in COMMANDS.items() if own == group]
    return "\n".join(lines)


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; with `command`, only that command carries its own options."""
    parser = argparse.ArgumentParser(
        prog="speechface",
        description="Speech in, a moving face out. One command a workflow step; run `speechface COMMAND --help`.",
        epilog=_overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"speechface {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        if command is None or name != command:
            commands.add_parser(name, add_help=False)
            continue
        module = importlib.import_module("speechface.commands." + name.replace("-", "_"))
        sub = commands.add_parser(
            name,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def _reason(error: OSError | RuntimeError) -> str:
    """Why a file could not be written, on one line."""
    if not isinstance(error, OSError):
        return "a file could not be written to its end"
    # pyarrow's texts have details that repeat what is said
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    return f"{reason}: {error.filename}" if error.filename else reason


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 after a one-line message when the input is at fault."""
    own_process = argv is None
    argv = sys.argv[1:] if argv is None else list(argv)
    command = next((word for word in argv if not word.startswith("-")), None)
    logs.configure()
    if own_process and command in COMMANDS and COMMANDS[command][1] in _ONE_THREAD:
        for name in _THREADS:  # read when a library is loaded, so before any is
            os.environ.setdefault(name, "1")
    try:
        args = build_parser(command if command in COMMANDS else None).parse_args(argv)
        args.words = argv
        args.run(args)
    except SpeechfaceError as error:
        print(f"speechface {command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # of `speechface plan | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, RuntimeError) as error:
        if is_full_disk(error):
            print(
                f"speechface {command}: cannot write ({_reason(error)}); what was there before is kept, and so are "
                "finished clips; see to the disk (space, quota, rights) and run again",
                file=sys.stderr,
            )
            return 1
        if not isinstance(error, OSError) or error.errno not in PATH_ERRORS or not error.filename:
            raise
        reason = "a file, where a folder is needed" if error.errno == errno.EEXIST else error.strerror
        print(f"speechface {command}: {error.filename}: {reason}; check the path and its rights", file=sys.stderr)
        return 1
    return 0
