"""A head of our own, sculpted by code: the default face, and 24 actors of it for the synthetic dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechface.rig.rig import Rig

__all__ = ["Actor", "Look", "N_ACTORS", "actor", "build", "look", "ready_made"]


def ready_made() -> "Rig":
    """The default face without identity modes, from the package: what `build` makes in seconds, and without SciPy.

    Written by ``speechface build-rig --kind builtin --identity-modes 0``.
    """
    from speechface.rig.rig import Rig

    return Rig.load(Path(__file__).with_name("head.npz"))


def __getattr__(name):
    """Import on first use: scipy's geometry takes a while."""
    if name in ("Actor", "N_ACTORS", "actor", "look"):
        from speechface.rig.builtin import actors

        return getattr(actors, name)
    if name == "build":
        from speechface.rig.builtin.head import build

        return build
    if name == "Look":
        from speechface.rig.builtin.looks import Look

        return Look
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
