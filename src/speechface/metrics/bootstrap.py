"""Intervals by resampling actors and their clips."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

__all__ = ["resample_counts", "resampled_sums", "interval"]

#: Per cent of the resamples outside a 95 % interval, on either side.
_TAIL = 50 * (1 - 0.95)


def resample_counts(actors: Sequence[Hashable], *, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each clip is drawn in each resample.

    Parameters
    ----------
    actors : sequence (n,) of hashable, whose clip each is
    resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    counts : ndarray (resamples, n), float64

    Notes
    -----
    Clips of one actor resemble each other, so that clips alone, drawn as if they were independent, promise too much
    for the next actor. Hence two stages: as many actors as there are, drawn with replacement, and of each as many clips
    as it has, drawn with replacement anew every time the actor comes up. With one actor this is the plain bootstrap
    over clips, which speaks of this actor's other clips alone. Source: Davison and Hinkley, Bootstrap Methods and their
    Application (1997), section 3.8.
    """
    names = {actor: place for place, actor in enumerate(dict.fromkeys(actors))}
    owner = np.array([names[actor] for actor in actors])
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    counts = np.empty((resamples, len(owner)))
    for place in range(len(names)):
        own = np.flatnonzero(owner == place)
        counts[:, own] = rng.multinomial(drawn[:, place] * len(own), np.full(len(own), 1 / len(own)))
    return counts


def resampled_sums(statistics: Mapping[str, np.ndarray], counts: np.ndarray) -> dict[str, np.ndarray]:
    """Sums of `statistics` (dict of (n, ...)) under `counts` (b, n): dict of (b, ...)."""
    return {name: np.tensordot(counts, values, 1) for name, values in statistics.items()}


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile interval along the first axis, undefined (NaN) resamples left out; NaN where none is defined."""
    values = np.asarray(values, float)
    defined = np.any(np.isfinite(values), 0)
    safe = np.where(defined, values, 0.0)
    low, high = np.nanpercentile(safe, [_TAIL, 100 - _TAIL], axis=0)
    return np.where(defined, low, np.nan), np.where(defined, high, np.nan)
