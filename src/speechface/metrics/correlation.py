"""Pearson's correlation of two curves, for all that compares curves."""

import math

import numpy as np

__all__ = ["correlation"]


def correlation(
    a: np.ndarray, b: np.ndarray, *, still: float = 1e-9, least: int = 2, of_still: float = math.nan
) -> float:
    """Pearson's r of two curves.

    Parameters
    ----------
    a, b : ndarray (n,)
    still : float
        A curve with a smaller standard deviation stands still: there is nothing to agree with.
    least : int
        Fewer values than this give no correlation.
    of_still : float
        The result where `a` alone stands still, e.g. 0 for a prediction, which has no merit if it does not move.

    Returns
    -------
    float
        NaN where `b` stands still or there are too few values.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(b) < least or np.std(b) < still:
        return math.nan
    if np.std(a) < still:
        return of_still
    a, b = a - np.mean(a), b - np.mean(b)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
