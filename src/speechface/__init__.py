"""speechface: speech in, a moving face out.

>>> import speechface
>>> speechface.animate("speech.wav").save("face.glb")
"""

from typing import Any

__all__ = ["Animation", "Stream", "__version__", "animate", "load_model"]
__version__ = "0.1.0"

#: What the package itself offers -> its module, imported when it is first used.
_PLACES = {
    "Animation": "speechface.export.animation",
    "Stream": "speechface.stream",
    "animate": "speechface.speaking",
    "load_model": "speechface.networks.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'speechface' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)
