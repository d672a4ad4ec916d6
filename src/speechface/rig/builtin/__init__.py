"""A head of our own, sculpted by code: the default face, and 24 actors of it for the synthetic dataset."""

__all__ = ["Actor", "Look", "N_ACTORS", "actor", "build", "look"]


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
