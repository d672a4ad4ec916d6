"""Many clips a job: one that changes, comes, goes or fails costs itself alone."""

import os
import re
import shutil

import numpy as np
import pytest
import yaml

from .conftest import snakemake, write_video

pytestmark = pytest.mark.workflow

STAGES = {"audio": "flac", "landmarks": "parquet", "crops": "mp4", "spectrogram": "parquet", "labels": "parquet"}
SPECTROGRAMS = "results/spectrogram/mine/ann/{}.parquet"
#: A module that Python loads by itself: reading the sound of clip b is a bug.
BUG = """
import speechface.audio.sound as sound
whole = sound.read_sound
def faulty(path):
    if str(path).endswith("/b.flac"):
        raise ZeroDivisionError("a bug in one clip")
    return whole(path)
sound.read_sound = faulty
"""


def flat_video(path, level):
    """A clip of one second without a face; `level` tells one from another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, image=lambda k: np.full((64, 64, 3), level + k, np.uint8))


def configure(folder, **changes):
    config = {
        "datasets": {"mine": {"adapter": "folder", "root": "videos", "split": {"train": ["ann"], "test": ["bob"]}}},
        "models": {"cnn": {}},
        **changes,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A run of `prepare` on three clips of one speaker and one of another."""
    folder = tmp_path_factory.mktemp("prepared")
    for level, clip in enumerate(("ann/a", "ann/b", "ann/c", "bob/d")):
        flat_video(folder / f"videos/{clip}.mp4", 40 * level)
    configure(folder)
    snakemake(folder, "prepare")
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy of that run for a test to change; hard links stay hard links."""
    copy = tmp_path / "run"
    shutil.copytree(prepared, copy, copy_function=shutil.copy2, ignore=shutil.ignore_patterns(".kept"))
    for path in (prepared / "results/.kept").rglob("*.*"):
        if path.is_file():
            target = copy / path.relative_to(prepared)
            target.parent.mkdir(parents=True, exist_ok=True)
            visible = copy / "results" / path.relative_to(prepared / "results/.kept")
            if visible.exists():
                os.link(visible, target)
            else:
                shutil.copy2(path, target)
    return copy


def files(folder):
    """stage/actor/clip -> inode; a file that is made again while the old one is kept has another one."""
    return {
        f"{stage}/{path.parent.name}/{path.stem}": path.stat().st_ino
        for stage, suffix in STAGES.items()
        for path in (folder / "results" / stage / "mine").rglob(f"*/?.{suffix}")
    }


def made(before, after):
    """The files that are new or were made again."""
    return {name for name, inode in after.items() if before.get(name) != inode}


def test_a_changed_video_costs_that_clip_alone(folder):
    before = files(folder)
    assert len(before) == 4 * len(STAGES)
    flat_video(folder / "videos/ann/b.mp4", 200)
    (folder / "videos/bob/d.mp4").touch()  # which changes nothing
    output = snakemake(folder, "prepare", "--quiet", "host")
    assert "extract_wav__mine_ann" in output
    assert "extract_wav__mine_bob" not in output
    # all clips have the same sound and none a face: what is made of the wav or of the landmarks stays the same
    assert made(before, files(folder)) == {"audio/ann/b", "landmarks/ann/b", "crops/ann/b"}
    assert "Nothing to be done" in snakemake(folder, "prepare", "--dry-run")


def test_a_new_clip_costs_itself(folder):
    before = files(folder)
    flat_video(folder / "videos/ann/e.mp4", 200)
    snakemake(folder, SPECTROGRAMS.format("e"), "results/crops/mine/ann/e.mp4")
    assert made(before, files(folder)) == {f"{stage}/ann/e" for stage in STAGES if stage != "labels"}


def test_a_bug_in_one_clip_leaves_the_others_and_the_next_run_makes_that_clip(folder, tmp_path, monkeypatch):
    before = files(folder)
    (tmp_path / "sitecustomize.py").write_text(BUG)
    configure(folder, spectrogram={"top_db": 60})
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        output = snakemake(folder, "prepare", check=False)
    assert "failed job spectrogram__mine_ann" in output
    assert "2 finished files of failed jobs are back in place" in output
    log = (folder / "logs/spectrogram/mine/ann.log").read_text()
    assert "ZeroDivisionError: a bug in one clip" in log
    assert f"1 of 3 clips failed, the others are done: {SPECTROGRAMS.format('b')}" in log.splitlines()[-1]
    after = files(folder)
    # the changed parameter made all spectrograms again, and nothing else
    assert made(before, after) == {"spectrogram/ann/a", "spectrogram/ann/c", "spectrogram/bob/d"}
    assert before.keys() - after.keys() == {"spectrogram/ann/b"}
    snakemake(folder, "prepare")
    assert made(after, files(folder)) == {"spectrogram/ann/b"}
    assert "Nothing to be done" in snakemake(folder, "prepare", "--dry-run")


@pytest.mark.parametrize(("batch", "name"), [("clip", "spectrogram"), (2, "spectrogram__mine_ann_002")])
def test_other_batches_make_nothing_again(batch, name, folder):
    before = files(folder)
    configure(folder, batch=batch)
    targets = [SPECTROGRAMS.format(clip) for clip in "abc"]
    output = snakemake(folder, *targets, "--quiet", "host")
    assert re.search(rf"^(local)?rule {name}:", output, re.M)
    assert files(folder) == before
    assert "Nothing to be done" in snakemake(folder, *targets, "--dry-run")


def test_other_settings_of_face_images_make_nothing_else_again(folder):
    before = files(folder)
    configure(folder, crops={"size": 64})
    snakemake(folder, "prepare")
    assert made(before, files(folder)) == {f"crops/{clip}" for clip in ("ann/a", "ann/b", "ann/c", "bob/d")}
    assert "Nothing to be done" in snakemake(folder, "prepare", "--dry-run")
    configure(folder, crops={"size": 64, "clips": "shown"})
    assert "Nothing to be done" in snakemake(folder, "prepare", "--dry-run")
