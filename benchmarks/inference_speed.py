"""Parameters and prediction time of every kind of network: milliseconds a frame on one CPU thread.

    python benchmarks/inference_speed.py [--frames 250] [--repeats 5] [--markdown]

Networks are untrained: their time does not depend on what they learnt. Features are given; a whole clip at once, and
one frame after the other with the state carried over (not for networks that look both ways). Processor time, least of
the repeats: on a busy machine it is an upper bound.
"""

import argparse
import time

import numpy as np
import torch

from speechface.audio.features import shape
from speechface.config import defaults, resolve_model
from speechface.networks.checkpoint import TrainedModel
from speechface.networks.registry import build_network, network_spec, output_columns

#: What is measured: settings of a model.
MODELS = [
    {"feature": "spectrogram", "encoder": 1, "head": "cnn"},
    {"feature": "spectrogram", "encoder": 2, "head": "cnn"},
    {"feature": "spectrogram", "encoder": 1, "head": "gru"},
    {"feature": "spectrogram", "encoder": 1, "head": "bilstm"},
    {"feature": "acoustics", "head": "gru"},
    {"feature": "acoustics", "head": "bilstm"},
    {"family": "sequence", "head": "tcn"},
    {"family": "sequence", "head": "bigru"},
    {"family": "sequence", "head": "bigru2"},
    {"family": "sequence", "head": "attention"},
    {"family": "sequence", "head": "biattention"},
    {"family": "sequence", "feature": "waveform", "head": "tcn"},
]  # fmt: skip


def model_of(settings):
    """An untrained model of these settings."""
    settings = resolve_model(settings)
    size = shape(settings["feature"], defaults(settings["feature"]))
    stats = {"weight_mean": np.full(46, 0.1), "rotation_mean": np.zeros(3), "rotation_std": np.ones(3),
             "feature_mean": np.zeros(size), "feature_std": np.ones(size)}  # fmt: skip
    spec = network_spec(settings, input_shape=size)
    return TrainedModel(build_network(spec, stats).eval(), "net", 0, settings["feature"], {}, output_columns(settings),
                        np.ones(46, bool), spec, stats, {"model": settings})  # fmt: skip


def seconds_of(work, repeats):
    """Least processor seconds of `work`, after one call to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def stream(model, features):
    """Predict frame by frame."""
    state = None
    for frame in features:
        _, state = model.predict_chunk(frame[None], state)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="as a table for docs/models.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    line = "| {} | {} | {} | {} | {} |" if args.markdown else "{:12} {:12} {:>9} {:>10} {:>10}"
    print(line.format("head", "feature", "millions", "ms/frame", "streaming"))
    for settings in MODELS:
        model = model_of(settings)
        features = np.random.default_rng(0).random((args.frames, *model.input_shape)).astype(np.float32)
        whole = seconds_of(lambda model=model, features=features: model.predict(features), args.repeats)
        streaming = "-"
        if not model.bidirectional:
            few = features[:50]
            taken = seconds_of(lambda model=model, few=few: stream(model, few), args.repeats)
            streaming = f"{1e3 * taken / len(few):.2f}"
        head = model.facts["model"]["head"]
        encoder = f" {model.spec['encoder']}" if isinstance(model.spec["encoder"], int) else ""
        count = sum(p.numel() for p in model.network.parameters()) / 1e6
        print(
            line.format(head + encoder, model.feature, f"{count:.2f}", f"{1e3 * whole / len(features):.3f}", streaming)
        )


if __name__ == "__main__":
    main()
