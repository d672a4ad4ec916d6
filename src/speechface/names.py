"""Names of people, clips and files: any that a file system allows, and how they stand in paths and on command lines.

A name stays what it is in tables, figures and the report. Where it becomes part of a path, or of a command's argument,
letters, digits and marks of every script and ``. _ -`` stay; each other byte of its UTF-8 is ``+`` and two hexadecimal
digits, so ``Ann Lee`` is ``Ann+20Lee``: nothing in it means anything to a shell, Snakemake, Slurm or a file system.
"""

import hashlib
import re
import unicodedata

__all__ = ["escaped", "path_name", "same_form", "shortened", "unescaped"]

_PLAIN = "._-"
_ESCAPED = re.compile(r"(?:\+[0-9A-F]{2})+")
#: Longest part of a path, bytes: file systems allow 255, and suffixes and temporary names are added.
_LONGEST = 160


def same_form(name: str) -> str:
    """The composed form (NFC) of a name: archives from macOS bring the decomposed one of the same letters."""
    return unicodedata.normalize("NFC", name)


def escaped(text: str) -> str:
    """A name, or several with ``/`` between them, as it may stand in a path or argument; `unescaped` is the inverse."""
    return "/".join(map(_escaped, text.split("/")))


def _escaped(name: str) -> str:
    kept = [char in _PLAIN or unicodedata.category(char)[0] in "LNM" for char in name]
    if name[:1] in ("-", "."):  # an option, a hidden file
        kept[0] = False
    return "".join(
        char if keep else "".join(f"+{byte:02X}" for byte in char.encode()) for char, keep in zip(name, kept)
    )


def unescaped(text: str) -> str:
    """Inverse of `escaped`; a text that it cannot have made stays as it is."""

    def decoded(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found[0].replace("+", "")).decode()
        except UnicodeDecodeError:
            return found[0]

    return _ESCAPED.sub(decoded, text)


def path_name(text: str) -> str:
    """`escaped`, fit for a path: parts too long for a file's name end in a hash instead of their end."""
    return "/".join(map(shortened, escaped(text).split("/")))


def shortened(name: str) -> str:
    """A name as it is, or with a hash in the place of its end where it is too long for a file with suffixes."""
    encoded = name.encode()
    if len(encoded) <= _LONGEST:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return encoded[: _LONGEST - 17].decode(errors="ignore") + "_" + digest
