"""The mouth's error by emotion, for every model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.datasets.emotions import EMOTIONS
from speechface.figures.scores import SHORT, Scores, ordered_models, read_scores, score_table
from speechface.figures.style import GREY, PAGE, colour_of, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw", "rows"]

INPUTS = {"metrics": True}
CAPTION = "Error of every model by the emotion that was acted, where the clip table knows it."

_METRIC = "rmse_mouth_mm"
#: Order along the axis; others follow by name.
_ORDER = EMOTIONS


def collect(inputs: Mapping[str, Any]) -> Scores:
    """Read the mouth's error of every emotion."""
    return read_scores(inputs["metrics"], group="emotion", metrics=[_METRIC, "lip_gap_r", "r2_mouth"])


def rows(scores: Scores) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The figure's numbers and two more metrics as a table."""
    models = ordered_models(scores, _METRIC)
    return score_table(scores, metrics=[_METRIC, "lip_gap_r", "r2_mouth"], by_group="emotion", models=models)


def draw(scores: Scores) -> "Figure":
    """Emotions along the axis, models beside each other within an emotion; the mean over seeds."""
    models = ordered_models(scores, _METRIC)
    rank = {name: place for place, name in enumerate(_ORDER)}
    emotions = sorted({s.group for s in scores.of(metric=_METRIC)}, key=lambda e: (rank.get(e, len(rank)), e))
    width = min(PAGE, max(PAGE / 2, 0.9 + 0.13 * len(models) * len(emotions)))
    figure = new_figure(width, 2.6)
    axis = figure.subplots()
    shifts = np.linspace(-0.34, 0.34, len(models)) if len(models) > 1 else [0.0]
    for model, shift in zip(models, shifts):
        colour, marker = colour_of(model, models)
        labelled = False
        for place, emotion in enumerate(emotions):
            found = scores.of(metric=_METRIC, model=model, group=emotion)
            if not found:
                continue
            value, low, high = (np.mean([getattr(s, name) for s in found]) for name in ("value", "low", "high"))
            if np.isfinite([low, high]).all():
                axis.plot([place + shift] * 2, [low, high], color=colour, linewidth=1.1, solid_capstyle="butt")
            axis.plot(place + shift, value, marker, color=colour, label=None if labelled else titled(model))
            labelled = True
    for edge in np.arange(len(emotions) - 1) + 0.5:
        axis.axvline(edge, color="#dddddd", linewidth=0.5)
    clips = {e: max(s.n_clips for s in scores.of(metric=_METRIC, group=e)) for e in emotions}
    axis.set_xticks(range(len(emotions)), [f"{titled(e)}\n{clips[e]} clip{'s' * (clips[e] != 1)}" for e in emotions])
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(-0.5, len(emotions) - 0.5)
    axis.set_ylim(bottom=0)
    axis.set_ylabel(f"{SHORT[_METRIC][0]}, {SHORT[_METRIC][1]}")
    axis.grid(True, axis="y")
    figure.legend(loc="outside upper center", ncols=min(len(models), int(width / 0.85)), handletextpad=0.2)
    figure.supxlabel(
        f"{scores.place.capitalize()}; bars: 95 % bootstrap intervals over actors and clips", fontsize=7, color=GREY
    )
    return figure
