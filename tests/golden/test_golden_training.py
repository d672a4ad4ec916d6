import csv
import json

import network_case
import numpy as np
from tests.unit.synthetic import synthetic_rig
from tests.unit.training_tables import make_clips, write_split, write_stats

from golden import check, some
from speechface.config import defaults
from speechface.networks.loading import load_model

#: The networks of both families, small by what they read and short.
MODELS = {
    "report": ("spectrogram", {"head": "gru", "sequence_frames": 8, "rest": "given", "outputs": "weights_rotation"}),
    "sequence": ("log_mel", {"family": "sequence", "training": {"frames_per_step": 40, "epochs": 3}}),
}


def trained(folder, feature, settings):
    """Rows of the log, and what the network predicts."""
    clips = make_clips(0, n_clips=4, n_frames=24, shape=(32, 8) if feature == "spectrogram" else (8, 20), n_actors=2)
    made_with = {**defaults(feature).dump(), "audio_sr": 44100}
    write_split(folder / "train.parquet", clips, feature=feature, settings=made_with)
    write_stats(folder / "stats.json", clips, feature=feature)
    synthetic_rig().save(folder / "rig.npz")
    training = {"frames_per_step": 16, "frames_per_epoch": 48, "epochs": 2, "validation_fraction": 0.25, "threads": 1,
                "precision": "32"}  # fmt: skip
    network_case.command(
        "train-model", "--name", "net", "--seed", 1, "--settings", json.dumps(settings), "--training",
        json.dumps(training), "--train", folder / "train.parquet", "--stats", folder / "stats.json", "--rig",
        folder / "rig.npz", "--out", folder / "m.ckpt", "--log", folder / "log.csv", "--work-dir", folder / "work",
    )  # fmt: skip
    with open(folder / "log.csv") as file:
        rows = list(csv.DictReader(file))
    model = load_model(folder / "m.ckpt")
    return rows, model, model.predict(clips[0]["features"], neutral=np.full(52, 0.2))[0]


def test_networks_and_their_logs_are_those_recorded(tmp_path):
    found, atol = {}, {}
    for family, (feature, settings) in MODELS.items():
        folder = tmp_path / family
        folder.mkdir()
        rows, model, outputs = trained(folder, feature, settings)
        numbers = {name: [float(row[name]) for row in rows] for name in list(rows[0])[:6]}
        numbers |= {"outputs": some(outputs, 60), "best_epoch": model.facts["history"]["best_epoch"],
                    "parameters": sum(p.numel() for p in model.network.parameters())}  # fmt: skip
        found |= {f"{family}_{name}": value for name, value in numbers.items()}
        losses = dict.fromkeys(("train_loss", "val_loss", "val_mouth_mm"), 2e-3)
        # a few steps of Adam: where a gradient is next to nothing, sums in another order turn a step around
        atol |= {f"{family}_{name}": v for name, v in {**losses, "learning_rate": 1e-9, "outputs": 5e-3}.items()}
    check("training", found, atol)
