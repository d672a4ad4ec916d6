"""An export format from outside the package is written by animate."""

import subprocess
import sys

import numpy as np
from synthetic import synthetic_rig
from toys import toy_package

from speechface.audio.sound import write_wav
from speechface.config import defaults
from speechface.networks.baselines import Baseline
from speechface.networks.loading import save_model
from speechface.synthesis.visemes import INDEX

TOY = '''
    """How far the mouth opens, one line a frame."""

    DESCRIPTION = "mouth opening as text"


    def write(animation, folder):
        path = folder / f"{animation.name}.opening.txt"
        jaw = list(animation.channels).index("jawOpen")
        lines = [f"{time:.3f} {row[jaw]:.3f}" for time, row in zip(animation.times, animation.weights)]
        seconds = len(animation.sound.samples) / animation.sound.sr
        path.write_text("\\n".join([animation.rig.name, f"{seconds:.2f} s of {animation.sound.name}", *lines]))
        return path
'''


def test_a_format_from_outside_is_written_by_animate(tmp_path):
    env = toy_package(tmp_path / "toys", "format", "opening", TOY)
    write_wav(tmp_path / "hello.wav", np.zeros(16000, np.float32), 16000)
    synthetic_rig().save(tmp_path / "rig.npz")
    weights = np.zeros(len(INDEX), np.float32)
    weights[INDEX["jawOpen"]] = 0.25
    settings = {**defaults("log_mel").dump(), "audio_sr": 16000}
    model = Baseline("mean", "log_mel", settings, tuple(INDEX), np.ones(len(INDEX), bool), {"constant": weights}, {})
    save_model(tmp_path / "model.npz", model)
    command = [sys.executable, "-m", "speechface", "animate", "hello.wav", "--model", "model.npz", "--out", "out",
               "--formats", "opening", "a2f_json", "--rig", "rig.npz", "--fps", "25", "--life", "off"]  # fmt: skip
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out/hello.opening.txt", "out/hello.a2f.json"]
    lines = (tmp_path / "out" / "hello.opening.txt").read_text().splitlines()
    assert lines[:2] == ["synthetic", "1.00 s of hello.wav"]
    assert lines[2 + 12] == "0.480 0.250"  # a recording begins and ends at rest
    assert len(lines) == 2 + 25
    text = subprocess.run([*command[:4], "--help"], env=env, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "opening     mouth opening as text" in text
