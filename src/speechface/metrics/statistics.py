"""Additive statistics of one clip.

Every metric of a set of clips is a function of the sums of these statistics over its clips
(`speechface.metrics.registry`). So one pass over the clips serves every group, every channel and every
bootstrap resample, exactly.
"""

import numpy as np

from speechface.geometry.rotation import geodesic_angle, matrix_from_euler
from speechface.metrics.geometry import FRAMES_AT_ONCE, MOUTH, squared_lengths
from speechface.metrics.lips import MAX_LAG, correlation, lag_correlations
from speechface.metrics.moments import Moments

__all__ = ["clip_statistics", "empty_statistics", "SHAPES"]

#: Statistic -> shape. All are float64 sums over frames, pairs of successive frames or clips.
SHAPES = {
    "n_clips": (), "n_frames": (), "n_pairs": (),
    "n_values": (46,), "n_value_pairs": (46,), "weights_sq": (46,),
    "temporal_abs": (46,), "self_abs": (46,), "label_self_abs": (46,),
    "landmarks_sq": (68,), "landmarks_sq_xy": (68,),
    "mouth_total_sq": (), "mouth_total_sq_xy": (),
    "mouth_centred_sq": (), "mouth_centred_sq_xy": (),
    "mouth_centred_total_sq": (), "mouth_centred_total_sq_xy": (),
    "lve": (), "lve2": (), "mve": (), "fdd": (),
    "lip_gap_r": (), "n_lip_gap_r": (), "lip_gap_r_speech": (), "n_lip_gap_r_speech": (),
    "lip_lag_r": (2 * MAX_LAG + 1,), "n_lip_lag": (),
    "rotation_deg": (), "n_rotation": (),
}  # fmt: skip


def empty_statistics():
    """Statistics of no clip: zeros of every shape."""
    return {name: np.zeros(shape) for name, shape in SHAPES.items()}


def clip_statistics(predicted, true, *, frames, bases, mean_weights, speech=None, predicted_rotation=None,
                    true_rotation=None):  # fmt: skip
    """Statistics of one clip.

    Parameters
    ----------
    predicted, true : ndarray (n, 46), weights of the frames that are judged
    frames : ndarray (n,), int, ascending video frame indices of the rows; gaps are allowed
    bases : `speechface.metrics.geometry.RigBases`; its `observed` mask holds for all statistics
    mean_weights : ndarray (46,), mean of the training labels, the reference of `r2_mouth`
    speech : ndarray (n,), bool, frames within the speech span, or None where unknown
    predicted_rotation, true_rotation : ndarray (n, 3), radians, or None where the model gives none

    Returns
    -------
    dict of str -> ndarray of `SHAPES`
        ``n_*`` are counts. ``*_sq`` are sums of squared distances in mm^2 (weights: of squared differences),
        ``*_abs`` sums of absolute frame-to-frame changes over pairs of frames k, k + 1 that are both judged,
        ``lve``, ``lve2`` and ``mve`` sums over frames, ``fdd`` and ``lip_*`` values of the clip.
    """
    out = empty_statistics()
    if len(frames) == 0:
        return out
    observed = bases.observed
    predicted = np.where(observed, predicted, 0).astype(np.float64)
    true = np.where(observed, true, 0).astype(np.float64)
    n = len(frames)
    out["n_clips"] += 1
    out["n_frames"] += n
    out["n_values"] += n * observed
    out["weights_sq"] += np.square(predicted - true).sum(0)
    _add_smoothness(out, predicted, true, np.diff(frames) == 1)
    moved, target = bases.landmark_motion(predicted), bases.landmark_motion(true)
    _add_landmarks(out, moved, target, bases.landmark_motion(mean_weights))
    _add_dense(out, predicted, true, bases)
    _add_lip_gap(out, bases.lip_gap(moved), bases.lip_gap(target), frames, speech)
    if predicted_rotation is not None:
        angle = geodesic_angle(matrix_from_euler(predicted_rotation), matrix_from_euler(true_rotation))
        out["n_rotation"] += n
        out["rotation_deg"] += np.degrees(angle).sum()
    return out


def _add_smoothness(out, predicted, true, successive):
    step, target = np.diff(predicted, axis=0)[successive], np.diff(true, axis=0)[successive]
    out["n_pairs"] += successive.sum()
    out["n_value_pairs"] += successive.sum() * (out["n_values"] > 0)
    out["temporal_abs"] += np.abs(step - target).sum(0)
    out["self_abs"] += np.abs(step).sum(0)
    out["label_self_abs"] += np.abs(target).sum(0)


def _add_landmarks(out, moved, target, mean):
    error = np.square(moved - target, dtype=np.float64)
    mouth, truth = moved[:, MOUTH].astype(np.float64), target[:, MOUTH].astype(np.float64)
    total = np.square(truth - mean[MOUTH])
    centred_truth = truth - truth.mean(0)
    centred_error = np.square(mouth - mouth.mean(0) - centred_truth)
    for suffix, axes in (("", slice(0, 3)), ("_xy", slice(0, 2))):
        out["landmarks_sq" + suffix] += error[..., axes].sum((0, 2))
        out["mouth_total_sq" + suffix] += total[..., axes].sum()
        out["mouth_centred_sq" + suffix] += centred_error[..., axes].sum()
        out["mouth_centred_total_sq" + suffix] += np.square(centred_truth[..., axes]).sum()


def _add_dense(out, predicted, true, bases):
    """Mesh metrics, `FRAMES_AT_ONCE` frames at a time."""
    spread = [Moments(bases.upper_face.shape[2:]) for _ in range(2)]
    for start in range(0, len(true), FRAMES_AT_ONCE):
        part = slice(start, start + FRAMES_AT_ONCE)
        error = predicted[part] - true[part]
        if bases.lips.shape[2]:
            worst = squared_lengths(error, bases.lips).max(1).astype(np.float64)
            out["lve2"] += worst.sum()
            out["lve"] += np.sqrt(worst).sum()
        distance = squared_lengths(error, bases.face)
        out["mve"] += np.sqrt(distance, out=distance).sum(dtype=np.float64) / max(distance.shape[1], 1)
        for moments, weights in zip(spread, (true[part], predicted[part])):
            moments.update(squared_lengths(weights, bases.upper_face))
    out["fdd"] += (spread[0].std - spread[1].std).sum() / max(bases.n_upper_face, 1)


def _add_lip_gap(out, predicted, true, frames, speech):
    pairs = {"lip_gap_r": correlation(predicted, true)}
    if speech is not None:
        pairs["lip_gap_r_speech"] = correlation(predicted[speech], true[speech])
    for name, r in pairs.items():
        if np.isfinite(r):
            out[name] += r
            out["n_" + name] += 1
    lags = lag_correlations(predicted, true, frames)
    if np.all(np.isfinite(lags)):
        out["lip_lag_r"] += lags
        out["n_lip_lag"] += 1
