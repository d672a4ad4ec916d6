"""evaluate and summarise-metrics on small tables."""

import csv
import json

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.audio.sound import write_sound
from speechface.cli import main
from speechface.datasets.base import CLIP_COLUMNS
from speechface.metrics.registry import METRICS
from speechface.networks.baselines import Baseline, fit_mean
from speechface.rig.channels import CHANNELS, ROTATIONS
from speechface.tables import clip_path, read_table, write_table, write_unusable

PROMISED = [
    "mse_weights_e2", "rmse_landmarks_mm", "rmse_mouth_mm", "rmse_eyes_mm", "rmse_brows_mm", "temporal_smoothness_e2",
    "self_smoothness_e2", "lve_mm", "lve_mm2", "mve_mm", "fdd_mm2", "lip_gap_r", "lip_gap_r_speech", "r2_mouth",
    "r2c_mouth", "rmse_mouth_centred_mm", "lip_lag_frames", "rotation_deg",
]  # fmt: skip
COLUMNS = "model seed dataset split group value_of_group metric unit value low high n_clips".split()
FRAMES = 50


def write_tables(root, clip, rng):
    """Label, prediction and sound of one clip; frame 4 is not used, the prediction lacks frame 9."""
    frames = np.arange(FRAMES, dtype=np.int32)
    true = np.clip(np.cumsum(rng.normal(0, 0.05, (FRAMES, 46)), 0) + 0.4, 0, 1).astype(np.float32)
    predicted = np.clip(true + rng.normal(0, 0.1, true.shape), 0, 1).astype(np.float32)
    pose = rng.normal(0, 0.1, (FRAMES, 3)).astype(np.float32)
    base = {"frame": frames, "time": frames / 25}
    labels = {**base, "used": frames != 4, **dict(zip(ROTATIONS, pose.T)), **dict(zip(CHANNELS, true.T))}
    write_table(clip_path(root / "labels", *clip), labels, stage="labels", meta={"observed": [True] * 46})
    table = {**base, **dict(zip(ROTATIONS, pose.T)), **dict(zip(CHANNELS, predicted.T))}
    kept = frames != 9
    write_table(clip_path(root / "predictions", *clip), {k: v[kept] for k, v in table.items()}, stage="prediction")
    audio = 1e-4 * rng.normal(size=2 * 8000)
    audio[4000:12000] += 0.3 * np.sin(0.3 * np.arange(8000))
    write_sound(clip_path(root / "audio", *clip, suffix=".flac"), audio.astype(np.float32), 8000)


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    clips = [("set", actor, clip) for actor in ("a", "b") for clip in ("one", "two")]
    for clip in clips:
        write_tables(tmp_path, clip, rng)
    write_unusable(clip_path(tmp_path / "predictions", *clips[3]), "no sound", stage="prediction")
    table = {name: np.array([None] * 4, object) for name in CLIP_COLUMNS}
    table |= dict(zip(("dataset", "actor", "clip"), np.array(clips, object).T))
    table |= {"sex": np.array(["male", "male", "female", "female"], object), "split": np.array(["test"] * 4, object)}
    write_table(tmp_path / "clips.parquet", table, stage="splits")
    stats = {"observed": [True] * 46, "feature": "spectrogram", "weight_mean": [0.4] * 46, "rotation_mean": [0] * 3,
             "n_frames": 10}  # fmt: skip
    (tmp_path / "stats.json").write_text(json.dumps(stats))
    synthetic_rig(0).save(tmp_path / "rig.npz")
    return tmp_path, clips


def evaluate(root, *extra):
    return main(["evaluate", "--predictions-dir", f"{root}/predictions", "--model", "cnn", "--seed", "3",
                 "--labels-dir", f"{root}/labels", "--clips", f"{root}/clips.parquet", "--stats", f"{root}/stats.json",
                 "--rig", f"{root}/rig.npz", "--wav-dir", f"{root}/audio", "--out", f"{root}/evaluation.parquet",
                 *extra])  # fmt: skip


def summarise(root, **settings):
    return main(["summarise-metrics", "--inputs", f"{root}/evaluation.parquet", "--out", f"{root}/metrics.parquet",
                 "--csv", f"{root}/metrics.csv", "--settings", json.dumps({"bootstrap": 50, **settings})])  # fmt: skip


def test_used_frames_with_prediction_are_evaluated_and_the_rest_is_counted(corpus):
    root, _ = corpus
    assert evaluate(root) == 0
    table = read_table(root / "evaluation.parquet")
    assert list(table["n_frames"]) == [48, 48, 48, 0]
    assert list(table["n_missing"]) == [1, 1, 1, 0]
    # pairs 3-4, 4-5, 8-9 and 9-10 are broken
    assert list(table["n_pairs"]) == [45, 45, 45, 0]
    assert list(table["reason"]) == ["", "", "", "prediction: no sound"]


def test_all_promised_metrics_and_columns_are_there(corpus):
    root, _ = corpus
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
    root, _ = corpus
    assert evaluate(root) == summarise(root) == 0
    table = read_table(root / "metrics.parquet")
    with open(root / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["metric"] for row in rows] == list(table["metric"])
    np.testing.assert_allclose([float(row["value"]) for row in rows], table["value"], rtol=1e-5, atol=1e-12)


def test_models_without_rotation_have_no_rotation_rows(corpus):
    root, clips = corpus
    for clip in clips[:3]:
        path = clip_path(root / "predictions", *clip)
        columns = {k: v for k, v in read_table(path).columns.items() if k not in ROTATIONS}
        write_table(path, columns, stage="prediction")
    assert evaluate(root) == summarise(root) == 0
    metrics = set(read_table(root / "metrics.parquet")["metric"])
    assert "rotation_deg" not in metrics
    assert "rmse_mouth_mm" in metrics


def test_a_model_that_nothing_can_judge_gives_an_empty_table(corpus):
    root, clips = corpus
    for clip in clips:
        write_unusable(clip_path(root / "predictions", *clip), "no sound", stage="prediction")
    assert evaluate(root) == summarise(root) == 0
    table = read_table(root / "metrics.parquet")
    assert list(table.columns) == COLUMNS
    assert len(table) == 0


def test_user_errors_are_one_clear_line(corpus, capsys):
    root, clips = corpus
    assert evaluate(root) == 0
    assert summarise(root, groups=["mood"]) == 1
    assert "unknown column 'mood'" in capsys.readouterr().err
    path = clip_path(root / "predictions", *clips[0])
    columns = read_table(path).columns
    columns["jawOpen"] = np.full(len(columns["frame"]), np.nan, np.float32)
    write_table(path, columns, stage="prediction")
    assert evaluate(root) == 1
    assert "set/a/one (cnn, seed 3): the prediction holds NaN" in capsys.readouterr().err
    path.unlink()
    assert evaluate(root) == 1
    assert "no such table" in capsys.readouterr().err
    (root / "stats.json").write_text("{}")
    assert evaluate(root) == 1
    assert "make it with 'speechface label-stats'" in capsys.readouterr().err


def test_clips_of_an_actor_can_have_a_model_and_statistics_of_their_own(corpus):
    """As when one actor after the other is left out: actor b is predicted and judged apart from the others."""
    root, clips = corpus
    for clip in clips:
        values = np.zeros((FRAMES, 3), np.float32)
        table = {"frame": np.arange(FRAMES, dtype=np.int32), "time": np.arange(FRAMES) / 25, "acoustics": values}
        write_table(clip_path(root / "acoustics", *clip), table, stage="acoustics")
    for name, weight in (("all", 0.2), ("without_b", 0.6)):
        constant = fit_mean(np.r_[np.full(46, weight), np.zeros(3)])
        Baseline("mean", "acoustics", {}, constant, {}).save(root / f"{name}.npz")
    command = ["predict", "--model", f"{root}/all.npz", "--clips", f"{root}/clips.parquet", "--features-dir",
               f"{root}/acoustics", "--out-dir", f"{root}/predictions"]  # fmt: skip
    assert main([*command, "--model-of", f"set/b={root}/without_b.npz"]) == 0
    predicted = [read_table(clip_path(root / "predictions", *clip))["jawOpen"] for clip in clips]
    assert [float(np.unique(values).item()) for values in predicted] == pytest.approx([0.2, 0.2, 0.6, 0.6])
    stats = json.loads((root / "stats.json").read_text())
    (root / "without_b.json").write_text(json.dumps({**stats, "weight_mean": [0.6] * 46}))
    assert evaluate(root) == 0
    before = read_table(root / "evaluation.parquet")["mouth_total_sq"]
    assert evaluate(root, "--stats-of", f"set/b={root}/without_b.json") == 0
    table = read_table(root / "evaluation.parquet")
    np.testing.assert_array_equal(table["mouth_total_sq"][:2], before[:2])
    # the mean of its own train table is what actor b's model predicts: no motion is explained
    np.testing.assert_allclose(table["mouth_total_sq"][2:], table["landmarks_sq"][2:, 48:].sum(1), rtol=1e-5)
    assert main([*command, "--model-of", "b=x.npz"]) == 1
