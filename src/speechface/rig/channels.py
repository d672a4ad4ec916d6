"""Names of blendshape channels: the two lists that we build rigs with, and what is told by names alone.

A rig has its own list (`speechface.rig.rig.Rig.channels`), which its file and the metadata of every table and model
hold. Functions here take such a list; names that a list lacks do no harm.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechface.errors import SpeechfaceError, TableError

__all__ = [
    "ARKIT52", "GAZE", "LISTS", "REPORT46", "ROTATIONS", "column", "columns", "limit_mouth_close", "mirrored",
    "on_channels", "require", "sides", "sources", "told",
]  # fmt: skip


def sides(stem: str) -> tuple[str, str]:
    """The names of a shape's two sides."""
    return (stem + "Left", stem + "Right")


#: Apple's 52, by the alphabet.
ARKIT52 = (
    *sides("browDown"), "browInnerUp", *sides("browOuterUp"), "cheekPuff", *sides("cheekSquint"),
    *sides("eyeBlink"), *sides("eyeLookDown"), *sides("eyeLookIn"), *sides("eyeLookOut"), *sides("eyeLookUp"),
    *sides("eyeSquint"), *sides("eyeWide"), "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    *sides("mouthDimple"), *sides("mouthFrown"), "mouthFunnel", "mouthLeft", *sides("mouthLowerDown"),
    *sides("mouthPress"), "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", *sides("mouthSmile"), *sides("mouthStretch"), *sides("mouthUpperUp"), *sides("noseSneer"),
    "tongueOut",
)  # fmt: skip
_NOT_REPORTED = (*sides("cheekSquint"), *sides("mouthPress"), *sides("noseSneer"), "tongueOut")
#: The report's 46: without cheekSquint, mouthPress and tongueOut, and with one noseSneer for both sides.
REPORT46 = (*(name for name in ARKIT52 if name not in _NOT_REPORTED), "noseSneer")
#: Value of the key ``rig.channels`` -> list.
LISTS = {"arkit52": ARKIT52, "report46": REPORT46}
#: The eight gaze channels, which irises alone show.
GAZE = tuple(name for name in ARKIT52 if name.startswith("eyeLook"))
#: Head rotation columns, radians; see `speechface.geometry.rotation`.
ROTATIONS = ("rotation_x", "rotation_y", "rotation_z")


def column(channels: Sequence[str], name: str) -> int | None:
    """Place of a channel in a list, None where it is not there."""
    return channels.index(name) if name in channels else None


def columns(channels: Sequence[str], names: Sequence[str]) -> list[int]:
    """Places in a list of those of `names` that it has, in the order of `names`."""
    return [channels.index(name) for name in names if name in channels]


def mirrored(channels: Sequence[str]) -> list[int]:
    """Place of the channel that each becomes when the face is mirrored left to right; its own where it has no twin."""

    def twin(name):
        for side, other in (("Left", "Right"), ("Right", "Left")):
            if name.endswith(side):
                return name.removesuffix(side) + other
        return name

    return [k if (place := column(channels, twin(name))) is None else place for k, name in enumerate(channels)]


def limit_mouth_close(weights: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Lower mouthClose to jawOpen where it is above, in place: lips can only close what the jaw has opened.

    weights (..., n) with the channels first, in the order of `channels`; returned for convenience.
    """
    close, jaw = column(channels, "mouthClose"), column(channels, "jawOpen")
    if close is not None and jaw is not None:
        weights[..., close] = np.minimum(weights[..., close], weights[..., jaw])
    return weights


def sources(channels: Sequence[str], name: str) -> list[int]:
    """Places of what a list has for a channel: itself, its two sides (of noseSneer), or the one for both sides."""
    stem = name.removesuffix("Left").removesuffix("Right")
    return columns(channels, [name]) or columns(channels, sides(name)) or columns(channels, [stem])


def on_channels(weights: np.ndarray, channels: Sequence[str], target: Sequence[str]) -> np.ndarray:
    """Weights (..., n) of `channels` -> (..., m) of the list `target`, float32.

    A shape for both sides (noseSneer) takes the mean of the two and feeds both; what has no source is 0.
    """
    out = np.zeros((*weights.shape[:-1], len(target)), np.float32)
    for place, name in enumerate(target):
        places = sources(channels, name)
        if places:
            out[..., place] = weights[..., places].mean(-1)
    return out


def told(meta: Mapping[str, Any], where: Any) -> tuple[str, ...]:
    """The channels that the metadata of a table tell; TableError where they tell none."""
    if not meta.get("channels"):
        raise TableError(f"{where}: its metadata list no channels, so an older version wrote it; make it again")
    return tuple(meta["channels"])


def require(
    found: Sequence[str],
    expected: Sequence[str],
    *,
    where: Any,
    of: str,
    remedy: str = "make it again",
    error: type[SpeechfaceError] = TableError,
) -> tuple[str, ...]:
    """Return `found`, channels of the file `where`; raise `error` where they are not `expected`, those of `of`."""
    if tuple(found) != tuple(expected):
        missing, foreign = ([n for n in a if n not in b] for a, b in ((expected, found), (found, expected)))
        how = [f"{word} {', '.join(names[:3])}{', ...' * (len(names) > 3)}"
               for word, names in (("without", missing), ("with", foreign)) if names]  # fmt: skip
        raise error(f"{where}: {len(found)} channels ({' and '.join(how) or 'in another order'}), expected the "
                    f"{len(expected)} of {of}; {remedy}")  # fmt: skip
    return tuple(found)
