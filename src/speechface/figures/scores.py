"""Scores out of the metrics table, for the figures and tables that compare models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechface.figures.common import NothingToShow
from speechface.figures.style import BASELINES
from speechface.tables import read_table

__all__ = ["Score", "Scores", "SHORT", "ordered_models", "read_scores", "score_table"]

#: Metric -> (heading, unit, decimals).
SHORT = {
    "rmse_mouth_mm": ("mouth RMSE", "mm", 2),
    "rmse_landmarks_mm": ("landmark RMSE", "mm", 2),
    "rmse_mouth_xy_mm": ("mouth RMSE in x, y", "mm", 2),
    "rmse_mouth_centred_mm": ("centred mouth RMSE", "mm", 2),
    "rmse_mouth_centred_xy_mm": ("centred mouth RMSE in x, y", "mm", 2),
    "lve_mm": ("lip vertex error", "mm", 2),
    "lip_gap_r": ("lip-gap correlation", "r", 2),
    "lip_gap_r_speech": ("lip-gap correlation in speech", "r", 2),
    "r2_mouth": ("explained mouth motion", "R2", 2),
    "r2c_mouth": ("explained, centred", "R2", 2),
    "mse_weights_e2": ("weight MSE", "1e-2", 2),
    "temporal_smoothness_e2": ("temporal smoothness", "1e-2", 2),
    "self_smoothness_e2": ("self smoothness", "1e-2", 2),
    "amplitude_lips": ("lips' amplitude", "ratio", 2),
    "amplitude_head": ("head's amplitude", "ratio", 2),
    "blink_rate": ("blinks", "1/min", 1),
    "frechet_motion": ("Fréchet distance", "", 2),
    "diversity_mm": ("diversity", "mm", 2),
    "lve_best_mm": ("lip vertex error, best sample", "mm", 2),
}


@dataclass(frozen=True)
class Score:
    """One number of the metrics table with its 95 % interval (NaN where there is none)."""

    model: str
    seed: int
    group: str
    metric: str
    value: float
    low: float
    high: float
    n_clips: int


@dataclass
class Scores:
    """`scores` of one dataset and split; `place`, what they were measured on, in words."""

    scores: list[Score]
    place: str

    def of(self, **facts: Any) -> list[Score]:
        """The scores whose fields equal `facts`."""
        return [s for s in self.scores if all(getattr(s, name) == value for name, value in facts.items())]


def read_scores(path: str | Path, *, group: str, metrics: Sequence[str]) -> Scores:
    """Read the scores of one kind of group ('all', 'emotion', ...) of the split that models are evaluated on.

    The split is test, or predict where nothing was tested; of several datasets it is all of them together, or the one
    with most clips where no row says so.

    Raises
    ------
    NothingToShow
        If the table has no such score.
    """
    table = read_table(path)
    wanted = np.isin(table["metric"].astype(str), metrics) & (table["group"].astype(str) == group)
    for split in ("test", "predict"):
        rows = np.flatnonzero(wanted & (table["split"].astype(str) == split))
        if len(rows):
            break
    else:
        what = "" if group == "all" else f" that states its {group}"
        raise NothingToShow(f"the metrics table evaluates no clip{what}")
    datasets = table["dataset"][rows].astype(str)
    counts = {name: table["n_clips"][rows][datasets == name].max() for name in np.unique(datasets)}
    dataset = "all" if "all" in counts else max(counts, key=lambda name: counts[name])
    rows = rows[datasets == dataset]
    scores = [
        Score(str(table["model"][i]), int(table["seed"][i]), str(table["value_of_group"][i]), str(table["metric"][i]),
              float(table["value"][i]), float(table["low"][i]), float(table["high"][i]), int(table["n_clips"][i]))
        for i in rows
    ]  # fmt: skip
    kind = "test clips" if split == "test" else "clips never trained on"
    return Scores(scores, f"{kind} of {'all datasets' if dataset == 'all' else dataset}")


def ordered_models(scores: Scores, metric: str) -> list[str]:
    """Names of the models, baselines last, each kind from the best (least) mean score of `metric` on."""
    names = {s.model for s in scores.scores}

    def rank(name):
        values = [s.value for s in scores.of(model=name, metric=metric)]
        return name in BASELINES, np.mean(values) if values else np.inf, name

    return sorted(names, key=rank)


def score_table(
    scores: Scores, *, metrics: Sequence[str], by_group: str | None, models: Sequence[str]
) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """Return (columns, rows) for `figures.table_files`: one row a model, seed and, with `by_group`, group.

    columns: list of (key, heading); rows: list of dict whose scores are (value, low, high, decimals).
    """
    columns = [("model", "model"), ("seed", "seed")]
    columns += [("group", by_group)] if by_group else []
    columns += [("n_clips", "clips")]
    found = [metric for metric in metrics if scores.of(metric=metric)]
    columns += [(metric, f"{SHORT[metric][0]}, {SHORT[metric][1]}") for metric in found]
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for s in scores.scores:
        row = rows.setdefault(
            (s.model, s.seed, s.group), {"model": s.model, "seed": s.seed, "group": s.group, "n_clips": 0}
        )
        row["n_clips"] = max(row["n_clips"], s.n_clips)
        row[s.metric] = (s.value, s.low, s.high, SHORT[s.metric][2])
    place = {name: k for k, name in enumerate(models)}
    return columns, [rows[key] for key in sorted(rows, key=lambda key: (place[key[0]], key[1], key[2]))]
