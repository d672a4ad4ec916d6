"""Several processes train one network: the same network as one process does, and one of them writes it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from training_tables import make_clips, write_split, write_stats

from speechface.cli import main
from speechface.config import defaults, resolve
from speechface.errors import ConfigError
from speechface.launch import Place, launch, place
from speechface.networks.data import _share
from speechface.networks.loading import load_model

SHAPES = {"acoustics": (537,), "log_mel": (8, 80), "spectrogram": (32, 8)}
#: Models that draw nothing at random, so that the division of a batch changes nothing but the order of sums.
EXACT = {
    "report": {"feature": "acoustics", "head": "gru", "sequence_frames": 7, "dropout": 0.0},
    "sequence": {"family": "sequence", "dropout": 0.0, "sequence_frames": 30, "loss_rig": 0.0, "loss_velocity": 0.0,
                 "loss_weights": 1.0, "best_by": "loss", "training": {"epochs": 2, "frames_per_step": 45}},
}  # fmt: skip


def command(folder, settings, *, epochs=2, processes=1):
    """The words that train on small tables in `folder`."""
    feature = settings.get("feature") or {"sequence": "log_mel"}.get(settings.get("family"), "spectrogram")
    if not (folder / "train.parquet").exists():
        clips = make_clips(0, n_clips=7, n_frames=24, shape=SHAPES[feature])
        for k, clip in enumerate(clips):  # of unequal length
            for key in ("frame", "features", "weights", "rotations"):
                clip[key] = clip[key][: 24 - 2 * k]
        settings_ = {"audio_sr": 44100, **defaults(feature).dump()}
        write_split(folder / "train.parquet", clips, feature=feature, settings=settings_)
        write_stats(folder / "stats.json", clips, feature=feature)
    training = {"frames_per_step": 45, "epochs": epochs, "frames_per_epoch": 0, "threads": 1, "precision": "32"}
    out = folder / str(processes)
    return [sys.executable, "-m", "speechface", "train-model", "--name", "net", "--settings", json.dumps(settings),
            "--training", json.dumps(training), "--train", str(folder / "train.parquet"), "--stats",
            str(folder / "stats.json"), "--seed", "5", "--out", str(out / "model.ckpt"), "--log",
            str(out / "metrics.csv"), "--work-dir", str(out / "work"), "--gpus", "0", "--processes",
            str(processes)]  # fmt: skip


def train(*arguments, **options):
    run = subprocess.run(command(*arguments, **options), capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return run.stderr


@pytest.mark.parametrize("family", EXACT)
def test_two_processes_train_the_network_that_one_trains(tmp_path, family):
    assert main(command(tmp_path, EXACT[family])[3:]) == 0
    log = train(tmp_path, EXACT[family], processes=2)
    assert log.count("epochs of") == 1  # one of them writes, and says so
    alone, together = (load_model(tmp_path / f"{count}/model.ckpt") for count in (1, 2))
    start = dict(alone.network.named_parameters())
    for name, value in together.network.named_parameters():
        # sums in another order; where a gradient is next to nothing, Adam makes a small step of the difference
        assert float((value - start[name]).abs().mean()) < 1e-6, name
    rows = [np.genfromtxt(tmp_path / f"{count}/metrics.csv", delimiter=",", names=True) for count in (1, 2)]
    for column in ("step", "train_loss", "val_loss"):
        np.testing.assert_allclose(rows[1][column], rows[0][column], rtol=1e-4)
    assert rows[0]["train_loss"][1] < rows[0]["train_loss"][0]  # they have learnt something
    assert not list((tmp_path / "2/work").glob("*.ckpt"))


def test_every_row_of_a_batch_is_done_once_and_counts_the_same():
    lengths = torch.tensor([5, 3, 4, 1, 2])
    batch = {"features": torch.arange(5.0)[:, None].repeat(1, 5), "targets": torch.arange(5), "lengths": lengths}
    for size in (1, 2, 3, 5, 7):
        parts = [_share(batch, rank, size) for rank in range(size)]
        counted = [part for part in parts if part.get("share", 1.0)]
        rows = torch.cat([part["targets"] for part in counted])
        assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
        # the mean over processes of a part's mean a frame, times its share, is the batch's mean a frame
        means = [
            float((part["targets"] * part["lengths"]).sum() / part["lengths"].sum()) * part.get("share", 1.0)
            for part in parts
        ]
        assert np.mean(means) == pytest.approx(float((batch["targets"] * lengths).sum() / lengths.sum()))
        assert all(len(part["features"]) for part in parts)


def test_an_interrupted_group_ends_with_75_and_goes_on(tmp_path):
    model = {"feature": "acoustics", "head": "gru", "sequence_frames": 7}
    words = command(tmp_path, model, epochs=100_000, processes=2)
    run = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    state = tmp_path / "2/work/last.ckpt"
    end = time.monotonic() + 500
    while not state.exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    run.send_signal(signal.SIGUSR1)
    _, log = run.communicate(timeout=500)
    assert run.returncode == 75, log
    assert "interrupted (SIGUSR1 after step" in log
    done = torch.load(state, weights_only=True)["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    log = train(tmp_path, model, epochs=1, processes=2)  # fewer epochs than are done: it ends at once
    assert f"going on after epoch {done}" in log
    assert (tmp_path / "2/model.ckpt").exists()


def test_a_process_that_fails_ends_the_others_and_its_code_is_told(monkeypatch):
    monkeypatch.setattr("speechface.launch._PATIENCE", 0.5)
    wait = "import os, sys, time; sys.exit(3) if os.environ['SPEECHFACE_RANK'] == '1' else time.sleep(100)"
    began = time.monotonic()
    assert launch([sys.executable, "-c", wait], processes=3, threads=1) == 3
    assert time.monotonic() - began < 60


def test_signals_reach_every_process(tmp_path):
    say = (
        "import os, pathlib, signal, sys, time\n"
        f"here = pathlib.Path({str(tmp_path)!r}) / os.environ['SPEECHFACE_RANK']\n"
        "signal.signal(signal.SIGUSR1, lambda *_: (here.write_text('told'), sys.exit(75)))\n"
        "here.write_text('ready'); time.sleep(100)"
    )

    def tell():
        while sum(path.read_text() == "ready" for path in tmp_path.iterdir()) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGUSR1)

    teller = threading.Thread(target=tell)
    teller.start()
    assert launch([sys.executable, "-c", say], processes=2, threads=1) == 75
    teller.join()
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["told", "told"]


def test_a_process_knows_its_place():
    assert place({}) is None
    own = {"SPEECHFACE_PROCESSES": "2", "SPEECHFACE_PORT": "9", "SPEECHFACE_RANK": "1", "SPEECHFACE_LOCAL_RANK": "1"}
    assert place(own) == Place(1, 2, 1, "127.0.0.1", 9)
    task = {"SPEECHFACE_PROCESSES": "4", "SPEECHFACE_PORT": "9", "SLURM_PROCID": "3", "SLURM_LOCALID": "1",
            "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.7"}  # fmt: skip
    assert place(task) == Place(3, 4, 1, "10.0.0.7", 9)


def test_more_nodes_than_processes_are_refused():
    dataset = {"d": {"adapter": "folder", "root": "x", "role": "predict"}}
    with pytest.raises(ConfigError, match=r"training: nodes is 2; there are only 1 processes"):
        resolve({"datasets": dataset, "training": {"nodes": 2}})
