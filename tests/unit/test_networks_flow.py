"""Family `flow`: noise, field, sampling, training to samples."""

import json

import numpy as np
import pytest
import torch
from training_tables import UNOBSERVED, fit, make_clips, observed_mask, write_clip_table, write_split, write_stats

from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.config import model_settings
from speechface.errors import ModelError
from speechface.networks import flow_model
from speechface.networks.ensemble import join
from speechface.networks.flow import FlowNetwork, MotionField
from speechface.networks.flow_model import FlowModel
from speechface.networks.flow_training import FLOW
from speechface.networks.loading import configured, load_model, save_model
from speechface.networks.onnx import TOLERANCE, export, largest_difference
from speechface.networks.split_table import read_split
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.synthesis.visemes import INDEX
from speechface.tables import write_table

SHAPE = (8, 80)
N_OUT = len(CHANNELS) + 3


def field(**sizes):
    torch.manual_seed(0)
    made = MotionField(3, 5, 2, n_channels=8, dropout=0.0, **sizes).eval()
    for parameter in made.parameters():  # it starts as zero
        torch.nn.init.normal_(parameter, std=0.2)
    return made


def test_a_frame_sees_as_far_as_the_field_says():
    made = field()
    points = torch.randn(1, 121, 3, requires_grad=True)
    made(points, torch.tensor([0.3]), torch.randn(1, 121, 5), heard=torch.ones(1), styles=torch.zeros(1, 2))[
        0, 60
    ].sum().backward()
    seen = torch.nonzero(points.grad[0].abs().amax(1)).flatten()
    assert (int(seen[0]), int(seen[-1])) == (60 - made.reach, 60 + made.reach)


def test_padding_changes_nothing():
    made, points, known = field(), torch.randn(1, 30, 3), torch.randn(1, 30, 5)
    facts = {"heard": torch.ones(1), "styles": torch.ones(1, 2)}
    alone = made(points[:, :20], torch.tensor([0.3]), known[:, :20], **facts)
    mask = (torch.arange(30) < 20).float()[None, :, None]
    padded = made(points, torch.tensor([0.3]), known, mask=mask, **facts)
    torch.testing.assert_close(padded[:, :20], alone)


class Trunk(torch.nn.Module):
    """Knows one number of a frame and predicts zeros."""

    def __init__(self, n_out):
        super().__init__()
        self.head, self.output = torch.nn.Identity(), torch.nn.Identity()
        self.head.n_out, self.output.n_out = 1, n_out


class GaussianField(torch.nn.Module):
    """The exact field of motion that is normal: mean `mean` where it is heard, else 0; deviation `deviation`."""

    reach = 0

    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.deviation = mean, deviation

    def forward(self, point, time, known, *, heard, styles, mask=None):
        t, mean = time[:, None, None], self.mean * heard[:, None, None]
        variance = (t * self.deviation) ** 2 + (1 - t) ** 2
        gain = (t * self.deviation**2 - (1 - t)) / variance
        return mean + gain * (point - t * mean)


def flow_of(made, n_out=2, kept=(True, True), **more):
    network = FlowNetwork(Trunk(n_out), kept=kept, centre=np.zeros(n_out), spread=np.ones(n_out), n_styles=0,
                          n_channels=8, dropout=0.0, **more)  # fmt: skip
    network.field = made
    return network.eval()


def test_following_the_exact_field_draws_from_its_distribution():
    network = flow_of(GaussianField(3.0, 0.5))
    noise = torch.randn(4000, 5, 2)

    def sample(guidance):
        facts = {"guidance": torch.full((2,), guidance), "styles": torch.zeros(0)}
        return network.sample(torch.zeros(5, 3), noise, steps=64, window=100, **facts)

    found = sample(1.0)
    assert float(found.mean()) == pytest.approx(3, abs=0.02)
    assert float(found.std()) == pytest.approx(0.5, rel=0.05)  # 64 steps of Euler
    assert float(sample(2.0).mean()) == pytest.approx(6, abs=0.1)
    assert float(sample(0.0).mean()) == pytest.approx(0, abs=0.05)


def test_outputs_that_are_not_sampled_are_the_trunks():
    network = flow_of(GaussianField(3.0, 0.5), n_out=3, kept=[True, False, True])
    joined = torch.rand(5, 4)
    facts = {"guidance": torch.ones(2), "styles": torch.zeros(0)}
    found = network.sample(joined, torch.randn(2, 5, 2), steps=2, window=100, **facts)
    assert torch.equal(found[:, :, 1], joined[None, :, 1].expand(2, -1))


@pytest.mark.parametrize("guidance", [(1.0, 1.0, 1.0), (1.0, 2.0, 1.0)])
@pytest.mark.parametrize("window", [1, 37, 100])
def test_windows_leave_no_seam(window, guidance):
    torch.manual_seed(1)
    network = FlowNetwork(Trunk(3), kept=[True] * 3, centre=np.zeros(3), spread=np.ones(3), n_styles=2, n_channels=8,
                          dropout=0.0)  # fmt: skip
    for parameter in network.field.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    joined, noise = torch.randn(150, 4), torch.randn(2, 150, 3)
    facts = {"steps": 3, "guidance": torch.tensor(guidance), "styles": torch.tensor([1.0, 0.3])}
    whole = network.sample(joined, noise, window=150, **facts)
    torch.testing.assert_close(network.sample(joined, noise, window=window, **facts), whole, atol=1e-5, rtol=1e-5)


# ---- training -----------------------------------------------------------------------------------------------------

MODEL = {"family": "flow", "field_channels": 8, "loss_rig": 0, "loss_velocity": 0, "best_by": "loss"}


def speaking(n_clips=4, seed=0, n_frames=24):
    """Clips with log-mel rows, of two actors."""
    clips = make_clips(seed, n_clips=n_clips, n_frames=n_frames, shape=SHAPE, n_actors=2)
    return [{**clip, "features": -60 * clip["features"]} for clip in clips]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(model, clips, train table) of a tiny flow."""
    folder, clips = tmp_path_factory.mktemp("flow"), speaking()
    write_split(folder / "train.parquet", clips, feature="log_mel", settings={"fmin": 50, "fmax": 8000, "hop_ms": 10,
                "floor_db": -80, "audio_sr": 16000})  # fmt: skip
    table = read_split(folder / "train.parquet", "log_mel")
    table.meta["emotions"] = {"/".join(clips[0]["id"]): "happy"}
    (folder / "work").mkdir()
    model = fit(table, clips, folder / "work", model=MODEL, kind=FLOW, schedule="one_cycle")
    return model, clips, table


def test_samples_are_faces_that_differ_and_can_be_drawn_again(trained, tmp_path):
    model, clips, _ = trained
    assert isinstance(model, FlowModel)
    save_model(tmp_path / "m.ckpt", model)
    again = load_model(tmp_path / "m.ckpt")

    def draw(of, seed, n_samples=3):
        return of.predict(clips[0]["features"], rng=np.random.default_rng(seed), n_samples=n_samples)

    found = draw(model, 1)
    assert found.shape == (3, 24, N_OUT)
    weights = found[..., : len(CHANNELS)]
    assert ((weights >= 0) & (weights <= 1)).all()
    assert not weights[..., ~np.array(observed_mask())].any()
    assert (weights[..., INDEX["mouthClose"]] <= weights[..., INDEX["jawOpen"]]).all()
    np.testing.assert_array_equal(draw(again, 1), found)
    assert np.abs(found[0] - found[1]).max() > 0.01
    assert np.abs(draw(model, 2) - found).max() > 0.01
    assert model.predict(clips[0]["features"][:0], n_samples=2).shape == (2, 0, N_OUT)


def test_without_noise_there_is_one_answer(trained):
    model, clips, _ = trained
    still = configured(model, ["temperature=0", "mouth_temperature=0"])
    found = still.predict(clips[0]["features"], n_samples=2)
    np.testing.assert_array_equal(found[0], found[1])
    # the mouth has a temperature of its own; each output sees all others through the field alone
    lively = configured(model, ["temperature=2", "mouth_temperature=0"]).predict(clips[0]["features"], n_samples=9)
    moved = np.abs(lively - lively.mean(0)).mean((0, 1))
    assert moved[INDEX["browInnerUp"]] > 3 * moved[INDEX["jawOpen"]]


def test_long_clips_are_sampled_in_windows_without_a_trace(trained, monkeypatch):
    model, clips, _ = trained
    features = np.concatenate([clip["features"] for clip in clips])
    whole = model.predict(features, rng=np.random.default_rng(0))
    monkeypatch.setattr(flow_model, "WINDOW", 11)
    np.testing.assert_allclose(model.predict(features, rng=np.random.default_rng(0)), whole, atol=1e-5)  # float32


def test_styles_are_those_of_the_table_and_can_be_asked_for(trained):
    model, clips, _ = trained
    assert model.spec["flow"]["styles"] == ["emotion=happy", "speaker=set/Actor_01", "speaker=set/Actor_02"]
    happy = configured(model, ["emotion=happy:0.7", "guidance=2", "steps=4"])
    assert (happy.styles, happy.option("guidance"), happy.option("steps")) == ({"emotion=happy": 0.7}, 2, 4)
    assert model.styles == {}
    torch.nn.init.constant_(happy.network.field.styles, 20)  # three epochs teach nothing

    def draw(of):
        return of.predict(clips[0]["features"], rng=np.random.default_rng(0))

    assert np.abs(draw(configured(model, ["emotion=happy"])) - draw(model)).max() > 1e-4
    torch.nn.init.zeros_(happy.network.field.styles)
    np.testing.assert_array_equal(draw(configured(model, ["emotion=happy"])), draw(model))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("emotion=sad", "the model knows steps, .*emotion=happy"),
        ("colour=1", "option colour=1"),
        ("guidance=-1", "expected a number from 0 on"),
        ("emotion=happy:much", "expected a number"),
        ("guidance", "expected KEY=VALUE"),
    ],
)
def test_options_that_make_no_sense_are_told(trained, option, message):
    with pytest.raises(ModelError, match=message):
        configured(trained[0], [option])


def test_an_ensemble_draws_from_one_member_after_the_other(trained):
    model, clips, _ = trained
    still = ["temperature=0", "mouth_temperature=0"]
    members = [configured(model, [*still, f"guidance={k}"]) for k in (0, 3)]
    both = join(members, name="both", seed=0)
    assert both.draws
    each = [member.predict(clips[0]["features"])[0] for member in members]
    found = both.predict(clips[0]["features"], n_samples=3)
    np.testing.assert_array_equal(found, np.stack([each[0], each[1], each[0]]))
    lone = {both.predict(clips[0]["features"], rng=np.random.default_rng(k))[0].tobytes() for k in range(20)}
    assert lone == {part.tobytes() for part in each}
    quiet = configured(both, ["guidance=0"])
    np.testing.assert_array_equal(quiet.predict(clips[0]["features"], n_samples=2)[1], each[0])


def test_a_graph_draws_what_the_model_draws(trained, tmp_path):
    model, clips, _ = trained
    features, path = np.concatenate([clip["features"] for clip in clips]), tmp_path / "m.onnx"
    for parameter in model.network.field.parameters():  # three epochs teach nothing
        torch.nn.init.normal_(parameter, std=0.1)
    export(model, path)
    assert largest_difference(model, path) < TOLERANCE
    graph = load_model(path)
    assert graph.draws
    assert graph.bidirectional
    for options in ([], ["guidance=2", "emotion=happy:0.7", "temperature=0.5", "mouth_temperature=1"]):
        wanted, found = (
            configured(of, options).predict(features, rng=np.random.default_rng(3), n_samples=2)
            for of in (model, graph)
        )
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE)
    assert graph.predict(features[:0], n_samples=2).shape == (2, 0, N_OUT)
    with pytest.raises(ModelError, match=r"an \.onnx file has 8 steps"):
        configured(graph, ["steps=4"])
    np.testing.assert_array_equal(configured(graph, ["steps=8"]).predict(features), graph.predict(features))


def test_a_graph_draws_long_clips_in_parts_without_a_trace(trained, tmp_path):
    model, clips, _ = trained
    features, path = np.concatenate([clip["features"] for clip in clips] * 12), tmp_path / "m.onnx"
    export(configured(model, ["steps=2"]), path)
    graph = load_model(path)
    whole = graph.predict(features)
    graph.facts["chunk_frames"] = 60
    assert len(list(graph._windows(len(features)))) > 10
    np.testing.assert_allclose(graph.predict(features), whole, atol=1e-5)


def test_an_ensemble_that_draws_has_no_graph(trained, tmp_path):
    both = join([trained[0], trained[0]], name="both", seed=0)
    with pytest.raises(ModelError, match="no network that an ONNX graph could hold"):
        export(both, tmp_path / "m.onnx")


def test_commands_train_a_flow_and_store_its_samples(tmp_path):
    clips = speaking()
    write_split(tmp_path / "train.parquet", clips, feature="log_mel", settings={"fmin": 50, "fmax": 8000, "hop_ms": 10,
                "floor_db": -80, "audio_sr": 16000})  # fmt: skip
    write_stats(tmp_path / "stats.json", clips, feature="log_mel")
    training = {"epochs": 1, "threads": 1, "precision": "32"}
    assert main(["train-model", "--name", "f", "--seed", "0", "--settings", json.dumps(MODEL), "--training",
                 json.dumps(training), "--train", f"{tmp_path}/train.parquet", "--stats", f"{tmp_path}/stats.json",
                 "--out", f"{tmp_path}/m.ckpt", "--log", f"{tmp_path}/log.csv",
                 "--work-dir", f"{tmp_path}/work"]) == 0  # fmt: skip
    name, clip = "/".join(clips[0]["id"]), clips[0]
    columns = {"frame": np.arange(24, dtype=np.int32), "time": np.arange(24) / 30, "log_mel": clip["features"]}
    write_clip_table(tmp_path / "f.parquet", {name: (columns, {"audio_sr": 16000})}, stage="log_mel")
    row = dict(zip(("dataset", "actor", "clip"), clip["id"]), split="test")
    write_table(tmp_path / "clips.parquet", {key: [value] for key, value in row.items()}, stage="splits")

    def predict(*more):
        words = ["predict", "--model", tmp_path / "m.ckpt", "--clips", tmp_path / "clips.parquet", "--dataset", "set",
                 "--features", tmp_path / "f.parquet", "--out", tmp_path / "p.parquet", *more]  # fmt: skip
        assert main([str(word) for word in words]) == 0
        return ClipTable(tmp_path / "p.parquet").read(name)

    first = predict("--samples", 3)
    assert first["samples"].shape == (24, 2, N_OUT)
    assert not first["samples"][..., [INDEX[name] for name in UNOBSERVED]].any()
    alone = predict()
    assert "samples" not in alone.columns
    # float32 products of one and of three samples
    np.testing.assert_allclose(alone["browInnerUp"], first["browInnerUp"], atol=1e-6)
    assert np.abs(predict("--seed", 1)["browInnerUp"] - alone["browInnerUp"]).max() > 0.01
    assert np.abs(predict("--option", "temperature=2")["browInnerUp"] - alone["browInnerUp"]).max() > 0.01


def test_settings_of_the_trunk_are_those_of_family_sequence():
    settings = model_settings({"family": "flow", "head": "bigru2", "guidance": 2})
    assert (settings.feature, settings.outputs, settings.head) == ("log_mel", "weights_rotation", "bigru2")
