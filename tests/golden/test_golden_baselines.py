import json

import network_case

from golden import check, some
from speechface.networks.loading import load_model
from speechface.tables import read_table


def test_baselines_are_those_recorded(tmp_path):
    network_case.stats_of(tmp_path)
    features = read_table(tmp_path / "test.parquet")["spectrogram"]
    settings = json.dumps({"neighbours": 3, "knn_components": 6, "knn_frames": 40})
    found = {}
    for name in ("neutral", "mean", "ridge", "knn"):
        network_case.command(
            "fit-baseline", "--name", name, "--train", tmp_path / "train.parquet", "--stats", tmp_path / "stats.json",
            "--settings", settings, "--out", tmp_path / f"{name}.npz",
        )  # fmt: skip
        found[name] = some(load_model(tmp_path / f"{name}.npz").predict(features)[0], 60)
    # float32 products of 2048 rows; targets of knn are float16, and its neighbours stand clear of the next ones
    check("baselines", found, {"mean": 1e-6, "ridge": 1e-4, "knn": 1e-4})
