"""A changed key makes exactly those steps run that docs/incremental.md names; lost records are noticed."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from .conftest import ROOT, snakemake

pytestmark = pytest.mark.workflow

#: A key of every stage.
KEYS = [
    "datasets.<name>.where", "demo.seed", "audio.sr", "landmarks.detect_every", "crops.size", "spectrogram.top_db",
    "acoustics.n_mfcc", "log_mel.n_mels", "rig.identity_modes", "labels.noise_mm", "models.<name>.head",
    "training.epochs", "training.threads", "baselines.neighbours", "evaluation.seed", "rendering.size", "figures.dpi",
]  # fmt: skip


def incremental(*arguments):
    command = [sys.executable, str(ROOT / "scripts/incremental.py"), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=900)
    assert run.returncode == 0, run.stderr
    return run.stdout


def documented():
    """key -> steps of docs/incremental.md."""
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", (ROOT / "docs/incremental.md").read_text(), re.M)
    return {
        key: [] if steps == "none" else sorted(steps.split(", "))
        for keys, steps in rows
        for key in re.findall("`([^`]+)`", keys)
    }


def test_a_changed_key_makes_the_steps_run_that_the_page_names(finished_run):
    found = json.loads(incremental("--run", str(finished_run), *KEYS))
    page = documented()
    assert found == {key: page[key] for key in KEYS}


def test_the_page_has_every_key():
    from speechface.config import schema

    sections = {key.split(".")[0] for key in documented()}
    # the name of a model's encoder or members alone cannot be changed
    assert sections == set(schema()["properties"])


def dry_run(folder):
    return snakemake(folder, "--dry-run", check=False)


def test_results_of_other_settings_are_refused_where_the_records_are_lost(finished_run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns(".snakemake", "renders", "demo"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["spectrogram"] = {"top_db": 60}
    config["training"]["epochs"] = 3
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    output = dry_run(folder)
    assert "the records of earlier runs (.snakemake) are lost" in output
    assert re.search(
        r"spectrogram: \d+ files, e\.g\. results/spectrogram/\S+: top_db was 80, the config says 60", output
    )
    assert re.search(
        r"training: 2 files, e\.g\. results/models/cnn/0/model.ckpt: epochs was 2, the config says 3", output
    )
    assert "landmarks:" not in output
    check = [sys.executable, "-m", "speechface", "check-results", "config.yaml", "--remove"]
    subprocess.run(check, check=True, cwd=folder, capture_output=True, timeout=300)
    assert not list((folder / "results/spectrogram").rglob("*.parquet"))
    assert list((folder / "results/log_mel").rglob("*.parquet"))
    planned = re.findall(r"^(\w+) +\d+$", dry_run(folder), re.M)
    assert "spectrogram__odd_nobody" in planned
    assert "train_model" in planned
    assert "detect_landmarks__odd_nobody" not in planned
