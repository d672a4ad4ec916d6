"""The kinds of rig that can be built. A new kind is one module with a function like these and one line here."""

import os

from speechface.errors import RigError
from speechface.registry import Registry
from speechface.rig.channels import REPORT46
from speechface.rig.rig import Rig

__all__ = ["RIGS", "build_rig"]

#: kind -> function (source, *, identity_modes) -> Rig; `source` is where its files are, "" where none are named
RIGS = Registry("rig", {
    "builtin": "speechface.rig.registry:build_builtin",
    "ict": "speechface.rig.ict:read_ict",
    "npz": "speechface.rig.npz:read_npz",
})  # fmt: skip


def build_builtin(source: str | os.PathLike, *, identity_modes: int) -> Rig:
    """Our own procedural head."""
    from speechface.rig.builtin import build

    if source:
        raise RigError(f"rig.source is '{source}', but the builtin head needs none; set rig.kind to ict or npz")
    return build(identity_modes=identity_modes)


def build_rig(kind: str, source: str | os.PathLike, *, identity_modes: int, channels: str = "arkit52") -> Rig:
    """Build a rig.

    Parameters
    ----------
    kind : str, key of `RIGS`
    source : path-like or "", the files it is built from
    identity_modes : int, identity modes to keep at most
    channels : arkit52, all that the rig has; report46, the report's of them

    Raises
    ------
    ConfigError
        If the kind is unknown.
    RigError
        If the source is missing or incomplete.
    """
    rig = RIGS[kind](source, identity_modes=identity_modes)
    return rig.on(REPORT46) if channels == "report46" else rig
