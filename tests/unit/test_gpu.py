"""Training and prediction on a GPU; all are skipped where PyTorch finds none."""

import signal

import numpy as np
import pytest
import torch
from test_training import _Kill, rows_of, states_equal
from training_tables import fit, make_clips, write_split

from speechface.errors import Interrupted
from speechface.networks import training
from speechface.networks.split_table import read_split

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU")

#: A network of single frames, one with memory, and one whose features change on the way (nothing is held on the GPU).
MODELS = {
    "cnn": ("spectrogram", {"head": "cnn"}),
    "bigru": ("spectrogram", {"head": "bigru"}),
    "tcn": ("log_mel", {"family": "sequence", "loss_rig": 0, "loss_velocity": 0}),
}
LOG_MEL = {"audio_sr": 8000, "hop_ms": 10, "fmin": 50, "fmax": 4000}


@pytest.fixture(scope="module", params=MODELS)
def case(request, tmp_path_factory):
    """A table, its clips and the settings of a model."""
    feature, model = MODELS[request.param]
    clips = make_clips(0, n_clips=4, n_frames=24, shape=(8, 20) if feature == "log_mel" else (32, 8))
    path = tmp_path_factory.mktemp("split") / "train.parquet"
    write_split(path, clips, feature=feature, settings=LOG_MEL if feature == "log_mel" else None)
    return read_split(path, feature), clips, {**model, "dropout": 0.0}


def test_a_gpu_learns_what_the_cpu_learns(case, tmp_path):
    table, clips, model = case
    (tmp_path / "cpu").mkdir()
    (tmp_path / "gpu").mkdir()
    on_cpu = fit(table, clips, tmp_path / "cpu", model=model)
    on_gpu = fit(table, clips, tmp_path / "gpu", model=model, gpus=1)
    for column in ("train_loss", "val_loss"):
        cpu, gpu = ([float(row[column]) for row in rows_of(tmp_path / name)] for name in ("cpu", "gpu"))
        assert np.allclose(cpu, gpu, rtol=0.02)  # products of float32 have 10 bits there
    features = clips[0]["features"]
    assert np.abs(on_cpu.predict(features) - on_gpu.predict(features)).max() < 0.02


def test_prediction_is_the_same_on_both(case, tmp_path):
    table, clips, model = case
    trained = fit(table, clips, tmp_path, model=model)
    features = clips[0]["features"]
    wanted = trained.predict(features)
    assert np.abs(trained.to("cuda").predict(features) - wanted).max() < 2e-3


def test_the_same_seed_gives_the_same_network(case, tmp_path):
    table, clips, model = case
    first = fit(table, clips, tmp_path / "a", model={**model, "dropout": 0.2}, gpus=1, precision="bf16")
    again = fit(table, clips, tmp_path / "b", model={**model, "dropout": 0.2}, gpus=1, precision="bf16")
    assert states_equal(first, again)


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(case, tmp_path, monkeypatch):
    table, clips, model = case
    model = {**model, "dropout": 0.2}
    whole = fit(table, clips, tmp_path / "whole", model=model, gpus=1)
    make = training._trainer
    with monkeypatch.context() as patch:

        def with_signal(*args, **kwargs):
            trainer = make(*args, **kwargs)
            trainer.callbacks.append(_Kill(4, signal.SIGTERM))
            return trainer

        patch.setattr(training, "_trainer", with_signal)
        with pytest.raises(Interrupted):
            fit(table, clips, tmp_path / "cut", model=model, gpus=1)
    assert states_equal(whole, fit(table, clips, tmp_path / "cut", model=model, gpus=1))
