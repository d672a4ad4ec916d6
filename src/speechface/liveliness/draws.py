"""Random numbers by number: the same for the same seed, kind and place, in whatever order they are asked for."""

import functools

import numpy as np

__all__ = ["draw", "log_normal", "smooth_noise"]


def draw(seed: int, kind: int, place: int, count: int) -> list[float]:
    """Return `count` uniform numbers in [0, 1) of place `place` (from 0) of series `kind`: Philox, counter-based."""
    key = np.array([seed & 0xFFFFFFFFFFFFFFFF, kind], np.uint64)
    counter = np.array([0, place, 0, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter)).random(count).tolist()


def log_normal(uniform: tuple[float, float], *, median: float, spread: float) -> float:
    """A log-normal number from two uniform ones (Box and Muller), at most 2.5 deviations from its median."""
    radius = np.sqrt(-2 * np.log(1 - uniform[0]))
    normal = float(radius * np.cos(2 * np.pi * uniform[1]))
    return float(median * np.exp(spread * min(max(normal, -2.5), 2.5)))


@functools.lru_cache(1 << 10)
def _knot(seed: int, kind: int, place: int) -> float:
    return 2 * draw(seed, kind, place, 1)[0] - 1


@functools.lru_cache(1 << 6)
def _knots(seed: int, kind: int, first: int) -> tuple[float, float, float, float]:
    return tuple(_knot(seed, kind, first + k) for k in range(4))  # type: ignore[return-value]


def smooth_noise(seed: int, kind: int, time: float, *, period: float) -> float:
    """A curve that wanders smoothly through [-1, 1] at `time` s; it turns about once in `period` s.

    A uniform cubic B-spline through random coefficients, one every half period, of standard deviation about 0.4.
    """
    place, part = divmod(2 * time / period, 1.0)
    a, b, c, d = _knots(seed, kind, int(place))
    rest = 1 - part
    square = part * part
    cube = square * part
    return (rest**3 * a + (3 * cube - 6 * square + 4) * b + (3 * (square + part - cube) + 1) * c + cube * d) / 6
