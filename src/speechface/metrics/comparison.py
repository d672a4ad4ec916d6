"""Models beside each other: means over seeds, and differences clip by clip."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechface.metrics.bootstrap import interval, resample_counts, resampled_sums
from speechface.metrics.registry import METRICS

__all__ = ["Comparison", "compare_runs"]


@dataclass(frozen=True)
class Comparison:
    """One metric of one model.

    Parameters
    ----------
    value, low, high : float, mean over seeds and its 95 % interval
    spread : float, standard deviation over seeds (n - 1); NaN with one seed
    difference, difference_low, difference_high : float
        The value less that of the reference, and the 95 % interval of this difference; NaN for the reference.
    """

    value: float
    low: float
    high: float
    spread: float
    difference: float
    difference_low: float
    difference_high: float


def compare_runs(
    runs: Mapping[str, Sequence[Mapping[str, np.ndarray]]],
    actors: Sequence[str],
    *,
    reference: str,
    metrics: Iterable[str],
    resamples: int,
    seed: int,
) -> dict[tuple[str, str], Comparison]:
    """Compare models that were evaluated on the same clips.

    Parameters
    ----------
    runs : dict of model -> list over seeds of statistics, dict of str -> ndarray (n, ...)
    actors : sequence (n,), whose clip each is
    reference : name of the model that all are compared with
    metrics : names out of `speechface.metrics.registry.METRICS`
    resamples, seed : int

    Returns
    -------
    dict of (model, metric) -> `Comparison`, only of metrics that are defined for the model

    Notes
    -----
    All models see the same resamples of actors and clips, so that what makes a clip hard for every model drops out of
    the differences. Seeds are not resampled: an interval speaks of other clips (and actors), `spread` of other seeds.
    """
    counts = None
    if len(actors) > 1:
        counts = resample_counts(actors, resamples=resamples, rng=np.random.default_rng(seed))
    values: dict[tuple[str, str], np.ndarray] = {}
    drawn: dict[tuple[str, str], Any] = {}  # None where nothing was resampled
    for model, seeds in runs.items():
        sums = [{name: array.sum(0) for name, array in statistics.items()} for statistics in seeds]
        resampled = [] if counts is None else [resampled_sums(statistics, counts) for statistics in seeds]
        for metric in metrics:
            value = METRICS[metric].value
            values[model, metric] = np.array([float(value(one)) for one in sums])
            drawn[model, metric] = np.mean([value(one) for one in resampled], 0) if resampled else None
    found = {}
    for (model, metric), each in values.items():
        if not np.isfinite(each).all():
            continue
        low, high = _interval(drawn[model, metric])
        difference = difference_low = difference_high = np.nan
        if model != reference and np.isfinite(values[reference, metric]).all():
            difference = each.mean() - values[reference, metric].mean()
            if counts is not None:
                difference_low, difference_high = _interval(drawn[model, metric] - drawn[reference, metric])
        spread = each.std(ddof=1) if len(each) > 1 else np.nan
        numbers = (each.mean(), low, high, spread, difference, difference_low, difference_high)
        found[model, metric] = Comparison(*map(float, numbers))
    return found


def _interval(values):
    return (np.nan, np.nan) if values is None else interval(values)
