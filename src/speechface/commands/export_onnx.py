"""Write a trained network, or an ensemble, as an ONNX file for engines without PyTorch.

The graph takes the features of a clip (frames, ...) and gives one row of outputs a frame, as 'predict' does. Networks
that only look back also take and give a state, so that a stream can be followed in pieces of any length. Models that
use the speaker's face at rest take its weights. The file says all that is needed to use it: columns, the feature and
its settings, sampling rate, look-ahead, state. It is compared with PyTorch on clips of 1, 10 and 1,000 frames; where
the two differ, no file is left.
"""

import logging
from argparse import ArgumentParser, Namespace
from pathlib import Path

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="CKPT", help="trained network or ensemble: model.ckpt")
    parser.add_argument("--out", required=True, metavar="ONNX", help="file to write")
    parser.add_argument("--licence", default="", help="of the model, kept in the file, e.g. 'CC BY 4.0'")


def run(args: Namespace) -> None:
    from speechface.errors import ModelError
    from speechface.files import written_whole
    from speechface.networks.loading import family_of, load_model
    from speechface.provenance import provenance

    if Path(args.out).suffix != ".onnx":
        raise ModelError(f"--out is {args.out}; the name must end in .onnx")
    model = load_model(args.model)
    export = family_of(model).export_onnx
    if export is None or Path(args.model).suffix == ".onnx":
        raise ModelError(f"{args.model}: models of family {model.family} have no network to export; give a model.ckpt")
    facts = {"licence": args.licence, "provenance": provenance(model=f"{model.name}/{model.seed}")}
    with written_whole(args.out) as temporary:
        difference = export(model, temporary, facts)
    LOG.info("%s: %.1f MB, at most %.1e from PyTorch", args.out, Path(args.out).stat().st_size / 1e6, difference)
