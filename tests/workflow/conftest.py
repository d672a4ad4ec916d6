"""A tiny dataset run through the whole workflow once, shared by the tests."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

CONFIG = {
    "datasets": {
        "demo": {
            "adapter": "demo",
            "n_actors": 3,
            "clips_per_actor": 2,
            "width": 240,
            "height": 240,
            "fps": 25,
            "split": {"by": "actor", "train": ["1-2"], "test": [3]},
        },
        "odd": {"adapter": "folder", "root": "videos", "role": "predict"},
    },
    "labels": {"identity_frames": 8, "iterations": 4},
    "models": {
        "cnn": {"outputs": "weights_rotation"},
        "gru": {"feature": "acoustics", "head": "gru", "schedule": "recurrent", "sequence_frames": 20},
        "tcn": {
            "family": "sequence",
            "training": {"epochs": 1, "frames_per_step": 60},
            "leave_one_speaker_out": True,
            "rest": "given",
        },
        "raw": {
            "family": "sequence",
            "feature": "waveform",
            "head": "attention",
            "training": {"epochs": 1, "frames_per_step": 60},
        },
        "all_tcn": {"family": "ensemble", "members": ["tcn"], "member_seeds": "all"},
    },
    "training": {"frames_per_step": 32, "epochs": 2, "frames_per_epoch": 64},
    "evaluation": {"bootstrap": 50},
    "rendering": {"max_clips": 2, "size": 120, "clips": []},
    "figures": {"dpi": 60},
}


def snakemake(folder, *options, check=True):
    """Run Snakemake as a user would, in `folder`. Returns its combined output."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "2", *options]
    run = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        timeout=1500,
    )
    if check and run.returncode:
        logs = "\n".join(f"--- {p}\n{p.read_text()[-1500:]}" for p in folder.glob("logs/**/*.log") if p.stat().st_size)
        pytest.fail(f"{' '.join(command)} ended with {run.returncode}\n{run.stdout[-6000:]}\n{logs[-6000:]}")
    return run.stdout


def write_video(path, *, image, seconds=1.0, fps=25, sound=True):
    """Write a small video; `image(k)` gives frame k as uint8 (H, W, 3)."""
    from fractions import Fraction

    from speechface.media import VideoWriter

    sr = 44100
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * sr)) / sr).astype(np.float32)
    first = image(0)
    with VideoWriter(
        path,
        width=first.shape[1],
        height=first.shape[0],
        fps=Fraction(fps),
        audio=tone if sound else None,
        sr=sr if sound else None,
        crf=23,
    ) as writer:
        for k in range(int(seconds * fps)):
            writer.write(image(k))


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Folder of a finished run: three demo actors, and three videos that cannot be used."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    videos = folder / "videos" / "nobody"
    videos.mkdir(parents=True)
    (videos / "broken.mp4").write_bytes(b"this is not a video" * 100)
    write_video(videos / "no_face.mp4", image=lambda k: np.full((160, 160, 3), 20 + k, np.uint8))
    write_video(videos / "no_sound.mp4", image=lambda k: np.full((160, 160, 3), 90, np.uint8), sound=False)
    output = snakemake(folder, "--quiet", "host")
    (folder / "snakemake.txt").write_text(output)
    return folder
