"""What the golden-output tests share: recorded numbers of a stage, and sounds to make them from.

A test gives what its stage makes of a tiny fixed input, and how far each number may be from the recorded one. The
numbers stand in ``<stage>.json`` with the version of the stage. ``GOLDEN=record pytest tests/golden`` records them.
"""

import json
import os
from pathlib import Path

import numpy as np

from speechface.stages import STAGES

__all__ = ["check", "sound", "some"]

_RECORD = os.environ.get("GOLDEN") == "record"


def check(stage, found, atol, *, of=""):
    """Compare what a stage gives with what is recorded.

    Parameters
    ----------
    stage : str, key of `speechface.stages.STAGES`
    found : dict of name to array_like or text
    atol : dict of name to float, how far numbers may be apart; 0 where it is not named
    of : str, what the numbers are of, where a stage has several files
    """
    path = Path(__file__).with_name(f"{stage}_{of}.json" if of else f"{stage}.json")
    numbers = {name: value if isinstance(value, str) else np.asarray(value) for name, value in found.items()}
    if _RECORD:
        plain = {name: value if isinstance(value, str) else _plain(value) for name, value in numbers.items()}
        path.write_text(json.dumps({"version": STAGES[stage].version, **plain}, indent=1) + "\n")
    recorded = json.loads(path.read_text())
    again = "record again (GOLDEN=record pytest tests/golden)"
    version = recorded.pop("version")
    assert version == STAGES[stage].version, f"stage {stage} has a new version: {again}"
    advice = (
        f"if this is wanted, raise the version of stage {stage} in stages.py (a feature's in its module) and {again}"
    )
    assert numbers.keys() == recorded.keys(), f"stage {stage} gives other facts; {advice}"
    for name, value in numbers.items():
        if isinstance(value, str):
            assert value == recorded[name], f"{name} of stage {stage} has changed; {advice}"
            continue
        known = np.asarray(recorded[name])
        assert value.shape == known.shape, f"{name} of stage {stage} has changed from {known.shape}; {advice}"
        apart = np.abs(value.astype(float) - known).max(initial=0)
        assert apart <= atol.get(name, 0), f"{name} of stage {stage} has changed by up to {apart:g}; {advice}"


def _plain(values):
    """As JSON, floats with 12 digits."""
    if values.dtype.kind != "f":
        return values.tolist()
    return np.vectorize(lambda x: float(f"{x:.12g}"), otypes=[float])(values).tolist() if values.size else []


def some(values, count=40):
    """About `count` values spread over an array, an odd step apart."""
    flat = np.asarray(values).reshape(-1)
    return flat[:: max(len(flat) // count, 1) | 1]


def sound(sr, seconds=0.8):
    """A gliding voice of harmonics under a rhythm, with a faint hiss; float32 of 16-bit values."""
    time = np.arange(round(seconds * sr)) / sr
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time)) / sr
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    hiss = np.random.default_rng(0).integers(-30, 31, len(time)) / 32768
    return np.rint((0.2 * voice * np.sin(2 * np.pi * 3 * time) ** 2 + hiss) * 32768).astype(np.float32) / 32768
