"""What a metric is: statistics that are summed over clips, and a value made of their sums.

Since sums can be added, one pass over the clips serves every group, channel and bootstrap resample, exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from speechface.metrics.geometry import RigBases

__all__ = ["PER_CHANNEL", "ClipMotion", "Metric", "Statistics", "Sums", "mean_of", "ratio"]

#: In the shape of a statistic: as many as the rig has channels.
PER_CHANNEL = -1

#: Statistic -> its sum over clips, with any leading axes (resamples, for instance).
Sums = Mapping[str, np.ndarray]
Value = Callable[[Sums], np.ndarray]


@dataclass(frozen=True)
class ClipMotion:
    """Predicted and true motion of one clip, on the frames that are evaluated.

    Parameters
    ----------
    predicted, true : ndarray (n, C), weights; those of channels that are not observed do not count
    frames : ndarray (n,), int, ascending video frame indices of the rows; gaps are allowed
    bases : what metrics need of the rig; its `observed` mask holds for all statistics
    mean_weights : ndarray (C,), mean of the training labels
    speech : ndarray (n,), bool, frames within the clip's speech span, or None where the sound is unknown
    predicted_rotation, true_rotation : ndarray (n, 3), radians, or None where the model gives none
    times : ndarray (n,), s, or None
    sound : (samples (m,) float32, rate in Hz), sample 0 at time 0, or None
    samples : ndarray (k, n, 46), all that the model drew, `predicted` first; None where it has one answer
    phonemes : list of (start s, end s, IPA, ...), or None where they are not known
    """

    predicted: np.ndarray
    true: np.ndarray
    frames: np.ndarray
    bases: RigBases
    mean_weights: np.ndarray
    speech: np.ndarray | None = None
    predicted_rotation: np.ndarray | None = None
    true_rotation: np.ndarray | None = None
    times: np.ndarray | None = None
    sound: tuple[np.ndarray, int] | None = None
    samples: np.ndarray | None = None
    phonemes: Sequence[Sequence[Any]] | None = None

    def __post_init__(self):
        for name in ("predicted", "true", "samples"):
            if getattr(self, name) is not None:
                seen = np.where(self.bases.observed, getattr(self, name), 0).astype(np.float64)
                object.__setattr__(self, name, seen)

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def predicted_landmarks(self) -> np.ndarray:
        """Displacement of the 68 landmarks (n, 68, 3), float32, mm."""
        return self.bases.landmark_motion(self.predicted)

    @cached_property
    def true_landmarks(self) -> np.ndarray:
        return self.bases.landmark_motion(self.true)

    @cached_property
    def predicted_gap(self) -> np.ndarray:
        """Distance of the inner lips' middles (n,), mm."""
        return self.bases.lip_gap(self.predicted_landmarks)

    @cached_property
    def true_gap(self) -> np.ndarray:
        return self.bases.lip_gap(self.true_landmarks)


@dataclass(frozen=True, eq=False)
class Statistics:
    """Numbers of one clip that may be added over clips.

    Parameters
    ----------
    shapes : dict of name to shape, in which `PER_CHANNEL` may stand; names are unique among all metrics
    of_clip : function of a `ClipMotion` of one frame at least -> dict with these names
        Sums over frames, or values of the clip beside a count of clips that have one; always finite.
    """

    shapes: Mapping[str, tuple[int, ...]]
    of_clip: Callable[[ClipMotion], Mapping[str, Any]]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Parameters
    ----------
    unit : str, "" where there is none
    better : "lower", "higher", "zero", "one" (nearer to it) or "" (a description, not a score)
    value : function of sums of statistics, ``sums["n_frames"]`` (...,), ``sums["weights_sq"]`` (..., C)
        Returns (...,); NaN means "not defined here" and gives no row.
    meaning : str, the definition in one line
    statistics : what it needs beside ``n_clips`` and ``n_frames``, or None; several metrics may share one
    channels : function of sums -> (..., C), or None where the metric has no channels
    """

    unit: str
    better: str
    value: Value
    meaning: str
    statistics: Statistics | None = None
    channels: Value | None = None


def ratio(top: Any, bottom: Any) -> np.ndarray:
    """`top` / `bottom`, NaN where `bottom` is not above 0."""
    top, bottom = np.asarray(top, float), np.asarray(bottom, float)
    return np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom > 0)


def mean_of(top: str, bottom: str) -> Value:
    """The value function of a mean: one sum over another."""
    return lambda sums: ratio(sums[top], sums[bottom])
