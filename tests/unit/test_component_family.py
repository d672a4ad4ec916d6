"""A family of models from outside the package: settings, training, prediction, by the real commands."""

import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from toys import toy_package
from training_tables import make_clips, write_clip_table, write_split, write_stats

from speechface.clip_tables import ClipTable
from speechface.errors import ModelError
from speechface.networks.loading import FORMAT, load_model
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.synthesis.visemes import INDEX
from speechface.tables import write_table

#: The jaw follows the mean of a row with some noise: a family that draws.
JAW = '''
    from dataclasses import dataclass, field

    import numpy as np

    from speechface.networks.families.base import Family, ModelSettings
    from speechface.rig.channels import ARKIT52 as CHANNELS
    from speechface.synthesis.visemes import INDEX
    from speechface.tables import row_groups


    class JawSettings(ModelSettings):
        """Keys of family jaw."""

        READS = ("image",)
        noise: float = 0.0


    @dataclass
    class Jaw:
        name: str
        seed: int
        feature: str
        slope: float
        noise: float
        facts: dict = field(default_factory=dict)
        family = "jaw"
        feature_settings = {}
        columns = CHANNELS
        observed = np.arange(len(CHANNELS)) == INDEX["jawOpen"]
        rest, rest_frames, draws = "none", 0, True

        def to(self, device):
            return self

        def predict(self, features, *, neutral=None, rng=None, n_samples=1):
            rng = rng or np.random.default_rng(self.seed)
            out = np.zeros((n_samples, len(features), len(CHANNELS)), np.float32)
            jaw = self.slope * features.reshape(len(features), -1).mean(1)
            out[:, :, INDEX["jawOpen"]] = jaw + self.noise * rng.standard_normal((n_samples, 1))
            return out


    def train(job):
        groups = list(row_groups(job.train, [job.settings.feature, "jawOpen"]))
        x = np.concatenate([group[job.settings.feature].reshape(len(group), -1).mean(1) for group in groups])
        y = np.concatenate([group["jawOpen"] for group in groups])
        with open(job.log, "w") as log:
            log.write("epoch,step,learning_rate,train_loss,val_loss,val_mouth_mm,windows_per_s,seconds\\n")
        return Jaw(job.name, job.seed, job.settings.feature, float(x @ y / (x @ x)), job.settings.noise)


    def content(model):
        return {key: getattr(model, key) for key in ("name", "seed", "feature", "slope", "noise", "facts")}


    def restore(content):
        return Jaw(**{key: content[key] for key in ("name", "seed", "feature", "slope", "noise", "facts")})


    FAMILY = Family(JawSettings, content, restore, train=train)
'''


def test_a_family_from_outside_trains_and_predicts(tmp_path):
    environment = toy_package(tmp_path / "site", "family", "jaw", JAW, "FAMILY")
    clips = make_clips(0, n_clips=2, n_frames=20)
    write_split(tmp_path / "train.parquet", clips)
    write_stats(tmp_path / "stats.json", clips)

    def command(*words):
        return subprocess.run(
            [sys.executable, "-m", "speechface", *map(str, words)], env=environment, capture_output=True, text=True
        )

    def train(settings):
        return command("train-model", "--name", "mine", "--seed", "3", "--settings", json.dumps(settings), "--train",
                       tmp_path / "train.parquet", "--stats", tmp_path / "stats.json", "--out", tmp_path / "m.ckpt",
                       "--log", tmp_path / "log.csv", "--work-dir", tmp_path / "work")  # fmt: skip

    run = train({"family": "jaw", "nose": 1})
    assert "unknown key 'nose'; did you mean 'noise'?" in run.stderr
    run = train({"family": "jaw", "feature": "log_mel"})
    assert "family jaw reads spectrogram" in run.stderr
    run = train({"family": "jaw", "noise": 0.01})
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "m.json").read_text())["family"] == "jaw"

    columns = {"frame": np.arange(20, dtype=np.int32), "time": np.arange(20) / 30, "spectrogram": clips[0]["features"]}
    write_clip_table(tmp_path / "f.parquet", {"set/Actor_01/a": (columns, {"audio_sr": 8000})}, stage="spectrogram")
    row = {"dataset": "set", "actor": "Actor_01", "clip": "a", "split": "test"}
    write_table(tmp_path / "clips.parquet", {name: [value] for name, value in row.items()}, stage="splits")
    run = command("predict", "--model", tmp_path / "m.ckpt", "--clips", tmp_path / "clips.parquet", "--dataset", "set",
                  "--features", tmp_path / "f.parquet", "--out", tmp_path / "p.parquet", "--seed", "5",
                  "--samples", "3")  # fmt: skip
    assert run.returncode == 0, run.stderr
    table = ClipTable(tmp_path / "p.parquet").read("set/Actor_01/a")
    loudness = clips[0]["features"].reshape(20, -1).mean(1)
    x = np.concatenate([np.round(clip["features"] * 255) / 255 for clip in clips]).reshape(40, -1).mean(1)
    y = np.concatenate([clip["weights"][:, INDEX["jawOpen"]] for clip in clips])
    offsets = 0.01 * np.random.default_rng([5, zlib.crc32(b"set/Actor_01/a")]).standard_normal(3)
    expected = (x @ y / (x @ x) * loudness)[:, None] + offsets
    np.testing.assert_allclose(table["jawOpen"], expected[:, 0], atol=1e-5)  # float32
    assert table["samples"].shape == (20, 2, len(CHANNELS))
    assert table.meta["columns"] == list(CHANNELS)
    np.testing.assert_allclose(table["samples"][:, :, INDEX["jawOpen"]], expected[:, 1:], atol=1e-5)
    assert not table.stack([name for name in CHANNELS if name != "jawOpen"]).any()


def test_a_model_of_a_family_that_is_not_installed_is_named(tmp_path):
    torch.save({"format": FORMAT, "family": "jaw"}, tmp_path / "m.ckpt")
    with pytest.raises(ModelError, match="m.ckpt: unknown family 'jaw'"):
        load_model(tmp_path / "m.ckpt")
