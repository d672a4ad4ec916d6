"""SAVEE: 4 men, 120 sentences each under seven emotions (Haq and Jackson 2010).

Files are ``<speaker>/<emotion><number>.avi`` at any depth (``AudioVisualClip/DC/a1.avi``, as the archive unpacks), or
in one folder with the speaker before the name (``DC_a01.avi``). Speakers are DC, JE, JK and KL; the letters before the
number are the emotion. Sound files beside them are not needed.
"""

import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.datasets.emotions import emotion
from speechface.datasets.files import VIDEO, files_under, keep_one, root_of

__all__ = ["LAYOUT", "Settings", "clips"]

LAYOUT = "AudioVisualClip/DC/a1.avi, DC/a1.avi or DC_a01.avi"


class Settings(FilesSettings):
    """Keys of adapter savee."""


EMOTIONS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "n": "neutral", "sa": "sadness",
            "su": "surprise"}  # fmt: skip
_NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?((sa|su|[adfhn])\d+)", re.IGNORECASE)


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the clips of every speaker; one that is there twice counts once."""
    found = []
    for file in files_under(root_of(name, settings), VIDEO):
        match = _NAME.fullmatch(file.stem)
        actor = (match[1] or "").upper() or "".join(file.folders[-1:]) if match else ""
        if match and actor:
            found.append(
                Clip(dataset=name, actor=actor, clip=match[2].lower(), path=file.path, sex="male", channel="speech",
                     emotion=emotion(EMOTIONS[match[3].lower()]))
            )  # fmt: skip
    return keep_one(found)
