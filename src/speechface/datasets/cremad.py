"""CREMA-D: 91 actors, 12 sentences under six emotions (Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244).

Files are ``1001_DFA_ANG_XX.flv`` in one folder: actor, sentence, emotion and level. Sex and age come from
``VideoDemographics.csv``, looked for beside and above that folder; without it they are not known.
"""

import csv
import logging
import os
import re

from speechface.datasets.base import Clip, FilesSettings
from speechface.datasets.emotions import emotion
from speechface.datasets.files import VIDEO, files_under, keep_one, root_of

__all__ = ["LAYOUT", "Settings", "clips"]

LOG = logging.getLogger(__name__)

LAYOUT = "VideoFlash/1001_DFA_ANG_XX.flv"
_TABLE = "VideoDemographics.csv"


class Settings(FilesSettings):
    """Keys of adapter cremad."""


_LEVELS = {"LO": "low", "MD": "medium", "HI": "high"}
_STATEMENTS = {
    "IEO": "It's eleven o'clock", "TIE": "That is exactly what happened", "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about", "TAI": "The airplane is almost full", "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock", "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket", "ITS": "I think I've seen this before", "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}  # fmt: skip
_NAME = re.compile(r"(\d{4})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_([A-Z]{1,2})")


def _people(root: str) -> dict[str, tuple[str, str]]:
    """Actor -> (sex, age) from the corpus's table."""
    for folder in (root, os.path.dirname(os.path.abspath(root))):
        path = os.path.join(folder, _TABLE)
        if os.path.exists(path):
            with open(path, newline="", encoding="utf-8-sig") as file:
                return {row["ActorID"]: (row["Sex"].lower(), row["Age"]) for row in csv.DictReader(file)}
    LOG.warning("%s: no %s there; sex and age stay unknown", root, _TABLE)
    return {}


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the clips of every actor; one that is there twice counts once."""
    root = root_of(name, settings)
    people, found = _people(root), []
    for file in files_under(root, VIDEO):
        match = _NAME.fullmatch(file.stem)
        if match:
            actor, sentence, word, level = match.groups()
            sex, age = people.get(actor, (None, None))
            found.append(
                Clip(dataset=name, actor=actor, clip=file.stem, path=file.path, sex=sex, age=age, channel="speech",
                     emotion=emotion(word), intensity=_LEVELS.get(level), statement=_STATEMENTS.get(sentence))
            )  # fmt: skip
    return keep_one(found)
