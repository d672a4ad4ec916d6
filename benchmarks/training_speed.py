"""Speed of training on this machine, beside a plain loop: frames/s, fraction of what the machine could do.

    python benchmarks/training_speed.py TRAIN.parquet STATS.json [--rig RIG.npz] [--model JSON] [--gpu] [--threads 2]

Trains one model by `speechface train-model` for two epochs (the second is told) and by a plain loop: the same network
in float32, eager PyTorch, Adam, the rows of the table one after the other from Parquet. `bound` is the least time a
step could take: its floating-point operations at the speed of a large matrix product, or the bytes that its operations
read and write at the speed of a large copy, both measured here, whichever is longer; fused operations can do with fewer
bytes.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from speechface.config import model_settings
from speechface.networks.registry import build_network, is_recurrent, network_spec
from speechface.rig.channels import ARKIT52
from speechface.tables import stored_rows


class _BytesCounter(TorchDispatchMode):
    """Adds up the bytes of the tensors that operations read and write; views cost nothing."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            for tensor in _tensors([args, kwargs or {}, out]):
                self.total += tensor.numel() * tensor.element_size()
        return out


def _tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)


def plain_batches(path, feature, *, frames_per_step, frames):
    """(features (B, T, ...), weights (B, T, C)) of rows read one by one; T is `frames`, B makes it a step's rows."""
    with pq.ParquetFile(path) as file:
        meta = json.loads(file.schema_arrow.metadata[b"speechface"])
        shape, step = meta["_shapes"][feature], meta.get("_scaled", {}).get(feature, 1.0)
        rows = max(1, frames_per_step // frames) * frames
        taken, channels = [], meta["channels"]
        for row in file.iter_batches(batch_size=1, columns=[feature, *channels]):
            values = stored_rows(pa.chunked_array([row.column(feature)])).reshape(shape).astype(np.float32) * step
            taken.append((values, [row.column(name)[0].as_py() for name in channels]))
            if len(taken) == rows:
                features, weights = (torch.from_numpy(np.array(part, np.float32)) for part in zip(*taken))
                yield features.unflatten(0, (-1, frames)), weights.unflatten(0, (-1, frames))
                taken = []


def training_step(network, device, *, precision="32"):
    """A function (features, weights) that does one step of plain training."""
    network = network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, weight_decay=1e-4)

    def step(features, weights):
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
            outputs = network(features.to(device))[0][..., : weights.shape[-1]]
        (outputs.float() - weights.to(device)).square().mean().backward()
        torch.nn.utils.clip_grad_value_(network.parameters(), 3.0)
        optimizer.step()

    return step


def waited(device):
    """The clock, s, when all work given to `device` is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def plain_speed(network, path, feature, device, *, frames_per_step, frames, seconds):
    """Frames/s of a plain loop that starts to be measured after its second step."""
    step, done, began = training_step(network, device), 0, None
    steps = plain_batches(path, feature, frames_per_step=frames_per_step, frames=frames)
    for number, (features, weights) in enumerate(steps):
        step(features, weights)
        if number == 1:
            began = waited(device)
        elif began is not None:
            done += weights.shape[0] * weights.shape[1]
            if time.perf_counter() - began > seconds:
                break
    if not done:
        raise SystemExit(f"{path}: fewer than three steps of {frames_per_step} frames; take a larger table")
    return done / (waited(device) - began)


def own_speed(args, settings, frames_per_epoch, folder):
    """(frames/s of the last epoch, number format, utilisation of the GPU in % or None) of `speechface train-model`."""
    training = {"frames_per_step": args.frames_per_step, "epochs": 2, "frames_per_epoch": frames_per_epoch,
                "validation_fraction": 0}  # fmt: skip
    settings = {**settings, "training": training}  # above what the model's family sets
    command = [sys.executable, "-m", "speechface", "train-model", "--name", "speed", "--settings", json.dumps(settings),
               "--train", args.train, "--stats", args.stats, "--seed", "0",
               "--threads", str(args.threads), "--gpus", str(int(args.gpu)), "--out", f"{folder}/model.ckpt",
               "--log", f"{folder}/log.csv", "--work-dir", f"{folder}/work"]  # fmt: skip
    command += ["--rig", args.rig] if args.rig else []
    child, used = subprocess.Popen(command), []
    watch = threading.Thread(target=_watch, args=(child, used), daemon=True)
    if args.gpu:
        watch.start()
    if child.wait():
        raise SystemExit("speechface train-model failed")
    rows = list(csv.DictReader(open(f"{folder}/log.csv")))
    history = json.loads(Path(f"{folder}/model.json").read_text())["history"]
    # of the second epoch: the first includes the start
    late = [
        value
        for moment, value in used
        if moment > used[-1][0] - (float(rows[1]["seconds"]) - float(rows[0]["seconds"]))
    ]
    return float(rows[1]["windows_per_s"]), history["precision"], float(np.mean(late)) if late else None


def _watch(child, used):
    """Note the GPU's utilisation, %, ten times a second until `child` ends; the last second of the run is its end."""
    while child.poll() is None:
        used.append((time.monotonic(), torch.cuda.utilization()))
        time.sleep(0.1)


def measured_peaks(device, dtype):
    """(operations/s of a large matrix product, bytes/s of a large copy)."""
    n = 8192 if device == "cuda" else 2048
    a = torch.rand(n, n, device=device).to(dtype)
    x = torch.empty(2**28 if device == "cuda" else 2**26, device=device)
    y = torch.empty_like(x)
    return 2 * n**3 / best(lambda: a @ a, device), 8 * x.numel() / best(lambda: y.copy_(x), device)


def best(work, device, repeats=10):
    """Least seconds of `work`, after two calls to warm up."""
    taken = []
    for _ in range(repeats + 2):
        began = waited(device)
        work()
        taken.append(waited(device) - began)
    return min(taken[2:])


def bound(network, features, device, *, precision):
    """FLOPs, bytes and seconds of a step, and the least seconds it could take."""
    step = training_step(network, device, precision=precision)
    features, weights = features.to(device), torch.rand(*features.shape[:2], len(ARKIT52), device=device)
    step(features, weights)
    with FlopCounterMode(display=False) as flops, _BytesCounter() as moved:
        step(features, weights)
    seconds = best(lambda: step(features, weights), device, repeats=5)
    rate, width = measured_peaks(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    total = flops.get_total_flops()
    print(f"  a step: {total / 1e9:.1f} GFLOP, {moved.total / 1e9:.2f} GB; measured here "
          f"{rate / 1e12:.2f} TFLOP/s, {width / 1e9:.0f} GB/s")  # fmt: skip
    print(f"  bound: {1e3 * total / rate:.2f} ms by operations, {1e3 * moved.total / width:.2f} ms by bytes; "
          f"network, loss and Adam alone take {1e3 * seconds:.2f} ms")  # fmt: skip
    return max(total / rate, moved.total / width)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("stats")
    parser.add_argument("--rig", help="needed by models whose loss is measured on the rig")
    parser.add_argument("--model", default="{}", help="one entry of the config section 'models'")
    parser.add_argument("--frames-per-step", type=int, default=300, help="frames a training step")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement, about")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high")
    device, settings = ("cuda" if args.gpu else "cpu"), model_settings(json.loads(args.model))
    feature = settings.feature
    frames = 75 if is_recurrent(settings) else 1
    stats = json.loads(Path(args.stats).read_text())
    batches = plain_batches(args.train, feature, frames_per_step=args.frames_per_step, frames=frames)
    features, _ = next(batches)
    network = build_network(network_spec(settings, input_shape=features.shape[2:]), stats)
    print(f"{settings.head} on {feature}: {sum(p.numel() for p in network.parameters()):,} parameters, {device}, "
          f"{args.threads} threads, PyTorch {torch.__version__}", flush=True)  # fmt: skip
    plain = plain_speed(network, args.train, feature, device, frames_per_step=args.frames_per_step, frames=frames,
                        seconds=args.seconds)  # fmt: skip
    print(f"  plain loop       {plain:10.0f} frames/s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trial, _, _ = own_speed(args, json.loads(args.model), 3 * args.frames_per_step, folder)
    with tempfile.TemporaryDirectory() as folder:
        speed, precision, used = own_speed(args, json.loads(args.model), int(trial * args.seconds / 2), folder)
    told = "" if used is None else f", GPU {used:.0f} % of the time at work"
    print(f"  train-model      {speed:10.0f} frames/s ({speed / plain:.1f} times; {precision}{told})", flush=True)
    least = bound(network, features, device, precision=precision)
    print(f"  part of bound   {100 * least * speed / args.frames_per_step:10.0f} %")


if __name__ == "__main__":
    main()
