"""Synthetic actors that speak two sentences full of p, b and m, under RAVDESS's names.

Nothing is read: the names follow from the settings alone, and the workflow makes the clips with
``speechface make-demo-clips``. Emotions, intensities, sentences and repetitions are dealt out in a fixed order of
which every beginning is balanced, so asking for more clips only adds some.
"""

import dataclasses
import zlib
from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Self

from pydantic import Field, model_validator

from speechface.datasets import ravdess
from speechface.datasets.base import AudioDelay, Clip, DatasetSettings
from speechface.errors import ConfigError
from speechface.settings import Seed
from speechface.settings import Settings as Section

__all__ = ["FOLDER", "STATEMENTS", "Settings", "VideoSettings", "clip_from_name", "clip_names", "clips"]

#: Where the workflow makes the videos, one table an actor.
FOLDER = "results/videos"

#: What the two statements of RAVDESS's names are here: lips that close within words, on many vowels.
STATEMENTS = {"01": "Bob put a map above the table", "02": "Few people remember this shop"}
_EMOTIONAL = 7  # calm to surprised: 2 to 8
_NEUTRAL_EVERY = 15  # 4 of RAVDESS's 60 spoken clips of an actor are neutral


class VideoSettings(Section):
    """What changes a clip of the demo."""

    width: int = Field(480, ge=160, le=4096, multiple_of=2)
    """Image width, pixels, even."""
    height: int = Field(480, ge=160, le=4096, multiple_of=2)
    """Image height, pixels, even."""
    fps: str | float = "30000/1001"
    """Frame rate as a number or a fraction, 1/s."""
    seed: Seed = 0
    """Seed of motion and voices; an actor's looks never change."""
    sentences: list[str] = []
    """What is said, English, one of them in a clip. Empty, the demo's own two, by the statement in the clip's name."""

    @model_validator(mode="after")
    def _some_rate(self) -> Self:
        try:
            rate = self.frame_rate
        except (ValueError, ZeroDivisionError):
            rate = Fraction(0)
        if not 1 <= rate <= 240:
            raise ValueError(f"fps is '{self.fps}'; expected 1 to 240 as a number or a fraction, e.g. 30000/1001")
        return self

    @property
    def frame_rate(self) -> Fraction:
        """`fps` as a fraction, 1/s."""
        return Fraction(str(self.fps)).limit_denominator(1001)


class Settings(VideoSettings, DatasetSettings):
    """Keys of adapter demo; the dataset must be named demo."""

    SYNTHETIC: ClassVar = True

    audio_delay_ms: AudioDelay = 0.0
    """As of other datasets; clips of the demo are in step."""
    n_actors: int = Field(24, ge=1, le=24)
    """Number of actors, odd numbers male, even female."""
    clips_per_actor: int = Field(4, ge=1, le=60)
    """Clips of each actor. Emotions, intensities and sentences are dealt out in turn."""


def clip_names(actor: int, count: int) -> list[str]:
    """Return the first `count` (at most 60) RAVDESS names of one actor's spoken clips.

    The first is neutral. The others go through the seven emotions in turn, each actor starting where the
    actor before stopped after three; the sentence changes with every clip.
    """
    if not 0 <= count <= 60:
        raise ConfigError(f"clips_per_actor is {count}; an actor has 1 to 60 different clips")
    names = []
    for position in range(count):
        neutral, offset = divmod(position, _NEUTRAL_EVERY)
        if offset == 0:
            emotion, intensity = 1, 1
            statement, repetition = (actor + neutral) % 2, neutral // 2
        else:
            turn = position - neutral - 1
            cycle, slot = divmod(turn, _EMOTIONAL)
            emotion = 2 + (3 * (actor - 1) + turn) % _EMOTIONAL
            intensity = 1 + (cycle // 2 + (slot + actor) // 2) % 2
            statement = (turn + actor + 1) % 2
            repetition = cycle // 4
        fields = (1, 1, emotion, intensity, 1 + statement, 1 + repetition, actor)
        names.append("-".join(f"{field:02d}" for field in fields))
    return names


def clip_from_name(dataset: str, stem: str, path: str, sentences: Sequence[str] = ()) -> Clip | None:
    """As `ravdess.clip_from_name`, with what the demo's clip says; None where there is no such clip."""
    clip = ravdess.clip_from_name(dataset, stem, path)
    statement = STATEMENTS.get(stem.split("-")[4]) if clip else None
    if statement and sentences:
        statement = sentences[zlib.crc32(stem.encode()) % len(sentences)]
    return dataclasses.replace(clip, statement=statement) if clip and statement else None


def clips(name: str, settings: Settings) -> list[Clip]:
    """List the clips of the demo actors; odd actors are male, even ones female."""
    if name != "demo":
        raise ConfigError(f"datasets.{name}.adapter is demo; the synthetic dataset must be named 'demo'; rename it")
    found: list[Clip] = []
    for actor in range(1, settings.n_actors + 1):
        for stem in clip_names(actor, settings.clips_per_actor):
            video = f"{FOLDER}/{name}/Actor_{actor:02d}.parquet::{name}/Actor_{actor:02d}/{stem}"
            clip = clip_from_name(name, stem, video, settings.sentences)
            if clip:
                found.append(clip)
    return found
