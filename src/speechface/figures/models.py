"""One line a model: means over seeds on test clips and on speakers never heard, and what each model is worth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.common import NothingToShow
from speechface.figures.scores import SHORT
from speechface.figures.style import BASELINES, GREY, INK, PAGE, colour_of, new_figure, titled
from speechface.tables import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw", "rows"]

INPUTS = {"models": True}
CAPTION = (
    "One line a model: means over seeds on test clips and on speakers never heard in training, with 95 % "
    "bootstrap intervals over actors and their clips, and paired differences from the reference model. The star "
    "marks the least mouth RMSE in validation; test clips have no say in it."
)

#: Split -> its name, and the metrics of the panels; the last panel shows differences of the first metric.
_BLOCKS = {
    "test": ("test clips", ("rmse_mouth_mm", "r2_mouth", "lip_gap_r")),
    "predict": ("speakers never heard", ("rmse_mouth_centred_mm", "r2c_mouth", "lip_gap_r")),
}
#: Metrics of the table.
_TABLE = (
    "rmse_mouth_mm", "rmse_mouth_xy_mm", "r2_mouth", "rmse_mouth_centred_mm", "rmse_mouth_centred_xy_mm", "r2c_mouth",
    "lip_gap_r", "lip_gap_r_speech", "lve_mm", "rmse_landmarks_mm", "mse_weights_e2",
)  # fmt: skip
_DIFFERENCES = ("rmse_mouth_mm", "rmse_mouth_centred_mm")


def collect(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Read the table of 'compare-models': of every split all datasets together, or the only one.

    Returns
    -------
    dict
        ``scores``: split -> {(model, metric): dict of the table's columns}; ``reference``: name of the model that the
        others are compared with.
    """
    table = read_table(inputs["models"])
    if not table.usable or not len(table):
        raise NothingToShow("no model was evaluated")
    lines = [dict(zip(table.columns, row)) for row in zip(*table.columns.values())]
    together = {line["split"] for line in lines if line["dataset"] == "all"}
    scores: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for line in lines:
        if line["dataset"] == "all" or line["split"] not in together:
            scores.setdefault(line["split"], {})[line["model"], line["metric"]] = line
    return {"scores": scores, "reference": table.meta["reference"]}


def _order(scores, metric):
    """Models by `metric`, least first; baselines last."""
    models = list(dict.fromkeys(model for model, _ in scores))
    errors = {name: scores[name, metric]["value"] if (name, metric) in scores else np.inf for name in models}
    return sorted(models, key=lambda name: (name in BASELINES, errors[name], name))


def rows(data: dict[str, Any]) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The figure's numbers and more: one row a split and model."""
    heads = {metric: f"{SHORT[metric][0]}, {SHORT[metric][1]}" for metric in _TABLE}
    columns = [("evaluated_on", "evaluated on"), ("model", "model"), ("n_seeds", "seeds"), ("n_clips", "clips"),
               ("n_actors", "actors"), ("validation_mm", "validation, mm"), ("best", "best in validation"),
               *heads.items()]  # fmt: skip
    columns += [("seed_spread", f"deviation over seeds, {SHORT['rmse_mouth_mm'][0]}")]
    columns += [(f"{name}_difference", f"difference in {SHORT[name][0]}") for name in _DIFFERENCES]
    lines = []
    for split, (place, _) in _BLOCKS.items():
        scores = data["scores"].get(split, {})
        for model in _order(scores, _BLOCKS[split][1][0]):
            line = {"evaluated_on": place, "model": model}
            for metric in _TABLE:
                score = scores.get((model, metric))
                if score is None:
                    continue
                decimals = SHORT[metric][2]
                line[metric] = (score["value"], score["low"], score["high"], decimals)
                line |= {key: int(score[key]) for key in ("n_seeds", "n_clips", "n_actors")}
                known = np.isfinite(score["validation_mm"])
                line["validation_mm"] = f"{score['validation_mm']:.3f}" if known else ""
                line["best"] = "best" if score["best"] else ""
                if metric in _DIFFERENCES and np.isfinite(score["difference"]):
                    found = (score["difference"], score["difference_low"], score["difference_high"], decimals)
                    line[f"{metric}_difference"] = found
                if metric == "rmse_mouth_mm":
                    line["seed_spread"] = f"{score['spread']:.3f}" if np.isfinite(score["spread"]) else ""
            lines.append(line)
    return columns, lines


def _panel(axis, scores, models, metric, *, difference=False):
    keys = ("difference", "difference_low", "difference_high") if difference else ("value", "low", "high")
    for place, model in enumerate(models):
        score = scores.get((model, metric))
        if score is None or not np.isfinite(score[keys[0]]) or (difference and model in BASELINES):
            continue  # baselines are so much worse that differences between networks could not be seen
        colour, marker = colour_of(model, models)
        value, low, high = (score[key] for key in keys)
        if np.isfinite([low, high]).all():
            axis.plot([low, high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
        axis.plot(value, place, marker, color=colour, markersize=4.5)
    heading, unit, _ = SHORT[metric]
    lower = metric.startswith("rmse")
    axis.set_xlabel(f"{unit}   {'← better' if lower else 'better →'}")
    axis.set_title(f"difference in\n{heading}" if difference else heading)
    axis.grid(True, axis="x")
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.08)


def draw(data: dict[str, Any]) -> "Figure":
    """Splits below each other; a panel a metric, and one of paired differences from the reference."""
    shown = [split for split in _BLOCKS if data["scores"].get(split)]
    if not shown:
        raise NothingToShow("no test clip and no speaker never heard was evaluated")
    orders = {split: _order(data["scores"][split], _BLOCKS[split][1][0]) for split in shown}
    heights = [0.85 + 0.19 * max(len(orders[split]), 2) for split in shown]
    figure = new_figure(PAGE, sum(heights) + 0.3)
    grid = figure.subplots(len(shown), 4, squeeze=False, sharey="row", height_ratios=heights)
    for axes, split in zip(grid, shown):
        scores, models, (place, metrics) = data["scores"][split], orders[split], _BLOCKS[split]
        for axis, metric in zip(axes, metrics):
            _panel(axis, scores, models, metric)
        _panel(axes[3], scores, models, metrics[0], difference=True)
        axes[3].axvline(0, color=INK, linewidth=0.6)
        example = next(iter(scores.values()))
        best = {model for (model, _), score in scores.items() if score["best"]}
        names = [f"★ {titled(model)}" if model in best else titled(model) for model in models]
        axes[0].set_ylim(len(models) - 0.5, -0.5)
        axes[0].set_yticks(range(len(models)), names)
        for label, model in zip(axes[0].get_yticklabels(), models):
            label.set_color(GREY if model in BASELINES else "black")
        count = f"{example['n_clips']} clips of {example['n_actors']} actor{'' if example['n_actors'] == 1 else 's'}"
        axes[0].set_ylabel(f"{place}\n({count})")
    figure.supxlabel(
        f"Means over seeds; bars: 95 % bootstrap intervals over actors and clips; differences are paired, from "
        f"{titled(data['reference'])}, of networks alone.\n"
        "★ least mouth RMSE in validation among models validated on the same clips",
        fontsize=7, color=GREY,
    )  # fmt: skip
    return figure
