"""The export formats of ``speechface animate --formats``.

A format is a module, or an object in one, with

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
    "mp4": "speechface.export.mp4:MP4",
    "webm": "speechface.export.mp4:WEBM",
    "glb_meshopt": "speechface.export.glb:MESHOPT",
    "avatar": "speechface.export.avatar",
    "glb": "speechface.export.glb:PLAIN",
    "usd": "speechface.export.usd",
    "a2f_json": "speechface.export.a2f:JSON",
    "a2f3d_csv": "speechface.export.a2f:CSV",
    "livelink": "speechface.export.livelink",
    "beat": "speechface.export.beat",
    "talkinghead": "speechface.export.talkinghead",
    "vrma_arkit": "speechface.export.vrma:ARKIT",
    "vrma": "speechface.export.vrma:PRESETS",
    "vrm_presets": "speechface.export.viseme_json:VRM",
    "visemes": "speechface.export.viseme_json:VISEMES",
    "cues_json": "speechface.export.cues:JSON",
    "cues_tsv": "speechface.export.cues:TSV",
    "parquet": "speechface.export.parquet",
    "npy": "speechface.export.npy",
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
