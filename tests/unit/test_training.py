"""Training, checkpoints and prediction on tiny networks."""

import json
import signal

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from training_tables import (
    UNOBSERVED,
    fit,
    make_clips,
    observed_mask,
    split_table,
    write_clip_table,
    write_split,
    write_stats,
)

from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.errors import Interrupted, ModelError
from speechface.geometry import ibug
from speechface.networks import precision, predictor, training
from speechface.networks.callbacks import RunLog
from speechface.networks.loading import load_model, save_model
from speechface.networks.split_table import read_split
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.visemes import INDEX
from speechface.tables import write_table


@pytest.fixture(scope="module")
def clips():
    return make_clips(0, n_clips=4, n_frames=24)


@pytest.fixture(scope="module")
def table(clips, tmp_path_factory):
    return split_table(tmp_path_factory.mktemp("split"), clips)


def states_equal(a, b):
    a, b = a.network.state_dict(), b.network.state_dict()
    return all(torch.equal(a[key], b[key]) for key in a)


def rows_of(folder):
    lines = (folder / "metrics.csv").read_text().splitlines()
    return [dict(zip(lines[0].split(","), line.split(","))) for line in lines[1:]]


def numbers_of(folder):
    return [
        {k: row[k] for k in ("epoch", "step", "learning_rate", "train_loss", "val_loss")} for row in rows_of(folder)
    ]


def test_loss_falls_more_than_tenfold_on_two_clips(tmp_path, clips):
    write_split(tmp_path / "t.parquet", clips[:2])
    model = {"dropout": 0.0, "l1": 0.0}
    fit(read_split(tmp_path / "t.parquet", "spectrogram"), clips[:2], tmp_path, model=model, validation_fraction=0.0,
        epochs=25, weight_decay=0.0, frames_per_step=24)  # fmt: skip
    rows = rows_of(tmp_path)
    assert float(rows[-1]["train_loss"]) < 0.1 * float(rows[0]["train_loss"])
    assert rows[-1]["val_loss"] == ""


def test_same_seed_same_network_and_another_seed_another(table, clips, tmp_path):
    first = fit(table, clips, tmp_path / "a", epochs=1)
    assert states_equal(first, fit(table, clips, tmp_path / "b", epochs=1))
    assert not states_equal(first, fit(table, clips, tmp_path / "c", epochs=1, seed=1))


class _Kill(pl.Callback):
    """Ends the run after some steps, as a crash (an exception) or by a signal."""

    def __init__(self, step, number):
        self.step, self.number = step, number

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if module.step == self.step:
            if self.number is None:
                raise MemoryError("killed")
            signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("head", "number"),
    [("cnn", None), ("bilstm", None), ("cnn", signal.SIGTERM), ("bilstm", signal.SIGUSR1)],
)
def test_an_interrupted_run_ends_where_the_uninterrupted_one_does(table, clips, tmp_path, monkeypatch, head, number):
    model = {"head": head}
    whole = fit(table, clips, tmp_path / "whole", model=model)
    make = training._trainer
    with monkeypatch.context() as patch:

        def with_kill(*args, **kwargs):
            trainer = make(*args, **kwargs)
            trainer.callbacks.append(_Kill(4, number))
            return trainer

        patch.setattr(training, "_trainer", with_kill)
        with pytest.raises(MemoryError if number is None else Interrupted):
            fit(table, clips, tmp_path / "cut", model=model)
    assert len(rows_of(tmp_path / "cut")) == 1
    assert torch.load(tmp_path / "cut" / "last.ckpt", weights_only=True)["global_step"] == 3  # the last whole epoch
    again = fit(table, clips, tmp_path / "cut", model=model)
    assert states_equal(whole, again)
    assert numbers_of(tmp_path / "whole") == numbers_of(tmp_path / "cut")


def test_a_signal_at_the_end_of_an_epoch_costs_nothing(table, clips, tmp_path, monkeypatch):
    whole = fit(table, clips, tmp_path / "whole")
    with monkeypatch.context() as patch:
        # while the log of the first epoch is written: its state is saved before the run ends
        patch.setattr(RunLog, "write", lambda self: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Interrupted, match="SIGTERM after step 3"):
            fit(table, clips, tmp_path / "cut")
    assert torch.load(tmp_path / "cut" / "last.ckpt", weights_only=True)["global_step"] == 3
    assert states_equal(whole, fit(table, clips, tmp_path / "cut"))
    assert numbers_of(tmp_path / "whole") == numbers_of(tmp_path / "cut")


def test_a_run_that_was_over_stays_over(table, clips, tmp_path):
    """As after a kill between the last epoch and the model's file."""
    still = {"epochs": 20, "patience": 1, "schedule": ((1e-12, 1),), "model": {"learning_rate_scale": 1e-9}}
    first = fit(table, clips, tmp_path, **still)
    epochs = len(rows_of(tmp_path))
    assert states_equal(first, fit(table, clips, tmp_path, **still))
    assert len(rows_of(tmp_path)) == epochs < 20


def test_a_state_of_other_settings_is_not_resumed(table, clips, tmp_path):
    fit(table, clips, tmp_path, epochs=1)
    changed = fit(table, clips, tmp_path, epochs=1, weight_decay=1e-2)
    fresh = fit(table, clips, tmp_path / "fresh", epochs=1, weight_decay=1e-2)
    assert states_equal(changed, fresh)


def test_more_epochs_go_on_from_the_state(table, clips, tmp_path):
    fit(table, clips, tmp_path / "a", epochs=1)
    longer = fit(table, clips, tmp_path / "a", epochs=2)
    assert states_equal(longer, fit(table, clips, tmp_path / "b", epochs=2))
    assert [row["epoch"] for row in rows_of(tmp_path / "a")] == ["0", "1"]


def test_the_log_follows_the_schedule_and_the_best_epoch_is_kept(table, clips, tmp_path):
    schedule = ((1e-3, 2), (5e-4, 1))
    model = fit(table, clips, tmp_path, epochs=4, schedule=schedule, basis=np.ones((52, 204)))
    rows = rows_of(tmp_path)
    assert [float(row["learning_rate"]) for row in rows] == [1e-3, 1e-3, 5e-4, 5e-4]
    losses = [float(row["val_loss"]) for row in rows]
    history = model.facts["history"]
    assert history["best_epoch"] == int(np.argmin(losses))
    assert history["best_val_loss"] == pytest.approx(min(losses), rel=1e-5)  # the log has six digits


def test_validation_mouth_error_is_the_rms_distance_of_the_landmarks(table, clips, tmp_path, rng):
    basis = rng.normal(size=(52, 204))
    model = fit(table, clips, tmp_path, epochs=1, basis=basis)
    names = model.facts["history"]["validation_clips"]
    (held,) = [clip for clip in clips if "/".join(clip["id"]) in names]
    k = table.clips.index(held["id"])
    stored = table.features[table.clip == k] * np.float32(table.step)
    # outputs as the network gives them: predict() also keeps mouthClose below jawOpen
    with torch.no_grad():
        raw = model.network(torch.as_tensor(stored)[None])[0][0].numpy()
    error = (raw - held["weights"]) * observed_mask()
    moved = (error @ basis[:, 3 * ibug.MOUTH.start :]).reshape(-1, 20, 3)
    expected = np.sqrt(np.mean(np.sum(moved**2, -1)))
    assert float(rows_of(tmp_path)[0]["val_mouth_mm"]) == pytest.approx(expected, rel=1e-4)  # float32


def test_patience_and_minutes_end_training(table, clips, tmp_path):
    still = ((1e-12, 1),)
    model = fit(
        table, clips, tmp_path / "a", epochs=20, patience=2, schedule=still, model={"learning_rate_scale": 1e-9}
    )
    # batch norm's running statistics still settle, so the loss may fall for a few epochs
    assert "has not fallen for 2 epochs" in model.facts["history"]["stopped"]
    assert len(rows_of(tmp_path / "a")) < 20
    model = fit(table, clips, tmp_path / "b", epochs=1000, max_minutes=1e-3)
    assert "minutes" in model.facts["history"]["stopped"]


def test_nothing_is_written_outside_the_work_folder(table, clips, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fit(table, clips, tmp_path / "work", epochs=1)
    assert list((tmp_path / "here").iterdir()) == []
    assert list((tmp_path / "work" / "tensorboard").glob("events*"))


def test_frozen_encoder_stays_through_training(table, clips, tmp_path):
    donor = fit(table, clips, tmp_path / "donor", epochs=1)
    before = {k: v.clone() for k, v in donor.network.encoder.state_dict().items()}
    model = {"encoder": "pretrained", "encoder_from": "donor", "head": "gru"}
    child = fit(table, clips, tmp_path / "child", epochs=1, source=donor, model=model)
    after = child.network.encoder.encoder.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    save_model(tmp_path / "child.ckpt", child)
    again = load_model(tmp_path / "child.ckpt")
    np.testing.assert_array_equal(again.predict(clips[0]["features"]), child.predict(clips[0]["features"]))
    clone = fit(table, clips, tmp_path / "clone", epochs=1, source=donor, model={**model, "encoder_frozen": False})
    after = clone.network.encoder.state_dict()
    moved = [k for k, v in before.items() if not torch.equal(after[k], v)]
    assert any(k.endswith("running_mean") for k in moved)
    assert any(k.endswith("0.weight") for k in moved)


@pytest.mark.parametrize("head", ["cnn", "gru", "lstm", "bigru", "bilstm"])
def test_prediction_in_chunks_equals_one_pass(table, clips, tmp_path, monkeypatch, head):
    model = fit(table, clips, tmp_path, epochs=1, model={"head": head, "outputs": "weights_rotation"})
    assert model.columns == CHANNELS + ROTATIONS
    features = np.concatenate([clip["features"] for clip in clips])
    monkeypatch.setattr(predictor, "CPU_IMAGES", 1000)
    (whole,) = model.predict(features)
    assert whole.shape == (96, 55)
    monkeypatch.setattr(predictor, "CPU_IMAGES", 7)
    monkeypatch.setattr(predictor, "BIDIRECTIONAL_CHUNK", 20)
    monkeypatch.setattr(predictor, "CONTEXT_FRAMES", 30)
    # both ways: what lies 30 frames away is forgotten, but not to the last bit
    atol = 1e-3 if model.bidirectional else 1e-6
    np.testing.assert_allclose(model.predict(features)[0], whole, atol=atol, rtol=0)
    assert np.ptp(whole[:, INDEX["jawOpen"]]) > 10 * atol
    if not model.bidirectional:
        state, parts = None, []
        for frame in features:
            y, state = model.predict_chunk(frame[None], state)
            parts.append(y)
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6, rtol=0)  # float32 sums in other order
    assert model.predict(features[:0], n_samples=3).shape == (3, 0, 55)


def test_prediction_is_neutral_where_nothing_was_learnt_and_keeps_lips_inside_the_jaw(table, clips, tmp_path):
    (y,) = fit(table, clips, tmp_path, epochs=1).predict(clips[0]["features"])
    hidden = [INDEX[name] for name in UNOBSERVED]
    assert (y[:, hidden] == 0).all()
    assert (np.delete(y, hidden, 1) > 0).all()
    assert (y[:, INDEX["mouthClose"]] <= y[:, INDEX["jawOpen"]]).all()


def test_checkpoints_keep_everything_and_wrong_files_are_named(table, clips, tmp_path):
    model = fit(table, clips, tmp_path, epochs=1, model={"head": "bigru"})
    save_model(tmp_path / "m.ckpt", model)
    again = load_model(tmp_path / "m.ckpt")
    np.testing.assert_array_equal(again.predict(clips[0]["features"]), model.predict(clips[0]["features"]))
    assert (again.feature, again.feature_settings) == ("spectrogram", {"n_fft": 64, "audio_sr": 8000})
    assert again.facts["model"]["head"] == "bigru"
    np.testing.assert_array_equal(again.observed, observed_mask())
    with pytest.raises(ModelError, match="settings the model was trained on"):
        again.predict(np.zeros((3, 16, 8)))
    with pytest.raises(ModelError, match="no such model"):
        load_model(tmp_path / "none.ckpt")
    (tmp_path / "bad.ckpt").write_bytes(b"123")
    with pytest.raises(ModelError, match="not a readable"):
        load_model(tmp_path / "bad.ckpt")
    with pytest.raises(ModelError, match="a model is a"):
        load_model(tmp_path / "m.pt")


def test_half_precision_is_taken_only_when_clearly_faster(monkeypatch):
    features = torch.zeros(300, 1, 4, 4)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    for half, chosen in ((0.5, "bf16"), (0.99, "32"), (1.5, "32")):
        seconds = {"32": 1.0, "bf16": half}
        monkeypatch.setattr(precision, "measure_step", lambda *a, precision, device, s=seconds: s[precision])
        assert precision.choose_precision("auto", None, features, device="cuda") == chosen
    assert precision.choose_precision("bf16", None, features, device="cpu") == "bf16"
    with pytest.raises(ModelError, match="needs a GPU"):
        precision.choose_precision("fp16", None, features, device="cpu")


@pytest.mark.parametrize(("has_bf16", "layer", "chosen"), [
    (True, torch.nn.Conv2d(1, 2, 3), "bf16"), (False, torch.nn.Conv2d(1, 2, 3), "32"), (True, torch.nn.GRU(2, 2), "32"),
])  # fmt: skip
def test_on_a_cpu_no_clock_chooses_the_number_format(monkeypatch, has_bf16, layer, chosen):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: has_bf16)
    monkeypatch.setattr(precision, "measure_step", None)
    assert precision.choose_precision("auto", torch.nn.Sequential(layer), torch.zeros(0), device="cpu") == chosen


@pytest.mark.parametrize("number_format", ["32", "bf16"])
def test_gradients_are_clipped_in_every_number_format(table, clips, tmp_path, monkeypatch, number_format):
    largest, step = [], torch.optim.Adam.step

    def noting(self, closure):
        loss = step(self, closure)  # gradients are made and clipped within
        largest.append(max(float(p.grad.abs().max()) for group in self.param_groups for p in group["params"]))
        return loss

    monkeypatch.setattr(torch.optim.Adam, "step", noting)
    for limit in (0, 1e-4):
        fit(table, clips, tmp_path / str(limit), epochs=1, precision=number_format, gradient_clip=limit)
    free, clipped = largest[:3], largest[3:]
    assert min(free) > 1e-3
    assert max(clipped) <= 1e-4


def test_measured_steps_leave_the_network_as_it_was(table, clips, tmp_path):
    network = fit(table, clips, tmp_path, epochs=1).network
    before = {k: v.clone() for k, v in network.state_dict().items()}
    assert precision.measure_step(network, torch.rand(4, 1, 32, 8), precision="bf16", device="cpu") > 0
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def _commands(tmp_path, clips, **model):
    write_split(tmp_path / "train.parquet", clips)
    write_stats(tmp_path / "stats.json", clips)
    (tmp_path / "rates.txt").write_text("1e-3 2\n1e-4\n")
    settings = {"frequency_layers": 5, "head": "bigru", "sequence_frames": 8, "outputs": "weights_rotation",
                "schedule": str(tmp_path / "rates.txt"), **model}  # fmt: skip
    train = {"frames_per_step": 16, "frames_per_epoch": 16, "epochs": 1, "threads": 1}
    return ["train-model", "--name", "net", "--settings", json.dumps(settings), "--training", json.dumps(train),
            "--train", str(tmp_path / "train.parquet"), "--stats", str(tmp_path / "stats.json"), "--seed", "5",
            "--out", str(tmp_path / "models/net/5/model.ckpt"), "--log", str(tmp_path / "metrics.csv"),
            "--work-dir", str(tmp_path / "work")]  # fmt: skip


def test_what_a_job_got_stands_above_the_training_settings(tmp_path, clips, monkeypatch, capsys):
    import torch

    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([*_commands(tmp_path, clips), "--gpus", "1"]) == 1  # the request reaches the training
    assert "PyTorch finds no GPU" in capsys.readouterr().err
    assert main([*_commands(tmp_path, clips), "--threads", "3", "--gpus", "0"]) == 0
    assert 3 in seen


def spectrogram_rows(clip):
    columns = {"frame": clip["frame"].astype(np.int32), "time": clip["frame"] / 30.0, "spectrogram": clip["features"]}
    return columns, {"audio_sr": 8000}


def test_commands_train_and_predict_every_clip(tmp_path, clips, monkeypatch, capsys, caplog):
    caplog.set_level("INFO")
    assert main(_commands(tmp_path, clips)) == 0
    facts = json.loads((tmp_path / "models/net/5/model.json").read_text())
    assert facts["provenance"]["seed"] == 5
    assert facts["model"]["head"] == "bigru"
    assert not list((tmp_path / "work").glob("*.ckpt"))
    rows = {"/".join(clip["id"]): spectrogram_rows(clip) for clip in clips}
    rows["/".join(clips[1]["id"])] = "no sound"
    features = tmp_path / "spectrogram.parquet"
    write_clip_table(features, rows, stage="spectrogram", settings={"n_fft": 64})
    ids = np.array([clip["id"] for clip in clips]).T
    columns = dict(zip(("dataset", "actor", "clip"), (list(part) for part in ids)))
    columns |= {"split": ["test", "predict", "excluded", "train"], "reason": ["", "", "few faces", ""]}
    write_table(tmp_path / "clips.parquet", columns, stage="splits")
    command = ["predict", "--model", str(tmp_path / "models/net/5/model.ckpt"), "--clips",
               str(tmp_path / "clips.parquet"), "--dataset", "set", "--features", str(features),
               "--out", str(tmp_path / "out.parquet")]  # fmt: skip
    assert main(command) == 0
    out = ClipTable(tmp_path / "out.parquet")
    assert list(out.entries) == ["/".join(clip["id"]) for clip in clips[:3]]
    table = out.read("/".join(clips[0]["id"]))
    model = load_model(tmp_path / "models/net/5/model.ckpt")
    np.testing.assert_array_equal(table.stack(model.columns), model.predict(clips[0]["features"])[0])
    np.testing.assert_array_equal(table["frame"], clips[0]["frame"])
    assert (out.meta["model"], out.meta["seed"]) == ("net", 5)
    for clip, reason in zip(clips[1:3], ("no sound", "few faces")):
        table = out.read("/".join(clip["id"]))
        assert (table.usable, table.reason) == (False, reason)
    caplog.clear()
    assert main(command) == 0
    assert "0 made, 3 kept" in caplog.text
    rows["/".join(clips[1]["id"])] = spectrogram_rows(clips[1])
    write_clip_table(features, rows, stage="spectrogram", settings={"n_fft": 64})
    assert main(command) == 0
    assert "1 made, 2 kept" in caplog.text
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([*command, "--gpus", "1"]) == 1
    assert "--gpus is 1, but PyTorch finds no GPU here" in capsys.readouterr().err
    assert main([*command[:6], "other", *command[7:]]) == 1
    assert "no clip of dataset other" in capsys.readouterr().err


def test_features_of_other_settings_are_refused(tmp_path, clips, capsys):
    assert main(_commands(tmp_path, clips)) == 0
    clip, features = clips[0], tmp_path / "f.parquet"
    write_clip_table(
        features, {"/".join(clip["id"]): spectrogram_rows(clip)}, stage="spectrogram", settings={"n_fft": 128}
    )  # fmt: skip
    columns = {k: [v] for k, v in zip(("dataset", "actor", "clip", "split"), (*clip["id"], "test"))}
    write_table(tmp_path / "clips.parquet", columns, stage="clips")
    command = ["predict", "--model", str(tmp_path / "models/net/5/model.ckpt"), "--clips",
               str(tmp_path / "clips.parquet"), "--dataset", "set", "--features", str(features), "--out",
               str(tmp_path / "out.parquet")]  # fmt: skip
    assert main(command) == 1
    assert "n_fft = 128, the model was trained with 64" in capsys.readouterr().err
    assert not (tmp_path / "out.parquet").exists()


def test_an_interrupted_command_asks_to_be_run_again(tmp_path, clips, monkeypatch):
    def interrupted(self):
        raise Interrupted("SIGTERM after step 1")

    monkeypatch.setattr(RunLog, "write", interrupted)
    with pytest.raises(SystemExit) as stop:
        main(_commands(tmp_path, clips))
    assert stop.value.code == 75
    assert not (tmp_path / "models/net/5/model.ckpt").exists()


def test_user_errors_are_one_line(tmp_path, clips, capsys):
    command = _commands(tmp_path, clips, schedule="none.txt")
    assert main(command) == 1
    assert "none.txt: cannot be read" in capsys.readouterr().err
    command = _commands(tmp_path, clips, encoder="pretrained")
    assert main(command) == 1
    assert "--encoder-from" in capsys.readouterr().err
    (tmp_path / "stats.json").write_text("{}")
    command = _commands(tmp_path, clips)
    (tmp_path / "stats.json").write_text("{}")
    assert main(command) == 1
    assert "label-stats" in capsys.readouterr().err
