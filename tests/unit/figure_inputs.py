"""A small made-up results folder, as the workflow would write it, for the tests of figures."""

import numpy as np
from signals import speech_like
from stored import write_clip_table, write_sounds
from synthetic import synthetic_rig

from speechface.audio.features import FEATURES, compute
from speechface.audio.synchrony import DELAYS_MS
from speechface.clip_tables import ClipRows
from speechface.commands.compare_models import COLUMNS
from speechface.config import defaults
from speechface.datasets.base import CLIP_COLUMNS
from speechface.geometry.camera import Camera
from speechface.geometry.rotation import matrix_from_euler
from speechface.metrics.statistics import empty_statistics
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.tables import write_table

__all__ = ["GRAPH", "SUMMARY", "clip_row", "id_of", "label_rows", "texts", "write_clips", "write_log", "write_metrics",
           "write_quality", "write_results"]  # fmt: skip

#: A graph of rules as Snakemake writes it.
GRAPH = """digraph snakemake_dag {
    node[shape=box, style=rounded, fontname=sans, fontsize=10, penwidth=2];
	0[label = "all", color = "0.1 0.6 0.85", style="rounded"];
	1[label = "list_clips", color = "0.38 0.6 0.85", style="rounded"];
	2[label = "extract_audio", color = "0.31 0.6 0.85", style="rounded,dashed"];
	3[label = "train_model", color = "0.14 0.6 0.85", style="rounded"];
	1 -> 2
	2 -> 3
	1 -> 3
	3 -> 0
	2 -> 0
}
"""
FPS, SR = 30000 / 1001, 44100
SUMMARY = ("model", "seed", "dataset", "split", "group", "value_of_group", "metric", "unit", "value", "low", "high",
           "n_clips")  # fmt: skip


def clip_row(clip, emotion=None, *, actor="Actor_01", statement="kids", split="test", path="", **facts):
    return {**dict.fromkeys(CLIP_COLUMNS), "dataset": "demo", "actor": actor, "clip": clip, "path": path,
            "emotion": emotion, "statement": statement, "split": split, **facts}  # fmt: skip


def write_clips(path, rows):
    write_table(path, {name: np.array([row[name] for row in rows], object) for name in CLIP_COLUMNS}, stage="clips")


def id_of(row):
    return f"{row['dataset']}/{row['actor']}/{row['clip']}"


def feature_rows(name, seconds=2.0, seed=0):
    """Rows of the feature `name` of one clip, of real feature values of a made-up voice."""
    feature, settings = FEATURES[name], defaults(name)
    times = np.arange(round(seconds * FPS)) / FPS
    audio = speech_like(round(seconds * SR), seed=seed) * np.float32(1 + 0.3 * seed)
    values = compute(name, audio, times, fps=FPS, sr=SR, settings=settings)
    scaled = {name: 1 / 255} if feature.storage(settings) == "uint8" else {}
    columns = {"frame": np.arange(len(times), dtype=np.int32), "time": times, name: values}
    return ClipRows(columns, {"audio_sr": SR, "fps": FPS, **feature.description(settings)}, scaled)


def label_rows(*, seed=0, noise=0.0, n=40, width=320, height=240, kind="labels"):
    """Labels or a prediction: the mouth opens and shuts, the head sways; `noise` is added to weights."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / FPS
    weights = np.zeros((n, 52))
    weights[:, CHANNELS.index("jawOpen")] = 0.5 - 0.5 * np.cos(2 * np.pi * 2 * time)
    weights[:, CHANNELS.index("mouthSmileLeft")] = 0.3
    weights = np.clip(weights + noise * rng.standard_normal(weights.shape), 0, 1).astype(np.float32)
    angles = np.stack([0.05 * np.sin(3 * time), 0.1 * np.sin(2 * time), 0 * time], 1).astype(np.float32)
    columns = {"frame": np.arange(n, dtype=np.int32), "time": time}
    columns |= {name: weights[:, k] for k, name in enumerate(CHANNELS)}
    columns |= {name: angles[:, k] for k, name in enumerate(ROTATIONS)}
    meta = {"model": "cnn", "seed": 0, "channels": list(CHANNELS)}
    if kind == "labels":
        camera = Camera.for_image(width, height, 3.0)
        columns |= {"detected": np.ones(n, bool), "used": np.arange(n) % 7 != 3}
        columns["reprojection_px"] = np.linspace(0.5, 1.5, n).astype(np.float32)
        columns |= {f"translation_{axis}": np.full(n, value, np.float32) for axis, value in zip("xyz", (5, 0, -1500))}
        meta = {"focal_px": camera.focal, "centre_px": list(camera.centre), "fps": FPS,
                "rotation_reference": matrix_from_euler([0, 0.1, 0]).tolist(), "channels": list(CHANNELS)}  # fmt: skip
    return ClipRows(columns, meta)


def write_quality(root, rows, *, n=40, width=320, height=240):
    """Landmarks of every clip, points on a circle, delays, and a quality table: the last clip misses most, clip1's lips
    are open though shut, clip2's sound is another's; clip0 has a gap. The detector sees no irises."""
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points = np.stack([width / 2 + 30 * np.cos(angle), height / 2 + 30 * np.sin(angle)], 1)
    seen = {"frame": np.arange(n), "landmarks": np.tile(points, (n, 1, 1)).astype(np.float32)}
    detected = {id_of(row): ClipRows(seen, {"detector": "dlib"}) for row in rows}
    write_clip_table(root / "landmarks.parquet", "landmarks", detected)
    columns = {name: [row[name] for row in rows] for name in ("dataset", "actor", "clip")}
    count = len(rows)
    columns["reprojection_pct_iod"] = np.linspace(0.8, 1.6, count)
    columns |= {"n_frames": np.full(count, n), "shut_fraction": np.full(count, 0.5), "gaps": np.arange(count)[::-1],
                "lip_gap_amplitude": np.linspace(0.99, 0.9, count), "gaze_seen": np.zeros(count)}  # fmt: skip
    columns |= dict.fromkeys(("gaze_spread", "delay_own_ms", "delay_own_sigma_ms"), np.full(count, np.nan))
    columns |= {
        "shut_open_fraction": 1.0 * (np.arange(count) == 1),
        "longest_gap_s": 0.2 * (np.arange(count) == 0),
        "sound_agreement": np.where(np.arange(count) == 2, 0.01, 1.0),
        "audio_delay_ms": np.full(count, 70.0),
    }
    write_table(root / "quality.parquet", columns, stage="label_report")
    curve = ClipRows({"curve": -0.5 * ((DELAYS_MS[None] + 200) / 20.0) ** 2})
    write_clip_table(root / "delays.parquet", "delays", {id_of(row): curve for row in rows})


def write_log(path, *, epochs=12, seed=0, mouth=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    lines = ["epoch,step,learning_rate,train_loss,val_loss,val_mouth_mm,windows_per_s,seconds"]
    for epoch in range(epochs):
        train = 0.9 * np.exp(-epoch / 6) + 0.1 + 0.01 * rng.random()
        val = 0.8 * np.exp(-epoch / 5) + 0.25 + 0.006 * epoch + 0.02 * rng.random()
        rate = 0.005 if epoch < 3 else 0.0025 if epoch < 7 else 0.001
        lines.append(
            f"{epoch},{10 * epoch},{rate},{train:.5f},{val:.5f},{f'{1.5 + val:.4f}' if mouth else ''},100,{epoch}"
        )
    path.write_text("\n".join(lines) + "\n")


def write_metrics(
    path, *, models=("cnn", "gru", "ridge", "knn", "mean", "neutral"), emotions=("neutral", "happy", "sad"), n_clips=2
):
    """A metrics table: later models are worse; `n_clips` of each emotion; returns the rows."""
    rng = np.random.default_rng(0)
    rows = []
    for place, model in enumerate(models):
        for seed in (0, 1) if model == "cnn" else (0,):
            for group, value_of_group in (("all", "all"), *(("emotion", e) for e in emotions)):
                base = 1.3 + 0.3 * place + 0.05 * rng.standard_normal()
                values = {
                    "rmse_mouth_mm": ("mm", base), "lip_gap_r": ("", 1 - base / 4), "r2_mouth": ("", 1.2 - base / 2),
                    "mse_weights_e2": ("1e-2", 2 * base), "self_smoothness_e2": ("1e-2", base),
                }  # fmt: skip
                for metric, (unit, value) in values.items():
                    rows.append((model, seed, "demo", "test", group, value_of_group, metric, unit, value, value - 0.1,
                                 value + 0.12, 8 if group == "all" else n_clips))  # fmt: skip
    columns = {name: np.array(values) for name, values in zip(SUMMARY, zip(*rows))}
    write_table(path, columns, stage="evaluation")
    return [dict(zip(SUMMARY, row)) for row in rows]


def write_models(path, *, models=("tcn", "cnn", "ridge", "mean"), more=None):
    """A table of compare-models: the first model is the reference and the best, later ones are worse.

    more : further metrics, name -> (unit, value of each model)
    """
    rows = []
    for split, *counts in (("test", 8, 1), ("predict", 6, 4)):
        for place, model in enumerate(models):
            base = 1.2 + 0.3 * place
            values = {
                "rmse_mouth_mm": ("mm", base), "rmse_mouth_centred_mm": ("mm", 0.9 * base),
                "r2_mouth": ("", 1.2 - base / 2), "r2c_mouth": ("", 1 - base / 2), "lip_gap_r": ("", 1 - base / 4),
            }  # fmt: skip
            values |= {metric: (unit, of_model[place]) for metric, (unit, of_model) in (more or {}).items()}
            worse = 0.3 * place if place else np.nan
            for metric, (unit, value) in values.items():
                interval = (value, value - 0.1, value + 0.1, np.nan if place else 0.02)
                difference = (worse, worse - 0.05, worse + 0.05)
                rows.append((model, 1 if place else 2, "demo", split, metric, unit, *interval, *difference, *counts,
                             base if place < 2 else np.nan, place == 0))  # fmt: skip
    columns = {name: np.array(values) for name, values in zip(COLUMNS, zip(*rows))}
    write_table(path, columns, stage="evaluation", meta={"reference": models[0]})


def write_results(root, *, emotions=("neutral", "happy", "sad", "disgust"), clip="clip", **facts):
    """A whole folder: clips, features, labels, predictions, identity, rig, logs and metrics; returns the clip rows."""
    rows = [clip_row(f"{clip}{k}", emotion, **facts) for k, emotion in enumerate(emotions)]
    write_clips(root / "clips.parquet", rows)
    for name in ("spectrogram", "acoustics"):
        made = {id_of(row): feature_rows(name, 1.5 + 0.2 * k, k) for k, row in enumerate(rows)}
        write_clip_table(root / f"{name}.parquet", name, made, settings=defaults(name))
    write_clip_table(root / "labels.parquet", "labels", {id_of(row): label_rows() for row in rows})
    predicted = {id_of(row): label_rows(noise=0.05, seed=k, kind="prediction") for k, row in enumerate(rows)}
    write_clip_table(root / "predictions.parquet", "prediction", predicted, shared=("model", "seed"))
    write_spoken(root, rows)
    write_quality(root, rows)
    synthetic_rig().save(root / "rig.npz")
    (root / "identity" / "demo").mkdir(parents=True)
    np.savez(root / "identity" / "demo" / "Actor_01.npz", identity=np.array([0.3, -0.5, 0.2], np.float32))
    for model, seed in (("cnn", 0), ("cnn", 1), ("gru", 0)):
        write_log(root / "models" / model / str(seed) / "log.csv", seed=seed, mouth=model == "cnn")
    write_metrics(root / "metrics.parquet")
    write_models(root / "models.parquet")
    return rows


def write_spoken(root, rows):
    """Sound, exact truth with phonemes, and a table of 'evaluate' in which later clips are worse."""
    audio = {id_of(row): speech_like(SR, seed=k) for k, row in enumerate(rows)}
    write_sounds(root / "audio.parquet", audio, sr=SR, fps=FPS, n_frames=30)
    phonemes = {"phonemes": [[0.1, 0.3, "ˈɑː", "father"], [0.3, 0.5, "m", "bilabial"]]}
    truth = {id_of(row): ClipRows(label_rows().columns, phonemes) for row in rows}
    write_clip_table(root / "truth.parquet", "demo", truth)
    statistics = [empty_statistics(46) for _ in rows]
    for k, own in enumerate(statistics):
        own |= {"n_clips": np.array(1.0), "n_frames": np.array(10.0), "landmarks_sq": np.full(68, 10.0 * (k + 1))}
    columns = {name: [row[name] for row in rows] for name in ("dataset", "actor", "clip", "split")}
    columns |= {name: np.array([own[name] for own in statistics]) for name in statistics[0]}
    write_table(root / "evaluations.parquet", columns, stage="evaluation", meta={"model": "cnn", "seed": 0})


def write_nothing(path):
    unusable = {"status": "unusable", "reason": "made for a test"}
    write_table(path, {"frame": np.zeros(0, np.int32)}, stage="labels", meta=unusable)


def texts(figure):
    """All words of a figure."""
    from matplotlib.text import Text

    return " | ".join(t.get_text() for t in figure.findobj(Text) if t.get_text())
