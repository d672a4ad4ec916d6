"""Many clips a job: one that changes, comes, goes, fails or is killed costs itself alone."""

import re
import shutil

import numpy as np
import pytest
import yaml

from speechface.clip_tables import ClipTable

from .conftest import snakemake, write_video

pytestmark = pytest.mark.workflow

#: A module that Python loads by itself: what happens to the spectrogram of clip b.
SABOTAGE = """
import speechface.audio.features as features
from speechface import logs
whole = features.compute
def faulty(*args, **options):
    if logs._CLIP.get() == "mine/ann/b":
        {what}
    return whole(*args, **options)
features.compute = faulty
"""


def flat_video(path, level):
    """A clip of one second without a face; `level` tells one from another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, image=lambda k: np.full((64, 64, 3), level + k, np.uint8))


def configure(folder, **changes):
    config = {
        "datasets": {"mine": {"adapter": "folder", "root": "videos", "split": {"train": ["ann"], "test": ["bob"]}}},
        "models": {"cnn": {}},
        "crops": {"clips": "all"},
        **changes,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A run of `prepare` on three clips of one actor and one of another."""
    folder = tmp_path_factory.mktemp("prepared")
    for level, clip in enumerate(("ann/a", "ann/b", "ann/c", "bob/d")):
        flat_video(folder / f"videos/{clip}.mp4", 40 * level)
    configure(folder)
    snakemake(folder, "prepare")
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy of that run for a test to change; times of change stay."""
    copy = tmp_path / "run"
    shutil.copytree(prepared, copy)
    shutil.rmtree(copy / "logs")
    return copy


def counts(folder, rule, shard="mine/ann"):
    """(made, kept) of the job's last attempt by its log, None where it did not run."""
    log = folder / f"logs/{rule}/{shard}.log"
    found = re.findall(r"\d+ clips: (\d+) made, (\d+) kept", log.read_text()) if log.exists() else []
    return tuple(map(int, found[-1])) if found else None


def clips(folder, stage, shard="mine/ann"):
    return list(ClipTable(folder / f"results/{stage}/{shard}.parquet").entries)


def nothing_to_do(folder, *targets):
    return "Nothing to be done" in snakemake(folder, *targets, "--dry-run")


def test_a_changed_video_costs_that_clip_alone(folder):
    flat_video(folder / "videos/ann/b.mp4", 200)
    (folder / "videos/bob/d.mp4").touch()  # which changes nothing
    snakemake(folder, "prepare")
    assert counts(folder, "extract_audio") == (1, 2)
    assert counts(folder, "detect_landmarks") == (1, 2)
    # all clips have the same sound: what is made of it stays the same
    assert counts(folder, "spectrogram") == (0, 3)
    # Snakemake itself compares the contents of small files; of large ones the command does
    assert counts(folder, "extract_audio", "mine/bob") in (None, (0, 1))
    assert nothing_to_do(folder, "prepare")


def test_a_new_clip_costs_itself_and_one_that_goes_nothing(folder):
    flat_video(folder / "videos/ann/e.mp4", 200)
    (folder / "videos/ann/a.mp4").unlink()
    snakemake(folder, "prepare")
    for rule in ("extract_audio", "detect_landmarks", "spectrogram"):
        assert counts(folder, rule) == (1, 2), rule
    assert clips(folder, "spectrogram") == ["mine/ann/b", "mine/ann/c", "mine/ann/e"]
    assert counts(folder, "extract_audio", "mine/bob") is None
    assert nothing_to_do(folder, "prepare")


@pytest.fixture
def sabotage(tmp_path, monkeypatch):
    def begin(what):
        (tmp_path / "sitecustomize.py").write_text(SABOTAGE.format(what=what))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    yield begin
    monkeypatch.undo()


def test_a_bug_in_one_clip_leaves_the_others_and_the_next_run_makes_that_clip(folder, sabotage, monkeypatch):
    configure(folder, spectrogram={"top_db": 60})
    with monkeypatch.context():
        sabotage("raise ZeroDivisionError('a bug in one clip')")
        output = snakemake(folder, "prepare", check=False)
    monkeypatch.undo()
    assert re.search(r"failed.*spectrogram|spectrogram.*failed", output, re.I)
    log = (folder / "logs/spectrogram/mine/ann.log").read_text()
    assert "ZeroDivisionError: a bug in one clip" in log
    assert "1 of 3 clips failed, the others are done: mine/ann/b" in output  # on the screen, too
    assert "1 of 3 clips failed, the others are done: mine/ann/b" in log.splitlines()[-1]
    assert counts(folder, "spectrogram", "mine/bob") == (1, 0)
    # the table of before is back in place until the new one is whole
    assert ClipTable(folder / "results/spectrogram/mine/ann.parquet").meta["settings"]["top_db"] == 80
    snakemake(folder, "prepare")
    assert counts(folder, "spectrogram") == (1, 2)
    assert ClipTable(folder / "results/spectrogram/mine/ann.parquet").meta["settings"]["top_db"] == 60
    assert nothing_to_do(folder, "prepare")


def test_a_killed_job_loses_the_clip_in_work_alone(folder, sabotage, monkeypatch):
    configure(folder, spectrogram={"top_db": 60})
    sabotage("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    snakemake(folder, "prepare", check=False)
    monkeypatch.undo()
    assert list((folder / "results/spectrogram/mine").glob(".ann.finished*"))  # clip a, which was finished
    snakemake(folder, "prepare")
    assert counts(folder, "spectrogram") == (2, 1)
    assert not list((folder / "results/spectrogram/mine").glob(".ann.finished*"))
    assert nothing_to_do(folder, "prepare")


def test_a_damaged_table_is_named_and_made_again(folder):
    path = folder / "results/spectrogram/mine/ann.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    configure(folder, spectrogram={"top_db": 60})
    snakemake(folder, "prepare")
    log = (folder / "logs/spectrogram/mine/ann.log").read_text()
    assert "results/spectrogram/mine/ann.parquet: not a readable Parquet table" in log
    assert counts(folder, "spectrogram") == (3, 0)


def test_parts_of_an_actor_are_jobs_of_their_own(folder):
    configure(folder, shard_clips=2)
    snakemake(folder, "prepare")
    parts = sorted(path.stem for path in (folder / "results/spectrogram/mine").glob("ann.*of2.parquet"))
    assert parts
    assert sorted(clip for part in parts for clip in clips(folder, "spectrogram", f"mine/{part}")) == [
        "mine/ann/a", "mine/ann/b", "mine/ann/c",
    ]  # fmt: skip
    configure(folder)
    snakemake(folder, "prepare")
    assert counts(folder, "spectrogram") == (0, 3)  # the whole table is there still; delays were pooled anew


def test_other_settings_of_face_images_make_nothing_else_again(folder):
    configure(folder, crops={"clips": "all", "size": 64})
    snakemake(folder, "prepare")
    assert counts(folder, "crop_faces") == (3, 0)
    assert counts(folder, "detect_landmarks") is None
    assert nothing_to_do(folder, "prepare")


def test_a_step_is_made_anew_by_deleting_its_tables(folder):
    snakemake(folder, "prepare", "--forcerun", "spectrogram")
    assert counts(folder, "spectrogram") == (0, 3)
    shutil.rmtree(folder / "results/spectrogram")
    snakemake(folder, "prepare")
    assert counts(folder, "spectrogram") == (3, 0)


def test_sound_and_face_images_are_unpacked_for_people(folder):
    snakemake(folder, "wav", "crops")
    assert sorted(p.name for p in (folder / "results/wav/mine/ann").iterdir()) == ["a.wav", "b.wav", "c.wav"]
    # no clip shows a face
    assert (folder / "results/crops/files.txt").read_text() == ""
