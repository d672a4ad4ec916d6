"""From clip statistics to the long table of metrics: groups, channels and intervals."""

import numpy as np

from speechface.metrics.bootstrap import interval, resample_counts, resampled_sums
from speechface.metrics.registry import METRICS
from speechface.rig.channels import CHANNELS

__all__ = ["summarise_clips", "summarise_groups", "SUMMARY_COLUMNS"]

#: Columns of the metrics table (SPEC section 13).
SUMMARY_COLUMNS = (
    "model", "seed", "dataset", "split", "group", "value_of_group", "metric", "unit", "value", "low", "high",
    "n_clips",
)  # fmt: skip


def summarise_clips(statistics, actors, *, resamples, seed, channels=False):
    """Metrics of one set of clips.

    Parameters
    ----------
    statistics : dict of str -> ndarray (n, ...), see `speechface.metrics.statistics.SHAPES`
    actors : sequence (n,), whose clip each is
    resamples : int, bootstrap resamples of actors and clips, see `speechface.metrics.bootstrap`
    seed : int
    channels : bool, also the metrics of single channels

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
    rows = []
    for name, metric in METRICS.items():
        value = metric.value(sums)
        low, high = interval(metric.value(drawn)) if drawn is not None else (np.nan, np.nan)
        rows.append((None, name, value, low, high))
        if channels and metric.channels is not None:
            value = metric.channels(sums)
            empty = np.full(value.shape, np.nan)
            low, high = interval(metric.channels(drawn)) if drawn is not None else (empty, empty)
            rows += zip(CHANNELS, [name] * len(CHANNELS), value, low, high)
    return [(channel, name, *map(float, numbers)) for channel, name, *numbers in rows if np.isfinite(numbers[0])]


def summarise_groups(statistics, facts, *, groups, resamples, seed):
    """Metrics of a model's clips by dataset, split and group.

    Parameters
    ----------
    statistics : dict of str -> ndarray (n, ...)
    facts : dict of str -> sequence (n,) with ``dataset``, ``actor``, ``split`` and the columns named in `groups`
    groups : sequence of str
        A clip whose fact is missing (None) is in no group. Where a split holds several datasets, they also stand
        together as dataset ``all`` (not by actor, whose names are a dataset's own).

    Returns
    -------
    list of dict with the columns dataset ... n_clips of `SUMMARY_COLUMNS`
    """
    judged = statistics["n_frames"] > 0
    facts = {name: np.asarray(facts[name], object) for name in ("dataset", "actor", "split", *groups)}
    actors = np.array([f"{dataset}/{actor}" for dataset, actor in zip(facts["dataset"], facts["actor"])], object)
    rows = []
    for split in sorted(set(facts["split"][judged])):
        inside = judged & (facts["split"] == split)
        datasets = sorted(set(facts["dataset"][inside]))
        for dataset in [*datasets, "all"] if len(datasets) > 1 else datasets:
            chosen = inside if dataset == "all" else inside & (facts["dataset"] == dataset)
            parts = [("all", "all", chosen)]
            for group in groups:
                if dataset == "all" and group == "actor":
                    continue
                values = sorted({value for value in facts[group][chosen] if value is not None})
                parts += [(group, value, chosen & (facts[group] == value)) for value in values]
            for group, value, mask in parts:
                part = {name: array[mask] for name, array in statistics.items()}
                found = summarise_clips(part, actors[mask], resamples=resamples, seed=seed, channels=group == "all")
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
