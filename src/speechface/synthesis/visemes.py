"""Visemes: the mouth shape each speech sound asks for, and how hard it insists.

A viseme states targets of some channels and a strength for three groups of articulators: the jaw, the lips'
shape (round to spread) and their aperture. A plosive of the tongue pulls the jaw up yet leaves the lips' shape
to the vowels around it; that is Cohen and Massaro's dominance (1993, "Modeling coarticulation in synthetic
visual speech"), here per group of articulators. `seal` closes the lips whatever the jaw does.
"""

from dataclasses import dataclass, field

from speechface.rig.channels import ARKIT52

__all__ = ["Viseme", "VISEMES", "GROUPS", "CHANNEL_GROUP", "INDEX", "visemes_of", "both"]

#: Channel -> its column in the weights of synthesis, which are ARKit's 52.
INDEX = {name: k for k, name in enumerate(ARKIT52)}

#: Articulator groups, in the order of every strength triple.
GROUPS = ("jaw", "shape", "aperture")
_SHAPE = ("mouthPucker", "mouthFunnel", "mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthSmileRight")


def _group(name: str) -> int:
    if name.startswith("jaw"):
        return 0
    return 1 if name in _SHAPE else 2


#: Index into `GROUPS` of every channel (only mouth, jaw and tongue carry speech).
CHANNEL_GROUP = tuple(_group(name) for name in ARKIT52)


def both(stem: str, weight: float) -> dict[str, float]:
    """Return {stemLeft: weight, stemRight: weight}."""
    return {stem + "Left": weight, stem + "Right": weight}


@dataclass(frozen=True)
class Viseme:
    """`targets`: channel -> weight in [0, 1]; `strength`: dominance of (jaw, shape, aperture);
    `seal` in [0, 1]: how far the lips are closed against the jaw."""

    targets: dict[str, float]
    strength: tuple[float, float, float]
    seal: float = 0.0
    vowel: bool = field(default=False)

    def __post_init__(self) -> None:
        unknown = set(self.targets) - set(INDEX)
        if unknown:
            raise ValueError(f"unknown channels {sorted(unknown)}")


def _vowel(jaw: float, strength: float = 1.5, **targets: float) -> Viseme:
    # the upper lip rises a little with every vowel, so that the upper teeth show before the lower ones
    return Viseme({"jawOpen": jaw, **_upper(0.08), **targets}, (strength, strength, 1.0), vowel=True)


def _stretch(weight: float) -> dict[str, float]:
    return both("mouthStretch", weight)


def _lower(weight: float) -> dict[str, float]:
    return both("mouthLowerDown", weight)


def _upper(weight: float) -> dict[str, float]:
    return both("mouthUpperUp", weight)


VISEMES = {
    "rest": Viseme({}, (1.2, 1.0, 1.0), seal=1.0),
    "bilabial": Viseme(
        {"jawOpen": 0.06, "mouthRollLower": 0.24, "mouthRollUpper": 0.18, **both("mouthPress", 0.35)},
        (2.6, 0.15, 4.0),
        seal=1.0,
    ),
    "labiodental": Viseme({"jawOpen": 0.07, "mouthRollLower": 0.55, **_upper(0.30)}, (1.8, 0.3, 4.0)),
    "dental": Viseme({"jawOpen": 0.11, "tongueOut": 0.35, **_lower(0.15), **_upper(0.10)}, (1.6, 0.4, 1.6)),
    "alveolar": Viseme({"jawOpen": 0.08, **_lower(0.17), **_upper(0.10), **_stretch(0.10)}, (1.6, 0.3, 1.4)),
    "velar": Viseme({"jawOpen": 0.14, **_lower(0.11)}, (0.8, 0.15, 0.8)),
    "sibilant": Viseme({"jawOpen": 0.03, **_lower(0.22), **_upper(0.20), **_stretch(0.26)}, (3.0, 0.8, 2.2)),
    "postalveolar": Viseme(
        {"jawOpen": 0.05, "mouthFunnel": 0.55, "mouthPucker": 0.22, **_lower(0.08)}, (2.6, 2.6, 1.6)
    ),
    "rhotic": Viseme({"jawOpen": 0.11, "mouthFunnel": 0.34, "mouthPucker": 0.24}, (1.1, 1.5, 1.0)),
    "lateral": Viseme({"jawOpen": 0.18, **_lower(0.14)}, (1.2, 0.3, 1.2)),
    "labiovelar": Viseme({"jawOpen": 0.07, "mouthPucker": 0.85, "mouthFunnel": 0.12}, (1.6, 3.0, 1.4)),
    "glottal": Viseme({"jawOpen": 0.18}, (0.4, 0.05, 0.3)),
    "see": _vowel(0.12, **_stretch(0.30), **both("mouthSmile", 0.18), **_lower(0.12)),
    "sit": _vowel(0.21, 1.2, **_stretch(0.20), **_lower(0.11)),
    "bed": _vowel(0.34, **_stretch(0.24), **_lower(0.12)),
    "cat": _vowel(0.48, **_stretch(0.28), **_upper(0.12), **_lower(0.09)),
    "father": _vowel(0.56, 2.1, **_lower(0.09)),
    "schwa": _vowel(0.24, 0.9, **_lower(0.06)),
    "door": _vowel(0.44, 1.7, mouthFunnel=0.50, mouthPucker=0.18),
    "go": _vowel(0.30, 1.6, mouthFunnel=0.34, mouthPucker=0.42),
    "food": _vowel(0.14, 1.8, mouthPucker=0.78, mouthFunnel=0.26),
    "foot": _vowel(0.20, 1.3, mouthPucker=0.42, mouthFunnel=0.30),
    "bird": _vowel(0.22, 1.4, mouthFunnel=0.36, mouthPucker=0.18),
}

#: IPA letter -> viseme.
_LETTERS = {
    letter: viseme
    for viseme, letters in {
        "bilabial": "pbm", "labiodental": "fvɱ", "dental": "θð", "alveolar": "tdnɾ", "velar": "kgɡŋx",
        "sibilant": "sz", "postalveolar": "ʃʒ", "rhotic": "ɹrɻ", "lateral": "lɫ", "labiovelar": "wʍ", "glottal": "h",
        "see": "ijyɨ", "sit": "ɪᵻ", "bed": "eɛ", "cat": "æ", "father": "aɑɒ", "schwa": "əʌɐɘ", "door": "ɔ", "go": "o",
        "food": "u", "foot": "ʊ", "bird": "ɜɚɝ",
    }.items()
    for letter in letters
}  # fmt: skip


def visemes_of(ipa: str) -> list[str]:
    """Return the names of the visemes of one phoneme, e.g. ``ˈaɪ`` -> [father, sit]; a pause -> [rest]."""
    letters = [c for c in ipa if c.isalpha() and c not in "ːˈˌʔʲʰ"]
    if not letters:
        return ["rest"]
    return [_LETTERS[c] for c in letters if c in _LETTERS] or ["schwa"]
