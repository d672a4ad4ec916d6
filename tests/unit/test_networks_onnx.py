"""ONNX graphs against the networks they were made of."""

import numpy as np
import pytest
from training_tables import make_clips, stats_of

from speechface.cli import main
from speechface.config import model_settings
from speechface.errors import ModelError
from speechface.networks import onnx
from speechface.networks.baselines import Baseline
from speechface.networks.ensemble import join
from speechface.networks.loading import load_model, save_model
from speechface.networks.predictor import TrainedModel
from speechface.networks.registry import build_network, network_spec, output_columns
from speechface.rig.channels import ARKIT52

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
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
                        output_columns(settings, ARKIT52), observed, spec, stats, {"model": settings.dump()},
                        neutral)  # fmt: skip


ALL = [
    {"family": "sequence"},
    {"family": "sequence", "head": "bigru2", "rest": "given", "outputs": "weights_rotation"},
    {"family": "sequence", "head": "attention"},
    {"family": "sequence", "head": "biattention", "rest": "estimated"},
    {"family": "sequence", "feature": "waveform"},
    {"head": "cnn", "outputs": "weights_rotation"},
    {"head": "lstm"},
]


def clip_for(model, frames, rng):
    return rng.uniform(0, 1, (frames, *SHAPES[model.feature])).astype(np.float32)


@pytest.mark.parametrize("settings", ALL)
def test_the_file_alone_gives_what_the_model_predicts_for_any_number_of_frames(settings, tmp_path):
    model = model_of(**settings)
    inputs = onnx.export(model, tmp_path / "m.onnx")
    assert inputs["features"] == ["frames", *SHAPES[model.feature]]
    assert ("neutral" in inputs) == (model.neutral is not None)
    graph = load_model(tmp_path / "m.onnx")
    assert (graph.columns, graph.feature, graph.rest) == (model.columns, model.feature, model.rest)
    assert graph.observed.tolist() == model.observed.tolist()
    rng = np.random.default_rng(5)
    for frames in (0, 1, 33, 300):
        features = clip_for(model, frames, rng)
        for neutral in (None, rng.uniform(0, 1, 52).astype(np.float32)):
            found = graph.predict(features, neutral=neutral, n_samples=2)
            wanted = model.predict(features, neutral=neutral, n_samples=2)
            np.testing.assert_allclose(found, wanted, atol=1e-5)  # float32 sums in other order
    assert found[0][:, model.observed.nonzero()[0]].std() > 1e-3


@pytest.mark.parametrize("settings", [s for s in ALL if s.get("head") not in ("bigru2", "biattention")])
def test_a_stream_in_pieces_gives_what_one_call_gives(settings, tmp_path):
    model = join([model_of(**settings), model_of(**{**settings, "rest": "given"})], name="pair", seed=0)
    onnx.export(model, tmp_path / "m.onnx")
    graph, rng = load_model(tmp_path / "m.onnx"), np.random.default_rng(6)
    features, neutral = clip_for(model, 120, rng), rng.uniform(0, 1, 52).astype(np.float32)
    parts, state, cuts = [], None, [0, 1, 2, 5, 40, 120]
    for start, stop in zip(cuts, cuts[1:]):
        part, state = graph.predict_chunk(features[start:stop], state, neutral)
        parts.append(part)
    assert not graph.bidirectional
    np.testing.assert_allclose(np.concatenate(parts), model.predict(features, neutral=neutral)[0], atol=1e-5)


def test_the_command_writes_an_ensemble_with_its_facts(tmp_path):
    pair = [model_of(family="sequence", rest=rest) for rest in ("given", "none")]
    save_model(tmp_path / "m.ckpt", join(pair, name="both", seed=2))
    command = ["export-onnx", "--model", str(tmp_path / "m.ckpt"), "--out", str(tmp_path / "m.onnx")]
    assert main([*command, "--licence", "CC BY 4.0"]) == 0
    facts = load_model(tmp_path / "m.onnx").facts
    assert (facts["name"], facts["seed"], facts["licence"]) == ("both", 2, "CC BY 4.0")
    assert (facts["audio_rate_hz"], facts["look_ahead_ms"], facts["mel_scale"]) == (44100, 100, "slaney")
    assert list(facts["state"].values()) == [[1, "past", 16], [1, "past", 16]]
    assert facts["provenance"]["model"] == "both/2"


def test_a_graph_that_differs_is_refused_and_not_left(tmp_path, monkeypatch, capsys):
    save_model(tmp_path / "m.ckpt", model_of(family="sequence"))
    monkeypatch.setattr(onnx, "TOLERANCE", -1.0)
    assert main(["export-onnx", "--model", str(tmp_path / "m.ckpt"), "--out", str(tmp_path / "m.onnx")]) == 1
    assert "ONNX and PyTorch differ" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.onnx"))
    assert main(["export-onnx", "--model", str(tmp_path / "m.ckpt"), "--out", str(tmp_path / "m.bin")]) == 1


def test_a_damaged_file_and_a_foreign_one_are_refused(tmp_path):
    import onnx as library

    onnx.export(model_of(family="sequence"), tmp_path / "m.onnx")
    whole = (tmp_path / "m.onnx").read_bytes()
    library.checker.check_model(library.load(str(tmp_path / "m.onnx")))  # any other program reads it
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 20):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "flipped.onnx").write_bytes(flipped)
        with pytest.raises(ModelError, match="damaged|not an ONNX model|does not say"):
            load_model(tmp_path / "flipped.onnx")
    (tmp_path / "short.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="not an ONNX model"):
        load_model(tmp_path / "short.onnx")
    foreign = library.load(str(tmp_path / "m.onnx"))
    del foreign.metadata_props[:]
    library.save(foreign, str(tmp_path / "foreign.onnx"))
    with pytest.raises(ModelError, match="does not say what it takes"):
        load_model(tmp_path / "foreign.onnx")


def test_a_baseline_has_no_graph(tmp_path, capsys):
    observed = np.ones(52, bool)
    save_model(
        tmp_path / "m.npz", Baseline("neutral", "spectrogram", {}, ARKIT52, observed, {"constant": np.zeros(52)}, {})
    )
    assert main(["export-onnx", "--model", str(tmp_path / "m.npz"), "--out", str(tmp_path / "m.onnx")]) == 1
    assert "family neutral have no network" in capsys.readouterr().err
