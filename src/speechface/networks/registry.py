"""How the settings of one model become a network.

To add an encoder or a head: write its module and add one line to `ENCODERS` or `HEADS`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from speechface.audio.features import FEATURES
from speechface.errors import ModelError
from speechface.networks.attention import AttentionHead
from speechface.networks.encoders import (
    ENCODER_WIDTHS,
    ConvolutionalEncoder,
    FrozenEncoder,
    StandardisingEncoder,
    adopt_encoder,
)
from speechface.networks.families.base import NetworkSettings
from speechface.networks.heads import DenseHead, OutputLayer, RecurrentHead
from speechface.networks.network import SpeechNetwork
from speechface.networks.temporal import HopEncoder, TemporalHead
from speechface.networks.waveform import WaveformEncoder
from speechface.rig.channels import ROTATIONS

__all__ = ["ENCODERS", "HEADS", "network_spec", "build_network", "output_columns", "is_recurrent"]


def _convolutional(spec, stats):
    first, most, pool = ENCODER_WIDTHS[spec["encoder"]]
    return ConvolutionalEncoder(
        spec["input_shape"],
        first_channels=max(1, round(first * spec["width"])),
        max_channels=max(1, round(most * spec["width"])),
        frequency_layers=spec["frequency_layers"],
        pool=pool,
    )


def _standardising(spec, stats):
    return StandardisingEncoder(stats["feature_mean"], stats["feature_std"])


def _hops(spec, stats):
    mean, std = stats["feature_mean"], stats["feature_std"]
    return HopEncoder(mean, std, n_channels=_units(SEQUENCE_CHANNELS, spec["width"]))


def _samples(spec, stats):
    scale = np.sqrt(np.mean(np.square(stats["feature_std"])))
    n_channels = _units(SEQUENCE_CHANNELS, spec["width"])
    return WaveformEncoder(spec["input_shape"][0], scale, n_channels=n_channels, width=spec["width"])


def _recurrent(cell, units, *, bidirectional=False, n_layers=1):
    def head(n_in, spec):
        n_hidden = _units(units, spec["width"])
        return RecurrentHead(n_in, cell=cell, n_hidden=n_hidden, bidirectional=bidirectional, n_layers=n_layers)

    return head


#: Width of the networks of family `sequence`.
SEQUENCE_CHANNELS = 160

#: encoder -> function (spec, stats) -> module. The first two are for images; plain numbers, a few spectra and samples
#: of sound have one each.
ENCODERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], nn.Module]] = {
    "conv": _convolutional, "conv_pooled": _convolutional, "standardise": _standardising, "hops": _hops,
    "samples": _samples,
}  # fmt: skip


def _attention(both_ways):
    def head(n_in, spec):
        channels = _units(SEQUENCE_CHANNELS, spec["width"])
        return AttentionHead(n_in, n_channels=channels, both_ways=both_ways, dropout=spec["dropout"])

    return head


#: head -> function (n_in, spec) -> module
HEADS: dict[str, Callable[[int, dict[str, Any]], Any]] = {
    "cnn": lambda n_in, spec: DenseHead(n_in, n_hidden=_units(1024, spec["width"])),
    "gru": _recurrent(nn.GRU, 256),
    "lstm": _recurrent(nn.LSTM, 256),
    "bigru": _recurrent(nn.GRU, 128, bidirectional=True),
    "bilstm": _recurrent(nn.LSTM, 128, bidirectional=True),
    "bigru2": _recurrent(nn.GRU, 128, bidirectional=True, n_layers=2),
    "tcn": lambda n_in, spec: TemporalHead(
        n_in, n_channels=_units(SEQUENCE_CHANNELS, spec["width"]), dropout=spec["dropout"]
    ),
    "attention": _attention(both_ways=False),
    "biattention": _attention(both_ways=True),
}


def _units(full, width):
    return max(1, round(full * width))


def is_recurrent(settings: Any) -> bool:
    """Does the model of these settings see several frames, i.e. train on sequences?"""
    return settings.head != "cnn"


def output_columns(settings: NetworkSettings, channels: Sequence[str]) -> tuple[str, ...]:
    """Names of the outputs in their order: the channels, then the rotations where the model gives them."""
    return tuple(channels) + (ROTATIONS if settings.outputs == "weights_rotation" else ())


def network_spec(
    settings: Any, *, input_shape: Sequence[int], source: dict[str, Any] | None = None, width: float = 1.0
) -> dict[str, Any]:
    """Return the JSON-able description that `build_network` needs.

    Parameters
    ----------
    settings : settings of a model that has a network
    input_shape : sequence of int, shape of one row of its feature, whose kind decides on the encoder
    source : dict, spec of the model whose encoder is taken; with encoder pretrained only
    width : float, factor on all layer widths; 1 but in tests

    Raises
    ------
    ModelError
        If the encoder cannot take such input, or encoder pretrained comes without its source.
    """
    shape = [int(n) for n in input_shape]
    spec = {"input_shape": shape, "width": float(width), "head": settings.head, "outputs": settings.outputs,
            "dropout": float(settings.dropout), "frozen": False}  # fmt: skip
    kind = FEATURES[settings.feature].kind
    if kind == "image":
        return spec | _image_encoder(settings, shape, source)
    if kind == "samples" and shape[0] < WaveformEncoder.shortest():
        raise ModelError(
            f"the train table has rows of {shape[0]} samples; networks on samples take at least "
            f"{WaveformEncoder.shortest()} ({settings.feature}.window_ms)"
        )
    if kind == "hops" and (len(shape) != 2 or shape[0] < 6):
        raise ModelError(
            f"the train table has rows of shape {tuple(shape)}; networks on spectra take (hops, bands) of at least 6 "
            f"hops ({settings.feature}.n_hops)"
        )
    return spec | {"encoder": "standardise" if kind == "vector" else kind}


def _image_encoder(settings, shape, source):
    """The encoder's part of a spec."""
    if settings.encoder != "pretrained":
        return {"encoder": settings.encoder, "frequency_layers": settings.frequency_layers}
    if source is None:
        raise ModelError("encoder pretrained takes that of a trained model; give its checkpoint by --encoder-from")
    if list(source["input_shape"]) != shape:
        raise ModelError(
            f"the encoder to take over was trained on windows of {tuple(source['input_shape'])}, the train table "
            f"has {tuple(shape)}; train both models on the same feature settings"
        )
    return {**{key: source[key] for key in ("encoder", "frequency_layers", "width")}, "frozen": settings.encoder_frozen}


def build_network(spec: dict[str, Any], stats: dict[str, Any], *, encoder: Any = None) -> SpeechNetwork:
    """Return a fresh `SpeechNetwork`.

    Parameters
    ----------
    spec : dict from `network_spec`
    stats : dict
        ``weight_mean`` (C,), ``rotation_mean``, ``rotation_std`` (3,) radians, and for plain numbers as input
        ``feature_mean``, ``feature_std``, all of the train table.
    encoder : trained encoder to copy (encoder pretrained), or None to make one
    """
    if encoder is not None:
        encoder = adopt_encoder(encoder, frozen=spec["frozen"])
    else:
        encoder = ENCODERS[spec["encoder"]](spec, stats)
        if spec["frozen"]:
            encoder = FrozenEncoder(encoder)
    head = HEADS[spec["head"]](encoder.n_out, spec)
    rotates = spec["outputs"] == "weights_rotation"
    output = OutputLayer(
        head.n_out,
        weight_mean=stats["weight_mean"],
        rotation_mean=stats["rotation_mean"] if rotates else [],
        rotation_std=stats["rotation_std"] if rotates else [],
        dropout=spec["dropout"],
    )
    # convolutions run in the memory format of their weights; channels last is the faster one (benchmarks)
    return SpeechNetwork(encoder, head, output).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
