"""A trained model as an ONNX graph that carries its facts, for `speechface.networks.graph` and engines without PyTorch.

The graph takes ``features`` (frames, ...), ``neutral`` where the model uses the speaker's face at rest, where it draws
``noise`` (frames, n), ``guidance`` (n,) and ``styles``, and, where it only looks back, the state that the call before
returned; it gives ``outputs`` (frames, columns) and the new state.
Its ``metadata_props`` say the rest, see `speechface.networks.graph.GraphModel`.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from speechface.audio.features import FEATURES, settings_of_table
from speechface.errors import ModelError
from speechface.files import written_whole
from speechface.networks.ensemble import Ensemble
from speechface.networks.flow_model import FlowModel
from speechface.networks.graph import GraphModel, seal
from speechface.networks.options import OPTIONS
from speechface.networks.predictor import CONTEXT_FRAMES, TrainedModel
from speechface.rig.channels import column

__all__ = ["export", "largest_difference", "TOLERANCE", "OPSET"]

OPSET = 17
#: Largest difference between ONNX and PyTorch that is rounding: weights in [0, 1], rotations in radians.
TOLERANCE = 1e-4
#: Frames of the clip that the graph is recorded with; any other number works as well.
_FRAMES = 40
#: Frames that a network which looks both ways is given at once: as many images, or as many rows of anything else.
_IMAGES, _ROWS = 100, 2000


def _members(model):
    members = model.members if isinstance(model, Ensemble) else [model]
    for member in members:
        if not isinstance(member, TrainedModel) or (member.draws and member is not model):
            raise ModelError(f"'{member.name}' of family {member.family} has no network that an ONNX graph could hold")
    return members


class _Whole(nn.Module):
    """All members as one: features (T, ...), neutral (n_channels,) if used, states -> outputs (T, n_out), states."""

    def __init__(self, model, state_sizes):
        super().__init__()
        members = _members(model)
        self.networks = nn.ModuleList(member.network for member in members)
        self.means = [None if member.neutral is None else torch.as_tensor(member.neutral) for member in members]
        self.register_buffer("observed", torch.as_tensor(np.asarray(model.observed), dtype=torch.float32))
        self.columns = list(model.columns)
        self.told = model.rest != "none"
        self.state_sizes = state_sizes

    def forward(self, features, *given):
        neutral, states = (given[0], list(given[1:])) if self.told else (None, list(given))
        total, left = 0, []
        for network, mean, size in zip(self.networks, self.means, self.state_sizes):
            state = [states.pop(0) for _ in range(size)]
            outputs, state = network(features[None], _joined(state))
            total = total + self._finished(outputs[0], mean, neutral)
            left += _parts(state) if size else []
        return (total / len(self.networks), *left)

    def _finished(self, outputs, mean, neutral):
        """As `TrainedModel` finishes: departures from rest added, unobserved channels 0, mouthClose within jawOpen."""
        weights, others = outputs[:, : len(self.observed)], outputs[:, len(self.observed) :]
        if mean is not None:
            weights = (weights + (neutral - mean)).clamp(0, 1)
        weights = weights * self.observed
        close, jaw = column(self.columns, "mouthClose"), column(self.columns, "jawOpen")
        if close is not None and jaw is not None:
            closed = torch.minimum(weights[:, close : close + 1], weights[:, jaw : jaw + 1])
            weights = torch.cat([weights[:, :close], closed, weights[:, close + 1 :]], 1)
        return torch.cat([weights, others], 1)


class _Drawn(_Whole):
    """A flow: features (T, ...), neutral if used, noise (T, n), guidance (n,), styles (s,) -> outputs (T, n_out)."""

    def __init__(self, model):
        super().__init__(model, [0])
        network = self.networks[0]
        self.steps = int(model.option("steps"))
        # rows put what is drawn into the places of the outputs
        self.register_buffer("places", torch.eye(network.n_out)[network.kept])

    def forward(self, features, *given):
        neutral = given[0] if self.told else None
        noise, guidance, styles = given[-3:]
        network, both = self.networks[0], torch.tensor([1.0, 0.0])
        joined, _ = network(features[None])
        known, point, styles = network.known(joined).repeat(2, 1, 1), noise[None], styles[None].repeat(2, 1)
        for step in range(self.steps):
            time = torch.full((2,), step / self.steps)
            heard, unheard = network.field(point.repeat(2, 1, 1), time, known, heard=both, styles=styles).split(1)
            point = point + (guidance * heard + (1 - guidance) * unheard) / self.steps
        drawn = (point[0] * network.spread + network.centre) @ self.places
        outputs = joined[0, :, : network.n_out] * (1 - self.places.sum(0)) + drawn
        n_weights = len(self.observed)
        outputs = torch.cat([outputs[:, :n_weights].clamp(0, 1), outputs[:, n_weights:]], 1)
        return self._finished(outputs, self.means[0], neutral)


def _drawn_inputs(model, frames):
    """Noise, guidance and styles to record the graph of a flow with."""
    n_drawn, n_styles = len(model.network.kept), len(model.spec["flow"]["styles"])
    return {"noise": np.zeros((frames, n_drawn), np.float32), "guidance": np.ones(n_drawn, np.float32),
            "styles": np.zeros(n_styles, np.float32)}  # fmt: skip


def _parts(state):
    """Tensors of a network's state: one, or two of an LSTM."""
    return list(state) if isinstance(state, tuple) else [state]


def _joined(parts):
    return None if not parts else parts[0] if len(parts) == 1 else tuple(parts)


def _example(model, frames, seed):
    """Random features (frames, ...) as the train table had them and, where the model uses it, neutral weights."""
    rng, stats = np.random.default_rng(seed), _members(model)[0].stats
    shape = _members(model)[0].input_shape
    mean, std = (np.asarray(stats[key]).reshape(shape) for key in ("feature_mean", "feature_std"))
    inputs = {"features": (mean + std * rng.standard_normal((frames, *shape))).astype(np.float32)}
    if model.rest != "none":
        inputs["neutral"] = rng.uniform(0, 0.5, len(model.observed)).astype(np.float32)
    return inputs


def _states(model, features):
    """Number of state tensors of each member, and those tensors after `features`; none where one looks ahead."""
    members = _members(model)
    if any(member.bidirectional for member in members):
        return [0] * len(members), []
    with torch.no_grad():
        found = [member.network(torch.from_numpy(features)[None])[1] for member in members]
    parts = [[] if state is None else _parts(state) for state in found]
    return [len(of) for of in parts], [tensor for of in parts for tensor in of]


def _facts(model: TrainedModel | Ensemble, states: dict[str, list], facts: dict[str, Any]) -> dict[str, Any]:
    """What the graph says of itself, see `speechface.networks.graph.GraphModel`."""
    members, feature = _members(model), FEATURES[model.feature]
    settings = settings_of_table(model.feature, model.feature_settings)
    both_ways = any(member.bidirectional for member in members)
    rests = [member.neutral for member in members if member.neutral is not None]
    around = CONTEXT_FRAMES if both_ways else 0
    if isinstance(model, FlowModel):
        options = {name: model.option(name) for name in OPTIONS}
        around += int(options["steps"]) * model.network.field.reach
        drawn = [model.columns[k] for k in model.network.kept.tolist()]
        facts = {**facts, "drawn": drawn, "options": options, "styles": model.spec["flow"]["styles"]}
    return {
        "name": model.name, "seed": model.seed, "family": model.family, "columns": list(model.columns),
        "mean_rest": np.mean(rests, 0).tolist() if rests else None,
        "observed": [bool(value) for value in model.observed], "feature": model.feature,
        "feature_settings": model.feature_settings, "rest": model.rest, "rest_frames": model.rest_frames,
        "audio_rate_hz": model.feature_settings["audio_sr"], "look_ahead_ms": feature.look_ahead_ms(settings),
        "frame_rule": "row k ends at sample round(t[k+1] * rate), t in seconds; sound outside the clip is silence",
        "mel_scale": "slaney", "state": states, "context_frames": around,
        "chunk_frames": _IMAGES if feature.kind == "image" else _ROWS, **facts,
    }  # fmt: skip


def export(model: TrainedModel | Ensemble, path: str | Path, facts: dict[str, Any] | None = None) -> dict[str, list]:
    """Write `model` as one .onnx file, whole or not at all.

    Parameters
    ----------
    model, path
    facts : dict of JSON values to put in as well: provenance, licence

    Returns
    -------
    inputs : dict of str -> list
        Names and shapes, "frames" where any number will do, "past" where it is what the call before returned, and none
        at the start.
    """
    import onnx

    example = _example(model, _FRAMES, 0)
    sizes, states = _states(model, example["features"])
    example |= _drawn_inputs(model, _FRAMES) if model.draws else {}
    names = [f"state_{k}" for k in range(len(states))]
    # states of convolutions and attention are the last frames, (1, past, n); those of cells have one size
    grows = [tensor.dim() == 3 and tensor.shape[0] == 1 and tensor.shape[1] > 1 for tensor in states]
    shapes = {name: [1, "past", tensor.shape[2]] if grow else list(tensor.shape)
              for name, tensor, grow in zip(names, states, grows)}  # fmt: skip
    axes = {name: {0: "frames"} for name in ("features", "noise", "outputs") if name in {*example, "outputs"}}
    for name, grow in zip(names, grows):
        if grow:
            axes |= {name: {1: f"{name}_past"}, f"{name}_out": {1: f"{name}_left"}}
    whole = _Drawn(model) if model.draws else _Whole(model, sizes)
    inputs = (*map(torch.from_numpy, example.values()), *states)
    with written_whole(path) as temporary, warnings.catch_warnings():
        # the exporter warns of what it cannot follow for other shapes; `largest_difference` tries other shapes
        warnings.simplefilter("ignore")
        torch.onnx.export(
            whole.eval(), inputs, str(temporary), input_names=[*example, *names],
            output_names=["outputs", *(f"{name}_out" for name in names)], dynamic_axes=axes, opset_version=OPSET,
            dynamo=False,
        )  # fmt: skip
        graph = onnx.load(str(temporary))
        onnx.helper.set_model_props(
            graph, {key: json.dumps(value) for key, value in _facts(model, shapes, facts or {}).items()}
        )
        Path(temporary).write_bytes(seal(graph.SerializeToString()))
    given = {name: ["frames", *array.shape[1:]] if name in axes else list(array.shape)
             for name, array in example.items()}  # fmt: skip
    return given | shapes


def largest_difference(model: TrainedModel | Ensemble, path: str | Path) -> float:
    """Return the largest |ONNX - PyTorch| over clips of 1, 10 and 1,000 frames.

    Raises
    ------
    ModelError
        If it is above `TOLERANCE`.
    """
    graph, worst = GraphModel.load(path), 0.0
    for seed, frames in enumerate((1, 10, 1000)):
        inputs = _example(model, frames, seed)
        wanted = model.predict(**inputs)[0]
        worst = max(worst, float(np.abs(graph.predict(**inputs)[0] - wanted).max()))
    if worst > TOLERANCE:
        raise ModelError(f"{path}: ONNX and PyTorch differ by {worst:.2g}, at most {TOLERANCE:g} is rounding")
    return worst
