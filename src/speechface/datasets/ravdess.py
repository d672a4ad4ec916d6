"""RAVDESS: the Ryerson Audio-Visual Database of Emotional Speech and Song.

File names are modality-channel-emotion-intensity-statement-repetition-actor.mp4, two digits each
(Livingstone and Russo 2018, doi:10.1371/journal.pone.0196391). Only full audio-video files (modality 01)
become clips. The folder holds Actor_01 ... Actor_24, or folders that hold those, as the archives unpack.
"""

import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.datasets.emotions import EMOTIONS as WORDS
from speechface.datasets.files import files_under, keep_one, root_of

__all__ = ["EMOTIONS", "LAYOUT", "Settings", "clip_from_name", "clips"]

LAYOUT = "Actor_01/01-01-01-01-01-01-01.mp4, video and sound in one file (the first 01), as the archives unpack"


class Settings(FilesSettings):
    """Keys of adapter ravdess."""


EMOTIONS = dict(enumerate(WORDS[:8], 1))
CHANNELS = {1: "speech", 2: "song"}
INTENSITIES = {1: "normal", 2: "strong"}
STATEMENTS = {1: "Kids are talking by the door", 2: "Dogs are sitting by the door"}
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


def clip_from_name(dataset: str, stem: str, path: str) -> Clip | None:
    """Return the Clip a RAVDESS file name describes, or None if it is not a full audio-video clip."""
    match = _NAME.fullmatch(stem)
    if not match:
        return None
    modality, channel, emotion, intensity, statement, repetition, actor = (int(g) for g in match.groups())
    if modality != 1 or emotion not in EMOTIONS or channel not in CHANNELS:
        return None
    return Clip(
        dataset=dataset,
        actor=f"Actor_{actor:02d}",
        clip=stem,
        path=path,
        sex="male" if actor % 2 else "female",
        channel=CHANNELS[channel],
        emotion=EMOTIONS[emotion],
        intensity=INTENSITIES.get(intensity),
        statement=STATEMENTS.get(statement),
        repetition=str(repetition),
    )


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the full audio-video clips under the dataset's root; one that is there twice counts once."""
    found = files_under(root_of(name, settings), (".mp4", ".mov", ".mkv"))
    return keep_one(clip for file in found if (clip := clip_from_name(name, file.stem, file.path)))
