"""The argument `anim` of TalkingHead's ``speakAudio``: an avatar in a web page.

TalkingHead reaches value k of ``vs`` at the sum of the first k + 1 steps ``dt`` (ms): the first step is 0, so that
frame 0 shows with the first sample of the sound.
"""

from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation
from speechface.export.rows import rows, write_json

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "JSON for TalkingHead's speakAudio, avatars in web pages"
SUFFIX = ".talkinghead.json"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.talkinghead.json`` into `folder` and return its path."""
    path = folder / f"{animation.name}.talkinghead.json"
    steps = np.diff(np.round(animation.times * 1000, 3), prepend=0)
    curves = {name: rows(curve, 4) for name, curve in zip(ARKIT_NAMES, animation.arkit.T)}
    write_json(path, {"name": "blendshapes", "dt": rows(steps, 3), "vs": curves})
    return path
