import cv2
import numpy as np
from tests.unit.stored import write_clip_table
from tests.unit.synthetic import synthetic_rig

from golden import check
from speechface.cli import main
from speechface.clip_tables import ClipRows
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.synthesis.visemes import INDEX
from speechface.tables import write_table

GRAPH = "\n".join(
    ["digraph {", *(f'{k}[label = "{name}"];' for k, name in enumerate(("list_clips", "fit_labels", "predict", "all")))]
    + ["0 -> 1", "1 -> 2", "0 -> 2", "2 -> 3", "}"]
)


def tables(root):
    """Inputs of three figures; returns their options."""
    rows = [
        (model, metric, value)
        for model, value in (("tcn", 1.2), ("ridge", 1.7), ("mean", 2.4))
        for metric, value in (("rmse_mouth_mm", value), ("lip_gap_r", 1 - value / 4), ("r2_mouth", 1 - value / 3))
    ]
    same = {"dataset": "d", "split": "test", "group": "all", "value_of_group": "all", "unit": ""}
    columns = {name: np.array([text] * len(rows)) for name, text in same.items()}
    value = np.array([row[2] for row in rows])
    columns |= {"model": np.array([row[0] for row in rows]), "metric": np.array([row[1] for row in rows])}
    columns |= {"seed": np.zeros(len(rows), int), "n_clips": np.full(len(rows), 8)}
    columns |= {"value": value, "low": value - 0.1, "high": value + 0.2}
    write_table(root / "metrics.parquet", columns, stage="evaluation")
    (root / "rules.dot").write_text(GRAPH)
    clips = {name: np.array(["d"], object) for name in ("dataset", "actor", "clip")}
    write_table(root / "clips.parquet", {**clips, "split": np.array(["test"], object)}, stage="splits")
    synthetic_rig().save(root / "rig.npz")
    weights = np.zeros((20, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 1, 20)
    base = {"frame": np.arange(20), "time": np.arange(20) / 25, "used": np.ones(20, bool)}
    for name, factor in (("labels", 1.0), ("predictions", 0.5)):
        shown = {**base, **dict(zip(CHANNELS, factor * weights.T))}
        write_clip_table(root / f"{name}.parquet", "labels", {"d/d/d": ClipRows(shown, {"channels": list(CHANNELS)})})
    return {
        "comparison": ["--metrics", root / "metrics.parquet"],
        "workflow": ["--graph", root / "rules.dot"],
        "landmarks": ["--clips", root / "clips.parquet", "--rig", root / "rig.npz", "--labels", root / "labels.parquet",
                      "--predictions", root / "predictions.parquet"],
    }  # fmt: skip


def test_figures_look_as_recorded(tmp_path):
    found = {}
    for name, words in tables(tmp_path).items():
        stem = tmp_path / name
        assert main(["figure", name, "--out-stem", str(stem), "--settings", '{"dpi": 80}', *map(str, words)]) == 0
        image = cv2.imread(f"{stem}.png").astype(np.float32)
        found[f"{name}_size"] = image.shape[:2]
        found[f"{name}_tiles"] = cv2.resize(image, (10, 8), interpolation=cv2.INTER_AREA).mean(2)
        found[f"{name}_colours"] = image.mean((0, 1))
    # pixels: constrained layout rounds; grey levels of tiles: lines and letters of another matplotlib or freetype
    atol = {key: 3 if key.endswith("_size") else 4 for key in found}
    check("figures", found, {**atol, **{key: 1 for key in found if key.endswith("_colours")}})
