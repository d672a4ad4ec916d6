"""The metric of when lips open and shut: misalignment of the lip gap's turning points."""

import numpy as np

from speechface.metrics.curves import frame_duration, turning_points, whole_curve
from speechface.metrics.lips import STILL_MM
from speechface.metrics.metric import ClipMotion, Metric, Statistics, mean_of

__all__ = ["MTM", "aligned"]

#: How far the two curves may be apart in time, frames.
REACH = 10
#: A turning point stands out by this at least, mm.
PROMINENCE_MM = 1.0


def aligned(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where `b` (n,) shows what each place of `a` (n,) shows: (n,), float, mean place on the path of least cost.

    Derivative dynamic time warping (Keogh and Pazzani 2001): the cost of a pair is the squared difference of the
    slopes, each curve divided by its deviation; at most `REACH` places apart.
    """
    n = len(a)

    def slope(curve):
        curve = np.pad(curve / max(curve.std(), 1e-12), 1, mode="edge")
        return (curve[1:-1] - curve[:-2] + (curve[2:] - curve[:-2]) / 2) / 2

    first, second = slope(a), slope(b)
    total = np.full((n + 1, n + 1), np.inf)
    total[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(max(1, i - REACH), min(n, i + REACH) + 1):
            best = min(total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
            total[i, j] = (first[i - 1] - second[j - 1]) ** 2 + best
    count, place = np.zeros(n), np.zeros(n)
    i = j = n
    while i:
        count[i - 1] += 1
        place[i - 1] += j - 1
        steps = {(1, 1): total[i - 1, j - 1], (1, 0): total[i - 1, j], (0, 1): total[i, j - 1]}
        back = min(steps, key=lambda step: steps[step])
        i, j = i - back[0], j - back[1]
    return place / count


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    frame_s = frame_duration(motion.times, motion.frames)
    if not frame_s or min(motion.predicted_gap.std(), motion.true_gap.std()) < STILL_MM:
        return {}
    predicted, true = (whole_curve(gap, motion.frames) for gap in (motion.predicted_gap, motion.true_gap))
    points = np.concatenate(turning_points(true, prominence=PROMINENCE_MM))
    if not len(points):
        return {}
    late = np.abs(aligned(true, predicted)[points] - points)
    return {"misalignment_ms": 1000 * frame_s * late.sum(), "n_turning_points": len(points)}


MTM = Metric(
    "ms", "lower", mean_of("misalignment_ms", "n_turning_points"),
    "mean temporal misalignment: how far from each turning point of the label's lip gap (of 1 mm at least) the "
    "prediction shows the same, by derivative time warping within 10 frames (Chae-Yeon et al. 2025)",
    Statistics({"misalignment_ms": (), "n_turning_points": ()}, _of_clip),
)  # fmt: skip
