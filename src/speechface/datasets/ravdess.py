"""RAVDESS: the Ryerson Audio-Visual Database of Emotional Speech and Song.

File names are modality-channel-emotion-intensity-statement-repetition-actor.mp4, two digits each
(Livingstone and Russo 2018, doi:10.1371/journal.pone.0196391). Only full audio-video files (modality 01)
become clips. The folder holds Actor_01 ... Actor_24, or folders that hold those, as the archives unpack.
"""

import os
import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.errors import ConfigError

__all__ = ["Settings", "clips", "clip_from_name", "EMOTIONS"]


class Settings(FilesSettings):
    """Keys of adapter ravdess."""


EMOTIONS = {1: "neutral", 2: "calm", 3: "happy", 4: "sad", 5: "angry", 6: "fearful", 7: "disgust", 8: "surprised"}
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
    """List the full audio-video clips under the dataset's root, at most two folders deep."""
    root = settings.root
    if not os.path.isdir(root):
        raise ConfigError(f"datasets.{name}.root: no such folder: {root}")
    found = []
    for folder, folders, files in os.walk(root, followlinks=True):
        folders.sort()
        if os.path.relpath(folder, root).count(os.sep) >= 1:
            folders.clear()
        for file in sorted(files):
            stem, extension = os.path.splitext(file)
            if extension.lower() in (".mp4", ".mov", ".mkv"):
                clip = clip_from_name(name, stem, os.path.join(folder, file))
                if clip:
                    found.append(clip)
    return found
