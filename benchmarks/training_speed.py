"""Speed of the networks on this machine: training in windows/s, inference in ms a frame.

    python benchmarks/training_speed.py [--head cnn] [--batch 300] [--threads 1 2] [--out speed.csv]

Wall time is what a user waits; on a machine that is busy otherwise, look at the column of processor time.
"""

import argparse
import copy
import csv
import sys
import time

import numpy as np
import torch

from speechface.config import resolve_model
from speechface.networks.precision import _cpu_has_bf16
from speechface.networks.registry import build_network, network_spec

COLUMNS = ("what", "threads", "precision", "memory_format", "batch", "wall", "processor", "unit")
STATS = {"weight_mean": np.full(46, 0.1), "rotation_mean": np.zeros(3), "rotation_std": np.ones(3)}


def best_of(step, repeats):
    """Least wall and processor seconds of `step` over `repeats` calls, after one call to warm up."""
    step()
    wall, processor = [], []
    for _ in range(repeats):
        began, began_cpu = time.perf_counter(), time.process_time()
        step()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - began_cpu)
    return min(wall), min(processor)


def training_step(network, features, precision):
    """Return a function that does one training step."""
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, weight_decay=1e-4, fused=True)

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = network(features)[0].square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_value_(network.parameters(), 3.0)
        optimizer.step()

    return step


def measure(network, *, head, batch, threads, repeats):
    """Yield rows of `COLUMNS`."""
    frames = 1 if head == "cnn" else 100
    windows = batch // frames * frames
    features = torch.rand(windows // frames, frames, 128, 32)
    precisions = ["32"] + (["bf16"] if _cpu_has_bf16() else [])
    formats = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
    for count in threads:
        torch.set_num_threads(count)
        for precision in precisions:
            for name, memory_format in formats.items():
                net = copy.deepcopy(network).to(memory_format=memory_format)
                wall, processor = best_of(training_step(net, features, precision), repeats)
                yield "training", count, precision, name, windows, windows / wall, windows / processor, "windows/s"
    torch.set_num_threads(1)
    for size in (1, 90, 256):
        clip = torch.rand(1, size, 128, 32)
        for name, memory_format in formats.items():
            net = copy.deepcopy(network).to(memory_format=memory_format).eval()
            with torch.inference_mode():
                wall, processor = best_of(lambda net=net, clip=clip: net(clip), repeats)
            yield "inference", 1, "32", name, size, 1e3 * wall / size, 1e3 * processor / size, "ms/frame"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", default="cnn", choices=["cnn", "gru", "lstm", "bigru", "bilstm"])
    parser.add_argument("--batch", type=int, default=300, help="windows a training step")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", help="csv to write as well")
    args = parser.parse_args()
    spec = network_spec(resolve_model({"head": args.head}), input_shape=(128, 32))
    network = build_network(spec, STATS)
    print(f"{args.head}: {sum(p.numel() for p in network.parameters()):,} parameters, PyTorch {torch.__version__}")
    rows = []
    for row in measure(network, head=args.head, batch=args.batch, threads=args.threads, repeats=args.repeats):
        rows.append(row)
        what, threads, precision, name, batch, wall, processor, unit = row
        print(f"{what:9} {threads} threads {precision:>4} {name:13} batch {batch:3}: "
              f"{wall:7.2f} {unit} ({processor:7.2f} by processor time)")  # fmt: skip
        sys.stdout.flush()
    if args.out:
        with open(args.out, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
