"""Video: the rig speaks, with the sound."""

import sys
from pathlib import Path

from speechface.export.animation import Animation

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "video of the rig that speaks, with the sound"
SUFFIX = ".mp4"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.mp4`` into `folder` and return its path; a progress bar shows on a terminal."""
    from speechface.render.talking_head import render_animation

    path = folder / f"{animation.name}.mp4"
    sound = animation.sound
    render_animation(
        path,
        animation.rig,
        animation.weights,
        animation.rotations,
        fps=animation.fps,
        audio=None if sound is None else sound.samples,
        sr=0 if sound is None else sound.sr,
        size=animation.image_size,
        progress=sys.stderr.isatty(),
    )
    return path
