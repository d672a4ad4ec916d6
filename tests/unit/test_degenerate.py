"""Tiny and degenerate sets through label-stats, train-model, fit-baseline, join-models and predict: they train, or end
in one clear line, and no number is ever NaN."""

import csv
import json
import math

import numpy as np
import pytest
from tiny_sets import BASELINES, MODELS, SETS, predict_words, prepare, train_words

from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.networks.loading import load_model

#: Where each step has one frame and the last feature map one value, which has no spread to be divided by.
UNTRAINABLE = [
    ("one frame", "cnn"), ("steps of one frame", "cnn"), ("one frame", "bigru"), ("clips of one frame", "bigru"),
]  # fmt: skip


def check_predictions(folder, path, clip_ids):
    """All clips are predicted by numbers that a face can have."""
    out = folder / f"{path.stem}.parquet"
    assert main(predict_words(folder, path, out)) == 0
    model = load_model(path)
    for clip_id in clip_ids:
        rows = ClipTable(out).read(clip_id)
        assert rows.usable
        weights = rows.stack(model.columns[: len(model.observed)])
        assert ((weights >= 0) & (weights <= 1)).all()  # NaN is neither
        assert np.isfinite(rows.stack(model.columns)).all()


def _pairs():
    """Every set with every model; `make test` takes each set with one of them."""
    models = list(MODELS)
    for k, name in enumerate(SETS):
        for model in models:
            yield pytest.param(name, model, marks=[] if model == models[k % len(models)] else pytest.mark.exhaustive)


@pytest.mark.parametrize(("name", "model"), list(_pairs()))
def test_networks_train_to_numbers_or_say_why_not(tmp_path, name, model, capsys):
    feature = "spectrogram" if model in ("cnn", "bigru") else "log_mel"
    clip_ids = prepare(tmp_path, name, feature)
    code, said = main(train_words(tmp_path, model, tmp_path, **SETS[name][1])), capsys.readouterr().err.splitlines()
    if (name, model) in UNTRAINABLE:
        assert code == 1
        assert said[-1].startswith(f"speechface train-model: model '{model}': a step holds a single frame")
        assert not (tmp_path / f"{model}.ckpt").exists()
        return
    assert code == 0, said
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert all(value == "" or math.isfinite(float(value)) for row in rows for value in row.values())
    assert all(row["train_loss"] for row in rows)
    json.loads((tmp_path / f"{model}.json").read_text(), parse_constant=pytest.fail)  # NaN is no JSON
    check_predictions(tmp_path, tmp_path / f"{model}.ckpt", clip_ids)


@pytest.mark.parametrize("name", SETS)
def test_baselines_are_numbers(tmp_path, name):
    clip_ids = prepare(tmp_path, name, "spectrogram")
    for baseline in BASELINES:
        out = tmp_path / f"{baseline}.npz"
        assert main(["fit-baseline", "--name", baseline, "--train", f"{tmp_path}/train.parquet", "--stats",
                     f"{tmp_path}/stats.json", "--out", str(out)]) == 0  # fmt: skip
        check_predictions(tmp_path, out, clip_ids)


def test_an_ensemble_of_networks_of_one_clip_predicts_numbers(tmp_path):
    clip_ids = prepare(tmp_path, "one clip", "spectrogram")
    for model in ("cnn", "bigru"):
        assert main(train_words(tmp_path, model, tmp_path)) == 0
    members = [str(tmp_path / f"{name}.ckpt") for name in ("cnn", "bigru")]
    assert main(["join-models", "--name", "both", "--seed", "0", "--members", *members, "--out",
                 f"{tmp_path}/both.ckpt"]) == 0  # fmt: skip
    check_predictions(tmp_path, tmp_path / "both.ckpt", clip_ids)
