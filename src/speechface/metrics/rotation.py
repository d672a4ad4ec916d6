"""The metric of head rotation."""

import numpy as np

from speechface.geometry.rotation import geodesic_angle, matrix_from_euler
from speechface.metrics.metric import ClipMotion, Metric, Statistics, mean_of

__all__ = ["ROTATION"]


def _of_clip(motion: ClipMotion) -> dict[str, float]:
    if motion.predicted_rotation is None or motion.true_rotation is None:
        return {}
    angle = geodesic_angle(matrix_from_euler(motion.predicted_rotation), matrix_from_euler(motion.true_rotation))
    return {"n_rotation": len(motion), "rotation_deg": np.degrees(angle).sum()}


ROTATION = Metric(
    "deg", "lower", mean_of("rotation_deg", "n_rotation"),
    "mean angle between predicted and labelled head rotation; models with rotation only",
    Statistics({"rotation_deg": (), "n_rotation": ()}, _of_clip),
)  # fmt: skip
