"""Metrics of lips and loudness: who speaks up opens the mouth further."""

from speechface.metrics.correlation import correlation
from speechface.metrics.curves import level_curve
from speechface.metrics.lips import STILL_MM
from speechface.metrics.metric import ClipMotion, Metric, Statistics, Sums, ratio

__all__ = ["SLCC", "SLCC_DIFFERENCE"]

#: The level of a frame is that of this stretch around it, s.
WINDOW_S = 0.1


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    if motion.sound is None or motion.times is None:
        return {}
    level = level_curve(motion.sound, motion.times, window_s=WINDOW_S)
    found = {
        "loudness_r": correlation(motion.predicted_gap, level, still=STILL_MM, least=5, of_still=0.0),
        "loudness_r_label": correlation(motion.true_gap, level, still=STILL_MM, least=5, of_still=0.0),
    }
    return {**found, "n_loudness_r": 1} if found["loudness_r"] == found["loudness_r"] else {}


_STATISTICS = Statistics(dict.fromkeys(("loudness_r", "loudness_r_label", "n_loudness_r"), ()), _of_clip)


def _value(sums: Sums):
    return ratio(sums["loudness_r"], sums["n_loudness_r"])


def _difference(sums: Sums):
    return _value(sums) - ratio(sums["loudness_r_label"], sums["n_loudness_r"])


SLCC = Metric(
    "", "", _value,
    "speech-lip intensity correlation: of the lip gap with the level of the sound (dB, 0.1 s around a frame) over a "
    "clip; mean over clips (after Chae-Yeon et al. 2025, who correlate clips)", _STATISTICS,
)  # fmt: skip
SLCC_DIFFERENCE = Metric("", "zero", _difference, "the same less that of the labels", _STATISTICS)
