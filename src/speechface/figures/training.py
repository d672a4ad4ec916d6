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
from speechface.figures.style import GREY, PAGE, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CAPTION", "INPUTS", "collect", "draw"]

INPUTS = {"logs": True}
CAPTION = "Training and validation loss and the learning rate of every model."

_NEEDED = ("epoch", "learning_rate", "train_loss", "val_loss")
_TRAIN, _VALIDATION = "#56b4e9", "#d55e00"


@dataclass
class Run:
    """One training: `model`, `seed` and `columns` name -> (epochs,) with NaN where nothing was measured."""

    model: str
    seed: str
    columns: dict


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
    return Run(model, seed, {name: np.array([float(row[name] or math.nan) for row in rows]) for name in names})


def collect(inputs: Mapping[str, Any]) -> list[Run]:
    """Read the logs; those of no epoch are left out."""
    runs = [run for run in map(_read, inputs["logs"]) if run.columns]
    if not runs:
        raise NothingToShow("no training has finished an epoch yet")
    return runs


def _curve(axis, run, name, colour, **style):
    values = run.columns.get(name)
    if values is None or not np.isfinite(values).any():
        return False
    known = np.isfinite(values)
    single = known.sum() == 1
    axis.plot(run.columns["epoch"][known] + 1, values[known], color=colour, marker="o" if single else None, **style)
    return True


def draw(runs: list[Run]) -> "Figure":
    """One column a model, the quantities below each other."""
    models = sorted({run.model for run in runs})
    mouth = any(np.isfinite(run.columns.get("val_mouth_mm", [math.nan])).any() for run in runs)
    kinds = ["loss", *(["mouth"] if mouth else []), "rate"]
    heights = {"loss": 1.6, "mouth": 1.2, "rate": 0.9}
    width = max(PAGE / 2, min(PAGE, 1.9 * len(models)), 1.25 * len(models))
    figure = new_figure(width, 0.75 + sum(heights[kind] for kind in kinds))
    axes = figure.subplots(
        len(kinds), len(models), squeeze=False, sharex="col",
        height_ratios=[heights[kind] for kind in kinds],
    )  # fmt: skip
    for column, model in enumerate(models):
        panel = dict(zip(kinds, axes[:, column]))
        for run in (run for run in runs if run.model == model):
            _curve(panel["loss"], run, "train_loss", _TRAIN, linewidth=1, label="training")
            _curve(panel["loss"], run, "val_loss", _VALIDATION, label="validation")
            validation = run.columns["val_loss"]
            if np.isfinite(validation).any():
                best = int(np.nanargmin(validation))
                place = run.columns["epoch"][best] + 1, validation[best]
                panel["loss"].plot(*place, "o", color=_VALIDATION, mfc="white", label="kept epoch")
            if mouth and not _curve(panel["mouth"], run, "val_mouth_mm", _VALIDATION):
                panel["mouth"].text(0.5, 0.5, "not measured", color=GREY, ha="center", va="center",
                                    transform=panel["mouth"].transAxes)  # fmt: skip
                panel["mouth"].set_yticks([])
            _curve(panel["rate"], run, "learning_rate", GREY, drawstyle="steps-post")
        _finish(panel, titled(model), labelled=column == 0)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=3)
    return figure


def _finish(panel, title, labelled):
    from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

    panel["loss"].set_title(title, fontweight="bold")
    for kind, axis in panel.items():
        axis.grid(True)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        if labelled:
            axis.set_ylabel({"loss": "loss", "mouth": "mouth RMSE,\nmm", "rate": "learning\nrate"}[kind])
    values = np.concatenate([line.get_ydata() for line in panel["loss"].lines] or [[1.0]])
    logarithmic = [panel["rate"]]
    if values.min() > 0 and values.max() > 4 * values.min():
        logarithmic.append(panel["loss"])
    for axis in logarithmic:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    panel["rate"].set_xlabel("epoch")
