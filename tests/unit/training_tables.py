"""Small train tables in which the labels are functions of the features, for tests of networks."""

import json

import numpy as np

from speechface.clip_tables import ClipRows
from speechface.clip_updates import update_clip_tables
from speechface.config import model_settings
from speechface.errors import ClipError
from speechface.networks.split_table import read_split
from speechface.networks.training import PLAIN, train
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.sections import TrainingSettings
from speechface.tables import streamed_table, to_arrow

__all__ = [
    "UNOBSERVED", "fit", "make_clips", "observed_mask", "split_table", "stats_of", "write_clip_table",
    "write_split", "write_stats",
]  # fmt: skip

#: Channels that the synthetic labels do not observe.
UNOBSERVED = ("eyeLookUpLeft", "eyeWideLeft")
STEP = 1 / 255


def make_clips(seed, *, n_clips, n_frames, shape=(32, 8), n_actors=1):
    """Return a list of dicts: clip id, features (T, *shape) in [0, 1], weights (T, 52), rotations (T, 3)."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(7).normal(size=(4, 55))
    clips = []
    for k in range(n_clips):
        drive = np.cumsum(rng.normal(0, 0.3, (n_frames, 4)), 0)
        drive = np.sin(drive)
        pattern = np.linspace(0, 3 * np.pi, int(np.prod(shape)))
        features = 0.5 + 0.1 * sum(drive[:, [j]] * np.cos((j + 1) * pattern)[None] for j in range(4))
        labels = drive @ mix
        clips.append({
            "id": ("set", f"Actor_{k % n_actors + 1:02d}", f"clip_{k}"),
            "frame": np.arange(n_frames),
            "features": np.clip(features, 0, 1).reshape(n_frames, *shape).astype(np.float32),
            "weights": (0.3 + 0.2 * np.tanh(labels[:, :52])).astype(np.float32),
            "rotations": (0.05 * labels[:, 52:]).astype(np.float32),
        })  # fmt: skip
    return clips


def observed_mask():
    return [name not in UNOBSERVED for name in CHANNELS]


def write_split(path, clips, *, feature="spectrogram", settings=None, channels=CHANNELS):
    """Write `clips` as the train table of `feature`, a clip a row group as build-split does."""
    stored = {"spectrogram": np.float32, "waveform": np.int16}.get(feature, np.float16)
    scaled = {feature: STEP} if feature == "spectrogram" else {}
    groups = []
    for clip in clips:
        n = len(clip["frame"])
        columns = {name: [clip["id"][k]] * n for k, name in enumerate(("dataset", "actor", "clip"))}
        columns |= {"frame": clip["frame"].astype(np.int32), "time": clip["frame"] / 30.0}
        columns[feature] = clip["features"].astype(stored)
        columns |= {name: np.ascontiguousarray(clip["rotations"][:, k]) for k, name in enumerate(ROTATIONS)}
        columns |= {name: np.ascontiguousarray(clip["weights"][:, k]) for k, name in enumerate(channels)}
        groups.append(to_arrow(columns, {}, scaled=scaled))
    observed = [name not in UNOBSERVED for name in channels]
    meta = {"channels": list(channels), "observed": observed, "feature": feature, "_scaled": scaled,
            "_shapes": {feature: list(clips[0]["features"].shape[1:])},
            "feature_settings": settings or {"n_fft": 64, "audio_sr": 8000}}  # fmt: skip
    with streamed_table(path, groups[0].schema, stage="splits", meta=meta) as write:
        for group in groups:
            write(group)


def split_table(folder, clips):
    """`clips` as a train table of spectrograms, written into `folder` and read."""
    write_split(folder / "train.parquet", clips)
    return read_split(folder / "train.parquet", "spectrogram")


def write_clip_table(path, clips, *, stage, settings=None, shared=(), scaled=None):
    """Write a table of many clips anew: clip id -> (columns, metadata), or why the clip cannot be used."""

    def make(clip_id):
        if isinstance(clips[clip_id], str):
            raise ClipError(clips[clip_id])
        return ClipRows(*clips[clip_id], scaled or {})

    if any("channels" in rows[1] for rows in clips.values() if not isinstance(rows, str)):
        shared = [*shared, "channels"]  # as all stages with weights do
    path.unlink(missing_ok=True)
    update_clip_tables({"table": path}, list(clips), make, stage=stage, settings=settings or {},
                       facts=lambda clip_id, known: {}, shared=shared)  # fmt: skip


def fit(table, clips, folder, *, model=None, seed=0, source=None, basis=None, schedule=((2e-3, 1),), width=0.1,
        name="net", kind=PLAIN, **training):  # fmt: skip
    """Train a tiny network for three short epochs; `model` and `training` are keys that differ."""
    settings = model_settings({"sequence_frames": 8, **(model or {})})
    keys = {"frames_per_step": 16, "frames_per_epoch": 48, "epochs": 3, "validation_fraction": 0.25, "threads": 1,
            "precision": "32", **training}  # fmt: skip
    return train(
        table, settings, TrainingSettings.parse(keys, "training"), stats_of(clips, feature=settings.feature), name=name,
        seed=seed, schedule=schedule, landmark_basis=basis, source=source, work_dir=folder, log=folder / "metrics.csv",
        width=width, kind=kind,
    )  # fmt: skip


def stats_of(clips, *, feature="spectrogram"):
    """Statistics of `clips` as label-stats gives them."""
    out = {"channels": list(CHANNELS), "observed": observed_mask(), "feature": feature, "n_clips": len(clips),
           "n_frames": sum(len(clip["frame"]) for clip in clips)}  # fmt: skip
    for name, key in (("weight", "weights"), ("rotation", "rotations"), ("feature", "features")):
        values = np.concatenate([clip[key] for clip in clips]).astype(np.float64)
        out[name + "_mean"], out[name + "_std"] = values.mean(0).tolist(), values.std(0).tolist()
    return out


def write_stats(path, clips, *, feature="spectrogram"):
    path.write_text(json.dumps(stats_of(clips, feature=feature)))
