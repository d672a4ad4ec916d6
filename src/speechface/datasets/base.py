"""Clips and the adapters that find them.

An adapter is a module with ``Settings``, a class of settings, and a function ``clips(name, settings) -> list of Clip``:
pure listing, no media opened. A clip's images and sound come from its `path`, a source
(`speechface.media.source`): a video file, or a folder of numbered images and a sound file. To add a dataset, write one
such module and add one line to `ADAPTERS`.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from speechface.errors import ConfigError
from speechface.registry import Registry
from speechface.settings import Settings

__all__ = [
    "ADAPTERS", "AudioDelay", "CLIP_COLUMNS", "Clip", "DatasetSettings", "FilesSettings", "SplitSettings", "list_clips",
    "member", "plan_splits",
]  # fmt: skip

#: adapter name -> module
ADAPTERS = Registry("dataset", {
    "demo": "speechface.datasets.demo",
    "ravdess": "speechface.datasets.ravdess",
    "grid": "speechface.datasets.grid",
    "savee": "speechface.datasets.savee",
    "folder": "speechface.datasets.folder",
})  # fmt: skip


#: Delay of the sound, ms, or auto.
AudioDelay = Literal["auto"] | Annotated[float, Field(ge=-1000, le=1000)]


class SplitSettings(Settings):
    """How the clips of role learn are split. Never by frame."""

    by: Literal["actor", "clip"] = "actor"
    """actor, whole actors go to one side (the fair test); clip, for sets of one speaker."""
    train: list[str | int] = []
    """Actors that train, by number or name; ranges such as "1-20" are allowed. Empty: all but the test actors."""
    test: list[str | int] = []
    """Actors that test, by number or name; ranges allowed."""
    test_clips: float = Field(0.2, gt=0)
    """With by: clip, how many clips of each actor test: a count, or a fraction below 1. Chosen by a hash of the clip's
    name."""


class DatasetSettings(Settings):
    """The datasets to work on, by name. The name is the first part of every clip's id."""

    RENAMED: ClassVar = {"sound_late_ms": "audio_delay_ms"}
    #: Is the exact motion of the clips known, and made by the workflow?
    SYNTHETIC: ClassVar[bool] = False

    adapter: str
    """How files become clips."""
    actors: list[str | int] = []
    """Actors to take, e.g. [Actor_01] or [s1, s2]; empty takes all."""
    where: dict[str, list[str | int]] = {}
    """Keep clips whose column has one of the values, e.g. {channel: [speech], emotion: [neutral, happy]}."""
    audio_delay_ms: AudioDelay = "auto"
    """How much later than the images the sound stands in the dataset's files, ms, at least -1000 and at most 1000;
    every step takes that into account. auto: it is estimated from lips and sound (docs/synchrony.md)."""
    role: Literal["learn", "predict"] = "learn"
    """learn, clips are split into train and test; predict, clips are only animated and evaluated."""
    split: SplitSettings = SplitSettings()
    """How the clips of role learn are split."""

    @model_validator(mode="after")
    def _somebody_tests(self) -> Self:
        if self.role == "learn" and self.split.by == "actor" and not self.split.test:
            raise ValueError('split.test is empty; name the test actors, e.g. ["21-24"], or set role: predict')
        return self


class FilesSettings(DatasetSettings):
    """A dataset that lies in a folder."""

    root: str
    """Folder of the data. Relative paths start at the workflow's folder."""


@dataclass(frozen=True)
class Clip:
    """One clip. `path` is the source of its images and sound (`speechface.media.source`); unknown facts are None."""

    dataset: str
    actor: str
    clip: str
    path: str
    sex: str | None = None
    channel: str | None = None
    emotion: str | None = None
    intensity: str | None = None
    statement: str | None = None
    repetition: str | None = None
    split: str | None = None

    @property
    def id(self) -> str:
        """``dataset/actor/clip``, unique in a run and the clip's place under every results folder."""
        return f"{self.dataset}/{self.actor}/{self.clip}"

    def files(self) -> list[str]:
        """The files that the clip lies in, see `speechface.media.source`."""
        first, *others = self.path.split("::")
        return [first, *(part.removeprefix("audio=") for part in others if part.startswith("audio="))]

    def as_dict(self) -> dict[str, str | None]:
        return asdict(self)


CLIP_COLUMNS = tuple(f.name for f in fields(Clip))


def _number(text: str) -> int | None:
    digits = re.findall(r"\d+", str(text))
    return int(digits[-1]) if digits else None


def member(actor: str, wanted: Iterable[str | int]) -> bool:
    """Is `actor` named in `wanted`? Entries are names, numbers ("7" is Actor_07) or ranges ("1-20")."""
    for entry in map(str, wanted):
        if entry == actor:
            return True
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", entry)
        number = _number(actor)
        if span and number is not None and int(span[1]) <= number <= int(span[2] or span[1]):
            return True
    return False


def _rank(seed_text: str) -> str:
    return hashlib.sha256(seed_text.encode()).hexdigest()


def plan_splits(clips: list[Clip], dataset: DatasetSettings) -> list[Clip]:
    """Return `clips` (of one dataset) with `split` set to train, test, predict or unused."""
    if dataset.role == "predict":
        return [_with_split(c, "predict") for c in clips]
    rule = dataset.split
    if rule.by == "actor":
        out = []
        for c in clips:
            if member(c.actor, rule.test):
                split = "test"
            elif not rule.train or member(c.actor, rule.train):
                split = "train"
            else:
                split = "unused"
            out.append(_with_split(c, split))
        return out
    chosen: set[str] = set()
    for actor in sorted({c.actor for c in clips}):
        ids = sorted((c.id for c in clips if c.actor == actor), key=_rank)
        wanted = rule.test_clips
        count = round(wanted * len(ids)) if wanted < 1 else int(wanted)
        chosen.update(ids[:count])
    return [_with_split(c, "test" if c.id in chosen else "train") for c in clips]


def _with_split(clip: Clip, split: str) -> Clip:
    return replace(clip, split=split)


def list_clips(datasets: dict[str, DatasetSettings]) -> list[Clip]:
    """Return every clip of the configured datasets, sorted by id, with its planned split.

    Raises
    ------
    ConfigError
        If a dataset holds no clip, a filter names an unknown column, or two clips share one id.
    """
    found: list[Clip] = []
    for name, dataset in datasets.items():
        clips: list[Clip] = ADAPTERS[dataset.adapter].clips(name, dataset)
        if dataset.actors:
            clips = [c for c in clips if member(c.actor, dataset.actors)]
        for column, values in dataset.where.items():
            if column not in CLIP_COLUMNS:
                raise ConfigError(
                    f"datasets.{name}.where: unknown column '{column}'; known are {', '.join(CLIP_COLUMNS)}"
                )
            wanted = {str(v) for v in values}
            clips = [c for c in clips if str(getattr(c, column)) in wanted]
        if not clips:
            raise ConfigError(
                f"datasets.{name}: no clip found in '{getattr(dataset, 'root', '')}' (adapter {dataset.adapter}); "
                "check root, actors and where"
            )
        found += plan_splits(clips, dataset)
    found.sort(key=lambda c: c.id)
    for a, b in zip(found, found[1:]):
        if a.id == b.id:
            raise ConfigError(f"two files give the clip {a.id}: {a.path} and {b.path}")
    return found
