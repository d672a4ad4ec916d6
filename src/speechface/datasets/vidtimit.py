"""VidTIMIT: 43 people, ten sentences each of TIMIT (Sanderson and Lovell 2009).

A sentence is a folder of numbered images, ``<speaker>/video/sa1/001``, 25 a second, and ``<speaker>/audio/sa1.wav``.
The sequences of head rotations (``head``, ``head2``, ``head3``) have no speech and are left out.
"""

import os
import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.datasets.files import folders_in, root_of

__all__ = ["FPS", "LAYOUT", "Settings", "clips"]

LAYOUT = "fadg0/video/sa1/001 (images) and fadg0/audio/sa1.wav"
FPS = 25


class Settings(FilesSettings):
    """Keys of adapter vidtimit."""


_SENTENCE = re.compile(r"s[aix]\d+")
_SEX = {"f": "female", "m": "male"}


def _speakers(root: str) -> list[tuple[str, str]]:
    """(name, folder) of every folder with a folder ``video`` in it, at most two folders below the root."""
    near = folders_in(root)
    speakers = [one for one in near if os.path.isdir(os.path.join(one[1], "video"))]
    if speakers:
        return speakers
    return [one for _, folder in near for one in folders_in(folder) if os.path.isdir(os.path.join(one[1], "video"))]


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the sentences of every speaker."""
    found = []
    for actor, folder in _speakers(root_of(name, settings)):
        for sentence, images in folders_in(os.path.join(folder, "video")):
            if not _SENTENCE.fullmatch(sentence):
                continue
            sound = os.path.join(folder, "audio", f"{sentence}.wav")
            audio = f"::audio={sound}" if os.path.exists(sound) else ""
            found.append(
                Clip(dataset=name, actor=actor, clip=sentence, path=f"{images}{audio}::fps={FPS}",
                     sex=_SEX.get(actor[:1]), channel="speech", statement=sentence)
            )  # fmt: skip
    return found
