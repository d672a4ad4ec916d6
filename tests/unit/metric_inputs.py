"""Labels, predictions and sound of a few made-up clips, for the tests of metrics."""

import json
import shutil

import numpy as np
from stored import write_clip_table, write_sounds
from synthetic import synthetic_rig

from speechface.clip_tables import ClipRows
from speechface.datasets.base import CLIP_COLUMNS
from speechface.reading import read
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.tables import write_table

__all__ = ["FRAMES", "Corpus", "evaluate_words", "results_folder", "summarise_words"]

FRAMES = 50


def tables_of(rng):
    """Labels and prediction of one clip; frame 4 is not used, the prediction lacks frame 9."""
    frames = np.arange(FRAMES, dtype=np.int32)
    true = np.clip(np.cumsum(rng.normal(0, 0.05, (FRAMES, 52)), 0) + 0.4, 0, 1).astype(np.float32)
    predicted = np.clip(true + rng.normal(0, 0.1, true.shape), 0, 1).astype(np.float32)
    pose = rng.normal(0, 0.1, (FRAMES, 3)).astype(np.float32)
    base = {"frame": frames, "time": frames / 25}
    labels = {**base, "used": frames != 4, **dict(zip(ROTATIONS, pose.T)), **dict(zip(CHANNELS, true.T))}
    table = {**base, **dict(zip(ROTATIONS, pose.T)), **dict(zip(CHANNELS, predicted.T))}
    meta = {"channels": list(CHANNELS)}
    predicted = ClipRows({k: v[frames != 9] for k, v in table.items()}, meta)
    return ClipRows(labels, {**meta, "observed": [True] * 52}), predicted


class Corpus:
    """Tables of four clips, two actors; the last clip has no prediction."""

    def __init__(self, root):
        root.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        self.root = root
        self.ids = [f"set/{actor}/{clip}" for actor in ("a", "b") for clip in ("one", "two")]
        made = [tables_of(rng) for _ in self.ids]
        labels = {clip_id: rows for clip_id, (rows, _) in zip(self.ids, made)}
        for actor in ("a", "b"):  # one shard an actor
            part = {clip_id: rows for clip_id, rows in labels.items() if f"/{actor}/" in clip_id}
            write_clip_table(root / "labels" / "set" / f"{actor}.parquet", "labels", part, shared=["observed"])
        self.predictions = {clip_id: rows for clip_id, (_, rows) in zip(self.ids, made)} | {self.ids[3]: "no sound"}
        self.predict()
        audio = 1e-4 * rng.normal(size=(4, 2 * 8000))
        audio[:, 4000:12000] += 0.3 * np.sin(0.3 * np.arange(8000))
        write_sounds(root / "audio.parquet", dict(zip(self.ids, audio)), sr=8000)
        table = {name: np.array([None] * 4, object) for name in CLIP_COLUMNS}
        names = np.array([clip_id.split("/") for clip_id in self.ids], object)
        table |= dict(zip(("dataset", "actor", "clip"), names.T))
        table["sex"] = np.array(["male", "male", "female", "female"], object)
        table["split"] = np.array(["test"] * 4, object)
        write_table(root / "clips.parquet", table, stage="splits")
        self.stats = {"channels": list(CHANNELS), "observed": [True] * 52,
                      "feature": "spectrogram", "n_frames": 10, "n_clips": 1,
                      "weight_mean": [0.4] * 52, "weight_std": [0.1] * 52, "rotation_mean": [0] * 3,
                      "rotation_std": [0.1] * 3, "feature_mean": [0], "feature_std": [1]}  # fmt: skip
        (root / "stats.json").write_text(json.dumps(self.stats))
        synthetic_rig(0).save(root / "rig.npz")

    def predict(self):
        write_clip_table(self.root / "predictions.parquet", "prediction", self.predictions)


def evaluate_words(root):
    """The command line of evaluate for a `Corpus`."""
    return ["evaluate", "--predictions", f"{root}/predictions.parquet", "--model", "cnn", "--seed", "3", "--labels",
            f"{root}/labels/set/a.parquet", f"{root}/labels/set/b.parquet", "--clips", f"{root}/clips.parquet",
            "--stats", f"{root}/stats.json", "--rig", f"{root}/rig.npz", "--audio", f"{root}/audio.parquet", "--out",
            f"{root}/evaluation.parquet"]  # fmt: skip


def summarise_words(root, **settings):
    return ["summarise-metrics", "--inputs", f"{root}/evaluation.parquet", "--out", f"{root}/metrics.parquet", "--csv",
            f"{root}/metrics.csv", "--settings", json.dumps({"bootstrap": 50, **settings})]  # fmt: skip


def results_folder(corpus, root):
    """The corpus as a finished run has it, with split tables to train on."""
    shutil.copytree(corpus.root / "labels", root / "labels")
    for source, target in (("clips.parquet", "splits"), ("rig.npz", "rig"), ("stats.json", "stats")):
        (root / target).mkdir()
        shutil.copyfile(corpus.root / source, root / target / source)
    labels = read(corpus.root / "labels/set/*.parquet")
    columns = {name: labels[name] for name in ("dataset", "actor", "clip", "frame", *CHANNELS)}
    columns["log_mel"] = np.random.default_rng(0).normal(size=(len(labels), 2, 3)).astype(np.float32)
    meta = {"channels": list(CHANNELS), "observed": [True] * len(CHANNELS)}
    for side in ("train", "test"):
        (root / "splits/log_mel").mkdir(exist_ok=True)
        write_table(root / f"splits/log_mel/{side}.parquet", columns, stage="splits", meta=meta)
