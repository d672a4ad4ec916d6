"""Twenty-four synthetic actors: odd numbers male, even numbers female, as in RAVDESS."""

from dataclasses import dataclass

import numpy as np

from speechface.rig.builtin.head import build
from speechface.rig.builtin.identity import MODES
from speechface.rig.builtin.looks import Look
from speechface.rig.rig import Rig

__all__ = ["Actor", "actor", "look", "N_ACTORS"]

N_ACTORS = 24
_SKIN = ((0.91, 0.75, 0.67), (0.88, 0.69, 0.59), (0.81, 0.61, 0.49), (0.71, 0.51, 0.39), (0.57, 0.385, 0.285),
         (0.43, 0.285, 0.215))  # fmt: skip
_TONE = (0, 1, 2, 1, 3, 4, 0, 2, 5, 1, 3, 2)
_HAIR = ((0.10, 0.08, 0.075), (0.18, 0.12, 0.085), (0.30, 0.19, 0.12), (0.44, 0.23, 0.12), (0.66, 0.51, 0.32),
         (0.50, 0.49, 0.48))  # fmt: skip
_IRIS = ((0.30, 0.19, 0.11), (0.24, 0.15, 0.09), (0.35, 0.42, 0.28), (0.28, 0.42, 0.55), (0.38, 0.40, 0.42))
#: Colour of the lips in units of the skin's, by sex and whether the skin is dark.
_LIPS = {("male", False): (0.84, 0.58, 0.58), ("female", False): (0.85, 0.49, 0.52),
         ("male", True): (0.98, 0.74, 0.74), ("female", True): (1.0, 0.66, 0.70)}  # fmt: skip
_SHIRT = ((0.22, 0.32, 0.46), (0.52, 0.24, 0.25), (0.20, 0.40, 0.36), (0.36, 0.37, 0.41), (0.62, 0.50, 0.30),
          (0.36, 0.27, 0.46), (0.80, 0.80, 0.78), (0.16, 0.18, 0.22))  # fmt: skip
_MEN = ("short", "crop", "side", "curly", "bald", "tousled", "side", "crop", "afro", "short", "curly", "tousled")
_WOMEN = ("bob", "long", "bun", "wavy", "long", "tail", "wavy", "bob", "curly", "bun", "wavy", "long")
#: Shift of the identity modes from women to men, in standard deviations; a woman has the opposite.
_SEX_SHIFT = {
    "head width": 0.3, "jaw and neck width": 0.5, "lower face length": 0.3, "lip fullness": -0.5, "brow height": -0.5,
    "chin protrusion": 0.5, "cheek fullness": -0.1, "eye size": -0.5, "size": 0.4,
}  # fmt: skip


@dataclass(frozen=True)
class Actor:
    """A synthetic person: `rig` in neutral identity, `identity` (20,) in standard deviations, `sex` "male"/"female"."""

    rig: Rig
    identity: np.ndarray
    look: Look
    style: str
    sex: str


def _person(number):
    """Look, style, identity and sex of an actor."""
    if not 1 <= number <= N_ACTORS:
        raise ValueError(f"actor {number}: expected a number from 1 to {N_ACTORS}")
    rng = np.random.default_rng(1000 + number)
    male = number % 2 == 1
    rank = (number - 1) // 2
    tone = _TONE[rank]
    skin = np.array(_SKIN[tone]) * (1 + 0.02 * rng.normal(size=3))
    dark = tone >= 3
    hair = _HAIR[rng.integers(0, 2)] if dark else _HAIR[rng.choice(6, p=[0.12, 0.22, 0.26, 0.14, 0.18, 0.08])]
    lips = skin * _LIPS["male" if male else "female", dark]
    iris = _IRIS[rng.integers(0, 2) if dark else rng.integers(0, 5)]
    beard = float(rng.choice([0, 0.22, 0.42], p=[0.45, 0.30, 0.25])) if male else 0.0
    person = Look(skin=tuple(skin), lips=tuple(lips), hair=hair, iris=iris, shirt=_SHIRT[rng.integers(0, len(_SHIRT))],
                  beard=beard, blush=0.5 if male else 0.9)  # fmt: skip
    identity = 0.60 * rng.normal(size=len(MODES))
    for name, shift in _SEX_SHIFT.items():
        identity[MODES.index(name)] += shift if male else -shift
    style = (_MEN if male else _WOMEN)[rank]
    return person, style, np.clip(identity, -2, 2).astype(np.float32), "male" if male else "female"


def look(number: int) -> Look:
    """Colours of actor `number` (1..24), without building anything."""
    return _person(number)[0]


def actor(number: int) -> Actor:
    """Actor `number` (1..24): the same person in every run and on every machine.

    The rig shares its first ``rig.meta["n_shared"]`` vertices with the template `build()`: same order, triangles,
    shapes, identity modes, landmarks and contour. Only colours differ there, and hair is added after them.
    """
    person, style, identity, sex = _person(number)
    return Actor(build(look=person, style=style, seed=number), identity, person, style, sex)
