"""The statistics of one clip that all metrics together need; see `speechface.metrics.metric`."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from speechface.errors import ConfigError, TableError
from speechface.metrics.metric import PER_CHANNEL, ClipMotion, Statistics
from speechface.metrics.registry import METRICS
from speechface.rig.channels import told
from speechface.tables import Table

__all__ = ["BASE", "clip_statistics", "empty_statistics", "shapes", "statistics_of"]

#: What every metric may use.
BASE: dict[str, tuple[int, ...]] = {"n_clips": (), "n_frames": ()}


def _sources() -> Iterable[Statistics]:
    """The statistics of all metrics, each once."""
    return dict.fromkeys(metric.statistics for metric in METRICS.values() if metric.statistics is not None)


def shapes(n_channels: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every statistic on a rig of so many channels.

    All are float64 sums over frames, pairs of successive frames or clips.
    """
    found = dict(BASE)
    for source in _sources():
        for name, shape in source.shapes.items():
            if name in found:
                owners = [key for key, metric in METRICS.items() if metric.statistics is source]
                raise ConfigError(f"metric '{owners[0]}': there is a statistic '{name}' already; choose another name")
            found[name] = tuple(n_channels if size == PER_CHANNEL else size for size in shape)
    return found


def empty_statistics(n_channels: int) -> dict[str, np.ndarray]:
    """Statistics of no clip: zeros of every shape."""
    return {name: np.zeros(shape) for name, shape in shapes(n_channels).items()}


def clip_statistics(motion: ClipMotion) -> dict[str, np.ndarray]:
    """All statistics of one clip; zeros where it has no frame."""
    out = empty_statistics(len(motion.bases.observed))
    if not len(motion):
        return out
    out["n_clips"] += 1
    out["n_frames"] += len(motion)
    for source in _sources():
        for name, value in source.of_clip(motion).items():
            out[name] += value
    return out


def statistics_of(table: Table, path: str | Path) -> dict[str, np.ndarray]:
    """The statistics in a table of 'evaluate': name -> (clips, *shape).

    Raises
    ------
    TableError
        If it is another table, or was written without a metric that there is now.
    """
    if "model" not in table.meta:
        raise TableError(f"{path}: not a table of 'speechface evaluate': its metadata names no model")
    names = shapes(len(told(table.meta, path)))
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise TableError(f"{path}: has no statistic '{missing[0]}', which a metric needs; evaluate again")
    return {name: table[name] for name in names}
