"""Synthetic actors that speak RAVDESS's two sentences, under RAVDESS's names.

Nothing is read: the names follow from the ``demo`` section alone, and the workflow makes each file with
``speechface make-demo-clip``. Emotions, intensities, sentences and repetitions are dealt out in a fixed order of
which every beginning is balanced, so asking for more clips only adds some.
"""

from speechface.datasets.base import Clip
from speechface.datasets.ravdess import clip_from_name
from speechface.errors import ConfigError

__all__ = ["clips", "clip_names", "FOLDER"]

#: Where the workflow makes the videos: ``FOLDER/Actor_01/<clip>.mp4``.
FOLDER = "results/demo"

_EMOTIONAL = 7  # calm to surprised: 2 to 8
_NEUTRAL_EVERY = 15  # 4 of RAVDESS's 60 spoken clips of an actor are neutral


def clip_names(actor, count):
    """Return the first `count` (at most 60) RAVDESS names of one actor's spoken clips.

    The first is neutral. The others go through the seven emotions in turn, each actor starting where the
    actor before stopped after three; the sentence changes with every clip.
    """
    if not 0 <= count <= 60:
        raise ConfigError(f"demo.clips is {count}; an actor has 1 to 60 different clips")
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


def clips(name, settings, config):
    """List the clips of the config's demo actors; odd actors are male, even ones female."""
    demo = config["demo"]
    found: list[Clip] = []
    for actor in range(1, demo["actors"] + 1):
        for stem in clip_names(actor, demo["clips"]):
            found.append(clip_from_name(name, stem, f"{FOLDER}/Actor_{actor:02d}/{stem}.mp4"))
    return found
