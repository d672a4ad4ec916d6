from face_case import rows_of

from golden import check, some
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS

#: The iteration stops at a ten-thousandth of the energy, perhaps a step earlier with another linear algebra.
ATOL = {"confidence": 0.01, "weights": 0.01, "rotations": 2e-3, "translation": 1, "rotation_reference": 2e-3,
        "quality": 0.02}  # fmt: skip


def numbers(path):
    rows = rows_of(path)
    translation = rows.stack([f"translation_{axis}" for axis in "xyz"])
    quality = rows.meta["quality"]
    return {
        "columns": " ".join(rows.columns), "used": rows["used"], "confidence": rows["confidence"],
        "weights": some(rows.stack(CHANNELS), 300), "rotations": rows.stack(ROTATIONS), "translation": translation,
        "observed": rows.meta["observed"], "rotation_reference": rows.meta["rotation_reference"],
        "quality": [quality[name] for name in ("reprojection_pct_iod", "lip_gap_r", "ear_blink_r", "jitter_mm")],
    }  # fmt: skip


def test_rows_are_those_recorded(labelled):
    check("labels", numbers(labelled[3]), ATOL)


def test_rows_by_mediapipe_s_points_are_those_recorded(labelled_mediapipe):
    check("labels", numbers(labelled_mediapipe[3]), ATOL, of="mediapipe")
