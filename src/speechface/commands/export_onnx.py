"""Write a trained network, or an ensemble, as ONNX for engines without PyTorch.

The graph takes the features of a clip (frames, ...) and gives one row of outputs a frame, as 'predict' does; it keeps
no state between calls. Models that use the speaker's face at rest also take its weights. A JSON beside the file
tells feature, settings, inputs and columns. With onnxruntime installed (the extra 'onnx') the graph is checked against
PyTorch on random clips of three lengths; where they differ, no file is left.
"""

import json
import logging
from argparse import ArgumentParser, Namespace
from pathlib import Path

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="CKPT", help="trained network or ensemble: model.ckpt")
    parser.add_argument("--out", required=True, metavar="ONNX", help="file to write")


def run(args: Namespace) -> None:
    from speechface.errors import ModelError
    from speechface.files import written_whole
    from speechface.networks.loading import family_of, load_model
    from speechface.provenance import provenance

    if Path(args.out).suffix != ".onnx":
        raise ModelError(f"--out is {args.out}; the name must end in .onnx")
    model = load_model(args.model)
    export = family_of(model).export_onnx
    if export is None:
        raise ModelError(f"{args.model}: models of family {model.family} have no ONNX graph")
    with written_whole(args.out) as temporary:
        graph = export(model, temporary)
    facts = {
        "name": model.name, "seed": model.seed, "feature": model.feature, "feature_settings": model.feature_settings,
        "outputs": ["frames", len(model.columns)], "columns": list(model.columns), **graph,
        "provenance": provenance(model=str(args.model)),
    }  # fmt: skip
    with written_whole(Path(args.out).with_suffix(".json")) as temporary:
        Path(temporary).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    checked = "not checked: onnxruntime is not installed (pip install 'speechface[onnx]')"
    if graph["largest_difference"] is not None:
        checked = f"at most {graph['largest_difference']:.1e} from PyTorch"
    LOG.info("%s: %.1f MB, %s", args.out, Path(args.out).stat().st_size / 1e6, checked)
