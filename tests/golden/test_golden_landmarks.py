from face_case import rows_of

from golden import check, some


def test_rows_are_those_recorded(tracked):
    rows = rows_of(tracked[0])
    found = {
        "n_columns": len(rows.columns), "detected": rows["detected"], "landmarks": some(rows["landmarks"], 200),
        "normalised": some(rows["landmarks_normalised"]), "box": rows["box"][0], "score": rows["score"][0],
        "summary": [rows.meta[key] for key in ("detection_rate", "eye_distance_px", "jitter_pct", "brightness")],
    }  # fmt: skip
    # a pixel that another build of dlib or OpenCV rounds otherwise moves points by less than a tenth of a pixel
    atol = {"landmarks": 0.1, "normalised": 2e-3, "box": 0.1, "score": 0.02, "summary": 0.1}
    check("landmarks", found, atol)
