"""Model files of every family: .ckpt, written by PyTorch; .npz, which needs NumPy alone; .onnx, see `graph`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speechface.errors import ConfigError, ModelError
from speechface.files import write_npz, written_whole
from speechface.networks.families import FAMILIES
from speechface.networks.families.base import Family, Predictor
from speechface.seals import check_zip

__all__ = ["FORMAT", "configured", "family_of", "load_model", "save_model"]

FORMAT = "speechface model 3"


def family_of(model: Predictor) -> Family:
    """The family of a predictor."""
    return FAMILIES[model.family]


def configured(model: Predictor, options: Sequence[str]) -> Predictor:
    """A predictor with options ``KEY=VALUE``; ModelError where its family has none, or not these."""
    if not options:
        return model
    configure = family_of(model).configure
    if configure is None:
        raise ModelError(f"--option {options[0]}: models of family {model.family} have no options; leave it out")
    pairs = [option.partition("=") for option in options]
    for option, (_, equals, value) in zip(options, pairs):
        if not equals or not value:
            raise ModelError(f"--option {option}: expected KEY=VALUE, e.g. emotion=happy:0.7 or guidance=2")
    return configure(model, {key: value for key, _, value in pairs})


def save_model(path: str | Path, model: Predictor) -> None:
    """Write a model as one file, whole or not at all; its name ends in .ckpt or .npz."""
    content = {"format": FORMAT, "family": model.family, **family_of(model).content(model)}
    if Path(path).suffix == ".npz":
        import numpy as np

        arrays = {key: value for key, value in content.items() if isinstance(value, np.ndarray)}
        header = {key: value for key, value in content.items() if key not in arrays}
        write_npz(path, {"header": np.array(json.dumps(header, sort_keys=True)), **arrays})
        return
    import torch

    with written_whole(path) as temporary:
        torch.save(content, temporary)


def load_model(path: str | Path, *, threads: int = 0) -> Predictor:
    """Return the model in a file, of whatever family it says, on the CPU.

    threads : int, of an .onnx; 0, as many as there are cores

    Raises
    ------
    ModelError
        If the file is absent or not a model of this version, or its family is not known here.
    """
    if Path(path).suffix not in (".ckpt", ".npz", ".onnx"):
        raise ModelError(f"{path}: a model is a .ckpt or .onnx (network) or a .npz (baseline)")
    if not Path(path).exists():
        raise ModelError(f"{path}: no such model; make it with 'speechface train-model' or 'fit-baseline'")
    if Path(path).suffix == ".onnx":
        from speechface.networks.graph import GraphModel

        return GraphModel.load(path, threads=threads)
    check_zip(path, ModelError)
    try:
        content = _npz(path) if Path(path).suffix == ".npz" else _ckpt(path)
    except ImportError:
        raise ModelError(
            f"{path}: a network needs PyTorch, which is not installed: pip install 'speechface[train]'"
        ) from None
    except Exception as error:  # PyTorch raises many kinds for a file that is not its own
        raise ModelError(f"{path}: not a readable model file ({type(error).__name__})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelError(f"{path}: not a model of this version of speechface; make it again")
    try:
        return FAMILIES[content["family"]].restore(content)
    except (ConfigError, ModelError) as error:
        raise ModelError(f"{path}: {error}") from None


def _npz(path: str | Path) -> dict[str, Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "header"}
        return {**json.loads(str(file["header"])), **arrays}


def _ckpt(path: str | Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)
