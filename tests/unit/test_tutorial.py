"""What the tutorial shows is taken by the commands."""

import re
from pathlib import Path

import pytest

from speechface.cli import COMMANDS, main
from speechface.config import load
from speechface.datasets.base import list_clips

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten files of a person, and the config that the tutorial shows."""
    (config,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "anna.yaml").write_text(config)
    (tmp_path / "videos" / "anna").mkdir(parents=True)
    for k in range(10):
        (tmp_path / "videos" / "anna" / f"take {k}.mov").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_whole_videos_are_kept_for_testing(folder):
    clips = list_clips(load("anna.yaml").datasets)
    assert sorted(clip.split for clip in clips) == ["test"] * 2 + ["train"] * 8


def test_its_commands_are_known_and_those_before_the_run_succeed(folder, capsys):
    commands = [
        line.split() for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
    ]
    ours = [words[1:] for words in commands if words[0] == "speechface"]
    assert all(words[0] in COMMANDS for words in ours)
    for words in ours:
        if words[0] in ("check-config", "plan"):
            assert main(words) == 0, capsys.readouterr().err
    assert "mine: 10 clips (2 test, 8 train) of 1 actors" in capsys.readouterr().out
