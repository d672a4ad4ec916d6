"""Metrics of how far the mouth opens: differences, amplitude, and whether lips shut when they should."""

import numpy as np

from speechface.metrics.curves import runs, whole_curve
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums, mean_of, ratio

__all__ = ["AMPLITUDE", "BILABIALS", "MOD", "SHUT_FALSE", "SHUT_MM", "SHUT_RECALL", "closures"]

#: Lips are shut where their gap is at most this wider than that of the neutral face, whose lips touch, mm.
SHUT_MM = 1.0
#: How many frames a closure may come early or late.
REACH = 1
#: Phonemes that shut the lips.
_BILABIAL = ("p", "b", "m")


def closures(gap: np.ndarray, frames: np.ndarray, *, shut: float) -> tuple[np.ndarray, np.ndarray]:
    """When lips are shut.

    Parameters
    ----------
    gap : ndarray (n,), mm; frames (n,), int, ascending; a missing frame lies between its neighbours
    shut : float, mm, widest gap of shut lips

    Returns
    -------
    moments : ndarray (k, 2), int, first and last + 1 of each closure, counted from the first frame
    near : ndarray (m,), bool, frames that are at most `REACH` from a closure
    """
    flags = whole_curve(gap, frames) <= shut
    near = np.convolve(flags, np.ones(2 * REACH + 1), "same") > 0 if len(flags) > 2 * REACH else flags
    return runs(flags), near


def _kept(moments, near):
    """How many of these closures the other face has as well."""
    return sum(bool(near[start:stop].any()) for start, stop in moments)


def _bilabials(motion: ClipMotion, shut: float) -> dict[str, int]:
    """How many p, b, m lie within the clip, and in how many of them the lips are shut."""
    if motion.phonemes is None or motion.times is None:
        return {}
    within = [(start, stop) for start, stop, name, *_ in motion.phonemes
              if name in _BILABIAL and start >= motion.times[0] and stop <= motion.times[-1]]  # fmt: skip
    found = 0
    for start, stop in within:
        # the frame nearest to a short sound may lie beside it
        half = np.median(np.diff(motion.times)) / 2
        inside = (motion.times >= start - half) & (motion.times <= stop + half)
        found += bool(np.any(motion.predicted_gap[inside] <= shut))
    return {"n_bilabials": len(within), "bilabials_shut": found}


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    predicted, true = motion.predicted_gap, motion.true_gap
    shut = float(np.linalg.norm(motion.bases.lip_rest[0] - motion.bases.lip_rest[1])) + SHUT_MM
    here, near = closures(predicted, motion.frames, shut=shut)
    there, near_label = closures(true, motion.frames, shut=shut)
    return {
        "gap_abs": np.abs(predicted - true).sum(), "gap_std": predicted.std(), "gap_std_label": true.std(),
        "n_closures": len(here), "n_closures_label": len(there),
        "closures_recalled": _kept(there, near), "closures_right": _kept(here, near_label), **_bilabials(motion, shut),
    }  # fmt: skip


_STATISTICS = Statistics(
    dict.fromkeys(
        ("gap_abs", "gap_std", "gap_std_label", "n_closures", "n_closures_label", "closures_recalled",
         "closures_right", "n_bilabials", "bilabials_shut"), (),
    ),
    _of_clip,
)  # fmt: skip


def _false(sums: Sums) -> np.ndarray:
    return ratio(np.subtract(sums["n_closures"], sums["closures_right"]), sums["n_closures"])


MOD = Metric(
    "mm", "lower", mean_of("gap_abs", "n_frames"),
    "mouth opening difference: mean |lip gap - that of the label| (Sun et al. 2024, DiffPoseTalk)", _STATISTICS,
)  # fmt: skip
AMPLITUDE = Metric(
    "", "one", mean_of("gap_std", "gap_std_label"),
    "how far lips move: std of the lip gap over a clip, prediction over label, each summed over clips", _STATISTICS,
)  # fmt: skip
SHUT_RECALL = Metric(
    "", "higher", mean_of("closures_recalled", "n_closures_label"),
    "closures of the label (frames in a row with a lip gap at most 1 mm wider than the neutral face's) during which, "
    "or one frame beside, the prediction is shut, too", _STATISTICS,
)  # fmt: skip
SHUT_FALSE = Metric(
    "", "lower", _false, "closures of the prediction that no closure of the label meets so", _STATISTICS,
)  # fmt: skip
BILABIALS = Metric(
    "", "higher", mean_of("bilabials_shut", "n_bilabials"),
    "p, b and m during which the predicted lips are shut; sets with the times of phonemes only", _STATISTICS,
)  # fmt: skip
