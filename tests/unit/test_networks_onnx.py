"""ONNX graphs against the networks they were made of."""

import json

import numpy as np
import pytest
from training_tables import make_clips, stats_of

from speechface.cli import main
from speechface.config import model_settings
from speechface.networks import onnx
from speechface.networks.baselines import Baseline
from speechface.networks.ensemble import join
from speechface.networks.loading import save_model
from speechface.networks.predictor import TrainedModel
from speechface.networks.registry import build_network, network_spec, output_columns
from speechface.rig.channels import ARKIT52 as CHANNELS

SHAPES = {"log_mel": (8, 80), "waveform": (1280,), "spectrogram": (32, 8)}


def model_of(rest="none", **settings):
    """An untrained model whose outputs differ from frame to frame."""
    settings = model_settings({**settings, "rest": rest})
    shape = SHAPES[settings.feature]
    stats = stats_of(make_clips(0, n_clips=1, n_frames=20, shape=shape))
    spec = network_spec(settings, input_shape=shape, width=0.1)
    observed = np.arange(52) % 5 > 0
    neutral = None if rest == "none" else np.full(52, 0.3, np.float32)
    return TrainedModel(build_network(spec, stats).eval(), "net", 0, settings.feature, {"audio_sr": 44100},
                        output_columns(settings, CHANNELS), observed, spec, stats, {"model": settings.dump()},
                        neutral)  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"family": "sequence"},
        {"family": "sequence", "head": "bigru2", "rest": "given", "outputs": "weights_rotation"},
        {"family": "sequence", "head": "attention"},
        {"family": "sequence", "head": "biattention", "rest": "estimated"},
        {"family": "sequence", "feature": "waveform"},
        {"head": "cnn", "outputs": "weights_rotation"},
        {"head": "lstm"},
    ],
)
def test_the_graph_gives_what_the_model_predicts_for_any_number_of_frames(settings, tmp_path):
    session_of = pytest.importorskip("onnxruntime").InferenceSession
    model = model_of(**settings)
    inputs = onnx.export(model, tmp_path / "m.onnx")
    assert inputs["features"] == ["frames", *SHAPES[model.feature]]
    assert ("neutral" in inputs) == (model.neutral is not None)
    session = session_of(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(5)
    for frames in (1, 33, 140):
        given = {"features": rng.uniform(0, 1, (frames, *SHAPES[model.feature])).astype(np.float32)}
        if "neutral" in inputs:
            given["neutral"] = rng.uniform(0, 1, 52).astype(np.float32)
        (found,) = session.run(None, given)
        np.testing.assert_allclose(found, model.predict(**given)[0], atol=1e-5)  # float32 sums in other order
    assert found[:, model.observed.nonzero()[0]].std() > 1e-3


def test_the_command_writes_an_ensemble_and_its_facts(tmp_path):
    pytest.importorskip("onnxruntime")
    pair = [model_of(family="sequence", rest=rest) for rest in ("given", "none")]
    save_model(tmp_path / "m.ckpt", join(pair, name="both", seed=2))
    assert main(["export-onnx", "--model", str(tmp_path / "m.ckpt"), "--out", str(tmp_path / "m.onnx")]) == 0
    facts = json.loads((tmp_path / "m.json").read_text())
    assert (facts["name"], facts["feature"], facts["outputs"]) == ("both", "log_mel", ["frames", 52])
    assert facts["inputs"]["neutral"] == [52]
    assert facts["largest_difference"] < 1e-5


def test_a_graph_that_differs_is_refused_and_not_left(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    save_model(tmp_path / "m.ckpt", model_of(family="sequence"))
    monkeypatch.setattr(onnx, "TOLERANCE", -1.0)
    assert main(["export-onnx", "--model", str(tmp_path / "m.ckpt"), "--out", str(tmp_path / "m.onnx")]) == 1
    assert "ONNX and PyTorch differ" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.onnx"))
    assert main(["export-onnx", "--model", str(tmp_path / "m.ckpt"), "--out", str(tmp_path / "m.bin")]) == 1


def test_a_baseline_has_no_graph(tmp_path, capsys):
    observed = np.ones(52, bool)
    save_model(
        tmp_path / "m.npz", Baseline("neutral", "spectrogram", {}, CHANNELS, observed, {"constant": np.zeros(52)}, {})
    )
    assert main(["export-onnx", "--model", str(tmp_path / "m.npz"), "--out", str(tmp_path / "m.onnx")]) == 1
    assert "family neutral have no ONNX graph" in capsys.readouterr().err
