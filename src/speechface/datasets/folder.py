"""Any collection laid out as ``<root>/<actor>/<clip>.<extension>``."""

import os
import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.errors import ConfigError

__all__ = ["Settings", "clips", "VIDEO_EXTENSIONS"]


class Settings(FilesSettings):
    """Keys of adapter folder."""


VIDEO_EXTENSIONS = (".mp4", ".mov", ".mkv", ".avi", ".mpg", ".mpeg", ".webm", ".flv", ".m4v")


def clips(name: str, settings: Settings) -> list[Clip]:
    """List every video under the dataset's root. Names keep letters, digits, ``.``, ``_`` and ``-``."""
    root = settings.root
    if not os.path.isdir(root):
        raise ConfigError(f"datasets.{name}.root: no such folder: {root}")

    def clean(text: str) -> str:
        return re.sub(r"[^A-Za-z0-9._-]", "_", text)

    found = []
    for actor in sorted(os.listdir(root)):
        folder = os.path.join(root, actor)
        if not os.path.isdir(folder):
            continue
        for file in sorted(os.listdir(folder)):
            stem, extension = os.path.splitext(file)
            if extension.lower() in VIDEO_EXTENSIONS:
                path = os.path.join(folder, file)
                found.append(Clip(dataset=name, actor=clean(actor), clip=clean(stem), path=path))
    return found
