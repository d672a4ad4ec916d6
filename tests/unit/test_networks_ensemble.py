"""A model of models."""

import json

import numpy as np
import pytest
from training_tables import fit, make_clips, write_split

from speechface.cli import main
from speechface.config import resolve
from speechface.errors import ConfigError, ModelError
from speechface.networks.ensemble import Ensemble, join
from speechface.networks.loading import load_model, save_model
from speechface.networks.split_table import read_split


@pytest.fixture(scope="module")
def clips():
    return make_clips(0, n_clips=2, n_frames=20)


@pytest.fixture(scope="module")
def members(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble")
    write_split(folder / "t.parquet", clips)
    table = read_split(folder / "t.parquet", "spectrogram")

    def trained(name, **model):
        return fit(table, clips, folder / name, model=model, name=name, epochs=1, frames_per_step=20,
                   frames_per_epoch=20, validation_fraction=0.0)  # fmt: skip

    models = {"a": trained("a"), "b": trained("b", head="bigru"), "turns": trained("turns", outputs="weights_rotation")}
    for name, model in models.items():
        save_model(folder / f"{name}.ckpt", model)
    return folder, models


def test_one_file_predicts_the_mean_of_its_members(members, clips, tmp_path):
    folder, models = members
    out = tmp_path / "m" / "model.ckpt"
    assert main(["join-models", "--name", "both", "--seed", "3", "--members", str(folder / "a.ckpt"),
                 str(folder / "b.ckpt"), "--out", str(out)]) == 0  # fmt: skip
    model, x = load_model(out), clips[0]["features"]
    assert isinstance(model, Ensemble)
    want = (models["a"].predict(x) + models["b"].predict(x)) / 2
    np.testing.assert_allclose(model.predict(x), want, atol=1e-7)
    assert not np.allclose(models["a"].predict(x), models["b"].predict(x), atol=1e-3)
    assert (model.name, model.seed, model.feature) == ("both", 3, "spectrogram")
    assert model.feature_settings == models["a"].feature_settings
    assert model.predict(x[:0]).shape == (1, 0, 52)
    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["members"] == [{"name": "a", "seed": 0}, {"name": "b", "seed": 0}]


def test_members_that_differ_or_are_ensembles_are_refused(members, tmp_path, capsys):
    folder, models = members
    with pytest.raises(ModelError, match="columns of 'turns'"):
        join([models["a"], models["turns"]], name="both", seed=0)
    with pytest.raises(ModelError, match="no member"):
        join([], name="both", seed=0)
    save_model(tmp_path / "both.ckpt", join([models["a"], models["b"]], name="both", seed=0))
    assert main(["join-models", "--name", "more", "--seed", "0", "--members", str(tmp_path / "both.ckpt"), "--out",
                 str(tmp_path / "more.ckpt")]) == 1  # fmt: skip
    assert "is an ensemble itself" in capsys.readouterr().err
    assert not (tmp_path / "more.ckpt").exists()


def config(**models):
    return {"datasets": {"demo": {"adapter": "demo", "split": {"test": [2]}}}, "models": models}


def test_an_ensemble_takes_feature_and_outputs_of_its_members():
    pair = {name: {"family": "sequence", "outputs": "weights_rotation"} for name in ("a", "b")}
    found = resolve(config(**pair, both={"family": "ensemble", "members": ["a", "b"]})).models["both"]
    assert (found.feature, found.outputs) == ("log_mel", "weights_rotation")
    seeds = {"family": "ensemble", "members": ["a"], "member_seeds": "all"}
    assert resolve(config(**pair, both=seeds)).models["both"].feature == "log_mel"


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"both": {"family": "ensemble", "members": ["a", "c"]}}, "'c'; members are trained models: a, cnn"),
        ({"both": {"family": "ensemble", "members": ["a"]}}, "name two models at least"),
        ({"both": {"family": "ensemble", "members": ["a", "cnn"]}}, "feature differ"),
        ({"b": {"family": "sequence", "members": ["a"]}}, "models.b: unknown key 'members'"),
    ],
)
def test_ensembles_that_cannot_be_are_named(models, message):
    with pytest.raises(ConfigError, match=message):
        resolve(config(a={"family": "sequence"}, cnn={}, **models))
