"""Which frames and clips of labels can be trusted, and why not."""

from typing import Any

import numpy as np

from speechface.sections import QualitySettings

__all__ = ["miss_distribution", "flagged_runs", "verdict"]

#: Lips that move by less than this (standard deviation, in units of the eyes' distance) say nothing about their gap.
STILL_LIPS = 0.01


def miss_distribution(miss_pct: np.ndarray) -> dict[str, float]:
    """Median, 95th percentile and largest of the frames' misses (T,), per cent; NaN frames are left out."""
    miss = miss_pct[np.isfinite(miss_pct)]
    if not len(miss):
        return dict.fromkeys(
            ("reprojection_median_pct", "reprojection_p95_pct", "reprojection_worst_pct"), float("nan")
        )
    median, p95 = np.percentile(miss, [50, 95])
    return {"reprojection_median_pct": float(median), "reprojection_p95_pct": float(p95),
            "reprojection_worst_pct": float(miss.max())}  # fmt: skip


def flagged_runs(
    frames: np.ndarray, detected: np.ndarray, used: np.ndarray, miss_pct: np.ndarray
) -> list[dict[str, Any]]:
    """Runs of frames whose labels are not used.

    Parameters
    ----------
    frames : ndarray (T,), frame numbers
    detected, used : ndarray (T,), bool
    miss_pct : ndarray (T,), mean miss of the inner landmarks, per cent of the eyes' distance

    Returns
    -------
    list of dict : ``first_frame``, ``last_frame``, ``n_frames``, ``reason``
    """
    kind = np.where(used, 0, np.where(detected, 2, 1))
    starts = np.flatnonzero(np.diff(kind, prepend=0))
    runs = []
    for start, stop in zip(starts, [*starts[1:], len(kind)]):
        if kind[start] == 0:
            continue
        reason = "no face"
        if kind[start] == 2:
            reason = f"landmarks that the face cannot reach: reprojection up to {np.max(miss_pct[start:stop]):.1f} %"
        runs.append({"first_frame": int(frames[start]), "last_frame": int(frames[stop - 1]),
                     "n_frames": int(stop - start), "reason": reason})  # fmt: skip
    return runs


def verdict(quality: dict[str, float], used_fraction: float, settings: QualitySettings) -> tuple[bool, str]:
    """Return (used, reason): whether a clip's labels can be trusted.

    Parameters
    ----------
    quality : dict
        From `speechface.fitting.quality.clip_quality`.
    used_fraction : float
        Fraction of the clip's frames whose labels may be used.
    settings : QualitySettings
        Thresholds. The lip gap counts only where lips move.

    Returns
    -------
    used : bool
    reason : str, every threshold that the clip fails, empty where it is used
    """
    reasons = []
    found = quality["reprojection_pct_iod"]
    if not found <= settings.max_reprojection_pct:
        reasons.append(f"reprojection {found:.2f} % of the eyes' distance; at most {settings.max_reprojection_pct:g} %")
    if used_fraction < settings.min_used_fraction:
        reasons.append(f"{100 * used_fraction:.0f} % of the frames have a trusted face; at least "
                       f"{100 * settings.min_used_fraction:g} %")  # fmt: skip
    r = quality["lip_gap_r"]
    if quality["lip_gap_sd"] > STILL_LIPS and not r >= settings.min_lip_gap_r:
        reasons.append(f"lip gap of fit and landmarks correlate by {r:.2f}; at least {settings.min_lip_gap_r:g}")
    if quality["jitter_mm"] > settings.max_jitter_mm:
        reasons.append(f"the mouth jitters by {quality['jitter_mm']:.2f} mm; at most {settings.max_jitter_mm:g} mm")
    return not reasons, "; ".join(reasons)
