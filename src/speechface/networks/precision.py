"""Which number format trains fastest: on a CPU by what the network is made of, on a GPU measured, once."""

import copy
import logging
import statistics
import time

import torch

from speechface.errors import ModelError

LOG = logging.getLogger(__name__)

__all__ = ["choose_precision", "measure_step", "LIGHTNING_NAMES", "GAIN"]

#: config value -> name of Lightning's precision plugin
LIGHTNING_NAMES = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
#: A half format must be this much faster to be taken: rounding is a price, and the clock of a small network on a GPU
#: is noisy: it waits for the processor, and what is taken must not change from run to run.
GAIN = 1.3
REPEATS = 3


def _cpu_has_bf16():
    """Has the CPU instructions for bf16? Emulated, it is ten times slower than float32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def _on_cpu(network):
    """No clock here: what else a machine does would decide, and the same seed would give another network.

    Convolutions over images of windows train two to three times faster in bf16, those over sequences and recurrent
    cells slower.
    """
    return "bf16" if _cpu_has_bf16() and any(isinstance(part, torch.nn.Conv2d) for part in network.modules()) else "32"


def measure_step(network: torch.nn.Module, features: torch.Tensor, *, precision: str, device: str) -> float:
    """Return the median seconds of one training step (forward, backward, Adam) on a copy of `network`.

    features : tensor (B, T, ...), float
    """
    network = copy.deepcopy(network).to(device).train()
    features = features.to(device)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], fused=True)
    times = []
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device, dtype=_DTYPES.get(precision, torch.bfloat16), enabled=precision != "32"):
            loss = network(features)[0].float().square().mean()
        loss.backward()
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def choose_precision(wanted: str, network: torch.nn.Module, features: torch.Tensor, *, device: str) -> str:
    """Return "32", "bf16" or "fp16".

    Parameters
    ----------
    wanted : {"auto", "32", "bf16", "fp16"}
    network : module; it is not changed
    features : tensor (B, T, ...), one training batch
    device : {"cpu", "cuda"}

    Raises
    ------
    ModelError
        If fp16 is asked for on a CPU.
    """
    if wanted == "fp16" and device == "cpu":
        raise ModelError("training.precision is fp16, which needs a GPU; take auto, bf16 or '32'")
    if wanted != "auto":
        return wanted
    if device == "cpu":
        return _on_cpu(network)
    other = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    with torch.random.fork_rng():
        seconds = {name: measure_step(network, features, precision=name, device=device) for name in ("32", other)}
    chosen = other if seconds["32"] > GAIN * seconds[other] else "32"
    LOG.info("precision: %s (32 %.0f ms, %s %.0f ms a step)", chosen, 1e3 * seconds["32"], other, 1e3 * seconds[other])
    return chosen
