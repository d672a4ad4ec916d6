"""The export formats of ``speechface animate --formats``.

A format is a module with

- ``DESCRIPTION``: what it is and for which program, in a few words;
- ``SUFFIX``: how its files end;
- ``write(animation, folder) -> path``: writes one file of an `speechface.export.animation.Animation`.

To add one, write the module and add its line here.
"""

from pathlib import Path
from typing import Any

from speechface.errors import ConfigError
from speechface.registry import Registry

__all__ = ["FORMATS", "format_of"]

FORMATS = Registry("format", {
    "mp4": "speechface.export.mp4",
    "livelink": "speechface.export.livelink",
    "parquet": "speechface.export.parquet",
    "json": "speechface.export.facs_json",
})  # fmt: skip


def format_of(path: Path, name: str = "") -> Any:
    """The format `name`, or the one whose files end as `path` does; of several the first in the registry.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name:
        return FORMATS[name]
    for member in map(FORMATS.__getitem__, FORMATS):
        if path.name.lower().endswith(member.SUFFIX):
            return member
    endings = ", ".join(dict.fromkeys(FORMATS[name].SUFFIX for name in FORMATS))
    raise ConfigError(f"{path.name}: no format has this ending; end in one of {endings}")
