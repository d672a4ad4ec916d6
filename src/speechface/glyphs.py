"""Letters of every script on images and figures: fonts that have them, and what stands for those that none has."""

import functools
import importlib.util
from pathlib import Path

__all__ = ["DEFAULT", "default_font", "fallback_fonts", "font_for", "readable"]

DEFAULT = "DejaVu Sans"
#: Families with many scripts that systems bring, the likeliest first; those that are installed are used.
_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Source Han Sans SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Noto Sans Devanagari", "Noto Sans Arabic",
    "Noto Sans Thai", "Noto Sans", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Arial Unicode MS", "Unifont",
)  # fmt: skip


def default_font(bold: bool = False) -> str:
    """File of DejaVu Sans, which comes with matplotlib."""
    origin = importlib.util.find_spec("matplotlib").origin  # type: ignore[union-attr]  # found, not imported: slow
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(str(origin)).parent / "mpl-data" / "fonts" / "ttf" / name)


@functools.cache
def fallback_fonts() -> dict[str, str]:
    """Family -> file of the installed fonts that know other scripts."""
    from matplotlib.font_manager import fontManager

    found = {entry.name: entry.fname for entry in reversed(fontManager.ttflist)}
    return {name: found[name] for name in _FAMILIES if name in found}


@functools.cache
def _letters(file: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(file).get_charmap())


def _missing(text: str, files: tuple[str, ...]) -> str:
    return "".join(char for char in text if not (char.isspace() or any(ord(char) in _letters(f) for f in files)))


def readable(text: str, files: tuple[str, ...] | None = None) -> str:
    """The text, where fonts lack a letter with its code point in its place: ``U+5F20``; no empty boxes.

    Parameters
    ----------
    text : str
    files : tuple of str, fonts; all that can be used without it
    """
    if text.isascii():
        return text
    lacking = _missing(text, files or (default_font(), *fallback_fonts().values()))
    for char in dict.fromkeys(lacking):
        text = text.replace(char, f" U+{ord(char):04X} ")
    return " ".join(text.split()) if lacking else text


def font_for(text: str, bold: bool = False) -> str:
    """The file of the first font that has all letters of a text; the default where none has."""
    first = default_font(bold)
    if text.isascii() or not _missing(text, (first,)):
        return first
    return next((file for file in fallback_fonts().values() if not _missing(text, (file,))), first)
