"""evaluate and summarise-metrics on small tables."""

import csv
import json

import numpy as np
import pytest
from metric_inputs import FRAMES, Corpus, evaluate_words, summarise_words
from stored import write_clip_table

from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTables
from speechface.metrics.registry import METRICS
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.tables import read_table, write_table

PROMISED = [
    "mse_weights_e2", "rmse_landmarks_mm", "rmse_mouth_mm", "rmse_eyes_mm", "rmse_brows_mm", "temporal_smoothness_e2",
    "self_smoothness_e2", "lve_mm", "lve_mm2", "mve_mm", "fdd_mm2", "lip_gap_r", "lip_gap_r_speech", "r2_mouth",
    "r2c_mouth", "rmse_mouth_centred_mm", "lip_lag_frames", "rotation_deg",
]  # fmt: skip
COLUMNS = "model seed dataset split group value_of_group metric unit value low high n_clips".split()


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def evaluate(root, *extra):
    return main([*evaluate_words(root), *extra])


def summarise(root, **settings):
    return main(summarise_words(root, **settings))


def test_used_frames_with_prediction_are_evaluated_and_the_rest_is_counted(corpus):
    root = corpus.root
    assert evaluate(root) == 0
    table = read_table(root / "evaluation.parquet")
    assert list(table["n_frames"]) == [48, 48, 48, 0]
    assert list(table["n_missing"]) == [1, 1, 1, 0]
    # pairs 3-4, 4-5, 8-9 and 9-10 are broken
    assert list(table["n_pairs"]) == [45, 45, 45, 0]
    assert list(table["reason"]) == ["", "", "", "prediction: no sound"]


def test_all_promised_metrics_and_columns_are_there(corpus):
    root = corpus.root
    assert evaluate(root) == summarise(root) == 0
    table = read_table(root / "metrics.parquet")
    assert list(table.columns) == COLUMNS
    whole = {m: v for g, m, v in zip(table["group"], table["metric"], table["value"]) if g == "all"}
    assert set(PROMISED) <= set(whole)
    assert set(whole) <= set(METRICS)
    assert set(table["group"]) == {"all", "actor", "sex", "channel"}
    assert set(table["model"]) == {"cnn"}
    assert set(table["seed"]) == {3}
    # poses are the labels' own: arccos near 1 turns a rounding of 1e-16 into 1e-8 rad
    assert whole["rotation_deg"] < 1e-5
    assert whole["lip_lag_frames"] == 0


def test_the_text_holds_the_same_rows(corpus):
    root = corpus.root
    assert evaluate(root) == summarise(root) == 0
    table = read_table(root / "metrics.parquet")
    with open(root / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["metric"] for row in rows] == list(table["metric"])
    np.testing.assert_allclose([float(row["value"]) for row in rows], table["value"], rtol=1e-5, atol=1e-12)


def test_models_without_rotation_have_no_rotation_rows(corpus):
    for rows in list(corpus.predictions.values())[:3]:
        for name in ROTATIONS:
            del rows.columns[name]
    corpus.predict()
    assert evaluate(corpus.root) == summarise(corpus.root) == 0
    metrics = set(read_table(corpus.root / "metrics.parquet")["metric"])
    assert "rotation_deg" not in metrics
    assert "rmse_mouth_mm" in metrics


def test_frames_that_told_the_model_its_speaker_do_not_count(corpus):
    corpus.predictions[corpus.ids[0]].meta["not_evaluated"] = [0, 1, 2]
    corpus.predict()
    assert evaluate(corpus.root) == 0
    assert list(read_table(corpus.root / "evaluation.parquet")["n_frames"]) == [45, 48, 48, 0]


def test_the_labels_themselves_are_evaluated_against_the_truth_where_it_is_known(corpus):
    root = corpus.root
    labels = ClipTables([root / "labels" / "set" / "a.parquet"])
    known = corpus.ids[0]
    columns = labels.read(known).columns
    exact = {name: values for name, values in columns.items() if name != "used"}
    exact["jawOpen"] = np.clip(exact["jawOpen"] - 0.1, 0, 1)
    write_clip_table(root / "truth.parquet", "demo", {known: ClipRows(exact, {"channels": list(CHANNELS)})})
    tables = [f"{root}/labels/set/a.parquet"]  # those of b are no input
    assert evaluate(root, "--predictions", *tables, "--truth", f"{root}/truth.parquet") == 0
    table = read_table(root / "evaluation.parquet")
    assert list(table["n_frames"]) == [49, 0, 0, 0]  # used frames
    assert table["reason"][1] == "labels: its exact truth is not known"
    off = np.flatnonzero(table["weights_sq"][0])
    assert [CHANNELS[k] for k in off] == ["jawOpen"]


def test_a_model_that_nothing_can_evaluate_gives_an_empty_table(corpus):
    corpus.predictions = dict.fromkeys(corpus.ids, "no sound")
    corpus.predict()
    assert evaluate(corpus.root) == summarise(corpus.root) == 0
    table = read_table(corpus.root / "metrics.parquet")
    assert list(table.columns) == COLUMNS
    assert len(table) == 0


def test_user_errors_are_one_clear_line(corpus, capsys):
    root = corpus.root
    assert evaluate(root) == 0
    assert summarise(root, groups=["mood"]) == 1
    assert "unknown column 'mood'" in capsys.readouterr().err
    corpus.predictions[corpus.ids[0]].columns["jawOpen"] = np.full(FRAMES - 1, np.nan, np.float32)
    corpus.predict()
    assert evaluate(root) == 1
    assert "set/a/one (cnn, seed 3): the prediction holds NaN" in capsys.readouterr().err
    del corpus.predictions[corpus.ids[0]]
    corpus.predict()
    assert evaluate(root) == 1
    assert "no table holds the clip set/a/one" in capsys.readouterr().err
    (root / "stats.json").write_text("{}")
    assert evaluate(root) == 1
    assert "make it with 'speechface label-stats'" in capsys.readouterr().err


def test_a_table_without_a_statistic_that_a_metric_needs_is_refused(corpus, capsys):
    root = corpus.root
    assert evaluate(root) == 0
    table = read_table(root / "evaluation.parquet")
    del table.columns["lve"]
    write_table(root / "evaluation.parquet", table.columns, stage="evaluation", meta=table.meta)
    assert summarise(root) == 1
    assert "has no statistic 'lve', which a metric needs; evaluate again" in capsys.readouterr().err


def test_clips_of_an_actor_can_have_statistics_of_their_own(corpus):
    """As when one actor after the other is left out: actor b is evaluated apart from the others."""
    root = corpus.root
    for clip_id in corpus.ids:
        weight, frames = (0.2 if "/a/" in clip_id else 0.6), np.arange(FRAMES, dtype=np.int32)
        weights = {name: np.full(FRAMES, weight, np.float32) for name in CHANNELS}
        columns = {"frame": frames, "time": frames / 25, **weights}
        corpus.predictions[clip_id] = ClipRows(columns, {"channels": list(CHANNELS)})
    corpus.predict()
    assert evaluate(root) == 0
    before = read_table(root / "evaluation.parquet")["mouth_total_sq"]
    (root / "without_b.json").write_text(json.dumps({**corpus.stats, "weight_mean": [0.6] * 52}))
    assert evaluate(root, "--stats-of", f"set/b={root}/without_b.json") == 0
    table = read_table(root / "evaluation.parquet")
    np.testing.assert_array_equal(table["mouth_total_sq"][:2], before[:2])
    # the mean of its own train table is what actor b's model predicts: no motion is explained
    np.testing.assert_allclose(table["mouth_total_sq"][2:], table["landmarks_sq"][2:, 48:].sum(1), rtol=1e-5)
    assert evaluate(root, "--stats-of", "b=x.json") == 1
