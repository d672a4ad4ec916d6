"""GRID: 34 speakers, 1,000 sentences each (Cooke et al. 2006, doi:10.1121/1.2229005).

Files are ``<root>/<speaker>/<code>.mpg``, or ``<root>/s1/video/mpg_6000/<code>.mpg`` as the archives unpack; the six
letters of a code are command, colour, preposition, letter, digit and adverb: ``bbaf2n`` is "bin blue at f two now".
"""

import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.datasets.files import files_under, keep_one, root_of

__all__ = ["LAYOUT", "Settings", "clips", "sentence"]

LAYOUT = "s1/bbaf2n.mpg or s1/video/mpg_6000/bbaf2n.mpg"


class Settings(FilesSettings):
    """Keys of adapter grid."""


_WORDS: tuple[dict[str, str] | None, ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    None,
    {"z": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
     "8": "eight", "9": "nine"},
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)  # fmt: skip
#: Speakers of the corpus who are women; the others are men.
FEMALE = {4, 7, 11, 15, 16, 18, 20, 21, 22, 23, 24, 25, 29, 31, 33, 34}


def sentence(code: str) -> str | None:
    """Return the sentence of a six-letter GRID code, or None if it is not one."""
    if len(code) != 6:
        return None
    words = [letter if table is None else table.get(letter, "") for letter, table in zip(code, _WORDS)]
    return " ".join(words) if all(words) else None


def _sex(actor: str) -> str | None:
    number = actor.removeprefix("s")
    if not (actor.startswith("s") and number.isdigit()):
        return None
    return "female" if int(number) in FEMALE else "male"


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the sentences at any depth: the speaker is the first folder called s and a number, else the first folder."""
    found = []
    for file in files_under(root_of(name, settings), (".mpg", ".mp4", ".avi", ".mov")):
        words = sentence(file.stem.lower())
        if words and file.folders:
            actor = next((folder for folder in file.folders if re.fullmatch(r"s\d+", folder)), file.folders[0])
            found.append(
                Clip(dataset=name, actor=actor, clip=file.stem.lower(), path=file.path, sex=_sex(actor),
                     channel="speech", statement=words)
            )  # fmt: skip
    return keep_one(found)
