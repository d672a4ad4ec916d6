"""Small train tables in which the labels are functions of the features, for tests of networks."""

import json

import numpy as np

from speechface.rig.channels import CHANNELS, ROTATIONS
from speechface.tables import write_table

__all__ = ["make_clips", "write_split", "write_stats", "stats_of", "observed_mask", "UNOBSERVED"]

#: Channels that the synthetic labels do not observe.
UNOBSERVED = ("eyeLookUpLeft", "eyeWideLeft")
STEP = 1 / 255


def make_clips(seed, *, n_clips, n_frames, shape=(32, 8), n_actors=1):
    """Return a list of dicts: clip id, features (T, *shape) in [0, 1], weights (T, 46), rotations (T, 3)."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(7).normal(size=(4, 49))
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
            "weights": (0.3 + 0.2 * np.tanh(labels[:, :46])).astype(np.float32),
            "rotations": (0.05 * labels[:, 46:]).astype(np.float32),
        })  # fmt: skip
    return clips


def observed_mask():
    return [name not in UNOBSERVED for name in CHANNELS]


def write_split(path, clips, *, feature="spectrogram", settings=None):
    """Write `clips` as the train table of `feature`."""
    frame, features, weights, rotations = (
        np.concatenate([clip[key] for clip in clips]) for key in ("frame", "features", "weights", "rotations")
    )
    frame, count = frame.astype(np.int32), [len(clip["frame"]) for clip in clips]
    columns = {
        name: [clip["id"][k] for clip, n in zip(clips, count) for _ in range(n)]
        for k, name in enumerate(("dataset", "actor", "clip"))
    }
    columns |= {"frame": frame, "time": frame / 30.0}
    columns[feature] = features.astype({"spectrogram": np.float32, "waveform": np.int16}.get(feature, np.float16))
    columns |= {name: rotations[:, k] for k, name in enumerate(ROTATIONS)}
    columns |= {name: weights[:, k] for k, name in enumerate(CHANNELS)}
    meta = {"channels": list(CHANNELS), "observed": observed_mask(), "feature": feature,
            "feature_settings": settings or {"n_fft": 64, "sr": 8000}}  # fmt: skip
    write_table(path, columns, stage="splits", meta=meta, scaled={feature: STEP} if feature == "spectrogram" else None)


def stats_of(clips, *, feature="spectrogram"):
    """Statistics of `clips` as label-stats gives them."""
    out = {"channels": list(CHANNELS), "observed": observed_mask(), "feature": feature}
    for name, key in (("weight", "weights"), ("rotation", "rotations"), ("feature", "features")):
        values = np.concatenate([clip[key] for clip in clips]).astype(np.float64)
        out[name + "_mean"], out[name + "_std"] = values.mean(0).tolist(), values.std(0).tolist()
    return out


def write_stats(path, clips, *, feature="spectrogram"):
    path.write_text(json.dumps(stats_of(clips, feature=feature)))
