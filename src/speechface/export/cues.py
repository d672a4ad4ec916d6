"""Mouth cues: one of a few mouth shapes a span of time, as Rhubarb Lip Sync writes them, for cut-outs and games.

Shapes: A closed with pressure (p b m), B nearly closed (most consonants, ee), C open (eh), D wide open (aa), E slightly
rounded (ao, er), F puckered (uw, w), G teeth on the lip (f v), X at rest. H, the tongue of a long l, is not told from
curves; players show B or C for it anyway.
"""

import json
from pathlib import Path

import numpy as np

from speechface.export.animation import ARKIT_NAMES, Animation
from speechface.export.visemes import OCULUS, oculus_visemes
from speechface.files import write_file, written_whole

__all__ = ["JSON", "TSV", "Cue", "mouth_cues"]

_SHAPES = "ABCDEFGX"
#: Viseme -> shape.
_SHAPE_OF = {
    "sil": "X", "PP": "A", "FF": "G", "TH": "B", "DD": "B", "kk": "B", "CH": "F", "SS": "B", "nn": "C", "RR": "E",
    "aa": "D", "E": "C", "I": "B", "O": "E", "U": "F",
}  # fmt: skip
#: What a change of shape costs, in weights times seconds: shapes of less than about two frames do not pay.
_CHANGE_S = 0.012
#: A mouth that is at rest by more than this share shows X; by less, the shape that it mostly has, however faint.
_REST = 0.6
#: Lips nearer than this are shut, whatever their shape.
_SHUT = 0.03
#: Lips that are shut this long, s, are at rest; shorter, they speak.
_REST_S = 0.2

#: Start and end, s, and the letter.
Cue = tuple[float, float, str]


def mouth_cues(animation: Animation) -> list[Cue]:
    """Spans that follow each other from 0 to the end, the cheapest sequence of shapes (Viterbi)."""
    visemes = oculus_visemes(animation.arkit)
    rest = visemes[:, :1]
    visemes = np.concatenate([(rest - _REST) / (1 - _REST), visemes[:, 1:] / (1.2 - rest)], 1).clip(0, 1)
    fit = np.zeros((len(visemes), len(_SHAPES)))
    for k, name in enumerate(OCULUS):
        fit[:, _SHAPES.index(_SHAPE_OF[name])] += visemes[:, k]
    shut = np.nonzero(_opening(animation.arkit) < _SHUT)[0]
    fit[shut] = 0
    fit[shut, np.where(visemes[shut, 1] > 0.3, _SHAPES.index("A"), _SHAPES.index("X"))] = 1
    cost, came = -fit[0], np.zeros(fit.shape, np.intp)
    change = _CHANGE_S * float(animation.fps)
    for k in range(1, len(fit)):
        best = int(cost.argmin())
        stay = cost <= cost[best] + change
        came[k] = np.where(stay, np.arange(len(_SHAPES)), best)
        cost = np.where(stay, cost, cost[best] + change) - fit[k]
    path = np.zeros(len(fit), np.intp)
    path[-1] = cost.argmin()
    for k in range(len(fit) - 1, 0, -1):
        path[k - 1] = came[k, path[k]]
    starts = np.concatenate([[0], np.nonzero(np.diff(path))[0] + 1])
    seconds = [*animation.times[starts], len(fit) / float(animation.fps)]
    cues = [(start, end, _SHAPES[path[k]]) for start, end, k in zip(seconds, seconds[1:], starts)]
    inside = range(1, len(cues) - 1)
    return [(start, end, "A" if value == "X" and k in inside and end - start < _REST_S else value)
            for k, (start, end, value) in enumerate(cues)]  # fmt: skip


def _opening(arkit: np.ndarray) -> np.ndarray:
    """How far the lips are apart (T,), in weights of jawOpen."""
    column = {name: arkit[:, k] for k, name in enumerate(ARKIT_NAMES)}
    lips = sum(column[stem + side] for stem in ("mouthLowerDown", "mouthUpperUp") for side in ("Left", "Right"))
    return column["jawOpen"] - column["mouthClose"] + 0.2 * lips


class _Json:
    SUFFIX = ".cues.json"
    DESCRIPTION = "mouth cues (A-G, X) as Rhubarb Lip Sync's JSON"

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.cues.json`` into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        cues = [{"start": round(a, 2), "end": round(b, 2), "value": value} for a, b, value in mouth_cues(animation)]
        sound = animation.sound.name if animation.sound else ""
        content = {"metadata": {"soundFile": sound, "duration": cues[-1]["end"]}, "mouthCues": cues}
        with written_whole(path) as temporary, open(temporary, "w") as file:
            json.dump(content, file, indent=1)
        return path


class _Tsv:
    SUFFIX = ".cues.tsv"
    DESCRIPTION = "the same as a table: time, tab, shape"

    def write(self, animation: Animation, folder: Path) -> Path:
        """Write ``<name>.cues.tsv`` into `folder` and return its path."""
        path = folder / f"{animation.name}{self.SUFFIX}"
        cues = mouth_cues(animation)
        lines = [*((start, value) for start, _, value in cues), (cues[-1][1], "X")]
        write_file(path, "".join(f"{time:.2f}\t{value}\n" for time, value in lines))
        return path


JSON, TSV = _Json(), _Tsv()
