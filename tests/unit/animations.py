"""A short animation for tests of the export formats."""

from fractions import Fraction

import numpy as np
from synthetic import synthetic_rig

from speechface.export.animation import Animation, Sound
from speechface.rig.channels import on_channels

__all__ = ["animation_of", "talking"]


def animation_of(tmp_path, *, count=40, fps=Fraction(30000, 1001), seed=3):
    """Random weights and rotations of the synthetic rig, with a tone of the same length."""
    rng = np.random.default_rng(seed)
    rig = synthetic_rig()
    rig.save(tmp_path / "rig.npz")
    channels = rig.channels
    sr = 16000
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(count / fps * sr)) / sr)
    return Animation(
        "hello", fps, rng.random((count, len(channels))).astype(np.float32),
        rng.normal(0, 0.1, (count, 3)).astype(np.float32), channels, Sound(tone.astype(np.float32), sr, "hello.wav"),
        rig_file=str(tmp_path / "rig.npz"), image_size=64, meta={"model": "cnn"},
    )  # fmt: skip


def talking(tmp_path, **curves):
    """An animation at 30 frames a second of `curves`, lists of equal length by ARKit's name; the rest is 0."""
    animation = animation_of(tmp_path, count=len(next(iter(curves.values()))), fps=Fraction(30))
    weights = np.array(list(curves.values()), np.float32).T
    animation.weights = on_channels(weights, tuple(curves), animation.channels)
    animation.rotations = np.zeros((len(weights), 3), np.float32)
    return animation
