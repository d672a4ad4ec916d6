"""Clips and the adapters that find them.

An adapter is a module with ``Settings``, a class of settings, ``LAYOUT``, the files it expects in a few words, and a
function ``clips(name, settings) -> list of Clip``: pure listing, no media opened (`speechface.datasets.files`). Images
and sound of a clip come from its `path`, a source (`speechface.sources`): a video file, or a folder of numbered images
and a sound file. To add a dataset, write one such module and add one line to `ADAPTERS`.
"""

import os
from dataclasses import asdict, dataclass, fields
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from speechface.datasets.sides import check_split, common, member, plan_splits, require_actors
from speechface.errors import ConfigError
from speechface.names import path_name
from speechface.registry import Registry
from speechface.settings import PathText, Settings
from speechface.sources import parse_source

__all__ = [
    "ADAPTERS", "AudioDelay", "CLIP_COLUMNS", "Clip", "DatasetSettings", "FilesSettings", "SplitSettings", "list_clips",
]  # fmt: skip

#: adapter name -> module
ADAPTERS = Registry("dataset", {
    "demo": "speechface.datasets.demo",
    "ravdess": "speechface.datasets.ravdess",
    "grid": "speechface.datasets.grid",
    "savee": "speechface.datasets.savee",
    "vidtimit": "speechface.datasets.vidtimit",
    "cremad": "speechface.datasets.cremad",
    "mead": "speechface.datasets.mead",
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

    @model_validator(mode="after")
    def _sides_are_apart(self) -> Self:
        both = common(self.train, self.test)
        if both:
            raise ValueError(f"actor {both} is in train {self.train} and in test {self.test}; take it from one of them")
        if self.by == "actor" and self.test_clips != type(self).model_fields["test_clips"].default:
            raise ValueError(f"test_clips is {self.test_clips:g}; it counts only with by: clip; remove it, or set that")
        if self.by == "clip":
            if self.train or self.test:
                key = "train" if self.train else "test"
                raise ValueError(
                    f"{key} is {getattr(self, key)}; with by: clip every actor trains and tests; remove it, or set by: "
                    "actor"
                )
            if self.test_clips >= 1 and self.test_clips % 1:
                raise ValueError(f"test_clips is {self.test_clips:g}; give a whole number, or a fraction below 1")
        return self


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
    def _can_be_listed(self) -> Self:
        common(self.actors, ())  # a range that runs backwards
        for column, values in self.where.items():
            if column not in CLIP_COLUMNS:
                raise ValueError(f"where: unknown column '{column}'; known are {', '.join(CLIP_COLUMNS)}")
            if not values:
                raise ValueError(f"where.{column} is empty, which keeps no clip; name values, or remove it")
        if self.role == "learn" and self.split.by == "actor" and not self.split.test:
            raise ValueError('split.test is empty; name the test actors, e.g. ["21-24"], or set role: predict')
        return self


class FilesSettings(DatasetSettings):
    """A dataset that lies in a folder."""

    root: PathText
    """Folder of the data. Relative paths start at the folder in which Snakemake runs; ~ and $VARIABLE are filled in."""


@dataclass(frozen=True)
class Clip:
    """One clip. `path` is the source of its images and sound (`speechface.sources`); unknown facts are None."""

    dataset: str
    actor: str
    clip: str
    path: str
    sex: str | None = None
    age: str | None = None
    channel: str | None = None
    emotion: str | None = None
    intensity: str | None = None
    statement: str | None = None
    repetition: str | None = None
    split: str | None = None

    @property
    def id(self) -> str:
        """``dataset/actor/clip``, unique in a run."""
        return f"{self.dataset}/{self.actor}/{self.clip}"

    @property
    def place(self) -> str:
        """`id` as part of a path (`speechface.names`)."""
        return path_name(self.id)

    def files(self) -> list[str]:
        """The files that the clip lies in, see `speechface.sources`."""
        return parse_source(self.path).files

    def as_dict(self) -> dict[str, str | None]:
        return asdict(self)


CLIP_COLUMNS = tuple(f.name for f in fields(Clip))


def list_clips(datasets: dict[str, DatasetSettings]) -> list[Clip]:
    """Return every clip of the configured datasets, sorted by id, with its planned split.

    Raises
    ------
    ConfigError
        If a dataset holds no clip, a key names nobody, a side of a split stays empty, or two clips share one id.
    """
    found = [clip for name, dataset in datasets.items() for clip in _clips_of(name, dataset)]
    found.sort(key=lambda c: c.id)
    for a, b in zip(found, found[1:]):
        if a.id == b.id:
            raise ConfigError(f"two files give the clip {a.id}: {a.path} and {b.path}; rename one")
    return found


def _clips_of(name: str, dataset: DatasetSettings) -> list[Clip]:
    adapter = ADAPTERS[dataset.adapter]
    clips: list[Clip] = adapter.clips(name, dataset)
    if not clips:
        raise ConfigError(
            f"datasets.{name}.root: adapter {dataset.adapter} finds no clip in '{getattr(dataset, 'root', '')}'"
            f"{_contents(dataset)}; expected {getattr(adapter, 'LAYOUT', 'another layout')}"
        )
    require_actors(clips, name, dataset)
    if dataset.actors:
        clips = [c for c in clips if member(c.actor, dataset.actors)]
    for column, values in dataset.where.items():
        known = sorted({str(getattr(c, column)) for c in clips})
        unknown = [value for value in values if str(value) not in known]
        if unknown:
            raise ConfigError(
                f"datasets.{name}.where.{column}: no clip has {unknown[0]!r}; there is "
                f"{', '.join(known[:20]) or 'none left'}"
            )
        clips = [c for c in clips if str(getattr(c, column)) in map(str, values)]
    planned = plan_splits(clips, dataset)
    check_split(planned, name, dataset)
    return planned


def _contents(dataset: DatasetSettings) -> str:
    """A few words on what lies in a dataset's folder."""
    root = getattr(dataset, "root", "")
    names = sorted(name for name in os.listdir(root) if name[0] != ".") if os.path.isdir(root) else []
    return (
        f", which holds {', '.join(names[:3])}{' ...' * (len(names) > 3)}" if names else ", which is empty" * bool(root)
    )
