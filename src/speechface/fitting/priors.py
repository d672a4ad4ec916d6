"""What is known about weights before an image is seen.

Two parts. Every channel has a typical size, and the two sides of a face move much alike: that alone is the
`independent_precision`. And channels move together: jaw, lips and brows go through the shapes of speech
sounds and emotions, so that depth, which one view does not show, follows from what it shows. Those shapes are the
visemes, as often as English has them, and expressions of `speechface.synthesis`, in all combinations; no recording,
actor or clip is in them.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from speechface.rig.channels import ARKIT52, mirrored, on_channels

__all__ = [
    "articulation_moments", "independent_precision", "learnt_freedom", "weight_covariance", "weight_precision",
]  # fmt: skip

#: Typical size of a weight: the ridge prior is (w / typical)^2. Small where the channel is rare in speech or
#: mimics another one in the image.
_TYPICAL = 0.35
_TYPICAL_OF = {
    "browDown": 0.5, "browInnerUp": 0.5, "browOuterUp": 0.5, "cheekPuff": 0.12, "cheekSquint": 0.2,
    "eyeBlink": 0.7, "jawForward": 0.15, "jawLeft": 0.12, "jawRight": 0.12, "jawOpen": 0.5, "mouthClose": 0.15,
    "mouthDimple": 0.2, "mouthFrown": 0.2, "mouthLeft": 0.15, "mouthPress": 0.2, "mouthRight": 0.15,
    "mouthRollLower": 0.3, "mouthRollUpper": 0.3, "mouthShrugLower": 0.25, "mouthShrugUpper": 0.2, "mouthSmile": 0.5,
    "mouthStretch": 0.25, "noseSneer": 0.2,
}  # fmt: skip
#: Typical difference between the two sides of a face; eyes move together.
_SIDES, _SIDES_EYES = 0.15, 0.10
#: Pairs that are opposites rather than the two sides of one motion.
_OPPOSITES = ("jawLeft", "mouthLeft")
#: Share of the independent prior's variance that is added to the moments of articulation, so that every
#: face can move in ways that no table lists.
_FREEDOM = 0.1
#: The largest share that is learnt, and steps of that.
_LARGEST_FREEDOM, _LEARNING_STEPS = 10.0, 6
#: Size of the expressions: between the normal and the strong ones of the synthetic actors.
_STRENGTH = 0.85
#: Percent of the time that a speaker of English spends on each viseme (benchmarks/viseme_fractions.py).
_SHARES = {
    "rest": 2.4, "bilabial": 4.7, "labiodental": 3.8, "dental": 4.5, "alveolar": 11.5, "velar": 5.7, "sibilant": 9.7,
    "postalveolar": 1.2, "rhotic": 4.7, "lateral": 2.4, "labiovelar": 1.4, "glottal": 1.0, "see": 4.3, "sit": 6.5,
    "bed": 6.0, "cat": 3.4, "father": 5.9, "schwa": 8.5, "door": 3.9, "go": 1.9, "food": 2.5, "foot": 1.6, "bird": 2.4,
}  # fmt: skip
#: Lids and brows (blink, raise of an accent) that are combined with every sound and emotion.
_LIDS_AND_BROWS = ((0.0, 0.0), (1.0, 0.0), (0.0, 0.3))


def _typical(name: str) -> float:
    stem = name if name in _TYPICAL_OF else name.removesuffix("Left").removesuffix("Right")
    return _TYPICAL_OF.get(stem, _TYPICAL)


def independent_precision(channels: Sequence[str]) -> np.ndarray:
    """Prior precision (C, C) of weights that know nothing of each other but their twin on the other side."""
    matrix, twins = np.diag([_typical(name) ** -2 for name in channels]), mirrored(channels)
    for i, (name, j) in enumerate(zip(channels, twins)):
        if j > i and name not in _OPPOSITES:
            k = (_SIDES_EYES if name.startswith("eye") else _SIDES) ** -2
            matrix[[i, j], [i, j]] += k
            matrix[[i, j], [j, i]] -= k
    return matrix


def articulation_moments(channels: Sequence[str]) -> np.ndarray:
    """Second moments (C, C) of the weights over viseme, emotion and lids or brows in all combinations.

    Without the tongue's: no landmark shows it, and that it is never seen must not tell of sounds.
    """
    from speechface.synthesis.expression import EXPRESSIONS, merge
    from speechface.synthesis.visemes import VISEMES

    def vector(targets: Any) -> np.ndarray:
        weights = np.zeros(len(ARKIT52))
        weights[[ARKIT52.index(name) for name in targets]] = list(targets.values())
        return weights

    moods = [_STRENGTH * vector(e) for e in EXPRESSIONS.values()]
    rows: list[tuple] = []
    shares: list[float] = []
    for name, viseme in VISEMES.items():
        sound = vector(viseme.targets)
        rows += [(sound, viseme.seal, mood, *upper) for mood in moods for upper in _LIDS_AND_BROWS]
        shares += [_SHARES[name]] * (len(rows) - len(shares))
    weights = merge(*(np.array(column) for column in zip(*rows)))
    weights[:, ARKIT52.index("tongueOut")] = 0
    weights = on_channels(weights, ARKIT52, channels).astype(float)
    return (weights.T * shares) @ weights / np.sum(shares)


@functools.cache
def _parts(channels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moments of articulation (C, C); modes of the independent prior (C, C), one a column: channels, or the sum and the
    difference of twins; their variances (C,)."""
    precision, modes = independent_precision(channels), np.eye(len(channels))
    for i, j in enumerate(mirrored(channels)):
        if j > i and precision[i, j]:
            modes[np.ix_([i, j], [i, j])] = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    return articulation_moments(channels), modes, 1 / np.einsum("im,ij,jm->m", modes, precision, modes)


def weight_covariance(channels: tuple[str, ...], freedom: np.ndarray | float = _FREEDOM) -> np.ndarray:
    """Prior covariance (C, C) of the weights, zero mean: how channels move together, and beside it `freedom` (C,) of
    the independent prior's variance in each of its modes: channels, or sums and differences of twins."""
    moments, modes, variance = _parts(channels)
    return moments + (modes * (freedom * variance)) @ modes.T


@functools.cache
def weight_precision(channels: tuple[str, ...]) -> np.ndarray:
    """Prior precision (C, C) of the weights."""
    return np.linalg.inv(weight_covariance(channels))


def learnt_freedom(channels: tuple[str, ...], seconds: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Freedom (C,) under which weights with these second moments (C, C) are likeliest, from `freedom` (C,) on.

    Each step multiplies by the root of the ratio of what the moments hold in a mode to what the prior expects there,
    which raises the likelihood (minorisation, as in Hunter and Lange 2004).
    """
    _, modes, _ = _parts(channels)
    for _ in range(_LEARNING_STEPS):
        known = np.linalg.inv(weight_covariance(channels, freedom)) @ modes
        held, expected = (known * (seconds @ known)).sum(0), (known * modes).sum(0)
        freedom = np.clip(freedom * np.sqrt(held / expected), _FREEDOM, _LARGEST_FREEDOM)
    return freedom
