"""Weights of Oculus' visemes and of VRM's presets over time, as JSON: names, and one list of weights a frame."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from speechface.export.animation import Animation
from speechface.export.rows import rows, write_json
from speechface.export.visemes import OCULUS, VRM_PRESETS, oculus_visemes, vrm_presets

__all__ = ["VISEMES", "VRM"]


class _Weights:
    def __init__(self, kind: str, names: Sequence[str], weights: Callable[[np.ndarray], np.ndarray], text: str) -> None:
        self._names, self._weights = names, weights
        self.SUFFIX, self.DESCRIPTION = f".{kind}.json", text

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.<kind>.json`` into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        frames = rows(self._weights(animation.arkit), 4)
        write_json(path, {"fps": float(animation.fps), "names": list(self._names), "frames": frames})
        return path


VISEMES = _Weights("visemes", OCULUS, oculus_visemes, "JSON of Oculus' 15 visemes: sil PP FF TH ...")
VRM = _Weights("vrm", VRM_PRESETS, vrm_presets, "JSON of VRM's expression presets: aa ih ou ee oh blink ...")
