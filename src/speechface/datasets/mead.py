"""MEAD: 60 actors under eight emotions of three levels, seen from seven sides (Wang et al. 2020).

Files are ``M003/video/front/angry/level_1/001.mp4``. Sound is that of ``M003/audio/angry/level_1/001.m4a`` where it is
there, else the video's own.
"""

import os
import re
from typing import Literal

from speechface.datasets.base import Clip, FilesSettings
from speechface.datasets.emotions import emotion
from speechface.datasets.files import AUDIO, VIDEO, Found, files_under, keep_one, root_of

__all__ = ["LAYOUT", "Settings", "clips"]

LAYOUT = "M003/video/front/angry/level_1/001.mp4"


class Settings(FilesSettings):
    """Keys of adapter mead."""

    view: Literal["front", "left_30", "left_60", "right_30", "right_60", "top", "down"] = "front"
    """The camera to take."""


_SEX = {"M": "male", "W": "female"}
_LEVELS = {"level_1": "low", "level_2": "medium", "level_3": "high"}


def _sound(file: Found) -> str:
    """``::audio=FILE`` where the sound of a video is a file of its own, else ""."""
    *above, _, _, emotion_, level = file.path.split(os.sep)[:-1]
    for suffix in AUDIO:
        path = os.sep.join([*above, "audio", emotion_, level, file.stem + suffix])
        if os.path.exists(path):
            return f"::audio={path}"
    return ""


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the clips of every actor as one camera saw them; one that is there twice counts once."""
    found = []
    for file in files_under(root_of(name, settings), VIDEO):
        actor, kind, view, word, level = ("", "", "", "", "", *file.folders)[-5:]
        if kind == "video" and view == settings.view and level in _LEVELS and re.fullmatch(r"[MW]\d+", actor):
            found.append(
                Clip(dataset=name, actor=actor, clip=f"{word}_{level}_{file.stem}", path=file.path + _sound(file),
                     sex=_SEX[actor[0]], channel="speech", emotion=emotion(word),
                     intensity=None if word == "neutral" else _LEVELS[level])
            )  # fmt: skip
    return keep_one(found)
