"""From clip statistics to the long table of metrics: groups, channels and intervals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from speechface.metrics.bootstrap import interval, resample_counts, resampled_sums
from speechface.metrics.registry import METRICS

__all__ = ["SUMMARY_COLUMNS", "evaluated_parts", "summarise_clips", "summarise_groups"]

#: Columns of the metrics table that others read.
SUMMARY_COLUMNS = (
    "model", "seed", "dataset", "split", "group", "value_of_group", "metric", "unit", "value", "low", "high",
    "n_clips",
)  # fmt: skip


def summarise_clips(
    statistics: Mapping[str, np.ndarray],
    actors: Sequence[str],
    *,
    resamples: int,
    seed: int,
    channels: Sequence[str] = (),
) -> list[tuple[str | None, str, float, float, float]]:
    """Metrics of one set of clips.

    Parameters
    ----------
    statistics : dict of str -> ndarray (n, ...), see `speechface.metrics.statistics.shapes`
    actors : sequence (n,), whose clip each is
    resamples : int, bootstrap resamples of actors and clips, see `speechface.metrics.bootstrap`
    seed : int
    channels : sequence of C str, for the metrics of single channels, too

    Returns
    -------
    list of (channel or None, metric, value, low, high)
        Only defined values. The interval of a single clip is NaN: one clip says nothing about the next.
    """
    sums = {name: values.sum(0) for name, values in statistics.items()}
    drawn = None
    if len(actors) > 1:
        counts = resample_counts(actors, resamples=resamples, rng=np.random.default_rng(seed))
        drawn = resampled_sums(statistics, counts)
    rows: list[tuple[str | None, str, Any, Any, Any]] = []
    for name, metric in METRICS.items():
        value = metric.value(sums)
        low, high = interval(metric.value(drawn)) if drawn is not None else (np.nan, np.nan)
        rows.append((None, name, value, low, high))
        if channels and metric.channels is not None:
            value = metric.channels(sums)
            empty = np.full(value.shape, np.nan)
            low, high = interval(metric.channels(drawn)) if drawn is not None else (empty, empty)
            rows += zip(channels, [name] * len(channels), value, low, high)
    return [
        (channel, name, float(value), float(low), float(high))
        for channel, name, value, low, high in rows
        if np.isfinite(value)
    ]


def evaluated_parts(
    splits: np.ndarray, datasets: np.ndarray, evaluated: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield split, dataset and clips (n,), bool, of every part of the evaluated clips (n,), bool: each dataset, and
    where a split holds several, all of them as dataset ``all``."""
    for split in sorted(set(splits[evaluated])):
        inside = evaluated & (splits == split)
        names = sorted(set(datasets[inside]))
        for name in [*names, "all"] if len(names) > 1 else names:
            yield split, name, inside if name == "all" else inside & (datasets == name)


def summarise_groups(
    statistics: Mapping[str, np.ndarray],
    facts: Mapping[str, Sequence[Any]],
    *,
    channels: Sequence[str],
    groups: Sequence[str],
    resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Metrics of a model's clips by dataset, split and group.

    Parameters
    ----------
    statistics : dict of str -> ndarray (n, ...)
    facts : dict of str -> sequence (n,) with ``dataset``, ``actor``, ``split`` and the columns named in `groups`
    channels : sequence of C str, of the statistics
    groups : sequence of str
        A clip whose fact is missing (None) is in no group. Where a split holds several datasets, they also stand
        together as dataset ``all`` (not by actor, whose names are a dataset's own).

    Returns
    -------
    list of dict with the columns dataset ... n_clips of `SUMMARY_COLUMNS`
    """
    evaluated = statistics["n_frames"] > 0
    known = {name: np.asarray(facts[name], object) for name in ("dataset", "actor", "split", *groups)}
    actors = np.array([f"{dataset}/{actor}" for dataset, actor in zip(known["dataset"], known["actor"])], object)
    rows = []
    for split, dataset, chosen in evaluated_parts(known["split"], known["dataset"], evaluated):
        parts = [("all", "all", chosen)]
        for group in groups:
            if dataset == "all" and group == "actor":
                continue
            values = sorted({value for value in known[group][chosen] if value is not None})
            parts += [(group, value, chosen & (known[group] == value)) for value in values]
        for group, value, mask in parts:
            part = {name: array[mask] for name, array in statistics.items()}
            single = channels if group == "all" else ()
            found = summarise_clips(part, actors[mask], resamples=resamples, seed=seed, channels=single)
            rows += [
                {
                    "dataset": dataset, "split": split,
                    "group": "channel" if channel else group, "value_of_group": channel or str(value),
                    "metric": metric, "unit": METRICS[metric].unit, "value": number, "low": low, "high": high,
                    "n_clips": int(mask.sum()),
                }
                for channel, metric, number, low, high in found
            ]  # fmt: skip
    return rows
