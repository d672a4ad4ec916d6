"""Rows of long curves, a block at a time: an hour of frames as Python's numbers would take gigabytes."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from speechface.files import written_whole

__all__ = ["resampled", "rows", "write_json"]

_TOGETHER = 2000


def rows(values: np.ndarray, digits: int) -> Iterator[Any]:
    """Yield the rows of an array (T, ...) as lists of rounded floats (of (T,), the floats)."""
    for start in range(0, len(values), _TOGETHER):
        yield from np.round(values[start : start + _TOGETHER].astype(float), digits).tolist()


def resampled(curves: np.ndarray, fps: Fraction | float, rate: int) -> Iterator[np.ndarray]:
    """Yield curves (T, n) at `fps` as rows (n,) at `rate` a second, linear between frames, as long as the recording.

    Row k shows at k / rate; the last frame holds to its end.
    """
    curves = np.asarray(curves, np.float32)
    total = max(1, round(len(curves) * rate / Fraction(fps)))
    for start in range(0, total, _TOGETHER):
        at = np.arange(start, min(start + _TOGETHER, total)) * (float(fps) / rate)
        below = np.minimum(at.astype(np.intp), len(curves) - 1)
        above = np.minimum(below + 1, len(curves) - 1)
        share = (at - below).clip(0, 1).astype(np.float32)[:, None]
        yield from curves[below] * (1 - share) + curves[above] * share


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all; values that are iterators become lists, an item at a time, at any depth
    of mappings."""
    with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for piece in _pieces(content):
            file.write(piece)


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield "{"
        for k, (key, item) in enumerate(value.items()):
            yield ("," if k else "") + json.dumps(key) + ":"
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, Iterator):
        yield "["
        yield from _joined(value)
        yield "]"
    else:
        yield json.dumps(value, separators=(",", ":"))


def _joined(items: Iterable[Any]) -> Iterator[str]:
    items, first = iter(items), True
    while block := list(itertools.islice(items, _TOGETHER)):
        yield ("" if first else ",") + json.dumps(block, separators=(",", ":"))[1:-1]
        first = False
