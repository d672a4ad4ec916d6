"""A trained model as an ONNX graph, for engines without PyTorch."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from speechface.errors import ModelError
from speechface.files import written_whole
from speechface.networks.ensemble import Ensemble
from speechface.networks.predictor import TrainedModel
from speechface.rig.channels import column

__all__ = ["export", "largest_difference", "TOLERANCE", "OPSET"]

OPSET = 17
#: Largest difference between ONNX and PyTorch that is rounding: weights in [0, 1], rotations in radians.
TOLERANCE = 1e-4
#: Frames of the clip that the graph is recorded with; any other number works as well.
_FRAMES = 40


class _Whole(nn.Module):
    """One clip: features (T, ...) and, where the model uses it, neutral (C,) -> outputs (T, n_out)."""

    def __init__(self, model):
        super().__init__()
        self.members = nn.ModuleList(member.network for member in _members(model))
        self.means = [None if member.neutral is None else torch.as_tensor(member.neutral) for member in _members(model)]
        self.channels = model.columns[: len(model.observed)]
        self.register_buffer("observed", torch.as_tensor(np.asarray(model.observed), dtype=torch.float32))

    def forward(self, features, neutral=None):
        total = 0
        for network, mean in zip(self.members, self.means):
            outputs = network(features[None])[0][0]
            weights, others = outputs[:, : len(self.channels)], outputs[:, len(self.channels) :]
            if mean is not None:
                weights = (weights + (neutral - mean)).clamp(0, 1)
            weights = weights * self.observed
            close, jaw = column(self.channels, "mouthClose"), column(self.channels, "jawOpen")
            if close is not None and jaw is not None:
                closed = torch.minimum(weights[:, close : close + 1], weights[:, jaw : jaw + 1])
                weights = torch.cat([weights[:, :close], closed, weights[:, close + 1 :]], 1)
            total = total + torch.cat([weights, others], 1)
        return total / len(self.members)


def _members(model):
    members = model.members if isinstance(model, Ensemble) else [model]
    for member in members:
        if not isinstance(member, TrainedModel):
            raise ModelError(f"'{member.name}' of family {member.family} has no network that an ONNX graph could hold")
    return members


def _example(model, frames, seed):
    """Random features (frames, ...) as the train table had them and, where the model uses it, neutral weights."""
    rng, stats = np.random.default_rng(seed), _members(model)[0].stats
    shape = _members(model)[0].input_shape
    mean, std = (np.asarray(stats[key]).reshape(shape) for key in ("feature_mean", "feature_std"))
    inputs = {"features": (mean + std * rng.standard_normal((frames, *shape))).astype(np.float32)}
    if model.rest != "none":
        inputs["neutral"] = rng.uniform(0, 0.5, len(model.observed)).astype(np.float32)
    return inputs


def export(model: TrainedModel | Ensemble, path: str | Path) -> dict[str, list]:
    """Write `model` as one .onnx file, whole or not at all.

    Returns
    -------
    inputs : dict of str -> list
        Names and shapes, "frames" where any number will do. ``features`` is a clip, or a stretch of one: the graph
        keeps no state between calls. ``neutral``, the speaker's weights at rest, is an input of models that use it.
    """
    example = _example(model, _FRAMES, 0)
    axes = {"features": {0: "frames"}, "outputs": {0: "frames"}}
    with written_whole(path) as temporary, warnings.catch_warnings():
        # the exporter warns of what it cannot follow for other shapes; `largest_difference` tries other shapes
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Whole(model).eval(), tuple(map(torch.from_numpy, example.values())), str(temporary),
            input_names=list(example), output_names=["outputs"], dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    return {name: ["frames", *array.shape[1:]] if name == "features" else list(array.shape)
            for name, array in example.items()}  # fmt: skip


def largest_difference(model: TrainedModel | Ensemble, path: str | Path) -> float | None:
    """Return the largest |ONNX - PyTorch| over clips of 1, 60 and 150 frames, or None without onnxruntime.

    Raises
    ------
    ModelError
        If it is above `TOLERANCE`.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for seed, frames in enumerate((1, 60, 150)):
        inputs = _example(model, frames, seed)
        wanted = model.predict(**inputs)[0]
        worst = max(worst, float(np.abs(session.run(None, inputs)[0] - wanted).max()))
    if worst > TOLERANCE:
        raise ModelError(f"{path}: ONNX and PyTorch differ by {worst:.2g}, at most {TOLERANCE:g} is rounding")
    return worst
