"""The argument `anim` of TalkingHead's ``speakAudio``: an avatar in a web page.

TalkingHead reaches value k of ``vs`` at the sum of the first k + 1 steps ``dt`` (ms): the first step is 0, so that
frame 0 shows with the first sample of the sound.
"""

import json
from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation
from speechface.files import written_whole

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "JSON for TalkingHead's speakAudio, avatars in web pages"
SUFFIX = ".talkinghead.json"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.talkinghead.json`` into `folder` and return its path."""
    path = folder / f"{animation.name}.talkinghead.json"
    steps = np.diff(np.round(animation.times * 1000, 3), prepend=0)
    curves = np.round(animation.arkit.T.astype(float), 4).tolist()
    content = {"name": "blendshapes", "dt": np.round(steps, 3).tolist(), "vs": dict(zip(ARKIT_NAMES, curves))}
    with written_whole(path) as temporary, open(temporary, "w") as file:
        json.dump(content, file, separators=(",", ":"))
    return path
