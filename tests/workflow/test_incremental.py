"""A changed key makes exactly those steps run that docs/incremental.md names."""

import json
import re
import subprocess
import sys

import pytest

from .conftest import ROOT

pytestmark = pytest.mark.workflow

#: A key of every stage.
KEYS = [
    "datasets.<name>.where", "datasets.<name>.audio_delay_ms", "datasets.<name>.seed", "audio.sr",
    "landmarks.detect_every", "crops.size", "spectrogram.top_db",
    "acoustics.n_mfcc", "log_mel.n_mels", "rig.identity_modes", "labels.noise_mm",
    "models.<name>.head", "training.gradient_clip", "training.threads", "baselines.neighbours", "evaluation.seed",
    "rendering.size", "figures.dpi",
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
    from speechface.config import resolve

    sections = {key.split(".")[0] for key in documented()}
    plain = resolve({"datasets": {"demo": {"adapter": "demo", "split": {"test": [1]}}}}).dump()
    assert sections == set(plain)
