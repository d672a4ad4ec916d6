from face_case import rows_of

from golden import check, some
from speechface.rig.channels import CHANNELS, ROTATIONS


def test_rows_are_those_recorded(labelled):
    rows = rows_of(labelled[3])
    translation = rows.stack([f"translation_{axis}" for axis in "xyz"])
    quality = rows.meta["quality"]
    found = {
        "columns": " ".join(rows.columns), "used": rows["used"], "confidence": rows["confidence"],
        "weights": some(rows.stack(CHANNELS), 300), "rotations": rows.stack(ROTATIONS), "translation": translation,
        "observed": rows.meta["observed"], "rotation_reference": rows.meta["rotation_reference"],
        "quality": [quality[name] for name in ("reprojection_pct_iod", "lip_gap_r", "ear_blink_r", "jitter_mm")],
    }  # fmt: skip
    # the iteration stops at a ten-thousandth of the energy, perhaps a step earlier with another linear algebra
    atol = {"confidence": 0.01, "weights": 0.01, "rotations": 2e-3, "translation": 1, "rotation_reference": 2e-3,
            "quality": 0.02}  # fmt: skip
    check("labels", found, atol)
