"""Tables of three small clips, from labels and features to splits and a trained network."""

import json

import numpy as np
from tests.unit.training_tables import make_clips, observed_mask, write_clip_table

from speechface.cli import main
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.tables import write_table

__all__ = ["clips_of", "command", "splits_of", "stats_of"]

N_FRAMES = 30


def command(*words):
    """Run a command; it must succeed."""
    assert main([str(word) for word in words]) == 0


def clips_of(folder):
    """Write a clip table, labels and spectrograms of three clips of two actors and of one without a face."""
    clips = make_clips(0, n_clips=4, n_frames=N_FRAMES, shape=(32, 8), n_actors=2)
    labels, features = {}, {}
    for k, clip in enumerate(clips):
        name, frame = "/".join(clip["id"]), clip["frame"].astype(np.int32)
        columns = {"frame": frame, "time": frame / 25, "used": frame % 11 != 5}
        columns |= dict(zip((*ROTATIONS, *CHANNELS), np.hstack([clip["rotations"], clip["weights"]]).T.copy()))
        labels[name] = (columns, {"channels": list(CHANNELS), "observed": observed_mask()})
        columns = {"frame": frame[k:], "time": frame[k:] / 25, "spectrogram": clip["features"][k:]}
        features[name] = (columns, {"audio_sr": 44100, "fps": 25.0})
    labels["/".join(clips[3]["id"])] = "no face was found"
    write_clip_table(folder / "labels.parquet", labels, stage="labels", shared=("channels", "observed"))
    write_clip_table(folder / "spectrogram.parquet", features, stage="spectrogram", settings={"n_fft": 256},
                     scaled={"spectrogram": 1 / 255})  # fmt: skip
    ids = np.array([clip["id"] for clip in clips], object).T
    columns = dict(zip(("dataset", "actor", "clip"), ids)) | {"split": np.array(["train", "test"] * 2, object)}
    write_table(folder / "clips.parquet", columns, stage="clips")
    return folder


def splits_of(folder):
    """The clip table with its splits, and train and test table."""
    clips_of(folder)
    command("split-clips", "--clips", folder / "clips.parquet", "--labels", folder / "labels.parquet", "--out",
            folder / "splits.parquet")  # fmt: skip
    command("build-split", "--clips", folder / "splits.parquet", "--feature", "spectrogram", "--features",
            folder / "spectrogram.parquet", "--labels", folder / "labels.parquet", "--train-out",
            folder / "train.parquet", "--test-out", folder / "test.parquet")  # fmt: skip
    return folder


def stats_of(folder):
    """The same, and the statistics of the train table, which are returned."""
    splits_of(folder)
    command("label-stats", "--train", folder / "train.parquet", "--out", folder / "stats.json")
    return json.loads((folder / "stats.json").read_text())
