"""Any collection whose paths say who speaks: ``<actor>/<clip>.<extension>``, or what `pattern` says.

Names stay what they are, in any script.
"""

import logging
import re
from typing import Self

from pydantic import model_validator

from speechface.datasets.base import CLIP_COLUMNS, Clip, FilesSettings
from speechface.datasets.emotions import emotion
from speechface.datasets.files import VIDEO, files_under, root_of
from speechface.errors import ConfigError

__all__ = ["LAYOUT", "Settings", "clips"]

LOG = logging.getLogger(__name__)

LAYOUT = "<actor>/<clip>.mp4, or another kind of video; other trees by datasets.<name>.pattern"
#: What a path may tell.
_FIELDS = tuple(column for column in CLIP_COLUMNS if column not in ("dataset", "path", "split"))
_SEX = {"m": "male", "man": "male", "male": "male", "f": "female", "w": "female", "woman": "female", "female": "female"}


class Settings(FilesSettings):
    """Keys of adapter folder."""

    pattern: str = "{actor}/{clip}"
    """Paths below root, without the extension, e.g. {actor}/{emotion}/{clip} or {actor}_{clip}. Fields are actor, clip,
    sex, age, channel, emotion, intensity, statement and repetition; * stands for anything in a name, ** for folders.
    The name of a clip joins all that the path tells but the actor."""

    @model_validator(mode="after")
    def _names_people_and_clips(self) -> Self:
        fields = re.findall(r"{([^{}]*)}", self.pattern)
        odd = next((field for field in fields if field not in _FIELDS or fields.count(field) > 1), None)
        if odd is not None:
            raise ValueError(
                f"pattern is {self.pattern!r}; {{{odd}}} must be one of {', '.join(_FIELDS)}, and only once"
            )
        if "actor" not in fields or "clip" not in fields:
            raise ValueError(f"pattern is {self.pattern!r}; it must hold {{actor}} and {{clip}}")
        return self


def _expression(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern."""
    text = ""
    for part in re.split(r"({[a-z]+}|\*\*/?|\*)", pattern.strip("/")):
        if part.startswith("{"):
            text += f"(?P<{part[1:-1]}>[^/]+?)"
        elif part.startswith("**"):
            text += "(?:[^/]+/)*" if part.endswith("/") else ".*"
        else:
            text += "[^/]*" if part == "*" else re.escape(part)
    return re.compile(text, re.DOTALL)


def clips(name: str, settings: Settings) -> list[Clip]:
    """List every video under the dataset's root whose path the pattern describes."""
    root = root_of(name, settings)
    expression, found, others = _expression(settings.pattern), [], []
    for file in files_under(root, VIDEO):
        place = "/".join((*file.folders, file.stem))
        match = expression.fullmatch(place)
        if not match:
            others.append(place + file.suffix)
            continue
        told = match.groupdict()
        actor = told.pop("actor")
        clip = "_".join(told.values())
        facts = {key: value for key, value in told.items() if key != "clip"}
        if "emotion" in facts:
            facts["emotion"] = emotion(facts["emotion"])
        if "sex" in facts:
            facts["sex"] = _SEX.get(facts["sex"].lower(), facts["sex"])
        found.append(Clip(dataset=name, actor=actor, clip=clip, path=file.path, **facts))
    if others and not found:
        raise ConfigError(
            f"datasets.{name}.pattern: {settings.pattern} fits none of the {len(others)} videos in {root}, e.g. "
            f"{others[0]}"
        )
    if others:
        LOG.warning("%s: %d videos left out: %s does not fit, e.g. %s", root, len(others), settings.pattern, others[0])
    return found
