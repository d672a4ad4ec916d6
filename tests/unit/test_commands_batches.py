"""Several clips a process: each with its own outputs and errors."""

import json
import logging
import re

import numpy as np
import pytest
from signals import speech_like

from speechface.audio.sound import write_sound
from speechface.cli import main
from speechface.tables import read_table, write_table

FPS, SR = 25.0, 16000
CLIPS = "abc"


@pytest.fixture
def folder(tmp_path):
    """Wavs and frame times of three clips."""
    for clip in CLIPS:
        write_sound(tmp_path / f"{clip}.wav", speech_like(SR // 2) * 0.9 ** ord(clip), SR)
        columns = {"frame": np.arange(10, dtype=np.int32), "time": np.arange(10) / FPS}
        write_table(tmp_path / f"{clip}.frames.parquet", columns, stage="audio", meta={"fps": FPS, "sr": SR})
    return tmp_path


def spectrograms(folder, clips=CLIPS, keep=True, **settings):
    """Run one job; returns its exit code."""
    command = ["spectrogram", "--settings", json.dumps(settings)]
    for option, name in (("--wav", "{}.wav"), ("--frames", "{}.frames.parquet"), ("--out", "out/{}.parquet")):
        command += [option, *(str(folder / name.format(clip)) for clip in clips)]
    return main(command + (["--keep", str(folder / "kept")] if keep else []))


def files(folder):
    """Clip -> inode: a file that is written again while the old one is kept has another one."""
    return {path.stem: path.stat().st_ino for path in (folder / "out").glob("*.parquet")}


def test_a_job_of_many_clips_writes_what_jobs_of_one_clip_write(folder):
    assert spectrograms(folder, keep=False) == 0
    together = {clip: (folder / "out" / f"{clip}.parquet").read_bytes() for clip in CLIPS}
    for clip in CLIPS:
        assert spectrograms(folder, clip, keep=False) == 0
        assert (folder / "out" / f"{clip}.parquet").read_bytes() == together[clip]


def test_only_a_changed_clip_is_made_again(folder):
    spectrograms(folder)
    before = files(folder)
    write_sound(folder / "b.wav", speech_like(SR), SR)
    for path in (folder / "out").iterdir():
        path.unlink()  # as Snakemake does before a job
    assert spectrograms(folder) == 0
    after = files(folder)
    assert {clip for clip in CLIPS if after[clip] != before[clip]} == {"b"}


def test_changed_settings_change_every_clip(folder):
    spectrograms(folder)
    before = files(folder)
    assert spectrograms(folder, top_db=60) == 0
    after = files(folder)
    assert all(after[clip] != before[clip] for clip in CLIPS)
    assert all(read_table(folder / f"out/{clip}.parquet").meta["settings"]["top_db"] == 60 for clip in CLIPS)


@pytest.mark.parametrize("kind", ["bug", "known"])
def test_one_failing_clip_is_named_and_the_others_are_done_and_kept(kind, folder, monkeypatch, capsys, caplog):
    from speechface.audio import features

    whole = features.compute

    def faulty(name, audio, times, **more):
        if len(audio) == SR:
            raise ZeroDivisionError("a bug")
        return whole(name, audio, times, **more)

    good = (folder / "b.wav").read_bytes()
    if kind == "bug":
        monkeypatch.setattr(features, "compute", faulty)
        write_sound(folder / "b.wav", speech_like(SR), SR)
    else:
        (folder / "b.wav").unlink()
    with caplog.at_level(logging.INFO):
        assert spectrograms(folder) == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(r"1 of 3 clips failed, the others are done: \S+/b.parquet$", message)
    assert ("ZeroDivisionError: a bug" in caplog.text) == (kind == "bug")
    assert ("no such sound file" in caplog.text) == (kind == "known")
    first = files(folder)
    assert set(first) == {"a", "c"}
    monkeypatch.setattr(features, "compute", whole)
    (folder / "b.wav").write_bytes(good)
    for path in (folder / "out").iterdir():
        path.unlink()  # as Snakemake does after a failed job
    assert spectrograms(folder) == 0
    second = files(folder)
    assert {clip: second[clip] for clip in "ac"} == first
    assert "b" in second


def test_the_error_of_an_only_clip_stays_as_it_is(folder, monkeypatch, capsys):
    from speechface.audio import features

    (folder / "a.wav").unlink()
    assert spectrograms(folder, "a") == 1
    assert "no such sound file" in capsys.readouterr().err

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(features, "compute", broken)
    with pytest.raises(ZeroDivisionError):
        spectrograms(folder, "b")


def test_lists_that_do_not_match_are_refused(folder, capsys):
    command = ["spectrogram", "--wav", "a.wav", "b.wav", "--frames", "a.parquet", "--out", "c.parquet", "d.parquet"]
    assert main(command) == 1
    assert "found --wav 2, --frames 1, --out 2" in capsys.readouterr().err
    command = ["spectrogram", "--wav", "a.wav", "b.wav", "--frames", "a.q", "b.q", "--out", "c.parquet", "c.parquet"]
    assert main(command) == 1
    assert "--out names c.parquet twice" in capsys.readouterr().err
