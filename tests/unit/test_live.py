"""`speechface live`: sound in, frames out; every end is a clean one."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from signals import speech_like

from speechface.audio.sound import write_wav
from speechface.cli import main
from speechface.config import defaults
from speechface.liveliness import life_settings
from speechface.networks.baselines import Baseline
from speechface.networks.loading import load_model, save_model
from speechface.rig.channels import ARKIT52, ROTATIONS
from speechface.stream import Stream

SR = 16000
SECONDS = 1.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, model.npz, one that hears the whole clip, whole.npz, and speech.wav."""
    found = tmp_path_factory.mktemp("live")
    rng = np.random.default_rng(0)
    for name, feature, size in (("model", "log_mel", 640), ("whole", "acoustics", 537)):
        arrays = {"matrix": 1e-3 * rng.standard_normal((size, 55)), "offset": np.full(55, 0.4)}
        settings = {**defaults(feature).dump(), "audio_sr": SR}
        columns = (*ARKIT52, *ROTATIONS)
        save_model(found / f"{name}.npz", Baseline("ridge", feature, settings, columns, np.ones(52, bool), arrays, {}))
    write_wav(found / "speech.wav", speech_like(round(SECONDS * SR), SR), SR)
    return found


@pytest.fixture
def live(folder, monkeypatch, capfd):
    """Run the command with a file (or bytes) as standard input: exit status, lines of stdout, of stderr."""
    monkeypatch.chdir(folder)

    def run(*options, stdin=b"", model="model.npz"):
        (folder / "stdin").write_bytes(stdin if isinstance(stdin, bytes) else stdin.read_bytes())
        with open(folder / "stdin", "rb") as file:
            monkeypatch.setattr(sys, "stdin", file)
            status = main(["live", "--model", model, *options])
        out, err = capfd.readouterr()
        return status, out.splitlines(), err.splitlines()

    return run


def streamed(folder, samples, sr=SR, *, life="natural", fps=30, **options):
    stream = Stream(load_model(folder / "model.npz"), fps=fps, sr=sr, life=life_settings(life), **options)
    parts = [stream.push(samples), stream.finish()]
    return np.concatenate([part.weights for part in parts]), np.concatenate([part.rotations for part in parts])


def pcm(folder):
    return (folder / "speech.wav").read_bytes()[44:]


def samples(folder):
    return np.frombuffer(pcm(folder), "<i2").astype(np.float32) / 2**15


def check(lines, expected):
    frames = [json.loads(line) for line in lines]
    assert [frame["frame"] for frame in frames] == list(range(len(expected[0])))
    np.testing.assert_allclose([list(frame["weights"].values()) for frame in frames], expected[0], atol=1e-5)
    np.testing.assert_allclose([frame["rotation"] for frame in frames], expected[1], atol=1e-6)


# the lines have five decimals; sums of float32


@pytest.mark.parametrize("life", ["off", "natural"])
def test_a_wav_on_standard_input_becomes_lines_equal_to_the_streams_frames(life, live, folder):
    status, out, _ = live("--life", life, stdin=folder / "speech.wav")
    assert status == 0
    assert len(out) == round(SECONDS * 30)
    check(out, streamed(folder, samples(folder), life=life))


@pytest.mark.parametrize("kind", ["s16le", "f32le"])
def test_raw_samples_need_their_rate(kind, live, folder):
    data = pcm(folder) if kind == "s16le" else samples(folder).astype("<f4").tobytes()
    status, out, _ = live("--sr", "16000", "--sample-format", kind, "--fps", "25", "--seed", "7", stdin=data)
    assert status == 0
    check(out, streamed(folder, samples(folder), fps=25, seed=7))


def test_a_microphone_is_a_command_that_writes_sound(live, folder):
    status, out, _ = live("--microphone", f"{sys.executable} -c \"print(end=open('speech.wav').read())\" ")
    assert status == 1  # text is no sound
    status, out, _ = live("--microphone", "cat speech.wav")
    assert status == 0
    check(out, streamed(folder, samples(folder)))


def test_frames_go_to_several_places_at_once(live, folder):
    heard = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        port = receiver.getsockname()[1]
        listener = threading.Thread(target=lambda: heard.extend(receiver.recv(2000) for _ in range(45)))
        listener.start()
        status, out, err = live("--to", "jsonl", f"livelink://127.0.0.1:{port}?subject=anna", "vmc://240.0.0.1",
                                "--real-time", stdin=folder / "speech.wav")  # fmt: skip
        listener.join()
    assert status == 0
    assert len(out) == len(heard) == 45
    assert all(b"anna" in data for data in heard)
    assert not any("Traceback" in line for line in err)


def test_a_file_is_played_at_the_speed_of_its_sound(live, folder):
    began = time.perf_counter()
    live("--real-time", stdin=folder / "speech.wav")
    assert time.perf_counter() - began >= SECONDS


@pytest.mark.parametrize(
    ("options", "stdin", "message"),
    [
        ([], b"", "no sound came in"),
        (["--sr", "16000"], b"", "no sound came in"),
        ([], b"this is no sound", "the sound is no wav; give --sr"),
        ([], b"RIFF\0\0\0\0WAVEfmt ", "no sound came in"),
        (["--sr", "3"], b"", "--sr is 3; expected a rate"),
        (["--channels", "0"], b"", "--channels is 0"),
        (["--fps", "0"], b"", "fps is 0; expected a number"),
        (["--to", "carrier-pigeon"], b"", "unknown sender 'carrier-pigeon'"),
        (["--to", "vmc://no-such-host.invalid"], b"", "no address of host"),
        (["--life", "wild"], b"", "unknown preset of liveliness"),
        (["--microphone", "no-such-command"], b"", "--microphone: cannot run 'no-such-command'"),
        (["--microphone", ""], b"", "--microphone: cannot run ''"),
        (["--microphone", "'"], b"", "--microphone: cannot run"),
        (["--microphone", "false"], b"", "'false' ended with exit status 1 and without sound"),
        (["--microphone", "true"], b"", "no sound came in"),
        (["--model", "absent.npz"], b"", "absent.npz: no such model"),
        (["--model", "whole.npz"], b"", "takes acoustics made of the whole recording"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(options, stdin, message, live):
    status, out, err = live(*options, stdin=stdin)
    assert status == 1
    assert not out
    assert len(err) == 1
    assert err[0].startswith("speechface live: ")
    assert message in err[0]


def process(folder, *options):
    command = [sys.executable, "-m", "speechface", "live", "--model", "model.npz", "--sr", str(SR), *options]
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # a shell that starts the tests in the background lets them ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def test_ctrl_c_ends_it_without_a_word_too_many(folder):
    with process(folder) as running:
        running.stdin.write(pcm(folder))
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["frame"] == 0  # frames come while the sound goes on
        running.send_signal(signal.SIGINT)
        # not communicate(), which forgets what the reader of lines has taken already
        out, err = running.stdout.read(), running.stderr.read()
        assert running.wait(20) == 0
    assert b"Traceback" not in err
    assert b"stopped" in err
    assert all(json.loads(line) for line in out.splitlines())


def test_a_reader_of_lines_that_goes_away_ends_it(folder):
    with process(folder) as running:
        running.stdout.close()
        writer = threading.Thread(target=feed, args=(running.stdin, pcm(folder)))
        writer.start()
        assert running.wait(20) == 0
        writer.join()
        err = running.stderr.read()
    assert b"Traceback" not in err
    assert b"nobody reads the frames any more" in err


def feed(pipe, data):
    """Write on until nobody reads."""
    with contextlib.suppress(BrokenPipeError):
        for _ in range(1000):
            pipe.write(data)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def test_the_microphones_command_ends_with_it(folder):
    script = "import os,sys,time; open('pid','w').write(str(os.getpid())); d=bytes(3200)\n"
    script += "while True: sys.stdout.buffer.write(d); sys.stdout.flush(); time.sleep(.05)"
    (folder / "endless.py").write_text(script)
    with process(folder, "--microphone", f"{sys.executable} endless.py") as running:
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)
    pid = int((folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
