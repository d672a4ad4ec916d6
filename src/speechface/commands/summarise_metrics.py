"""Bring the scores of all models together: the long table of metrics with 95 % bootstrap intervals.

One row a model, seed, dataset, split, group and metric. Groups are the whole split (`all`), the configured columns
of the clip table, and single channels (`channel`). A metric that is not defined for a model has no row.
"""

import argparse
import csv
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speechface.commands.common import add_settings, settings_of
from speechface.errors import ConfigError

if TYPE_CHECKING:
    from speechface.sections import EvaluationSettings

__all__ = ["add_arguments", "run", "summarise_table"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", required=True, nargs="+", help="tables of 'evaluate'")
    parser.add_argument("--out", required=True, help="metrics table to write (.parquet)")
    parser.add_argument("--csv", help="the same as text")
    add_settings(parser, "evaluation")


def summarise_table(path: str | Path, settings: "EvaluationSettings") -> list[dict[str, Any]]:
    """Rows of one table of 'evaluate'."""
    from speechface.metrics.statistics import statistics_of
    from speechface.metrics.summary import summarise_groups
    from speechface.tables import read_table

    table = read_table(path)
    statistics = statistics_of(table, path)
    facts = table.meta["facts"]
    unknown = [name for name in settings.groups if name not in facts]
    if unknown:
        raise ConfigError(f"evaluation.groups: unknown column '{unknown[0]}'; known are {', '.join(facts)}")
    rows = summarise_groups(
        statistics,
        {name: table[name] for name in facts},
        channels=table.meta["channels"],
        groups=settings.groups,
        resamples=settings.bootstrap,
        seed=settings.seed,
    )
    return [{"model": table.meta["model"], "seed": table.meta["seed"], **row} for row in rows]


def _text(value):
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)


def run(args: argparse.Namespace) -> None:
    from speechface.files import written_whole
    from speechface.metrics.registry import METRICS
    from speechface.metrics.summary import SUMMARY_COLUMNS
    from speechface.tables import write_table

    settings = settings_of(args)
    rows = [row for path in args.inputs for row in summarise_table(path, settings)]
    kinds = {"seed": np.int64, "n_clips": np.int64, "value": float, "low": float, "high": float}
    columns = {name: np.array([row[name] for row in rows], kinds.get(name, str)) for name in SUMMARY_COLUMNS}
    metrics = {name: {"better": m.better, "unit": m.unit, "meaning": m.meaning} for name, m in METRICS.items()}
    write_table(args.out, columns, stage="evaluation", settings=settings.dump(), meta={"metrics": metrics})
    if args.csv:
        with written_whole(args.csv) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(SUMMARY_COLUMNS)
            writer.writerows([_text(row[name]) for name in SUMMARY_COLUMNS] for row in rows)
    models = {(row["model"], row["seed"]) for row in rows}
    LOG.info("%d rows of %d models, %d resamples", len(rows), len(models), settings.bootstrap)
