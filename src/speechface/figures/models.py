"""All models beside the trivial references: means over seeds on test clips and on clips that are only predicted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.figures.common import NothingToShow
from speechface.figures.scores import SHORT
from speechface.figures.style import BASELINES, COLUMN, GREY, colour_of, new_figure, short
from speechface.metrics.registry import METRICS
from speechface.tables import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "PAPER", "collect", "draw", "rows"]

INPUTS = {"models": True}
CAPTION = (
    "Networks beside trivial references (grey: neutral face, training mean, ridge regression, nearest neighbours), "
    "means over seeds with 95 % intervals. To see: which networks beat ridge and neighbours, and by more than the "
    "bars. Of clips that are only predicted, often of speakers never heard, each clip's mean is taken out. The star "
    "marks the least mouth RMSE in validation; test clips have no say in it. The table has more metrics and paired "
    "differences."
)

#: Split -> its name, and the metrics of the panels.
_BLOCKS = {
    "test": ("test clips", ("rmse_mouth_mm", "lip_gap_r")),
    "predict": ("only predicted", ("rmse_mouth_centred_mm", "lip_gap_r")),
}
#: Metrics of the table.
_TABLE = (
    "rmse_mouth_mm", "rmse_mouth_xy_mm", "r2_mouth", "rmse_mouth_centred_mm", "rmse_mouth_centred_xy_mm", "r2c_mouth",
    "lip_gap_r", "lip_gap_r_speech", "lve_mm", "rmse_landmarks_mm", "mse_weights_e2",
)  # fmt: skip
#: Columns of the LaTeX table, as wide as a page in \footnotesize; the CSV has all.
PAPER = (
    "model",
    "rmse_mouth_mm",
    "rmse_mouth_mm_difference",
    "rmse_mouth_centred_mm",
    "r2_mouth",
    "lip_gap_r",
    "lve_mm",
)
#: Of a model's name, at most.
_LETTERS = 18
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


def _counts(score):
    return {"clip": int(score["n_clips"]), "actor": int(score["n_actors"])}


def rows(data: dict[str, Any]) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The figure's numbers and more: one row a split and model."""
    known = {metric for scores in data["scores"].values() for _, metric in scores}
    metrics = [metric for metric in _TABLE if metric in known]
    heads = {metric: f"{SHORT[metric][0]}, {SHORT[metric][1]}" for metric in metrics}
    columns = [("evaluated_on", "evaluated on"), ("model", "model"), ("n_seeds", "seeds"), ("n_clips", "clips"),
               ("n_actors", "actors"), ("validation_mm", "validation, mm"), ("best", "best in validation"),
               *heads.items()]  # fmt: skip
    columns += [("seed_spread", f"deviation over seeds, {SHORT['rmse_mouth_mm'][0]}")]
    columns += [(f"{name}_difference", f"difference in {SHORT[name][0]}, {SHORT[name][1]}") for name in _DIFFERENCES]
    lines = []
    for split, (place, _) in _BLOCKS.items():
        scores = data["scores"].get(split, {})
        best = next((f"; best in validation: {model}" for (model, _), score in scores.items() if score["best"]), "")
        for model in _order(scores, _BLOCKS[split][1][0]):
            own = next(score for (name, _), score in scores.items() if name == model)
            counts = " of ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in _counts(own).items())
            block = f"{place}: {counts}{best}"
            line = {"evaluated_on": place, "model": model, "block": block}
            for metric in metrics:
                score = scores.get((model, metric))
                if score is None:
                    continue
                decimals = SHORT[metric][2]
                line[metric] = (score["value"], score["low"], score["high"], decimals)
                line |= {key: int(score[key]) for key in ("n_seeds", "n_clips", "n_actors")}
                valid = np.isfinite(score["validation_mm"])
                line["validation_mm"] = f"{score['validation_mm']:.3f}" if valid else ""
                line["best"] = "best" if score["best"] else ""
                if metric in _DIFFERENCES and np.isfinite(score["difference"]):
                    found = (score["difference"], score["difference_low"], score["difference_high"], decimals)
                    line[f"{metric}_difference"] = found
                if metric == "rmse_mouth_mm":
                    line["seed_spread"] = f"{score['spread']:.3f}" if np.isfinite(score["spread"]) else ""
            lines.append(line)
    return columns, lines


def _panel(axis, scores, models, metric):
    from matplotlib.ticker import MaxNLocator

    for place, model in enumerate(models):
        score = scores.get((model, metric))
        if score is None or not np.isfinite(score["value"]):
            continue
        colour, marker = colour_of(model, models)
        if np.isfinite([score["low"], score["high"]]).all():
            axis.plot([score["low"], score["high"]], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
        axis.plot(score["value"], place, marker, color=colour, markersize=4.5)
    heading, unit, _ = SHORT[metric]
    better = METRICS[metric].better
    axis.set_title(heading.replace(" mouth", "\nmouth").replace("-gap ", "-gap\n"), fontsize=7.5)
    arrow = {"lower": "← better", "higher": "better →"}.get(better, "")
    axis.set_xlabel(f"{unit}  {arrow}")
    axis.xaxis.set_major_locator(MaxNLocator(nbins=3 if max(map(len, models)) > 10 else 4))
    axis.grid(True, axis="x")
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.08)


def draw(data: dict[str, Any]) -> "Figure":
    """Splits below each other; a panel a metric."""
    shown = [split for split in _BLOCKS if data["scores"].get(split)]
    if not shown:
        raise NothingToShow("no test clip and no speaker never heard was evaluated")
    orders = {split: _order(data["scores"][split], _BLOCKS[split][1][0]) for split in shown}
    heights = [0.75 + 0.17 * max(len(orders[split]), 2) for split in shown]
    figure = new_figure(COLUMN, sum(heights) + 0.25)
    panels = figure.subplots(len(shown), 2, squeeze=False, sharey="row", height_ratios=heights)
    for axes, split in zip(panels, shown):
        scores, models, (place, metrics) = data["scores"][split], orders[split], _BLOCKS[split]
        for axis, metric in zip(axes, metrics):
            _panel(axis, scores, models, metric)
        example = next(iter(scores.values()))
        best = {model for (model, _), score in scores.items() if score["best"]}
        names = [f"{short(model, _LETTERS)} ★" if model in best else short(model, _LETTERS) for model in models]
        axes[0].set_ylim(len(models) - 0.5, -0.5)
        axes[0].set_yticks(range(len(models)), names)
        for label, model in zip(axes[0].get_yticklabels(), models):
            label.set_color(colour_of(model, models)[0])
        counts = (f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in _counts(example).items())
        axes[0].set_ylabel(f"{place}\n({', '.join(counts)})", fontsize=7)
    every = [score for split in shown for score in data["scores"][split].values()]
    notes = ["bars: 95 % intervals over actors and clips"] * any(np.isfinite(score["low"]) for score in every)
    notes += ["★ best in validation"] * any(score["best"] for score in every)
    figure.supxlabel("   ".join(notes), fontsize=6.5, color=GREY)
    return figure
