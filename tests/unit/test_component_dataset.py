"""A dataset from another package, of numbered images and sound files, through the commands that list and hear clips."""

import json
import subprocess
import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest
from signals import speech_like
from toys import toy_package

from speechface.audio.sound import write_wav
from speechface.clip_tables import ClipTable
from speechface.sound_tables import read_sound, read_times
from speechface.tables import read_table

STILLS = '''
"""``<root>/<actor>/<clip>/001.png ...`` and ``<root>/<actor>/<clip>.wav``."""

import os

from pydantic import Field

from speechface.datasets.base import Clip, FilesSettings


class Settings(FilesSettings):
    """Keys of adapter stills."""

    fps: float = Field(25, gt=0)
    """Images a second."""


def clips(name, settings):
    found = []
    for actor in sorted(os.listdir(settings.root)):
        folder = os.path.join(settings.root, actor)
        for sound in sorted(file for file in os.listdir(folder) if file.endswith(".wav")):
            path = os.path.join(folder, sound)
            source = f"{path[:-4]}::audio={path}::fps={settings.fps}"
            found.append(Clip(name, actor, sound[:-4], source, sex="female"))
    return found
'''
SR = 44100


@pytest.fixture
def run(tmp_path):
    """Run a command where the toy is installed; returns the finished process."""
    environment = toy_package(tmp_path / "site", "dataset", "stills", STILLS)

    def run(*arguments):
        command = [sys.executable, "-m", "speechface", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


@pytest.fixture
def root(tmp_path):
    """Two clips of one person."""
    for clip, count in (("hello", 10), ("bye", 5)):
        folder = tmp_path / "data" / "ann" / clip
        folder.mkdir(parents=True)
        for k in range(1, count + 1):
            cv2.imwrite(str(folder / f"{k:03d}.png"), np.full((48, 64, 3), 20 * k, np.uint8))
        write_wav(folder.with_suffix(".wav"), speech_like(round(count / 12.5 * SR)), SR)
    return tmp_path / "data"


def test_a_dataset_of_another_package_is_listed_and_heard(run, root, tmp_path):
    entry = {"adapter": "stills", "root": str(root), "fps": 12.5, "role": "predict"}
    done = run("list-clips", "--config", json.dumps({"datasets": {"mine": entry}}), "--out", tmp_path / "clips.parquet")
    assert done.returncode == 0, done.stderr
    clips = read_table(tmp_path / "clips.parquet")
    assert clips["clip"].tolist() == ["bye", "hello"]
    assert set(clips["split"]) == {"predict"}
    assert set(clips["sex"]) == {"female"}
    assert clips.meta["settings"]["datasets"]["mine"]["fps"] == 12.5

    pairs = [f"mine/ann/{clip}={source}" for clip, source in zip(clips["clip"], clips["path"])]
    audio, out = tmp_path / "audio.parquet", tmp_path / "log_mel.parquet"
    assert run("extract-audio", "--clips", *pairs, "--out", audio).returncode == 0
    assert run("features", "log_mel", "--audio", audio, "--out", out).returncode == 0
    table = ClipTable(audio)
    times, fps = read_times(table, "mine/ann/hello")
    assert fps == 12.5
    np.testing.assert_array_equal(times, np.arange(10) / 12.5)
    meta = table.clip_meta("mine/ann/hello")
    assert (meta["width"], meta["height"], Fraction(meta["frame_rate"])) == (64, 48, Fraction(25, 2))
    sound, sr, _ = read_sound(table, "mine/ann/hello")
    np.testing.assert_allclose(sound, speech_like(round(0.8 * SR)), atol=0.6 / 32768)  # 16 bits
    assert [len(ClipTable(out).read(f"mine/ann/{clip}")) for clip in ("bye", "hello")] == [5, 10]


def test_a_missing_image_makes_the_clip_unusable(run, root, tmp_path):
    (root / "ann" / "hello" / "004.png").unlink()
    pairs = [f"mine/ann/{clip}={root}/ann/{clip}::audio={root}/ann/{clip}.wav::fps=12.5" for clip in ("bye", "hello")]
    assert run("extract-audio", "--clips", *pairs, "--out", tmp_path / "audio.parquet").returncode == 0
    table = ClipTable(tmp_path / "audio.parquet")
    assert table.entry("mine/ann/bye")["status"] == "ok"
    assert table.read("mine/ann/hello").reason.endswith("::fps=25/2: image 4 is missing between 1 and 10")
