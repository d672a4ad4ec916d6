"""The trivial references against closed forms and brute force."""

import json

import numpy as np
import pytest

from speechface.cli import main
from speechface.errors import ModelError
from speechface.networks.baselines import Baseline, fit_knn, fit_ridge, input_scale
from speechface.networks.loading import load_model, save_model
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.visemes import INDEX
from speechface.tables import streamed_table, to_arrow

COLUMNS = (*CHANNELS, *ROTATIONS)


@pytest.fixture
def data():
    """300 frames of 12 inputs (4 x 3) that explain part of 55 targets; input 5 is constant."""
    rng = np.random.default_rng(0)
    x = rng.normal(2.0, 3.0, (300, 12)).astype(np.float32)
    x[:, 5] = 0.7
    y = 0.3 + 0.02 * x @ rng.normal(size=(12, len(COLUMNS))) + rng.normal(0, 0.02, (300, len(COLUMNS)))
    return x.reshape(300, 4, 3), y.astype(np.float32)


def batches(x, y, size=70):
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(x), size)]


def scaling(x):
    """Mean and standard deviation of the inputs in float64, as label-stats measures them."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    return {"mean": flat.mean(0), "std": flat.std(0)}


def baseline(arrays, name="ridge", **options):
    return Baseline(name, "spectrogram", {}, COLUMNS, np.ones(52, bool), arrays, options)


def test_ridge_equals_the_closed_form(data):
    x, y = data
    flat = x.reshape(300, -1).astype(np.float64)
    mean, std = flat.mean(0), flat.std(0)
    arrays = fit_ridge(batches(x, y), mean=mean, std=std, target_mean=y.mean(0), alpha=0.3)
    z = (flat - mean) / np.where(std < 1e-6, 1, std)
    solution = np.linalg.solve(z.T @ z + 0.3 * 300 * np.eye(12), z.T @ (y - y.mean(0).astype(np.float64)))
    expected = z @ solution + y.mean(0)
    # products of 70 float32 rows
    np.testing.assert_allclose(flat @ arrays["matrix"] + arrays["offset"], expected, atol=2e-5)


def test_ridge_does_not_depend_on_how_the_frames_are_cut(data):
    x, y = data
    given = {**scaling(x), "target_mean": y.mean(0)}
    a, b = (fit_ridge(batches(x, y, size), alpha=0.1, **given)["matrix"] for size in (13, 300))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_ridge_penalty_means_the_same_for_any_number_of_frames(data):
    x, y = data
    given = {**scaling(x), "target_mean": y.mean(0)}
    once = fit_ridge(batches(x, y), alpha=0.3, **given)["matrix"]
    thrice = fit_ridge(batches(x, y) * 3, alpha=0.3, **given)["matrix"]
    np.testing.assert_allclose(once, thrice, atol=1e-6)


def test_neighbours_equal_brute_force(data):
    x, y = data
    flat = x.reshape(300, -1)
    arrays = fit_knn(batches(x, y), n=300, components=12, frames=1000, **scaling(x))
    queries = np.random.default_rng(1).normal(2, 3, (50, 12)).astype(np.float32)
    found = baseline(arrays, "knn", neighbours=5)._raw(queries)
    scale = input_scale(scaling(x)["std"])
    clear = 0
    for query, prediction in zip(queries, found):
        distance = np.linalg.norm((flat - query) / scale, axis=1)
        order = np.argsort(distance)
        if distance[order[5]] - distance[order[4]] < 0.01 * distance[order[4]]:
            continue  # float16 points (relative 5e-4) may swap neighbours this close
        clear += 1
        np.testing.assert_allclose(prediction, y[order[:5]].mean(0), atol=1e-3)  # float16 targets
    assert clear > 15


def test_neighbours_keep_frames_spread_over_the_whole_table(data):
    x, y = data
    y = np.repeat(np.arange(300.0)[:, None], len(COLUMNS), 1).astype(np.float32)
    arrays = fit_knn(batches(x, y), n=300, components=3, frames=11, **scaling(x))
    np.testing.assert_array_equal(arrays["targets"][:, 0], np.linspace(0, 299, 11).round())
    assert arrays["points"].shape == (11, 3)


def test_distances_are_measured_on_the_leading_axes():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 60)) * np.concatenate([[9, 8, 7, 6, 5], np.ones(55)])
    x = (x @ np.linalg.qr(rng.normal(size=(60, 60)))[0]).astype(np.float32)
    axes = fit_knn([(x, np.zeros((500, 55)))], n=500, mean=np.zeros(60), std=np.ones(60), components=5, frames=500)[
        "axes"
    ]
    reference = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:5].T
    np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-5)  # float32
    np.testing.assert_allclose(np.linalg.svd(axes.T @ reference)[1], 1, atol=1e-4)


def test_predictions_are_possible_faces():
    offset = np.linspace(-2, 2, len(COLUMNS)).astype(np.float32)
    offset[INDEX["mouthClose"]], offset[INDEX["jawOpen"]] = 0.8, 0.3
    model = baseline({"matrix": np.zeros((12, len(COLUMNS)), np.float32), "offset": offset})
    (out,) = model.predict(np.zeros((2, 4, 3)))
    weights = out[:, : len(CHANNELS)]
    assert weights.min() == 0
    assert weights.max() == 1
    assert weights[0, INDEX["mouthClose"]] == pytest.approx(0.3)
    np.testing.assert_array_equal(out[0, len(CHANNELS) :], offset[len(CHANNELS) :])  # rotations are not clipped


def test_features_of_another_size_are_refused(data):
    model = baseline({"matrix": np.zeros((12, len(COLUMNS)), np.float32), "offset": np.zeros(len(COLUMNS))})
    with pytest.raises(ModelError, match="13 numbers a frame, expected 12"):
        model.predict(np.zeros((2, 13)))


def test_saved_bytes_are_the_same_and_load_back(data, tmp_path):
    x, y = data
    for k in range(2):
        arrays = fit_knn(batches(x, y), n=300, components=4, frames=50, **scaling(x))
        save_model(tmp_path / f"{k}.npz", baseline(arrays, "knn", neighbours=5))
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()
    back = load_model(tmp_path / "0.npz")
    assert (back.name, back.feature, back.columns) == ("knn", "spectrogram", COLUMNS)
    np.testing.assert_array_equal(back.predict(x), baseline(arrays, "knn", neighbours=5).predict(x))


def test_a_foreign_file_is_one_clear_line(tmp_path):
    with pytest.raises(ModelError, match="no such model"):
        load_model(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(ModelError, match="not a readable"):
        load_model(tmp_path / "text.npz")


@pytest.mark.parametrize("name", ["neutral", "mean", "ridge", "knn"])
def test_every_baseline_is_fitted_from_a_train_table(data, tmp_path, name):
    x, y = data
    y = np.clip(y, 0.01, 0.99)
    groups = [
        to_arrow({"spectrogram": a, **dict(zip(COLUMNS, np.ascontiguousarray(b.T)))}, {}) for a, b in batches(x, y)
    ]
    meta = {"channels": list(CHANNELS), "feature": "spectrogram", "feature_settings": {"n_fft": 8},
            "_shapes": {"spectrogram": [4, 3]}}  # fmt: skip
    with streamed_table(tmp_path / "train.parquet", groups[0].schema, stage="splits", meta=meta) as write:
        for group in groups:
            write(group)
    stats = str(tmp_path / "stats.json")
    assert main(["label-stats", "--train", str(tmp_path / "train.parquet"), "--out", stats]) == 0
    arguments = ["fit-baseline", "--name", name, "--train", str(tmp_path / "train.parquet"), "--stats", stats]
    settings = json.dumps({"ridge_alpha": 1e-3, "neighbours": 3})
    assert main([*arguments, "--settings", settings, "--out", str(tmp_path / "model.npz")]) == 0
    model = load_model(tmp_path / "model.npz")
    assert model.feature_settings == {"n_fft": 8}
    error = np.abs(model.predict(x)[0] - y)[:, INDEX["jawOpen"]].mean()
    mean_error = np.abs(y - y.mean(0))[:, INDEX["jawOpen"]].mean()
    assert (model.family, model.rest) == (name, "none")
    if name in ("ridge", "knn"):
        assert error < 0.9 * mean_error
    elif name == "mean":
        assert error == pytest.approx(mean_error, rel=1e-5)  # float32
    else:
        assert not model.predict(x).any()
