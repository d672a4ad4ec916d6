"""Family `sequence`: encoder, temporal head, clips as batches, augmentation, the rig's loss, training to prediction."""

import json

import numpy as np
import pytest
import torch
from synthetic import synthetic_rig
from training_tables import UNOBSERVED, make_clips, write_clip_table, write_split, write_stats
from training_tables import fit as fit_any

from speechface.audio import features
from speechface.audio.filters import mel_centres
from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.config import defaults, model_settings, resolve
from speechface.errors import ConfigError, ModelError
from speechface.networks import predictor
from speechface.networks.attention import PARTS, WINDOW
from speechface.networks.data import SpeechDataModule
from speechface.networks.loading import load_model, save_model
from speechface.networks.losses import displacement_losses, landmark_factors, range_loss
from speechface.networks.registry import build_network, network_spec
from speechface.networks.samplers import ClipSampler
from speechface.networks.schedules import one_cycle_rate
from speechface.networks.split_table import read_split
from speechface.networks.temporal import DILATIONS, TemporalHead
from speechface.networks.waveform import WaveformEncoder
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.tables import write_table

SHAPE = (8, 80)
STATS = {
    "weight_mean": np.full(52, 0.2), "rotation_mean": np.zeros(3), "rotation_std": np.full(3, 0.05),
    "feature_mean": np.full(SHAPE, -30.0), "feature_std": np.full(SHAPE, 12.0),
}  # fmt: skip


def network(head="tcn", width=0.1, **settings):
    resolved = model_settings({"family": "sequence", "head": head, **settings})
    torch.manual_seed(0)
    return build_network(network_spec(resolved, input_shape=SHAPE, width=width), STATS).eval()


def rows(frames, batch=1, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).normal(-30, 12, (batch, frames, *SHAPE)), dtype=torch.float32)


# ---- networks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "parameters"),
    [("tcn", 0.65e6), ("bigru2", 0.75e6), ("bigru", 0.45e6), ("attention", 0.95e6), ("biattention", 0.95e6)],
)
def test_outputs_are_weights_and_the_network_is_small(head, parameters):
    net = network(head, width=1.0)
    out, _ = net(rows(5, batch=2))
    assert out.shape == (2, 5, 52)
    assert ((out > 0) & (out < 1)).all()
    assert sum(p.numel() for p in net.parameters()) < parameters


def test_a_frame_sees_itself_and_sixteen_frames_before_it_and_none_after():
    net = network()
    features_ = rows(40).requires_grad_()
    net(features_)[0][0, 25].sum().backward()
    seen = features_.grad[0].abs().amax((1, 2)) > 0
    assert TemporalHead.n_past == 2 * sum(DILATIONS) == 16
    assert torch.nonzero(seen).flatten().tolist() == list(range(25 - 16, 26))


def test_every_hop_and_band_of_a_row_counts():
    net = network(width=0.3)
    features_ = rows(3).requires_grad_()
    net(features_)[0].sum().backward()
    assert (features_.grad.abs() > 0).all()


@pytest.mark.parametrize(("head", "before", "after"), [("attention", 96, 0), ("biattention", 96, 96)])
def test_attention_sees_three_windows_and_nothing_beyond(head, before, after):
    net = network(head)
    features_ = rows(260).requires_grad_()
    net(features_)[0][0, 130].sum().backward()
    seen = features_.grad[0].abs().amax((1, 2)) > 0
    assert torch.nonzero(seen).flatten().tolist() == list(range(130 - before, 130 + after + 1))


@pytest.mark.parametrize("head", ["attention", "biattention"])
def test_attention_is_the_weighted_mean_written_out_and_knows_no_place(head):
    net = network(head, width=0.05)
    block, frames = net.head.blocks[0], torch.randn(1, 70, net.head.n_out)
    block.nearness.data += torch.randn_like(block.nearness)
    query, key, value = block.project(block.norm(frames))[0].view(70, 3, PARTS, -1).permute(1, 2, 0, 3)
    heard = torch.zeros(PARTS, 70, value.shape[-1])
    for part in range(PARTS):
        for t in range(70):
            seen = range(max(0, t - WINDOW), min(70, t + 1 + (WINDOW if block.both_ways else 0)))
            scores = [query[part, t] @ key[part, s] / value.shape[-1] ** 0.5 + block.nearness[part, s - t + WINDOW]
                      for s in seen]  # fmt: skip
            shares = torch.stack(scores).softmax(0)
            heard[part, t] = sum(share * value[part, s] for share, s in zip(shares, seen))
    after = frames + block.join(heard.permute(1, 0, 2).reshape(1, 70, -1))
    torch.testing.assert_close(block(frames), after + block.dense(after), rtol=0, atol=1e-5)  # float32 sums
    # the same sound later in a clip gives the same: nothing depends on the frame's number
    sound = rows(220)
    whole, later = net(sound)[0], net(sound[:, 10:])[0]
    torch.testing.assert_close(whole[:, 110:], later[:, 100:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("pieces", [(1, 1, 38), (7, 33), (20, 20), (40,), (130, 1, 50)])
@pytest.mark.parametrize("head", ["tcn", "attention"])
def test_a_stream_gives_what_one_pass_gives(head, pieces):
    net, features_ = network(head), rows(sum(pieces))
    whole, _ = net(features_)
    state, parts = None, []
    for part in features_.split(list(pieces), 1):
        out, state = net(part, state)
        parts.append(out)
        assert state.shape[1] <= net.head.n_past
    # the same sums in other sizes of products: float32 rounding
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-5)


def test_rows_of_too_few_hops_are_refused():
    with pytest.raises(ModelError, match="at least 6 hops"):
        network_spec(model_settings({"family": "sequence"}), input_shape=(4, 80))


# ---- batches ------------------------------------------------------------------------------------------------------


def test_each_sweep_takes_every_frame_once_with_little_padding():
    lengths = np.random.default_rng(1).integers(20, 130, 60)
    stops = np.cumsum(lengths)
    sampler = ClipSampler(np.stack([stops - lengths, stops], 1), frames_per_step=400, sequence_frames=100, seed=5)
    seen, padded = [], 0
    for step in range(sampler.n_steps):
        taken, count = sampler(step)
        count = np.full(len(taken), taken.shape[1]) if count is None else count
        assert count.max() <= 100
        seen += [row for line, n in zip(taken, count) for row in line[:n]]
        padded += taken.size - count.sum()
    assert sorted(seen) == list(range(stops[-1]))
    # clips of 20 to 100 frames in random company would need a third of padding
    assert padded < 0.12 * stops[-1]


def test_steps_follow_from_seed_and_number_alone_and_sweeps_differ():
    runs = np.stack([np.arange(0, 300, 30), np.arange(30, 330, 30)], 1)
    one, other = (ClipSampler(runs, frames_per_step=90, sequence_frames=50, seed=2) for _ in range(2))
    later = other(9)[0]
    np.testing.assert_array_equal(one(9)[0], later)
    first = [tuple(one(k)[0][:, 0]) for k in range(one.n_steps)]
    second = [tuple(one(one.n_steps + k)[0][:, 0]) for k in range(one.n_steps)]
    assert sorted(sum(first, ())) == sorted(sum(second, ()))
    assert first != second


# ---- augmented batches -------------------------------------------------------------------------------------------


def test_only_train_batches_are_augmented(tmp_path):
    table, clips = sequence_table(tmp_path)

    def noise(rows, rng):
        return rows.astype(np.float32) + rng.standard_normal(rows.shape, np.float32)

    data = SpeechDataModule(table, recurrent=True, rotations=False, frames_per_step=60, frames_per_epoch=0,
                            sequence_frames=50, validation_fraction=0.25, validation_by="clips", seed=1,
                            whole_clips=True, augment=noise)  # fmt: skip
    again = list(data.train_dataloader())
    for one, other in zip(data.train_dataloader(), again):
        assert torch.equal(one["features"], other["features"])
    taken, _ = data.sampler(0)
    added = again[0]["features"].numpy() - table.features[taken]
    assert added.std() == pytest.approx(1, abs=0.02)  # 60 x 640 draws
    stored = {row.tobytes() for row in table.features.astype(np.float32)}
    for batch in data.val_dataloader():
        values = data.on_after_batch_transfer(batch, 0)["features"].numpy()
        assert all(row.tobytes() in stored for row in values.reshape(-1, *SHAPE))


# ---- loss ---------------------------------------------------------------------------------------------------------


def test_displacement_losses_equal_the_sums_written_out(rng):
    basis, factors = rng.normal(size=(52, 204)), landmark_factors(mouth=3, eyes=1, brows=0.5, jaw=1)
    outputs, targets = rng.random((2, 4, 52)), rng.random((2, 4, 52))
    observed = rng.random(52) < 0.7
    lengths = (4, 2)
    position = velocity = 0.0
    n_position = n_velocity = 0
    for k, n in enumerate(lengths):
        moved = ((outputs[k, :n] - targets[k, :n]) * observed) @ basis
        moved = moved.reshape(n, 68, 3)
        for t in range(n):
            position += sum(factors[m] * np.sum(moved[t, m] ** 2) for m in range(68)) / 68
            n_position += 1
            if t:
                velocity += sum(factors[m] * np.sum((moved[t, m] - moved[t - 1, m]) ** 2) for m in range(68)) / 68
                n_velocity += 1
    targets[:, :, ~observed] = np.nan
    valid = torch.arange(4) < torch.tensor(lengths)[:, None]
    found = displacement_losses(
        torch.tensor(outputs), torch.tensor(targets), valid, basis=torch.tensor(basis), factors=torch.tensor(factors),
        observed=torch.tensor(observed),
    )  # fmt: skip
    np.testing.assert_allclose([v.item() for v in found], [position / n_position, velocity / n_velocity], rtol=1e-10)
    assert factors.mean() == pytest.approx(1)
    assert factors[50] == pytest.approx(3 * factors[10])
    assert factors[20] == pytest.approx(0.5 * factors[30])


def test_the_range_costs_what_no_face_can_do():
    weights = torch.full((2, 52), 0.5)
    observed = torch.ones(52, dtype=torch.bool)
    assert range_loss(weights, observed, CHANNELS) == 0
    weights[0, 3], weights[1, 4] = -0.2, 1.3
    weights[0, CHANNELS.index("mouthClose")] = 0.9  # 0.4 above jawOpen
    assert range_loss(weights, observed, CHANNELS).item() == pytest.approx((0.2**2 + 0.3**2) / 104 + 0.4**2 / 2)
    observed[[3, CHANNELS.index("mouthClose")]] = False
    assert range_loss(weights, observed, CHANNELS).item() == pytest.approx(0.3**2 / 100)


def test_parts_of_the_loss_add_up(tmp_path):
    table, clips = sequence_table(tmp_path)
    table.weights[:, CHANNELS.index("jawOpen")] *= 0.1  # mouthClose is predicted above it
    losses = {}
    parts_of = {"w": (1, 0, 0, 0), "r": (0, 2, 0, 0), "v": (0, 0, 3, 0), "range": (0, 0, 1e-9, 4), "all": (1, 2, 3, 4)}
    for name, parts in parts_of.items():
        model = dict(zip(("loss_weights", "loss_rig", "loss_velocity", "loss_range"), parts))
        made = fit(table, clips, tmp_path / name, epochs=1, schedule=((1e-12, 1),), model=model, weight_decay=0.0)
        losses[name] = made.facts["history"]["best_val_loss"]
    whole = losses.pop("all")
    assert losses["range"] > 0
    assert sum(losses.values()) == pytest.approx(whole, rel=1e-4)  # float32


# ---- schedule and settings ----------------------------------------------------------------------------------------


def test_one_cycle_rises_to_its_peak_at_a_tenth_and_falls_to_nothing():
    rates = [one_cycle_rate(k / 1000) for k in range(1001)]
    assert max(rates) == rates[100] == pytest.approx(2e-3)
    assert (np.diff(rates[:101]) > 0).all()
    assert (np.diff(rates[100:]) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    torch_rates = []
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=1001, pct_start=0.1 * 1001 / 1000 + 1e-3,
                                                div_factor=25, final_div_factor=1e9)  # fmt: skip
    for _ in range(1000):
        torch_rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    # PyTorch counts the step of the peak a little differently: at most one step of the rise (2e-5) apart
    np.testing.assert_allclose(rates[:1000], torch_rates, atol=5e-5)


def test_a_family_sets_defaults_and_an_entry_overrides_them():
    plain = model_settings({"family": "sequence"})
    assert (plain.feature, plain.head, plain.schedule) == ("log_mel", "tcn", "one_cycle")
    own = model_settings(
        {"family": "sequence", "head": "bigru", "training": {"epochs": 3}, "augmentation": {"gain_db": 0}}
    )
    assert own.head == "bigru"
    assert own.augmentation.gain_db == 0
    assert own.augmentation.noise_db == plain.augmentation.noise_db > 0
    assert own.training == {**plain.training, "epochs": 3}
    assert own.training_with(defaults("training")).epochs == 3
    assert own.training_with(defaults("training")).weight_decay == 0.02
    assert model_settings(own.dump()) == own


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"family": "sequence", "feature": "acoustics"}, "models.m.feature is acoustics"),
        ({"feature": "log_mel"}, "models.m.feature is log_mel"),
        ({"loss_velocity": 1.0}, "models.m: loss_velocity is 1.0; single frames"),
        ({"augmentation": {"gain_db": 1}}, "models.m: unknown key 'augmentation'"),
        ({"loss_weights": 0}, "no part of the loss"),
        ({"training": {"epoch": 3}}, "models.m.training: unknown key 'epoch'"),
        ({"training": {"gpus": 1}}, "models.m: training.gpus is 1; all models share it"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, message):
    datasets = {"demo": {"adapter": "demo", "split": {"test": [2]}}}
    with pytest.raises(ConfigError, match=message):
        resolve({"datasets": datasets, "models": {"m": settings}})


# ---- training to prediction ---------------------------------------------------------------------------------------


def sequence_table(folder, *, n_clips=4, n_frames=40):
    """A train table of log-mel rows that tell the labels, and its clips."""
    clips = make_clips(0, n_clips=n_clips, n_frames=n_frames, shape=SHAPE)
    for clip in clips:
        clip["features"] = (clip["features"] * 60 - 60).astype(np.float32)
    settings = {**defaults("log_mel").dump(), "audio_sr": 44100}
    write_split(folder / "train.parquet", clips, feature="log_mel", settings=settings)
    return read_split(folder / "train.parquet", "log_mel"), clips


def basis():
    return np.random.default_rng(3).normal(size=(52, 204))


def fit(table, clips, folder, *, model=None, rig=True, schedule="one_cycle", **changes):
    return fit_any(
        table, clips, folder, model={"family": "sequence", "sequence_frames": 250, **(model or {})}, schedule=schedule,
        basis=basis() if rig else None, width=0.2, **{"frames_per_step": 40, "frames_per_epoch": 0, **changes},
    )  # fmt: skip


def mouth_errors(folder):
    lines = (folder / "metrics.csv").read_text().splitlines()
    return [float(line.split(",")[lines[0].split(",").index("val_mouth_mm")]) for line in lines[1:]]


def test_the_network_learns_clips_it_has_not_seen_and_keeps_the_best_mouth(tmp_path):
    table, clips = sequence_table(tmp_path)
    model = fit(table, clips, tmp_path / "a", epochs=15, frames_per_step=20, model={"learning_rate_scale": 3.0})
    errors, history = mouth_errors(tmp_path / "a"), model.facts["history"]
    # the first epoch gives about the training mean; 0.75 of its error is 44 % of the variance explained
    assert min(errors) < 0.75 * errors[0]
    assert history["best_epoch"] == int(np.argmin(errors))
    assert history["best_val_mouth_mm"] == pytest.approx(min(errors), rel=1e-5)  # the log has six digits


def test_the_loss_on_the_rig_needs_a_rig(tmp_path):
    table, clips = sequence_table(tmp_path)
    with pytest.raises(ModelError, match="--rig"):
        fit(table, clips, tmp_path / "a", rig=False)


@pytest.mark.parametrize("head", ["tcn", "attention"])
def test_a_run_that_broke_off_ends_where_the_whole_one_does(tmp_path, monkeypatch, head):
    """The state on disk is of the last whole epoch, whatever ends the process."""
    table, clips = sequence_table(tmp_path)
    model = {"head": head, "augmentation": {"tract_percent": 10}}
    whole = fit(table, clips, tmp_path / "whole", model=model)
    step_of = SpeechDataModule._train_batch

    def broken(self, step):
        if step == self.steps_per_epoch + 1:  # in mid-epoch
            raise MemoryError
        return step_of(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(SpeechDataModule, "_train_batch", broken)
        with pytest.raises(MemoryError):
            fit(table, clips, tmp_path / "cut", model=model)
    assert len(mouth_errors(tmp_path / "cut")) == 1
    again = fit(table, clips, tmp_path / "cut", model=model)
    assert mouth_errors(tmp_path / "cut") == mouth_errors(tmp_path / "whole")
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key])


def test_a_network_on_the_waveform_learns_its_filters(tmp_path):
    rng, mix = np.random.default_rng(0), np.random.default_rng(7).normal(size=(4, 55))
    clips = make_clips(0, n_clips=4, n_frames=40, shape=(1280,))
    at = np.arange(1280) / 16000
    tones = np.sin(2 * np.pi * np.array([300, 700, 1500, 3000])[:, None] * at)
    for clip in clips:  # the loudness of four tones of random phase tells the labels
        drive = np.sin(np.cumsum(rng.normal(0, 0.3, (40, 4)), 0))
        labels = drive @ mix
        clip["weights"] = (0.3 + 0.2 * np.tanh(labels[:, :52])).astype(np.float32)
        clip["features"] = 3000 * np.exp(drive) @ tones + rng.normal(0, 50, (40, 1280))
    settings = {**defaults("waveform").dump(), "audio_sr": 44100}
    write_split(tmp_path / "train.parquet", clips, feature="waveform", settings=settings)
    table = read_split(tmp_path / "train.parquet", "waveform")
    assert table.features.dtype == np.int16
    model = {"feature": "waveform", "learning_rate_scale": 3.0}
    trained = fit(table, clips, tmp_path / "a", model=model, epochs=15, frames_per_step=20)
    errors = mouth_errors(tmp_path / "a")
    # the first epoch has already learnt; 0.85 of its error is 28 % of what is left explained
    assert min(errors) < 0.85 * errors[0]
    save_model(tmp_path / "model.ckpt", trained)
    loaded = load_model(tmp_path / "model.ckpt")
    np.testing.assert_array_equal(loaded.predict(table.features[:40]), trained.predict(table.features[:40]))


def test_untrained_filters_hear_a_tone_in_its_own_mel_band_whatever_its_phase():
    encoder, hz = WaveformEncoder(1280, 1000.0, n_channels=8, width=1.0), mel_centres(n_mels=64, fmin=50, fmax=7600)
    at = np.arange(1280) / 16000
    for band in (5, 20, 40, 60):
        tones = [1000 * np.sin(2 * np.pi * hz[band] * at + phase) for phase in (0.0, 0.7, 1.4)]
        loudness = encoder.loudness(torch.tensor(np.array(tones), dtype=torch.float32)).detach()
        assert (loudness.mean(2).argmax(1) == band).all()
        # energy 1 of a unit sine, whose deviation is 1 / sqrt 2; the spectrum of a filter ends before 0 Hz but nearly
        np.testing.assert_allclose(np.exp(loudness[:, band].numpy() * 3 - 10), 1, rtol=0.05)


def test_rows_of_too_few_samples_are_refused():
    with pytest.raises(ModelError, match="window_ms"):
        network_spec(model_settings({"family": "sequence", "feature": "waveform"}), input_shape=(200,))


def test_a_saved_model_predicts_the_same_in_chunks_and_from_tables(tmp_path, monkeypatch):
    table, clips = sequence_table(tmp_path)
    model = fit(table, clips, tmp_path / "a")
    save_model(tmp_path / "model.ckpt", model)
    loaded = load_model(tmp_path / "model.ckpt")
    (want,) = model.predict(clips[0]["features"])
    np.testing.assert_array_equal(loaded.predict(clips[0]["features"])[0], want)
    monkeypatch.setattr(predictor, "CHUNK_FRAMES", 9)
    np.testing.assert_allclose(loaded.predict(clips[0]["features"])[0], want, atol=1e-5)  # float32 sums of other sizes
    assert (want[:, [CHANNELS.index(name) for name in UNOBSERVED]] == 0).all()
    assert len(want) == 40


def test_commands_train_and_predict_a_sequence_model(tmp_path):
    _, clips = sequence_table(tmp_path)
    write_stats(tmp_path / "stats.json", clips, feature="log_mel")
    synthetic_rig().save(tmp_path / "rig.npz")
    out = tmp_path / "m" / "model.ckpt"
    settings = {"family": "sequence", "training": {"epochs": 1, "frames_per_step": 80}}
    assert main(["train-model", "--name", "tcn", "--settings", json.dumps(settings), "--training", '{"threads": 1}',
                 "--train", str(tmp_path / "train.parquet"), "--stats", str(tmp_path / "stats.json"),
                 "--rig", str(tmp_path / "rig.npz"), "--seed", "0", "--out", str(out), "--log",
                 str(tmp_path / "m" / "log.csv"), "--work-dir", str(tmp_path / "m" / "work")]) == 0  # fmt: skip
    made_with = defaults("log_mel")
    sound = np.random.default_rng(0).normal(0, 0.1, 44100).astype(np.float32)
    times = np.arange(25) * 1001 / 30000
    values = features.compute("log_mel", sound, times, fps=30000 / 1001, sr=44100, settings=made_with)
    columns = {"frame": np.arange(25, dtype=np.int32), "time": times, "log_mel": values.astype(np.float16)}
    write_clip_table(tmp_path / "f.parquet", {"set/Actor_01/a": (columns, {"audio_sr": 44100})}, stage="log_mel",
                     settings=made_with.dump())  # fmt: skip
    clip = {"dataset": "set", "actor": "Actor_01", "clip": "a", "split": "test"}
    columns = {name: np.array([value], object) for name, value in clip.items()}
    write_table(tmp_path / "clips.parquet", columns, stage="splits")
    assert main(["predict", "--model", str(out), "--clips", str(tmp_path / "clips.parquet"), "--dataset", "set",
                 "--features", str(tmp_path / "f.parquet"), "--out", str(tmp_path / "p.parquet")]) == 0  # fmt: skip
    table = ClipTable(tmp_path / "p.parquet").read("set/Actor_01/a")
    assert len(table) == 25
    assert table["jawOpen"].std() > 0
    assert json.loads(out.with_suffix(".json").read_text())["training"]["frames_per_step"] == 80
