"""How good the labels of a clip are: against its landmarks, and against the truth where there is one."""

from collections.abc import Sequence

import numpy as np

from speechface.fitting.eyes import EYE_CHANNELS
from speechface.fitting.labels import relative_rotation
from speechface.geometry import ibug
from speechface.geometry.rotation import geodesic_angle
from speechface.landmarks.detector import Profile
from speechface.metrics.correlation import correlation
from speechface.rig.channels import columns

__all__ = [
    "jitter",
    "expected_error",
    "confidence",
    "clip_quality",
    "compare_with_truth",
]

#: Expected error at which the confidence is one half, mm.
_HALF_CONFIDENCE_MM = 2.0


def jitter(displacement: np.ndarray) -> float:
    """Noise of moving points (T, n, 3), in their unit.

    Standard deviation of white noise with the same second differences: the median over frames, since fast
    motion has second differences too.
    """
    if len(displacement) < 3:
        return float("nan")
    second = np.diff(displacement, 2, axis=0)
    # the second difference of white noise has 6 times its variance
    return float(np.sqrt(np.median((second**2).sum(-1).mean(-1)) / 6))


def expected_error(miss_pct: np.ndarray, displacement: np.ndarray, profile: Profile) -> np.ndarray:
    """Error of the inner landmarks on the rig that is to be expected, mm, (T,).

    Parameters
    ----------
    miss_pct : ndarray (T, p), distance of fit and image, percent of the eyes' distance
    displacement : ndarray (T, 68, 3), mm, motion of the rig's iBUG landmarks by the labels
    profile : Profile of the detector
    """
    constant, by_miss, by_mouth, by_motion = profile.expected_error_mm
    motion = np.linalg.norm(displacement[:, ibug.WITHOUT_JAW], axis=-1).mean(1)
    inner, mouth = miss_pct[:, profile.inner].mean(1), miss_pct[:, profile.mouth].mean(1)
    return constant + by_miss * inner + by_mouth * mouth + by_motion * motion


def confidence(expected_mm: np.ndarray) -> np.ndarray:
    """Confidence in a frame, 0 to 1, from its expected error, mm: one half at 2 mm."""
    return 1 / (1 + (expected_mm / _HALF_CONFIDENCE_MM) ** 2)


def clip_quality(
    observed: np.ndarray,
    projected: np.ndarray,
    detected: np.ndarray,
    weights: np.ndarray,
    displacement: np.ndarray,
    profile: Profile,
    channels: Sequence[str],
) -> dict[str, float]:
    """Numbers that judge one clip's labels.

    Parameters
    ----------
    observed, projected : ndarray (T, p, 2), the same pixels
    detected : ndarray (T,), bool
    weights : ndarray (T, C)
    displacement : ndarray (T, n, 3), mm, motion of the mouth's landmarks on the rig
    profile : Profile of the detector
    channels : sequence of C str, names of the weights

    Returns
    -------
    dict : ``reprojection_pct_iod`` mean miss of the inner landmarks in percent of the eyes' distance; ``lip_gap_r``
        fit against landmarks; ``ear_blink_r`` eye closing of the landmarks against the blink weights; ``jitter_mm``;
        ``lip_gap_sd`` in units of the eyes' distance.
    """
    seen, fitted = observed[detected], projected[detected]
    size = profile.interocular(seen)
    miss = np.linalg.norm(seen - fitted, axis=-1)[:, profile.inner].mean(1)
    gap = profile.lip_gap(seen) / size
    eyes = columns(channels, EYE_CHANNELS)
    blink = weights[detected][:, eyes].mean(1) if eyes else np.zeros(len(seen))
    return {
        "reprojection_pct_iod": float(100 * np.mean(miss / size)),
        "lip_gap_r": correlation(profile.lip_gap(fitted) / size, gap),
        "ear_blink_r": correlation(blink, -profile.eye_opening(seen).mean(-1)),
        "jitter_mm": jitter(displacement),
        "lip_gap_sd": float(gap.std()),
    }


def compare_with_truth(
    weights: np.ndarray,
    true_weights: np.ndarray,
    rotation: np.ndarray,
    true_rotation: np.ndarray,
    displacement: np.ndarray,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Errors of labels against exact truth, on the same frames.

    Landmark errors are displacements on the template rig at its mean identity: the actor's own neutral face
    belongs to identity, not to the weights. Rotations are compared as they are labelled, each relative to its
    clip's median pose; the absolute error is given too.

    Parameters
    ----------
    weights, true_weights : ndarray (T, C)
    rotation, true_rotation : ndarray (T, 3, 3), absolute
    displacement : ndarray (C, 68, 3), mm, the rig's landmark motion at weight 1

    Returns
    -------
    channels : dict of ndarray (C,): ``r`` and ``slope`` (NaN where the truth or the label is constant), ``mae``
    clip : dict of float: ``mouth_mm``, ``inner_mm`` RMS over frames and landmarks, ``rotation_deg``,
        ``rotation_absolute_deg`` means over frames
    """
    moving = true_weights.std(0) > 1e-4
    r, slope = np.full((2, weights.shape[1]), np.nan)
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
            "mouth_mm": float(np.sqrt(squared[:, ibug.MOUTH].mean())),
            "inner_mm": float(np.sqrt(squared[:, ibug.WITHOUT_JAW].mean())),
            "rotation_deg": float(np.rad2deg(relative.mean())),
            "rotation_absolute_deg": float(np.rad2deg(geodesic_angle(rotation, true_rotation).mean())),
        },
    )
