"""Audio2Face-style JSON: shape names and one list of weights a frame."""

import json
from pathlib import Path

from speechface.export.animation import ARKIT_NAMES, Animation, arkit_weights
from speechface.files import written_whole

__all__ = ["DESCRIPTION", "SUFFIX", "write"]

DESCRIPTION = "Audio2Face-style JSON"
SUFFIX = ".json"


def write(animation: Animation, folder: Path) -> Path:
    """Write ``<name>.json`` into `folder` and return its path."""
    path = folder / f"{animation.name}.json"
    weights = arkit_weights(animation.weights, animation.channels)
    content = {
        "exportFps": float(animation.fps),
        "trackPath": animation.sound.name if animation.sound else "",
        "numPoses": len(ARKIT_NAMES),
        "numFrames": len(animation),
        "facsNames": list(ARKIT_NAMES),
        "weightMat": [[round(float(w), 6) for w in row] for row in weights],
        "joints": ["head"],
        "rotations": [[[round(float(a), 6) for a in row]] for row in animation.rotations],
        "translations": [[[0.0, 0.0, 0.0]] for _ in range(len(animation))],
    }
    with written_whole(path) as temporary, open(temporary, "w") as file:
        json.dump(content, file)
    return path
