"""Tiny and degenerate train sets, and commands that work on them."""

import json

import numpy as np
from synthetic import synthetic_rig
from training_tables import make_clips, write_clip_table, write_split

from speechface.cli import main
from speechface.tables import write_table

__all__ = ["BASELINES", "MODELS", "SETS", "predict_words", "prepare", "train_words"]

LOG_MEL = {"fmin": 50, "fmax": 8000, "hop_ms": 10, "floor_db": -80, "audio_sr": 16000}
MODELS = {
    "cnn": {"frequency_layers": 5},
    "bigru": {"frequency_layers": 5, "head": "bigru", "sequence_frames": 8},
    "tcn": {"family": "sequence"},
    "attention": {"family": "sequence", "head": "attention", "rest": "estimated", "loss_range": 1.0},
    "flow": {"family": "flow", "field_channels": 8},
}
BASELINES = ("neutral", "mean", "ridge", "knn")
#: Name -> (arguments of make_clips, section training).
SETS = {
    "one clip": ({"n_clips": 1, "n_frames": 12}, {}),
    "one frame": ({"n_clips": 1, "n_frames": 1}, {}),
    "clips of one frame": ({"n_clips": 3, "n_frames": 1}, {}),
    "one actor": ({"n_clips": 3, "n_frames": 9}, {"validation_by": "clips"}),
    "two actors, one held out": ({"n_clips": 2, "n_frames": 9, "n_actors": 2}, {"validation_by": "actors"}),
    "last batch of one": ({"n_clips": 1, "n_frames": 17}, {"frames_per_step": 16, "frames_per_epoch": 0}),
    "steps of one frame": ({"n_clips": 2, "n_frames": 4}, {"frames_per_step": 1, "frames_per_epoch": 3}),
    "no validation": ({"n_clips": 2, "n_frames": 9}, {"validation_fraction": 0.0}),
    "step far above the data": ({"n_clips": 2, "n_frames": 9}, {"frames_per_step": 10**9}),
    "labels without motion": ({"n_clips": 3, "n_frames": 9}, {}),
    "silence": ({"n_clips": 3, "n_frames": 9}, {}),
    "neither sound nor motion": ({"n_clips": 3, "n_frames": 9}, {}),
}


def clips_of(name, feature):
    """The clips of a set with rows of a feature."""
    clips = make_clips(0, shape=(8, 80) if feature == "log_mel" else (32, 8), **SETS[name][0])
    for clip in clips:
        if feature == "log_mel":
            clip["features"] = -80 * clip["features"]
        if name in ("silence", "neither sound nor motion"):
            clip["features"][:] = -80 if feature == "log_mel" else 1
        if name in ("labels without motion", "neither sound nor motion"):
            clip["weights"][:] = 0.25
            clip["rotations"][:] = 0
    return clips


def prepare(folder, name, feature):
    """Train table and statistics of a set, tables of its clips' features, and a rig."""
    clips = clips_of(name, feature)
    made_with = LOG_MEL if feature == "log_mel" else {"n_fft": 64, "audio_sr": 8000}
    write_split(folder / "train.parquet", clips, feature=feature, settings=made_with)
    assert main(["label-stats", "--train", f"{folder}/train.parquet", "--out", f"{folder}/stats.json"]) == 0
    rows = {}
    for clip in clips:
        columns = {"frame": clip["frame"].astype(np.int32), "time": clip["frame"] / 30, feature: clip["features"]}
        rows["/".join(clip["id"])] = (columns, {"audio_sr": made_with["audio_sr"]})
    settings = {key: value for key, value in made_with.items() if key != "audio_sr"}
    write_clip_table(folder / "features.parquet", rows, stage=feature, settings=settings)
    ids = np.array([clip["id"] for clip in clips]).T
    columns = dict(zip(("dataset", "actor", "clip"), map(list, ids))) | {"split": ["predict"] * len(clips)}
    write_table(folder / "clips.parquet", columns, stage="splits")
    synthetic_rig().save(folder / "rig.npz")
    return list(rows)


def train_words(folder, model, out, **training):
    """The command line of training a model of `MODELS` on what `prepare` made."""
    keys = {"frames_per_step": 16, "frames_per_epoch": 32, "epochs": 2, "precision": "32", **training}
    settings = {**MODELS[model], "training": keys}
    return ["train-model", "--name", model, "--seed", "0", "--settings", json.dumps(settings), "--training",
            '{"threads": 1}', "--train", f"{folder}/train.parquet", "--stats", f"{folder}/stats.json", "--rig",
            f"{folder}/rig.npz", "--out", f"{out}/{model}.ckpt", "--log", f"{out}/log.csv",
            "--work-dir", f"{out}/work"]  # fmt: skip


def predict_words(folder, model, out):
    """The command line of predicting all clips of what `prepare` made."""
    return ["predict", "--model", str(model), "--clips", f"{folder}/clips.parquet", "--dataset", "set", "--features",
            f"{folder}/features.parquet", "--out", str(out)]  # fmt: skip
