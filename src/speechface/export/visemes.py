"""Weights of mouth shapes that other avatars have: Oculus' 15 visemes and the presets of VRM, from ARKit's curves.

Source: the visemes' names are those of Oculus Lip Sync, the presets' those of VRM 1.0 (VRMC_vrm, expressions). What
each shape asks of ARKit's channels is our own table of visemes (`speechface.synthesis.visemes`). A frame's weights are
the mixture, without negative parts, that comes nearest to what its channels do to jaw, lips' aperture and lips' shape.
"""

import numpy as np

from speechface.export.animation import ARKIT_NAMES
from speechface.synthesis.visemes import VISEMES

__all__ = ["OCULUS", "VRM_MOUTH", "VRM_PRESETS", "oculus_visemes", "vrm_presets"]

#: Oculus' viseme -> ours; ``sil`` is what is left of 1.
_OCULUS = {
    "PP": "bilabial", "FF": "labiodental", "TH": "dental", "DD": "alveolar", "kk": "velar", "CH": "postalveolar",
    "SS": "sibilant", "nn": "lateral", "RR": "rhotic", "aa": "father", "E": "bed", "I": "see", "O": "door", "U": "food",
}  # fmt: skip
OCULUS = ("sil", *_OCULUS)
_VRM = {"aa": "father", "ih": "see", "ou": "food", "ee": "bed", "oh": "door"}
#: Presets of the mouth.
VRM_MOUTH = tuple(_VRM)
VRM_PRESETS = (*VRM_MOUTH, "blink", "blinkLeft", "blinkRight", "lookUp", "lookDown", "lookLeft", "lookRight")

#: Coordinates in which frames and shapes are compared: weights of ARKit's channels that add up to each, by stem; sides
#: are averaged. The gap of the lips counts most: it is what one sees. A smile is a mood more than a sound.
_COORDINATES: tuple[dict[str, float], ...] = (
    {"jawOpen": 3.0, "mouthClose": -3.0}, {"jawOpen": 0.7}, {"mouthPucker": 1.0}, {"mouthFunnel": 1.0},
    {"mouthStretch": 1.4, "mouthSmile": 0.15}, {"mouthLowerDown": 1.0}, {"mouthUpperUp": 0.8}, {"mouthRollLower": 1.2},
    {"mouthRollUpper": 0.8, "mouthPress": 0.8},
)  # fmt: skip
#: Small cost of every weight, so that few shapes explain a frame.
_COST = 0.02
_ROUNDS = 150


def _mixing() -> np.ndarray:
    """Matrix (52, coordinates)."""
    matrix = np.zeros((len(ARKIT_NAMES), len(_COORDINATES)))
    for k, parts in enumerate(_COORDINATES):
        for stem, weight in parts.items():
            places = [n for n, name in enumerate(ARKIT_NAMES) if name in (stem, stem + "Left", stem + "Right")]
            matrix[places, k] = weight / len(places)
    return matrix


def _shape(name: str) -> np.ndarray:
    """ARKit weights (52,) of one of our visemes; closed lips close what the jaw opens."""
    viseme = VISEMES[name]
    weights = np.array([viseme.targets.get(channel, 0.0) for channel in ARKIT_NAMES])
    weights[ARKIT_NAMES.index("mouthClose")] += viseme.seal * viseme.targets.get("jawOpen", 0.0)
    return weights


def _mixture(arkit: np.ndarray, names: list[str]) -> np.ndarray:
    """Weights (T, n) >= 0 of our visemes `names`, together at most 1, nearest to ARKit's curves (T, 52)."""
    mixing = _mixing()
    shapes = np.stack([_shape(name) for name in names]) @ mixing
    wanted = np.asarray(arkit, float) @ mixing @ shapes.T - _COST
    gram = shapes @ shapes.T
    step = 1 / np.linalg.eigvalsh(gram)[-1]
    weights = np.zeros_like(wanted)
    ahead, momentum = weights, 1.0
    for _ in range(_ROUNDS):  # accelerated projected gradient
        before, weights = weights, np.maximum(ahead + step * (wanted - ahead @ gram), 0)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = weights + (momentum - 1) / following * (weights - before)
        momentum = following
    return weights / np.maximum(weights.sum(1, keepdims=True), 1)


def oculus_visemes(arkit: np.ndarray) -> np.ndarray:
    """ARKit's curves (T, 52) -> weights (T, 15) of `OCULUS`, in [0, 1], each row adding up to 1."""
    spoken = _mixture(arkit, list(_OCULUS.values()))
    return np.column_stack([1 - spoken.sum(1), spoken]).clip(0, 1).astype(np.float32)


def vrm_presets(arkit: np.ndarray) -> np.ndarray:
    """ARKit's curves (T, 52) -> weights (T, 12) of `VRM_PRESETS`, in [0, 1].

    ``blink`` is what both eyes share, ``blinkLeft`` and ``blinkRight`` the rest; moods are not told from curves.
    """
    column = {name: arkit[:, k] for k, name in enumerate(ARKIT_NAMES)}
    left, right = column["eyeBlinkLeft"], column["eyeBlinkRight"]
    both = np.minimum(left, right)
    down = np.mean([column["eyeLookDown" + side] - column["eyeLookUp" + side] for side in ("Left", "Right")], 0)
    aside = np.mean([column["eyeLookOutLeft"] - column["eyeLookInLeft"],
                     column["eyeLookInRight"] - column["eyeLookOutRight"]], 0)  # fmt: skip
    eyes = [both, left - both, right - both, -down, down, aside, -aside]
    mouth = _mixture(arkit, list(_VRM.values()))
    return np.column_stack([mouth, *eyes]).clip(0, 1).astype(np.float32)
