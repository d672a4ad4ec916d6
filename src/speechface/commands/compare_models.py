"""Compare all models on whole splits: means over seeds with intervals, differences from one of them, the best.

Reads the tables of 'evaluate' (--inputs) and the facts that training writes beside each checkpoint (--facts), for the
error in validation. Only clips that every model and seed was evaluated on count. The best is the model with the least
mouth RMSE in validation, among models validated on the same clips; test clips have no say in it.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechface.commands.common import add_settings, settings_of
from speechface.errors import ConfigError, TableError
from speechface.seals import read_json

__all__ = ["add_arguments", "run", "COLUMNS", "best_models"]

LOG = logging.getLogger(__name__)

COLUMNS = (
    "model", "n_seeds", "dataset", "split", "metric", "unit", "value", "low", "high", "spread", "difference",
    "difference_low", "difference_high", "n_clips", "n_actors", "validation_mm", "best",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inputs", required=True, nargs="+", help="tables of 'evaluate'")
    parser.add_argument("--facts", nargs="*", default=[], metavar="JSON", help="facts of the trained networks")
    parser.add_argument("--reference", help="model that the others are compared with; default: of the first input")
    parser.add_argument("--out", required=True, help="table to write (.parquet)")
    add_settings(parser, "evaluation")


def best_models(facts: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float], set[str]]:
    """Validation error by model, and the models that are the best of theirs.

    Parameters
    ----------
    facts : list of dict with ``name`` and ``history`` (``best_val_mouth_mm``, ``validation_clips``), one a seed

    Returns
    -------
    errors : dict of model -> float, mm, mean over seeds; models without validation are left out
    best : set of models with the least error among at least two that were validated on the same clips
    """
    each: dict[str, list[float | None]] = {}
    clips: dict[str, set[tuple[str, ...]]] = {}
    for fact in facts:
        history = fact["history"]
        each.setdefault(fact["name"], []).append(history.get("best_val_mouth_mm"))
        clips.setdefault(fact["name"], set()).add(tuple(sorted(history.get("validation_clips", ()))))
    errors = {name: float(np.mean(np.array(values, float))) for name, values in each.items() if None not in values}
    rivals: dict[frozenset[tuple[str, ...]], list[str]] = {}
    for name in errors:
        rivals.setdefault(frozenset(clips[name]), []).append(name)
    return errors, {min(names, key=lambda name: errors[name]) for names in rivals.values() if len(names) > 1}


def _read(paths):
    """Tables of 'evaluate' by model, seeds in order: dict of model -> list of Table; all of the same clips."""
    from speechface.metrics.statistics import statistics_of
    from speechface.tables import read_table

    found, ids = {}, None
    for path in paths:
        table = read_table(path)
        statistics_of(table, path)
        own = table.clip_ids()
        if ids is not None and own != ids:
            raise TableError(f"{path}: its clips are not those of {paths[0]}; evaluate all models on the same clips")
        ids = own
        found.setdefault(table.meta["model"], []).append(table)
    return {name: sorted(tables, key=lambda table: table.meta["seed"]) for name, tables in found.items()}


def run(args: argparse.Namespace) -> None:
    from speechface.metrics.comparison import compare_runs
    from speechface.metrics.registry import METRICS
    from speechface.metrics.statistics import shapes
    from speechface.metrics.summary import evaluated_parts
    from speechface.tables import write_table

    settings, tables = settings_of(args), _read(args.inputs)
    reference = args.reference or next(iter(tables))
    if reference not in tables:
        raise ConfigError(f"--reference: no input is of '{reference}'; known are {', '.join(tables)}")
    errors, best = best_models([read_json(path) for path in args.facts])
    first = tables[reference][0]
    evaluated = np.all([table["n_frames"] > 0 for seeds in tables.values() for table in seeds], 0)
    if not evaluated.any():
        raise TableError("no clip was evaluated for every model; see the column 'reason' of the tables of 'evaluate'")
    for clip_id in np.array(first.clip_ids())[(first["n_frames"] > 0) & ~evaluated]:
        LOG.warning("%s is not evaluated for every model: left out", clip_id)
    rows, names = [], list(shapes(len(first.meta["channels"])))
    for split, dataset, chosen in evaluated_parts(first["split"], first["dataset"], evaluated):
        actors = [f"{dataset}/{actor}" for dataset, actor in zip(first["dataset"][chosen], first["actor"][chosen])]
        runs = {name: [{key: table[key][chosen] for key in names} for table in seeds] for name, seeds in tables.items()}
        found = compare_runs(runs, actors, reference=reference, metrics=METRICS, resamples=settings.bootstrap,
                             seed=settings.seed)  # fmt: skip
        rows += [
            (model, len(runs[model]), dataset, split, metric, METRICS[metric].unit, c.value, c.low, c.high, c.spread,
             c.difference, c.difference_low, c.difference_high, len(actors), len(set(actors)),
             errors.get(model, np.nan), model in best)
            for (model, metric), c in found.items()
        ]  # fmt: skip
    kinds = {"n_seeds": np.int64, "n_clips": np.int64, "n_actors": np.int64, "best": bool}
    text = ("model", "dataset", "split", "metric", "unit")
    columns = {
        name: np.array(values, str if name in text else kinds.get(name, float))
        for name, values in zip(COLUMNS, zip(*rows))
    }
    write_table(args.out, columns, stage="evaluation", settings=settings.dump(), meta={"reference": reference})
    LOG.info("%d models beside %s on %d clips; best in validation: %s", len(tables) - 1, reference,
                 evaluated.sum(), ", ".join(sorted(best)) or "unknown")  # fmt: skip
