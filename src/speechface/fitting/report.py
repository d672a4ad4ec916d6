"""Which frames and clips of labels can be trusted, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from speechface.fitting.gaze import SHUT_EYE
from speechface.fitting.lips import calibrate_lips, contact
from speechface.geometry import ibug
from speechface.landmarks.detector import Contact, Profile
from speechface.landmarks.faults import FAULTS
from speechface.metrics.curves import runs
from speechface.rig.rig import Rig
from speechface.sections import QualitySettings

__all__ = [
    "MISSING_S", "OPEN_MM", "flagged_runs", "gaps", "gaze", "lips_shut", "miss_distribution", "notes", "opening_mm",
    "shut_lips", "verdict",
]  # fmt: skip

#: Lips that move by less than this (standard deviation, in units of the eyes' distance) say nothing about their gap.
STILL_LIPS = 0.01
#: Shut lips as a detector shows them whose profile does not tell.
_CONTACT = Contact(usual=0.02, largest=0.05, sure=0.005, open=0.015)
#: Fitted lips that stand farther apart than at rest, where the detector's are shut, are not shut, mm.
OPEN_MM = 1.0
#: Images that end this much before sound or header may have been cut off, s.
MISSING_S = 0.5


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
    frames: np.ndarray, detected: np.ndarray, used: np.ndarray, miss_pct: np.ndarray, fault: np.ndarray
) -> list[dict[str, Any]]:
    """Runs of frames whose labels are not used.

    Parameters
    ----------
    frames : ndarray (T,), frame numbers
    detected, used : ndarray (T,), bool, those with a face that may be believed, and those whose labels are used
    miss_pct : ndarray (T,), mean miss of the inner landmarks, per cent of the eyes' distance
    fault : ndarray (T,), int, numbers of `speechface.landmarks.faults.FAULTS`

    Returns
    -------
    list of dict : ``first_frame``, ``last_frame``, ``n_frames``, ``reason``
    """
    kind = np.where(used, 0, np.where(detected, 1, -1 - fault))
    starts = np.flatnonzero(np.diff(kind, prepend=0))
    runs = []
    for start, stop in zip(starts, [*starts[1:], len(kind)]):
        if kind[start] == 0:
            continue
        reason = FAULTS[-1 - kind[start]] or "no face"
        if kind[start] == 1:
            reason = f"landmarks that the face cannot reach: reprojection up to {np.max(miss_pct[start:stop]):.1f} %"
        runs.append({"first_frame": int(frames[start]), "last_frame": int(frames[stop - 1]),
                     "n_frames": int(stop - start), "reason": reason})  # fmt: skip
    return runs


def shut_lips(points: Sequence[np.ndarray], profile: Profile) -> list[np.ndarray]:
    """Frames in which a detector sees shut lips, of all of an actor's clips: points (T, p, 2) -> (T,), bool.

    Points of frames without a face are NaN; their lips are not shut.
    """
    if profile.contact is None:
        profile = replace(profile, contact=_CONTACT)
    seen = [np.isfinite(clip).all((1, 2)) for clip in points]
    if not any(one.any() for one in seen):
        return [one & False for one in seen]
    lips = calibrate_lips([clip[one] for clip, one in zip(points, seen, strict=True)], profile)
    assert lips is not None
    return [one & (contact(np.nan_to_num(clip), lips, profile) >= 0.5) for clip, one in zip(points, seen, strict=True)]


def opening_mm(rig: Rig, weights: np.ndarray) -> np.ndarray:
    """How much farther than at rest the inner lips of a rig stand apart: weights (T, n) -> (T,), mm."""
    rest = rig.neutral[rig.landmarks]
    return ibug.lip_gap(rest + rig.displacement(weights, rig.landmarks)) - ibug.lip_gap(rest)


def lips_shut(shut: np.ndarray, seen: np.ndarray, opening: np.ndarray) -> dict[str, float]:
    """What labels make of shut lips.

    Parameters
    ----------
    shut, seen : ndarray (T,), bool, frames in which the detector's lips are shut, and in which it sees a face
    opening : ndarray (T,), mm, `opening_mm` of the labels

    Returns
    -------
    dict : ``shut_fraction`` of the frames with a face, and ``shut_open_fraction``, the fraction of these in which the
        fitted lips stand more than `OPEN_MM` farther apart than at rest; NaN where there is none
    """
    return {
        "shut_fraction": float(shut.sum() / seen.sum()) if seen.any() else float("nan"),
        "shut_open_fraction": float(np.mean(opening[shut] > OPEN_MM)) if shut.any() else float("nan"),
    }


def gaze(weights: Mapping[str, np.ndarray], detected: np.ndarray, irises: bool) -> dict[str, float]:
    """How often the eyes were seen, and how far their gaze wanders.

    Parameters
    ----------
    weights : dict of channel to ndarray (T,), the gaze's and the blinks'; a channel that there is not stands still
    detected : ndarray (T,), bool
    irises : does the detector see them, and does the rig have the channels?

    Returns
    -------
    dict : ``gaze_seen``, fraction of the frames with open eyes and a detector of irises; ``gaze_spread``, standard
        deviation of their direction, in weights of the gaze channels (1 is as far as eyes turn)
    """
    still = np.zeros(len(detected))
    shut = np.maximum(*(weights.get(f"eyeBlink{side}", still) for side in ("Left", "Right"))) >= SHUT_EYE
    seen = detected & ~shut & irises
    if not seen.any():
        return {"gaze_seen": 0.0, "gaze_spread": float("nan")}

    def look(name: str) -> np.ndarray:
        return weights.get(f"eyeLook{name}", still)[seen]

    across = (look("OutLeft") - look("InLeft") + look("InRight") - look("OutRight")) / 2
    upwards = (look("UpLeft") - look("DownLeft") + look("UpRight") - look("DownRight")) / 2
    return {"gaze_seen": float(seen.mean()), "gaze_spread": float(np.hypot(across.std(), upwards.std()))}


def gaps(used: np.ndarray, fps: float) -> dict[str, float]:
    """Runs of frames that are not used: how many, and the longest, s."""
    lengths = np.diff(runs(~used))
    return {"gaps": len(lengths), "longest_gap_s": float(lengths.max(initial=0) / fps)}


def notes(row: Mapping[str, Any]) -> str:
    """What there is to say of a clip beside its verdict: frames that were masked, and images that end early.

    `row`: of the label report, with ``damaged``, ``frozen``, ``covered``, ``others`` and ``dim`` (frames), and
    ``missing_s``.
    """
    texts = [f"{FAULTS[k]} in {row[name]} frames"
             for k, name in enumerate(("damaged", "frozen", "covered", "others", "dim"), 1) if row[name]]  # fmt: skip
    if row["missing_s"] > MISSING_S:
        texts.append(f"the images end {row['missing_s']:.1f} s before what the file announces: was it cut off?")
    return "; ".join(texts)


def verdict(quality: Mapping[str, Any], used_fraction: float, settings: QualitySettings) -> tuple[bool, str]:
    """Return (used, reason): whether a clip's labels can be trusted.

    Parameters
    ----------
    quality : dict
        From `speechface.fitting.quality.clip_quality`, and of `speechface.audio.delays.Delay`: ``sound_agreement``,
        ``delay_found_ms``, ``delay_own_ms`` and ``audio_delay_from``, where they are known.
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
    if quality.get("sound_agreement", 1.0) < settings.min_sound_agreement:
        reasons.append(
            f"sound and lips do not agree: the sound is as late as that of its fellows, "
            f"{quality['delay_found_ms']:.0f} ms, with probability {quality['sound_agreement']:.2f}; at least "
            f"{settings.min_sound_agreement:g} (by its lips it is {quality['delay_own_ms']:.0f} ms late, or another's)"
        )
    if settings.unsure_delays == "leave_out" and quality.get("audio_delay_from") == "none":
        reasons.append("how late its sound stands cannot be told, neither alone nor with other clips (unsure_delays)")
    return not reasons, "; ".join(reasons)
