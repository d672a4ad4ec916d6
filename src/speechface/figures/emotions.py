"""The mouth's error by emotion, for every model."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.datasets.emotions import EMOTIONS
from speechface.figures.common import NothingToShow
from speechface.figures.scores import SHORT, Scores, ordered_models, read_scores, score_table
from speechface.figures.style import COLUMN, GREY, colour_of, new_figure, short, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "ENOUGH", "INPUTS", "PAPER", "collect", "draw", "rows"]

INPUTS = {"metrics": True}
#: Clips of an emotion below which a mean over them says nothing.
ENOUGH = 4
CAPTION = (
    "Error of every model by the emotion that was acted, with 95 % intervals, where there are at least four clips of "
    "it. To see: does a model that is better on average lose on strong emotions? The table has all emotions."
)

_METRIC = "rmse_mouth_mm"
_TABLE = (_METRIC, "lip_gap_r", "r2_mouth")
#: Columns of the LaTeX table, whose rows stand together by emotion.
PAPER = ("model", "seed", "n_clips", *_TABLE)
#: Order along the axis; others follow by name.
_ORDER = EMOTIONS


def collect(inputs: Mapping[str, Any]) -> Scores:
    """Read the mouth's error of every emotion."""
    return read_scores(inputs["metrics"], group="emotion", metrics=_TABLE)


def rows(scores: Scores) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The figure's numbers and two more metrics as a table."""
    models = ordered_models(scores, _METRIC)
    columns, lines = score_table(scores, metrics=_TABLE, by_group="emotion", models=models)
    return columns, [{**line, "block": titled(line["group"])} for line in lines]


def draw(scores: Scores) -> "Figure":
    """Emotions below each other, models within an emotion; means over seeds. Emotions of few clips are left out."""
    models = ordered_models(scores, _METRIC)
    rank = {name: place for place, name in enumerate(_ORDER)}
    clips = {s.group: 0 for s in scores.of(metric=_METRIC)}
    for s in scores.of(metric=_METRIC):
        clips[s.group] = max(clips[s.group], s.n_clips)
    emotions = sorted((e for e in clips if clips[e] >= ENOUGH), key=lambda e: (rank.get(e, len(rank)), e))
    few = [f"{short(e, 14)} {clips[e]}" for e in sorted(set(clips) - set(emotions))]
    if len(emotions) < 2:
        raise NothingToShow(f"fewer than two emotions have {ENOUGH} clips to be evaluated on: clips {', '.join(few)}")
    figure = new_figure(COLUMN, 0.75 + 0.1 * (len(models) + 2) * len(emotions))
    axis = figure.subplots()
    for k, emotion in enumerate(emotions):
        for j, model in enumerate(models):
            found = scores.of(metric=_METRIC, model=model, group=emotion)
            if not found:
                continue
            y = k + (j + 1.5) / (len(models) + 2) - 0.5
            colour, marker = colour_of(model, models)
            value, low, high = (np.mean([getattr(s, name) for s in found]) for name in ("value", "low", "high"))
            if np.isfinite([low, high]).all():
                axis.plot([low, high], [y, y], color=colour, linewidth=1.1, solid_capstyle="butt")
            axis.plot(value, y, marker, color=colour, markersize=3.4, label=None if k else short(model, 16))
    for edge in np.arange(len(emotions) - 1) + 0.5:
        axis.axhline(edge, color="#dddddd", linewidth=0.5)
    axis.set_yticks(range(len(emotions)), [f"{short(e, 14)}\nn = {clips[e]}" for e in emotions])
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(emotions) - 0.5, -0.5)
    axis.set_xlabel(f"{SHORT[_METRIC][0]}, {SHORT[_METRIC][1]}")
    axis.grid(True, axis="x")
    across = min(len(models), 3 if max(map(len, models)) > 8 else 4)
    figure.legend(loc="outside upper center", ncols=across, handletextpad=0.1, columnspacing=1.0)
    left_out = f"; left out, too few clips: {', '.join(few)}" if few else ""
    figure.supxlabel(textwrap.fill(f"n: {scores.place}{left_out}", 72), fontsize=6.5, color=GREY)
    return figure
