"""A sender from outside the package is one of the targets of `live`."""

import subprocess
import sys

import numpy as np
from toys import toy_package

from speechface.audio.sound import write_wav
from speechface.config import defaults
from speechface.networks.baselines import Baseline
from speechface.networks.loading import save_model
from speechface.rig.channels import ARKIT52

TOY = '''
    """How far the mouth opens, into a file."""

    DESCRIPTION = "mouth opening as text (opening://NAME?unit=percent)"


    class Opening:
        def __init__(self, target):
            target.known_options(("unit",))
            self.file = open(target.host + ".txt", "w")
            self.scale = 100 if target.options.get("unit") == "percent" else 1

        def send(self, frame):
            jaw = frame.weights[list(frame.channels).index("jawOpen")]
            self.file.write(f"{frame.number} {frame.time:.3f} {self.scale * jaw:.2f}\\n")

        def close(self):
            self.file.write("closed\\n")
            self.file.close()


    open_sender = Opening
'''


def test_a_sender_from_outside_takes_the_frames_of_live(tmp_path):
    env = toy_package(tmp_path / "toys", "sender", "opening", TOY)
    write_wav(tmp_path / "hello.wav", np.zeros(16000, np.float32), 16000)
    weights = np.zeros(len(ARKIT52), np.float32)
    weights[ARKIT52.index("jawOpen")] = 0.25
    settings = {**defaults("log_mel").dump(), "audio_sr": 16000}
    model = Baseline("mean", "log_mel", settings, ARKIT52, np.ones(52, bool), {"constant": weights}, {})
    save_model(tmp_path / "model.npz", model)
    command = [sys.executable, "-m", "speechface", "live", "--model", "model.npz", "--fps", "25"]
    to = ["--to", "opening://mouth?unit=percent", "jsonl"]
    with open(tmp_path / "hello.wav", "rb") as sound:
        done = subprocess.run([*command, *to], env=env, cwd=tmp_path, stdin=sound, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "mouth.txt").read_text().splitlines()
    assert lines[:2] == ["0 0.000 25.00", "1 0.040 25.00"]
    assert lines[-1] == "closed"
    assert len(lines) == len(done.stdout.splitlines()) + 1 == 26
    text = subprocess.run([*command[:4], "--help"], env=env, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "opening    mouth opening as text" in text
