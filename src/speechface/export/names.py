"""Names of shapes as other people's avatars spell them."""

import re
from collections.abc import Iterable

from speechface.export.animation import ARKIT_NAMES
from speechface.export.visemes import OCULUS, VRM_PRESETS

__all__ = ["arkit_name", "preset_name", "viseme_name"]

_STEMS = [name.removesuffix("Left") for name in ARKIT_NAMES if name.endswith("Left") and len(name) > len("mouthLeft")]
_ARKIT = {name.lower(): name for name in (*ARKIT_NAMES, *_STEMS)}
_VISEMES = {name.lower(): name for name in OCULUS}
#: Spellings of VRM's presets: VRM 0's own, those of VRoid's morph targets, VRM 1's.
_PRESETS = {name.lower(): name for name in VRM_PRESETS} | {
    "a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "blink_l": "blinkLeft", "blink_r": "blinkRight",
    "fcl_mth_a": "aa", "fcl_mth_i": "ih", "fcl_mth_u": "ou", "fcl_mth_e": "ee", "fcl_mth_o": "oh",
    "fcl_eye_close": "blink", "fcl_eye_close_l": "blinkLeft", "fcl_eye_close_r": "blinkRight",
}  # fmt: skip


def _last(name: str) -> str:
    """The name without the mesh or group before the last dot or colon: ``Face.blendShape1.jawOpen``, but ``eye.L``."""
    return re.sub(r"^.*[.:](?=[A-Za-z_]{3,}$)", "", name.strip())


def _spelt(name: str, known: Iterable[str]) -> str | None:
    """A name in one word of small letters, its side spelt out."""
    sided = re.sub(r"(?<=[a-z0-9])[ _.-]?(?:L|R)$|[ _.-](?:l|r)$", lambda m: _SIDES[m[0][-1].lower()], _last(name))
    plain = re.sub(r"[^a-z0-9]", "", sided.lower())
    return plain if plain in known else None


_SIDES = {"l": "Left", "r": "Right"}


def arkit_name(name: str) -> str | None:
    """Apple's name of a shape, None where it is none: jawOpen, JawOpen, jaw_open, mouthSmile_L, EyeBlink.R, ...

    A shape split in two sides that Apple has as one (browInnerUp_L, cheekPuff_R) is told by the one, one for two sides
    by the name without them (noseSneer).
    """
    found = _spelt(name, _ARKIT)
    if found is None:
        whole = re.sub(r"[ _.-]?(left|right|l|r)$", "", _last(name), flags=re.IGNORECASE)
        found = _spelt(whole, ("browinnerup", "cheekpuff"))
    return _ARKIT[found] if found else None


def viseme_name(name: str) -> str | None:
    """Oculus' viseme, None where a name is none: viseme_aa, vrc.v_aa, v_aa."""
    found = re.fullmatch(r"(?:viseme|vrc\.v|v)_?([a-z]+)", name.strip().rpartition("/")[2].lower())
    return _VISEMES.get({"ih": "i", "oh": "o", "ou": "u"}.get(found[1], found[1])) if found else None


def preset_name(name: str) -> str | None:
    """VRM's preset, None where a name is none: aa, A, blink_l, Fcl_MTH_A."""
    return _PRESETS.get(_last(name).lower())
