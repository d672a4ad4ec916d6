"""A feature from another package: known by its name, with its own section, through the command that computes it."""

import subprocess
import sys

import numpy as np
import pytest
from signals import noise, write_sound_table
from toys import toy_package

from speechface.clip_tables import ClipTable

LOUDNESS = '''
"""Loudness of the sound that ends with each video frame."""

import numpy as np
from pydantic import Field

from speechface.audio.feature import Feature
from speechface.audio.windows import windows
from speechface.settings import Settings


class LoudnessSettings(Settings):
    """Root mean square of the sound."""

    samples: int = Field(1000, ge=1)
    """Length of the window."""


def compute(audio, ends, sr, settings):
    return np.sqrt((windows(audio, ends, settings.samples) ** 2).mean(1, keepdims=True))


FEATURE = Feature(
    settings=LoudnessSettings, compute=compute, shape=lambda settings: (1,), kind="vector",
    storage=lambda settings: "float32", look_ahead_ms=lambda settings: 0.0,
    description=lambda settings: {"unit": "full scale"}, version=4,
)
'''


@pytest.fixture
def run(tmp_path):
    """Run a command where the toy is installed; returns the finished process."""
    environment = toy_package(tmp_path / "site", "feature", "loudness", LOUDNESS, "FEATURE")

    def run(*arguments):
        command = [sys.executable, "-m", "speechface", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


def test_a_feature_of_another_package_is_computed_like_ours(run, tmp_path):
    sound = np.rint(noise(8000) * 32768).astype(np.float32) / 32768
    audio, out = tmp_path / "audio.parquet", tmp_path / "loudness.parquet"
    write_sound_table(audio, {"d/a/c": sound, "d/a/n": "no sound"}, sr=16000, fps=25, n_frames=10)
    done = run("features", "loudness", "--audio", audio, "--out", out, "--settings", '{"samples": 320}')
    assert done.returncode == 0, done.stderr
    table = ClipTable(out)
    ends = 640 * np.arange(1, 11)
    want = [np.sqrt((sound[end - 320 : end] ** 2).mean()) for end in ends]
    np.testing.assert_allclose(table.read("d/a/c")["loudness"][:, 0], want, rtol=1e-5)  # float32 sums
    assert table.read("d/a/n").reason == "no sound"
    assert (table.meta["stage"], table.meta["stage_version"], table.meta["unit"]) == ("loudness", 4, "full scale")
    assert table.meta["settings"] == {"samples": 320}


def test_its_settings_are_checked_like_ours(run, tmp_path):
    write_sound_table(tmp_path / "audio.parquet", {"d/a/c": noise(8000)}, sr=16000, fps=25, n_frames=10)
    done = run("features", "loudness", "--audio", tmp_path / "audio.parquet", "--out", tmp_path / "x.parquet",
               "--settings", '{"sample": 320}')  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().endswith("--settings (loudness): unknown key 'sample'; did you mean 'samples'?")


def test_it_has_a_section_of_the_configuration(run, tmp_path):
    config = "datasets: {demo: {adapter: demo, role: predict}}\nloudness: {samples: 7}\n"
    (tmp_path / "config.yaml").write_text(config)
    done = run("check-config", tmp_path / "config.yaml")
    assert done.returncode == 0, done.stderr
    assert "samples: 7" in done.stdout or '"samples": 7' in done.stdout
