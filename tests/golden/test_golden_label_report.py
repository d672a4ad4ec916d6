import numpy as np
from face_case import CLIP, run

from golden import check
from speechface.tables import read_table, write_table


def test_quality_is_the_one_recorded(tmp_path, labelled):
    rig, landmarks, _, labels = labelled
    clips, out, flagged = (tmp_path / name for name in ("clips.parquet", "quality.parquet", "flagged.csv"))
    write_table(clips, dict(zip(("dataset", "actor", "clip"), ([part] for part in CLIP.split("/")))), stage="clips")
    run("label-report", clips=clips, landmarks=landmarks, labels=labels, rig=rig, out=out, flagged=flagged)
    table = read_table(out)
    numbers = [name for name, values in table.columns.items() if values.dtype.kind in "fi"]
    found = {
        "columns": " ".join(table.columns), "used": table["used"], "reason": str(table["reason"][0]),
        "numbers": np.nan_to_num([float(table[name][0]) for name in numbers], nan=-1), "flagged": flagged.read_text(),
    }  # fmt: skip
    check("label_report", found, {"numbers": 0.05})  # as the labels': the eyes' distance in per cent
