"""The metrics. To add one, write a module with a `Metric` and add its line here.

Every metric is evaluated for every model; their order is that of the tables.
"""

from speechface.registry import Registry

__all__ = ["METRICS"]

METRICS = Registry("metric", {
    "mse_weights_e2": "speechface.metrics.weights:MSE",
    "rmse_landmarks_mm": "speechface.metrics.landmarks:RMSE",
    "rmse_mouth_mm": "speechface.metrics.landmarks:RMSE_MOUTH",
    "rmse_mouth_xy_mm": "speechface.metrics.landmarks:RMSE_MOUTH_XY",
    "rmse_eyes_mm": "speechface.metrics.landmarks:RMSE_EYES",
    "rmse_brows_mm": "speechface.metrics.landmarks:RMSE_BROWS",
    "temporal_smoothness_e2": "speechface.metrics.weights:TEMPORAL_SMOOTHNESS",
    "self_smoothness_e2": "speechface.metrics.weights:SELF_SMOOTHNESS",
    "self_smoothness_labels_e2": "speechface.metrics.weights:SELF_SMOOTHNESS_LABELS",
    "lve_mm": "speechface.metrics.mesh:LVE",
    "lve_mm2": "speechface.metrics.mesh:LVE_SQUARED",
    "mve_mm": "speechface.metrics.mesh:MVE",
    "fdd_mm2": "speechface.metrics.mesh:FDD",
    "lip_gap_r": "speechface.metrics.lips:GAP_R",
    "lip_gap_r_speech": "speechface.metrics.lips:GAP_R_SPEECH",
    "r2_mouth": "speechface.metrics.landmarks:R2_MOUTH",
    "r2_mouth_xy": "speechface.metrics.landmarks:R2_MOUTH_XY",
    "r2c_mouth": "speechface.metrics.landmarks:R2C_MOUTH",
    "r2c_mouth_xy": "speechface.metrics.landmarks:R2C_MOUTH_XY",
    "rmse_mouth_centred_mm": "speechface.metrics.landmarks:RMSE_MOUTH_CENTRED",
    "rmse_mouth_centred_xy_mm": "speechface.metrics.landmarks:RMSE_MOUTH_CENTRED_XY",
    "lip_lag_frames": "speechface.metrics.lips:LAG",
    "rotation_deg": "speechface.metrics.rotation:ROTATION",
    "mod_mm": "speechface.metrics.opening:MOD",
    "amplitude_lips": "speechface.metrics.opening:AMPLITUDE",
    "amplitude_brows": "speechface.metrics.amplitude:AMPLITUDE_BROWS",
    "amplitude_head": "speechface.metrics.amplitude:AMPLITUDE_HEAD",
    "shut_recall": "speechface.metrics.opening:SHUT_RECALL",
    "shut_false": "speechface.metrics.opening:SHUT_FALSE",
    "bilabials_shut": "speechface.metrics.opening:BILABIALS",
    "mtm_ms": "speechface.metrics.timing:MTM",
    "slcc": "speechface.metrics.intensity:SLCC",
    "slcc_difference": "speechface.metrics.intensity:SLCC_DIFFERENCE",
    "head_speed": "speechface.metrics.amplitude:HEAD_SPEED",
    "head_speed_labels": "speechface.metrics.amplitude:HEAD_SPEED_LABELS",
    "beat_consistency": "speechface.metrics.beats:BEATS",
    "beat_consistency_labels": "speechface.metrics.beats:BEATS_LABELS",
    "blink_rate": "speechface.metrics.blinks:RATE",
    "blink_rate_labels": "speechface.metrics.blinks:RATE_LABELS",
    "blink_duration_ms": "speechface.metrics.blinks:DURATION",
    "blink_duration_labels_ms": "speechface.metrics.blinks:DURATION_LABELS",
    "frechet_motion": "speechface.metrics.frechet:FRECHET",
    "lve_samples_mm": "speechface.metrics.samples:LVE_MEAN",
    "lve_best_mm": "speechface.metrics.samples:LVE_BEST",
    "rmse_mouth_of_mean_mm": "speechface.metrics.samples:RMSE_OF_MEAN",
    "diversity_mm": "speechface.metrics.samples:DIVERSITY",
    "diversity_mouth_mm": "speechface.metrics.samples:DIVERSITY_MOUTH",
})  # fmt: skip
