"""The kinds of rig that can be built. A new kind is one module with a builder and one line here."""

import importlib
import os

from speechface.errors import RigError
from speechface.rig.rig import Rig

__all__ = ["KINDS", "build_rig"]

#: kind -> (module, function); the function takes (source, identity_modes) and returns a Rig
KINDS = {
    "builtin": ("speechface.rig.registry", "_builtin"),
    "ict": ("speechface.rig.ict", "read_ict"),
    "npz": ("speechface.rig.npz", "read_npz"),
}


def _builtin(source, *, identity_modes):
    from speechface.rig.builtin import build

    if source:
        raise RigError(f"rig.source is '{source}', but the builtin head needs none; set rig.kind to ict or npz")
    return build(identity_modes=identity_modes)


def build_rig(kind: str, source: str | os.PathLike, *, identity_modes: int) -> Rig:
    """Build a `Rig`.

    Parameters
    ----------
    kind : str, key of `KINDS`
    source : path-like or "", the files it is built from
    identity_modes : int, identity modes to keep at most

    Raises
    ------
    RigError
        If the source is missing or incomplete.
    """
    if kind not in KINDS:
        raise RigError(f"unknown rig kind '{kind}'; known are {', '.join(KINDS)}")
    if kind != "builtin" and not source:
        raise RigError(f"rig.source is empty; a rig of kind '{kind}' needs the path of its files")
    module, name = KINDS[kind]
    return getattr(importlib.import_module(module), name)(source, identity_modes=identity_modes)
