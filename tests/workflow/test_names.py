"""Trees of many corpora, and names of every kind, through Snakemake's planning."""

import os
import re

import pytest
import yaml

from .conftest import snakemake

pytestmark = pytest.mark.workflow

PEOPLE = ["张伟", "Иван", "Анна", 'O\'Brien "Q"', "-dash", "a{b}[c] 50%", "$HOME;`ls` & | *?", "a=b::c", "line\nbreak"]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def counts(output):
    return {name: int(number) for name, number in re.findall(r"^(\w+) +(\d+)$", output, re.M)}


def test_four_corpora_and_awkward_names_plan_together(tmp_path):
    for person in PEOPLE:
        touch(tmp_path / "people" / person / "{x} %d.mp4")
    (tmp_path / "people" / PEOPLE[0] / "dead.mp4").symlink_to("gone.mp4")
    for path in ("savee/DC/a1.avi", "savee/KL/a1.avi", "vidtimit/fadg0/video/sa1/001", "vidtimit/mccs0/video/sa1/001",
                 "vidtimit/fadg0/audio/sa1.wav", "cremad/1001_DFA_ANG_XX.flv", "cremad/1002_DFA_ANG_XX.flv",
                 "mead/M003/video/front/sad/level_1/001.mp4", "mead/W009/video/front/sad/level_1/001.mp4"):  # fmt: skip
        touch(tmp_path / path)
    tests = {"savee": "KL", "vidtimit": "mccs0", "cremad": "1002", "mead": "W009"}
    datasets = {name: {"adapter": name, "root": name, "split": {"test": [who]}} for name, who in tests.items()}
    datasets["people"] = {"adapter": "folder", "root": "people", "split": {"test": [PEOPLE[1]]}}
    config = {"datasets": datasets, "models": {"m": {"family": "sequence", "leave_one_speaker_out": True}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    plan = counts(snakemake(tmp_path, "-n", "--quiet", "host"))
    assert plan["detect_landmarks"] == plan["extract_audio"] == 8 + len(PEOPLE)
    assert plan["train_without_speaker"] == 5


def test_a_config_that_no_run_can_mean_stops_the_plan(tmp_path):
    (tmp_path / "config.yaml").write_text("datasets:\n  demo: {adapter: demo, split: {train: [1-20], test: [20-24]}}\n")
    output = snakemake(tmp_path, "-n", check=False)
    assert "datasets.demo.split: actor 20 is in train" in output
    (tmp_path / "config.yaml").write_text("seeds: [010]\ndatasets:\n  demo: {adapter: demo, split: {test: [4]}}\n")
    assert "line 1: 010 is 8 to YAML" in snakemake(tmp_path, "-n", check=False)


def test_without_a_config_file_the_demo_is_planned_from_any_folder(tmp_path):
    import subprocess
    import sys

    from .conftest import ROOT

    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n", "--quiet", "host"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert counts(done.stdout)["make_demo_clips"] == 24
