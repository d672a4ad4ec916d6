"""SAVEE: 4 men, 120 sentences each under seven emotions (Haq and Jackson 2010).

Files are ``<root>/<speaker>/<emotion><number>.avi`` with speakers DC, JE, JK, KL; the letters before the number are the
emotion. ``<root>/AudioVisualClip/<speaker>`` is found as well, as the archive unpacks.
"""

import os
import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.errors import ConfigError

__all__ = ["Settings", "clips"]


class Settings(FilesSettings):
    """Keys of adapter savee."""


#: Names of RAVDESS for the same emotions.
EMOTIONS = {"a": "angry", "d": "disgust", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprised"}
_NAME = re.compile(r"(sa|su|[adfhn])(\d+)\.(avi|mp4|mov|mkv)", re.IGNORECASE)


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the clips of every speaker."""
    root = os.path.join(settings.root, "AudioVisualClip")
    root = root if os.path.isdir(root) else settings.root
    if not os.path.isdir(root):
        raise ConfigError(f"datasets.{name}.root: no such folder: {root}")
    found = []
    for actor in sorted(os.listdir(root)):
        folder = os.path.join(root, actor)
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            match = _NAME.fullmatch(file)
            if match:
                emotion = EMOTIONS[match[1].lower()]
                found.append(
                    Clip(dataset=name, actor=actor, clip=os.path.splitext(file)[0], path=os.path.join(folder, file),
                         sex="male", channel="speech", emotion=emotion)
                )  # fmt: skip
    return found
