"""Parameters and prediction time of every kind of network: milliseconds a frame on one CPU thread.

    python benchmarks/inference_speed.py [--frames 250] [--repeats 5] [--markdown]

Networks are untrained: their time does not depend on what they learnt. Features are given; a whole clip at once, and
one frame after the other with the state carried over (not for networks that look both ways), the same by ONNX Runtime
where it is installed (networks without memory alone: the graph keeps no state). Processor time, least of the repeats:
on a busy machine it is an upper bound. `bound` is the least time that the network's floating-point operations could
take at the speed of a large matrix product, measured here; recurrent cells are not counted.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from speechface.audio.features import FEATURES
from speechface.config import defaults, model_settings
from speechface.networks.predictor import TrainedModel
from speechface.networks.registry import build_network, network_spec, output_columns
from speechface.rig.channels import ARKIT52

#: What is measured: settings of a model.
MODELS = [
    {"feature": "spectrogram", "encoder": "conv", "head": "cnn"},
    {"feature": "spectrogram", "encoder": "conv_pooled", "head": "cnn"},
    {"feature": "spectrogram", "encoder": "conv", "head": "gru"},
    {"feature": "spectrogram", "encoder": "conv", "head": "bilstm"},
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
    settings = model_settings(settings)
    size = FEATURES[settings.feature].shape(defaults(settings.feature))
    stats = {"weight_mean": np.full(len(ARKIT52), 0.1), "rotation_mean": np.zeros(3), "rotation_std": np.ones(3),
             "feature_mean": np.zeros(size), "feature_std": np.ones(size)}  # fmt: skip
    spec = network_spec(settings, input_shape=size)
    return TrainedModel(build_network(spec, stats).eval(), "net", 0, settings.feature, {},
                        output_columns(settings, ARKIT52), np.ones(len(ARKIT52), bool), spec, stats,
                        {"model": settings.dump()})  # fmt: skip


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


def matrix_product_speed():
    """Floating-point operations a second of a large matrix product on this thread."""
    size = 1536
    a, b = torch.rand(size, size), torch.rand(size, size)
    return 2 * size**3 / seconds_of(lambda: a @ b, 5)


def operations(model):
    """Floating-point operations of one frame."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.network(torch.rand(1, 8, *model.input_shape))
    return counter.get_total_flops() / 8


def onnx_streaming(model, features, repeats):
    """Processor seconds of ONNX Runtime frame by frame; None where it is not installed or the network has a memory."""
    try:
        import onnxruntime
    except ImportError:
        return None
    from speechface.networks.onnx import export

    if model.recurrent:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        export(model, Path(folder) / "model.onnx")
        path = str(Path(folder) / "model.onnx")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return seconds_of(lambda: [session.run(None, {"features": frame[None]}) for frame in features], repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="as a table for docs/models.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    line = "| " + " | ".join(["{}"] * 7) + " |" if args.markdown else "{:22} {:12} {:>9} {:>7} {:>10} {:>10} {:>7}"
    speed = matrix_product_speed()
    print(f"matrix product: {speed / 1e9:.0f} GFLOP/s")
    print(line.format("head, encoder", "feature", "millions", "bound", "ms/frame", "streaming", "ONNX"))
    for settings in MODELS:
        model = model_of(settings)
        features = np.random.default_rng(0).random((args.frames, *model.input_shape)).astype(np.float32)
        whole = seconds_of(lambda model=model, features=features: model.predict(features), args.repeats)
        streaming, by_onnx = "-", onnx_streaming(model, features[:50], args.repeats)
        if not model.bidirectional:
            few = features[:50]
            taken = seconds_of(lambda model=model, few=few: stream(model, few), args.repeats)
            streaming = f"{1e3 * taken / len(few):.2f}"
        head = model.facts["model"]["head"]
        count = sum(p.numel() for p in model.network.parameters()) / 1e6
        print(
            line.format(
                f"{head}, {model.spec['encoder']}",
                model.feature,
                f"{count:.2f}",
                f"{1e3 * operations(model) / speed:.3f}",
                f"{1e3 * whole / len(features):.3f}",
                streaming,
                "-" if by_onnx is None else f"{1e3 * by_onnx / len(features[:50]):.2f}",
            )  # fmt: skip
        )


if __name__ == "__main__":
    main()
