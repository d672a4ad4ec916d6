"""How good the labels of a clip are: against its landmarks, and against the truth where there is one."""

import numpy as np

from speechface.fitting.eyes import EYE_CHANNELS, eye_aspect_ratio
from speechface.fitting.labels import relative_rotation
from speechface.geometry.rotation import geodesic_angle
from speechface.rig.channels import CHANNELS, INDEX

__all__ = [
    "interocular",
    "lip_gap",
    "correlation",
    "jitter",
    "expected_error",
    "confidence",
    "clip_quality",
    "compare_with_truth",
]

#: Expected error of the inner landmarks on the rig, mm: a constant, then for each percent of miss of the inner
#: landmarks and of the mouth's, and for each mm the labels move the face. Least squares on the synthetic actors 1 to
#: 20 against exact truth; on actors 21 to 24 the expected error correlates with the true one by 0.50.
_ERROR_MM = (0.54, 0.14, 0.17, 0.27)
#: Expected error at which the confidence is one half, mm.
_HALF_CONFIDENCE_MM = 2.0


def interocular(landmarks):
    """Distance of the outer eye corners: (..., 68, 2) -> (...), pixels."""
    return np.linalg.norm(landmarks[..., 36, :] - landmarks[..., 45, :], axis=-1)


def lip_gap(landmarks):
    """Mean distance of the three inner pairs of lip landmarks: (..., 68, d) -> (...)."""
    return np.linalg.norm(landmarks[..., [61, 62, 63], :] - landmarks[..., [67, 66, 65], :], axis=-1).mean(-1)


def correlation(a, b):
    """Pearson's r, NaN where one of the two does not change."""
    if len(a) < 2 or np.std(a) < 1e-9 or np.std(b) < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def jitter(displacement):
    """Noise of moving points (T, n, 3), in their unit.

    Standard deviation of white noise with the same second differences: the median over frames, since fast
    motion has second differences too.
    """
    if len(displacement) < 3:
        return float("nan")
    second = np.diff(displacement, 2, axis=0)
    # the second difference of white noise has 6 times its variance
    return float(np.sqrt(np.median((second**2).sum(-1).mean(-1)) / 6))


def expected_error(miss_pct, displacement):
    """Error of the inner landmarks on the rig that is to be expected, mm, (T,).

    Parameters
    ----------
    miss_pct : ndarray (T, 68), distance of fit and image, percent of the eyes' distance
    displacement : ndarray (T, 68, 3), mm, motion of the rig's landmarks by the labels
    """
    constant, by_miss, by_mouth, by_motion = _ERROR_MM
    motion = np.linalg.norm(displacement[:, 17:], axis=-1).mean(1)
    return constant + by_miss * miss_pct[:, 17:].mean(1) + by_mouth * miss_pct[:, 48:].mean(1) + by_motion * motion


def confidence(expected_mm):
    """Confidence in a frame, 0 to 1, from its expected error, mm: one half at 2 mm."""
    return 1 / (1 + (expected_mm / _HALF_CONFIDENCE_MM) ** 2)


def clip_quality(observed, projected, detected, weights, displacement):
    """Numbers that judge one clip's labels.

    Parameters
    ----------
    observed, projected : ndarray (T, 68, 2), the same pixels
    detected : ndarray (T,), bool
    weights : ndarray (T, 46)
    displacement : ndarray (T, n, 3), mm, motion of the mouth's landmarks on the rig

    Returns
    -------
    dict : ``reprojection_pct_iod`` mean miss of the inner landmarks in percent of the eyes' distance; ``lip_gap_r``
        fit against landmarks; ``ear_blink_r`` eye closing of the landmarks against the blink weights; ``jitter_mm``;
        ``lip_gap_sd`` in units of the eyes' distance.
    """
    seen, fitted = observed[detected], projected[detected]
    size = interocular(seen)
    miss = np.linalg.norm(seen - fitted, axis=-1)[:, 17:].mean(1)
    gap = lip_gap(seen) / size
    blink = weights[detected][:, [INDEX[name] for name in EYE_CHANNELS]].mean(1)
    return {
        "reprojection_pct_iod": float(100 * np.mean(miss / size)),
        "lip_gap_r": correlation(gap, lip_gap(fitted) / size),
        "ear_blink_r": correlation(-eye_aspect_ratio(seen).mean(-1), blink),
        "jitter_mm": jitter(displacement),
        "lip_gap_sd": float(gap.std()),
    }


def compare_with_truth(weights, true_weights, rotation, true_rotation, displacement):
    """Errors of labels against exact truth, on the same frames.

    Landmark errors are displacements on the template rig at its mean identity: the actor's own neutral face
    belongs to identity, not to the weights. Rotations are compared as they are labelled, each relative to its
    clip's median pose; the absolute error is given too.

    Parameters
    ----------
    weights, true_weights : ndarray (T, 46)
    rotation, true_rotation : ndarray (T, 3, 3), absolute
    displacement : ndarray (46, 68, 3), mm, the rig's landmark motion at weight 1

    Returns
    -------
    channels : dict of ndarray (46,): ``r`` and ``slope`` (NaN where the truth or the label is constant), ``mae``
    clip : dict of float: ``mouth_mm``, ``inner_mm`` RMS over frames and landmarks, ``rotation_deg``,
        ``rotation_absolute_deg`` means over frames
    """
    moving = true_weights.std(0) > 1e-4
    r, slope = np.full((2, len(CHANNELS)), np.nan)
    for k in np.flatnonzero(moving):
        r[k] = correlation(weights[:, k], true_weights[:, k])
        slope[k] = np.polyfit(true_weights[:, k], weights[:, k], 1)[0]
    error = np.tensordot(weights - true_weights, displacement, 1)
    squared = (error**2).sum(-1)
    everything = np.ones(len(rotation), bool)
    relative = geodesic_angle(
        relative_rotation(rotation, everything)[0], relative_rotation(true_rotation, everything)[0]
    )
    return (
        {"r": r, "slope": slope, "mae": np.abs(weights - true_weights).mean(0)},
        {
            "mouth_mm": float(np.sqrt(squared[:, 48:].mean())),
            "inner_mm": float(np.sqrt(squared[:, 17:].mean())),
            "rotation_deg": float(np.rad2deg(relative.mean())),
            "rotation_absolute_deg": float(np.rad2deg(geodesic_angle(rotation, true_rotation).mean())),
        },
    )
