"""Mean and standard deviation of a stream of arrays, exact and stable whatever the offset."""

import numpy as np

__all__ = ["Moments"]


class Moments:
    """Count, mean and sum of squared deviations of rows that come in parts.

    Parts are merged by the pairwise formula of Chan, Golub and LeVeque (1983), so that a large mean beside a
    small spread loses nothing and the order of parts matters only by rounding. All state is float64.

    Parameters
    ----------
    shape : tuple
        Shape of one row, e.g. ``(128, 32)``.
    """

    def __init__(self, shape: tuple[int, ...]):
        self.count = 0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)

    def update(self, rows: np.ndarray) -> "Moments":
        """Take in rows (n, *shape); returns self."""
        if len(rows) == 0:
            return self
        mean = rows.mean(0, dtype=np.float64)
        squares = np.square(rows - mean).sum(0)
        total = self.count + len(rows)
        step = mean - self.mean
        self.squares += squares + step**2 * (self.count * len(rows) / total)
        self.mean += step * (len(rows) / total)
        self.count = total
        return self

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation (divided by n), zeros before the first row."""
        return np.sqrt(self.squares / max(self.count, 1))
