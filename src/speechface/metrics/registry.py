"""The metrics: name, unit and value as a function of summed clip statistics.

To add a metric, add its statistic to `speechface.metrics.statistics` where a new one is needed, and one entry to
`METRICS`. A value function takes a dict of sums with any leading axes, ``sums["n_frames"]`` (...,) and
``sums["weights_sq"]`` (..., 46), and returns (...,); NaN means "not defined here" and gives no row.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from speechface.metrics.geometry import BROWS, EYES, MOUTH
from speechface.metrics.lips import MAX_LAG

__all__ = ["Metric", "METRICS"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Parameters
    ----------
    unit : str, "" where there is none
    better : "lower", "higher", "zero" (nearer to zero) or "" (a description, not a score)
    value : function of summed statistics
    meaning : str, the definition in one line
    channels : function of summed statistics -> (..., 46), or None where the metric has no channels
    """

    unit: str
    better: str
    value: Callable
    meaning: str
    channels: Callable | None = None


def _ratio(top, bottom):
    top, bottom = np.asarray(top, float), np.asarray(bottom, float)
    return np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom > 0)


def _mean(top, bottom):
    return lambda s: _ratio(s[top], s[bottom])


def _over_channels(top, bottom):
    """x 1e2, all observed channels together and one by one."""
    return (lambda s: 100 * _ratio(s[top].sum(-1), s[bottom].sum(-1)), lambda s: 100 * _ratio(s[top], s[bottom]))


def _rmse(landmarks, suffix=""):
    count = len(range(68)[landmarks])

    def value(s):
        return np.sqrt(_ratio(s["landmarks_sq" + suffix][..., landmarks].sum(-1), count * s["n_frames"]))

    return value


def _explained(suffix=""):
    def value(s):
        return 1 - _ratio(s["landmarks_sq" + suffix][..., MOUTH].sum(-1), s["mouth_total_sq" + suffix])

    return value


def _explained_centred(suffix=""):
    return lambda s: 1 - _ratio(s["mouth_centred_sq" + suffix], s["mouth_centred_total_sq" + suffix])


def _rmse_centred(suffix=""):
    count = len(range(68)[MOUTH])
    return lambda s: np.sqrt(_ratio(s["mouth_centred_sq" + suffix], count * s["n_frames"]))


def _best_lag(s):
    lag = np.argmax(s["lip_lag_r"], -1) - float(MAX_LAG)
    return np.where(np.asarray(s["n_lip_lag"]) > 0, lag, np.nan)


_mse, _mse_channels = _over_channels("weights_sq", "n_values")
_temporal, _temporal_channels = _over_channels("temporal_abs", "n_value_pairs")
_self, _self_channels = _over_channels("self_abs", "n_value_pairs")
_label, _label_channels = _over_channels("label_self_abs", "n_value_pairs")

METRICS = {
    "mse_weights_e2": Metric("1e-2", "lower", _mse,
        "mean squared error of the observed weights, times 100", _mse_channels),
    "rmse_landmarks_mm": Metric("mm", "lower", _rmse(slice(0, 68)),
        "root of the mean squared 3D distance of the 68 landmarks, mean identity, no head motion"),
    "rmse_mouth_mm": Metric("mm", "lower", _rmse(MOUTH), "the same of the 20 mouth landmarks"),
    "rmse_mouth_xy_mm": Metric("mm", "lower", _rmse(MOUTH, "_xy"), "the same in x and y alone"),
    "rmse_eyes_mm": Metric("mm", "lower", _rmse(EYES), "the same of the 12 eye landmarks"),
    "rmse_brows_mm": Metric("mm", "lower", _rmse(BROWS), "the same of the 10 brow landmarks"),
    "temporal_smoothness_e2": Metric("1e-2", "lower", _temporal,
        "mean |change of the prediction - change of the label| from frame to frame, times 100", _temporal_channels),
    "self_smoothness_e2": Metric("1e-2", "", _self,
        "mean |change of the prediction| from frame to frame, times 100", _self_channels),
    "self_smoothness_labels_e2": Metric("1e-2", "", _label,
        "mean |change of the label| from frame to frame, times 100", _label_channels),
    "lve_mm": Metric("mm", "lower", _mean("lve", "n_frames"), "mean over frames of the largest lip-vertex distance"),
    "lve_mm2": Metric("mm^2", "lower", _mean("lve2", "n_frames"),
        "mean over frames of the largest squared lip-vertex distance (CodeTalker, torchmetrics)"),
    "mve_mm": Metric("mm", "lower", _mean("mve", "n_frames"),
        "mean distance of all vertices that some observed channel moves"),
    "fdd_mm2": Metric("mm^2", "zero", _mean("fdd", "n_clips"),
        "upper face: mean over vertices of std over time of |motion|^2, truth minus prediction; mean over clips"),
    "lip_gap_r": Metric("", "higher", _mean("lip_gap_r", "n_lip_gap_r"),
        "correlation of the inner lip gap over a clip; mean over clips"),
    "lip_gap_r_speech": Metric("", "higher", _mean("lip_gap_r_speech", "n_lip_gap_r_speech"),
        "the same within the clip's speech span"),
    "r2_mouth": Metric("", "higher", _explained(),
        "1 - squared error / squared distance to the training mean, of the mouth landmarks"),
    "r2_mouth_xy": Metric("", "higher", _explained("_xy"), "the same in x and y alone"),
    "r2c_mouth": Metric("", "higher", _explained_centred(), "the same with each clip's mean removed on both sides"),
    "r2c_mouth_xy": Metric("", "higher", _explained_centred("_xy"), "the same in x and y alone"),
    "rmse_mouth_centred_mm": Metric("mm", "lower", _rmse_centred(),
        "mouth RMSE with each clip's mean removed on both sides"),
    "rmse_mouth_centred_xy_mm": Metric("mm", "lower", _rmse_centred("_xy"), "the same in x and y alone"),
    "lip_lag_frames": Metric("frames", "zero", _best_lag,
        "lag of the best lip-gap correlation (mean over clips), -10 to 10; positive: the prediction is late"),
    "rotation_deg": Metric("deg", "lower", _mean("rotation_deg", "n_rotation"),
        "mean angle between predicted and labelled head rotation; models with rotation only"),
}  # fmt: skip
