"""Training curves: loss, the mouth's error and the learning rate of every model, one line a seed."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.errors import TableError
from speechface.figures.common import NothingToShow
from speechface.figures.style import COLUMN, GREY, INK, PAGE, colour_of, new_figure, short
from speechface.seals import read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw"]

INPUTS = {"logs": True}
CAPTION = (
    "Training (dashed) and validation loss, the mouth's error in validation and the learning rate of every model, a "
    "line a seed; a circle marks the epoch that is kept. To see: does validation still fall at the end (more epochs "
    "would help), or has it turned while training goes on falling (it learns its speakers by heart)?"
)

_NEEDED = ("epoch", "learning_rate", "train_loss", "val_loss")
#: Up to so many epochs each has a dot; beyond so many a running median tells more.
_FEW, _MANY = 10, 60
#: How the lines of a panel look.
_LEGEND: dict[str, dict[str, Any]] = {
    "training": {"linewidth": 0.9, "linestyle": (0, (2, 1))}, "validation": {},
    "kept epoch": {"marker": "o", "markerfacecolor": "white", "linestyle": ""},
}  # fmt: skip
#: Models side by side, at most.
_ACROSS = 4


@dataclass
class Run:
    """One training: `model`, `seed`, `columns` name -> (epochs,) with NaN where nothing was measured, and the epoch
    that was `kept`, None where nobody says."""

    model: str
    seed: str
    columns: dict
    kept: int | None = None


def _name(text: str) -> tuple[str, str, Path]:
    """``(model, seed, path)`` of ``MODEL/SEED=PATH`` or of a path ``.../MODEL/SEED/file.csv``."""
    name, equals, place = text.partition("=")
    path = Path(place if equals else text)
    model, _, seed = (name if equals else path.parent.as_posix()).rpartition("/")
    return Path(model).name or path.stem, seed, path


def _read(text: str) -> Run:
    model, seed, path = _name(text)
    if not path.exists():
        raise TableError(f"{path}: no such training log")
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in _NEEDED if rows and name not in rows[0]]
    if missing:
        raise TableError(f"{path}: column '{missing[0]}' is missing; expected the log of 'speechface train-model'")
    names = [name for name in (*_NEEDED, "val_mouth_mm") if rows and name in rows[0]]
    facts = path.with_name("model.json")
    kept = read_json(facts).get("history", {}).get("best_epoch") if facts.exists() else None
    return Run(model, seed, {name: np.array([float(row[name] or math.nan) for row in rows]) for name in names}, kept)


def collect(inputs: Mapping[str, Any]) -> list[Run]:
    """Read the logs; those of no epoch are left out."""
    runs = [run for run in map(_read, inputs["logs"]) if run.columns]
    if not runs:
        raise NothingToShow("no training has finished an epoch yet")
    return runs


def _curve(axis, run, name, **style):
    """One curve; of few epochs each with a dot, of many the running median over the pale measurements."""
    values = run.columns.get(name)
    if values is None or not np.isfinite(values).any():
        return False
    known = np.isfinite(values)
    epochs, values = run.columns["epoch"][known] + 1, values[known]
    if len(values) > _MANY:
        axis.plot(epochs, values, **{**style, "alpha": 0.3, "linewidth": 0.6, "label": None})
        half = len(values) // 40
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, mode="edge"), 2 * half + 1)
        values = np.median(windows, 1)
    axis.plot(epochs, values, marker="o" if len(values) <= _FEW else None, markersize=2.5, **style)
    return True


def draw(runs: list[Run]) -> "Figure":
    """One column a model, the quantities below each other; more than four models in several rows. Errors and rates
    share an axis, losses do not: those of several families mean several things."""
    from matplotlib.lines import Line2D

    models = sorted({run.model for run in runs})
    mouth = any(np.isfinite(run.columns.get("val_mouth_mm", [math.nan])).any() for run in runs)
    kinds = ["loss", *(["mouth"] if mouth else []), "rate"]
    heights = [{"loss": 1.2, "mouth": 0.9, "rate": 0.55}[kind] for kind in kinds]
    down = -(-len(models) // _ACROSS)
    across = -(-len(models) // down)
    figure = new_figure(COLUMN if across <= 2 else PAGE, down * (0.62 + sum(heights)) + 0.2)
    axes = figure.subplots(down * len(kinds), across, squeeze=False, height_ratios=heights * down)
    panels: list[dict[str, Any]] = []
    for place, model in enumerate(models):
        first, column = place // across * len(kinds), place % across
        panel = dict(zip(kinds, axes[first : first + len(kinds), column]))
        for kind in kinds[1:] if panels else ():
            panel[kind].sharey(panels[0][kind])
        own = [run for run in runs if run.model == model]
        for run in own:
            _draw_run(panel, run, colour_of(model, models)[0])
        _finish(panel, own, short(model, 18), labelled=column == 0)
        panels.append(panel)
    _rates(panels[0]["rate"], np.concatenate([run.columns["learning_rate"] for run in runs]))
    for axis in axes.reshape(down, len(kinds), across).transpose(0, 2, 1).reshape(-1, len(kinds))[len(models) :].flat:
        axis.axis("off")
    drawn = set(axes[0, 0].get_legend_handles_labels()[1])
    figure.legend(handles=[Line2D([], [], color=INK, label=name, **look) for name, look in _LEGEND.items()
                           if name in drawn], loc="outside lower center", ncols=3)  # fmt: skip
    return figure


def _draw_run(panel, run, colour):
    _curve(panel["loss"], run, "train_loss", color=colour, label="training", **_LEGEND["training"])
    _curve(panel["loss"], run, "val_loss", color=colour, label="validation")
    if "mouth" in panel:
        _curve(panel["mouth"], run, "val_mouth_mm", color=colour)
    for kind, name in (("loss", "val_loss"), ("mouth", "val_mouth_mm")):
        value = _at_kept(run, name)
        if kind in panel and np.isfinite(value):
            place = run.columns["epoch"][_kept(run)] + 1
            named = "kept epoch" if kind == "loss" else None
            panel[kind].plot(place, value, "o", color=colour, mfc="white", label=named)
    _curve(panel["rate"], run, "learning_rate", color=GREY, drawstyle="steps-post")


def _kept(run: Run) -> int | None:
    """Row of the epoch that is kept: as the network's facts say, else that with the least validation loss."""
    epochs, values = run.columns["epoch"], run.columns["val_loss"]
    if run.kept is not None and run.kept in epochs:
        return int(np.flatnonzero(epochs == run.kept)[-1])
    return int(np.nanargmin(values)) if np.isfinite(values).any() else None


def _at_kept(run: Run, name: str) -> float:
    """A column's value in the kept epoch, NaN where there is none."""
    row = _kept(run)
    return float(run.columns[name][row]) if row is not None and name in run.columns else math.nan


def _finish(panel, runs, title, labelled):
    """Headings, grids and axes of a model's panels."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    panel["loss"].set_title(title, fontweight="bold")
    low, high = panel["loss"].get_xlim()
    limits = (low, high) if high - low > 0.5 else (0.5, 1.5)  # of a single epoch
    for kind, axis in panel.items():
        axis.grid(True)
        axis.set_xlim(limits)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, min_n_ticks=1))
        if kind != "rate":
            axis.tick_params(labelbottom=False)
        if labelled:
            axis.set_ylabel({"loss": "loss", "mouth": "mouth RMSE,\nmm", "rate": "learning\nrate"}[kind])
        elif kind != "loss":
            axis.tick_params(labelleft=False)
    if "mouth" in panel:
        kept = [value for run in runs if np.isfinite(value := _at_kept(run, "val_mouth_mm"))]
        panel["mouth"].margins(y=0.12)
        if kept:
            of = "" if len(kept) == 1 else f", mean of {len(kept)}"
            panel["mouth"].set_title(f"kept: {np.mean(kept):.2f} mm{of}", loc="right", fontsize=6.5, pad=2)
        if not panel["mouth"].lines:
            panel["mouth"].text(0.5, 0.5, "not measured", color=GREY, ha="center", va="center",
                                transform=panel["mouth"].transAxes)  # fmt: skip
    values = np.concatenate([line.get_ydata() for line in panel["loss"].lines] or [[1.0]])
    if values.min() > 0 and values.max() > 4 * values.min():
        axis = panel["loss"]
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    panel["rate"].set_xlabel("epoch")


def _power(value: float, _: int = 0) -> str:
    """A rate as it is written in papers: 2·10⁻³. (The default makes a formula, which names in figures forbid.)"""
    if value <= 0:
        return "0"
    mantissa, exponent = f"{value:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{'' if mantissa == '1' else mantissa + '·'}10{raised}"


def _rates(axis, rates):
    """Ticks of the rate's axis, which all models share."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    if rates.min() > 0:
        axis.set_yscale("log")
        axis.yaxis.set_minor_locator(NullLocator())
        if rates.max() < 10 * rates.min():  # no power of ten between: say both ends
            axis.set_yticks(sorted({rates.min(), rates.max()}))
            axis.margins(y=0.25)
        else:
            axis.yaxis.set_major_locator(LogLocator(numticks=3))
    axis.yaxis.set_major_formatter(FuncFormatter(_power))
