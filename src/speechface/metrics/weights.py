"""Metrics of blendshape weights: error and smoothness, over all observed channels and one by one."""

import numpy as np

from speechface.metrics.metric import PER_CHANNEL, ClipMotion, Metric, Statistics, Sums, ratio

__all__ = ["MSE", "SELF_SMOOTHNESS", "SELF_SMOOTHNESS_LABELS", "TEMPORAL_SMOOTHNESS"]


def _of_clip(motion: ClipMotion) -> dict[str, np.ndarray]:
    """Counts and sums of squared or absolute differences; pairs are frames k, k + 1 that are both evaluated."""
    observed, successive = motion.bases.observed, np.diff(motion.frames) == 1
    step, target = (np.diff(weights, axis=0)[successive] for weights in (motion.predicted, motion.true))
    return {
        "n_values": len(motion) * observed,
        "weights_sq": np.square(motion.predicted - motion.true).sum(0),
        "n_pairs": successive.sum(),
        "n_value_pairs": successive.sum() * observed,
        "temporal_abs": np.abs(step - target).sum(0),
        "self_abs": np.abs(step).sum(0),
        "label_self_abs": np.abs(target).sum(0),
    }


_PER_CHANNEL = ("n_values", "weights_sq", "n_value_pairs", "temporal_abs", "self_abs", "label_self_abs")
_STATISTICS = Statistics({"n_pairs": (), **dict.fromkeys(_PER_CHANNEL, (PER_CHANNEL,))}, _of_clip)


def _metric(better: str, top: str, bottom: str, meaning: str) -> Metric:
    """Times 100, all observed channels together and one by one."""

    def value(sums: Sums) -> np.ndarray:
        return 100 * ratio(sums[top].sum(-1), sums[bottom].sum(-1))

    return Metric("1e-2", better, value, meaning, _STATISTICS, lambda sums: 100 * ratio(sums[top], sums[bottom]))


MSE = _metric(
    "lower", "weights_sq", "n_values", "mean squared error of the observed weights, times 100",
)  # fmt: skip
TEMPORAL_SMOOTHNESS = _metric(
    "lower", "temporal_abs", "n_value_pairs",
    "mean |change of the prediction - change of the label| from frame to frame, times 100",
)  # fmt: skip
SELF_SMOOTHNESS = _metric(
    "", "self_abs", "n_value_pairs", "mean |change of the prediction| from frame to frame, times 100",
)  # fmt: skip
SELF_SMOOTHNESS_LABELS = _metric(
    "", "label_self_abs", "n_value_pairs", "mean |change of the label| from frame to frame, times 100",
)  # fmt: skip
