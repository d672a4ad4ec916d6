"""Correlation of two curves."""

import numpy as np

__all__ = ["correlation"]


def correlation(
    predicted: np.ndarray,
    true: np.ndarray,
    *,
    still: float = 1e-9,
    fewest: int = 2,
    still_prediction: float = float("nan"),
) -> float:
    """Pearson's r of a curve (n,) and the true one (n,).

    Parameters
    ----------
    predicted, true : ndarray (n,)
    still : float
        A curve with a smaller standard deviation stands still.
    fewest : int
        Fewer values than this give no correlation.
    still_prediction : float
        The answer where only the prediction stands still.

    Returns
    -------
    r : float, NaN where the true curve stands still or there are too few values: nothing to agree with
    """
    if len(true) < fewest or np.std(true) < still:
        return float("nan")
    if np.std(predicted) < still:
        return still_prediction
    a, b = predicted - np.mean(predicted), true - np.mean(true)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
