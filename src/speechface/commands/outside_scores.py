"""Scores of predictions made elsewhere: what a finished run gives for them, and its own models beside them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from speechface.errors import ConfigError

if TYPE_CHECKING:
    from speechface.sections import EvaluationSettings

__all__ = ["fill_in", "print_beside"]

#: Option -> where a run keeps it.
_PLACES = {
    "labels": "labels/*/*.parquet", "clips": "splits/clips.parquet", "stats": "stats/*.json", "rig": "rig/rig.npz",
    "audio": "audio/*/*.parquet",
}  # fmt: skip
_SHOWN = ("rmse_mouth_mm", "lip_gap_r", "r2_mouth", "lve_mm", "mse_weights_e2")


def fill_in(args: argparse.Namespace) -> None:
    """Set the options that were not given: names by the first file, the rest from the run in --results.

    Raises
    ------
    ConfigError
        If something is neither given nor in the run.
    """
    first = Path(args.predictions[0])
    args.model = args.model or first.stem
    args.out = args.out or str(first.with_name(f"{first.stem}.evaluation.parquet"))
    for name, pattern in _PLACES.items():
        if getattr(args, name):
            continue
        found = sorted(map(str, Path(args.results).glob(pattern))) if args.results else []
        if not found and name != "audio":
            where = f"{args.results}/{pattern} is not there" if args.results else "nor --results, a finished run"
            raise ConfigError(f"--{name} is not given, {where}")
        setattr(args, name, found if name in ("labels", "audio") else found[0])


def print_beside(table: str, results: str, settings: "EvaluationSettings") -> None:
    """Print the scores of a table of 'evaluate' on whole splits beside those of a run's models (one row a seed)."""
    from speechface.commands.summarise_metrics import summarise_table
    from speechface.metrics.registry import METRICS
    from speechface.tables import read_table

    rows = [row for row in summarise_table(table, settings) if row["group"] == "all"]
    path = Path(results) / "evaluation" / "metrics.parquet"
    if path.exists():
        known = read_table(path)
        rows += [row for row in (dict(zip(known.columns, values)) for values in zip(*known.columns.values()))
                 if row["group"] == "all"]  # fmt: skip
    shown = [name for name in _SHOWN if any(row["metric"] == name for row in rows)]
    places = list(dict.fromkeys((str(row["split"]), str(row["dataset"])) for row in rows))
    heads = [f"{name} ({METRICS[name].unit})" if METRICS[name].unit else name for name in shown]
    for split, dataset in places:
        here = [row for row in rows if (row["split"], row["dataset"]) == (split, dataset)]
        print(f"\n{split} clips of {dataset}\n{'model':24}" + "".join(f"{head:>28}" for head in heads))
        for model, seed in dict.fromkeys((str(row["model"]), int(row["seed"])) for row in here):
            cells = {str(row["metric"]): row for row in here if (row["model"], row["seed"]) == (model, seed)}
            texts = ["{value:.3f} [{low:.3f}, {high:.3f}]".format(**cells[m]) if m in cells else "-" for m in shown]
            print(f"{f'{model}, seed {seed}':24}" + "".join(f"{text:>28}" for text in texts))
