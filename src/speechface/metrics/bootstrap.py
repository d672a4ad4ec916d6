"""Intervals by resampling clips."""

import numpy as np

__all__ = ["resample_counts", "resampled_sums", "interval"]


def resample_counts(n, *, resamples, rng):
    """How often each of n clips is drawn in each resample: ndarray (resamples, n), float64, rows sum to n."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def resampled_sums(statistics, counts):
    """Sums of `statistics` (dict of (n, ...)) under `counts` (b, n): dict of (b, ...)."""
    return {name: np.tensordot(counts, values, 1) for name, values in statistics.items()}


def interval(values, *, confidence=0.95):
    """Percentile interval along the first axis, undefined (NaN) resamples left out; NaN where none is defined."""
    values = np.asarray(values, float)
    tail = 50 * (1 - confidence)
    defined = np.any(np.isfinite(values), 0)
    safe = np.where(defined, values, 0.0)
    low, high = np.nanpercentile(safe, [tail, 100 - tail], axis=0)
    return np.where(defined, low, np.nan), np.where(defined, high, np.nan)
