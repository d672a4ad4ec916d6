"""All models and baselines beside each other, with 95 % bootstrap intervals over actors and clips."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.scores import SHORT, Scores, ordered_models, read_scores, score_table
from speechface.figures.style import GREY, PAGE, colour_of, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw", "rows"]

INPUTS = {"metrics": True}
CAPTION = (
    "Networks beside the trivial references (neutral face, training mean, ridge regression, nearest neighbours), "
    "with 95 % bootstrap intervals over actors and clips."
)

#: The panels: metric -> which direction is better.
_PANELS = {"rmse_mouth_mm": "left", "lip_gap_r": "right", "r2_mouth": "right"}


def collect(inputs: Mapping[str, Any]) -> Scores:
    """Read the scores over whole splits."""
    return read_scores(inputs["metrics"], group="all", metrics=list(SHORT))


def rows(scores: Scores) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The figure's numbers and some more as a table."""
    models = ordered_models(scores, "rmse_mouth_mm")
    return score_table(scores, metrics=list(SHORT), by_group=None, models=models)


def draw(scores: Scores) -> "Figure":
    """One row a model, one panel a metric; several seeds of a model lie below each other."""
    models = ordered_models(scores, "rmse_mouth_mm")
    metrics = [name for name in _PANELS if scores.of(metric=name)] or [scores.scores[0].metric]
    figure = new_figure(PAGE, 0.85 + 0.24 * max(len(models), 2))
    axes = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axis, metric in zip(axes, metrics):
        for place, model in enumerate(models):
            found = sorted(scores.of(metric=metric, model=model), key=lambda s: s.seed)
            colour, marker = colour_of(model, models)
            for score, shift in zip(found, np.linspace(-0.22, 0.22, len(found)) if len(found) > 1 else [0.0]):
                y = place + shift
                if np.isfinite([score.low, score.high]).all():
                    axis.plot([score.low, score.high], [y, y], color=colour, linewidth=1.4, solid_capstyle="butt")
                axis.plot(score.value, y, marker, color=colour, markersize=4.5)
        heading, unit, _ = SHORT[metric]
        axis.set_title(heading)
        arrow = {"left": "← better", "right": "better →"}.get(_PANELS.get(metric, ""), "")
        axis.set_xlabel("   ".join(part for part in (unit, arrow) if part))
        axis.grid(True, axis="x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.margins(x=0.08)
    axes[0].set_ylim(len(models) - 0.5, -0.5)
    axes[0].set_yticks(range(len(models)), [titled(model) for model in models])
    for label, model in zip(axes[0].get_yticklabels(), models):
        label.set_color(GREY if colour_of(model, models)[0] == GREY else "black")
    n_clips = max(score.n_clips for score in scores.scores)
    note = f"{n_clips} {scores.place}; bars: 95 % bootstrap intervals over actors and clips"
    figure.supxlabel(note, fontsize=7, color=GREY)
    return figure
