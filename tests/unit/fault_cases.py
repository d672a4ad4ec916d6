"""Stages on tiny inputs, and what may befall them, for the tests of faults."""

import ctypes
import itertools
import json
import logging
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from metric_inputs import Corpus, evaluate_words
from stored import write_sounds
from tiny_sets import predict_words, prepare, train_words

from speechface.cli import main
from speechface.media import VideoWriter
from speechface.seals import check_table
from speechface.tables import KEY

__all__ = ["BENT", "STAGES", "Outcome", "Stage", "contents", "run", "start", "start_function", "wait"]

SR = 8000
CLIPS = ("set/a/one", "set/a/two")


@dataclass(frozen=True)
class Stage:
    """A command on what `prepare` writes into a folder.

    Parameters
    ----------
    prepare : function of the folder of the inputs
    words : function (inputs, outputs) -> command line
    outputs : names of the files it writes
    inputs : names of the tables and rigs it reads, which carry checksums
    media : names of the files it reads that carry none
    """

    prepare: Callable[[Path], object]
    words: Callable[[Path, Path], list[str]]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    media: tuple[str, ...] = ()


def _videos(folder):
    for k, name in enumerate(("one", "two")):
        time_s = np.arange(SR) / SR
        tone = (0.3 * np.sin(2 * np.pi * (200 + 300 * k + 100 * time_s) * time_s)).astype(np.float32)
        options = {"width": 64, "height": 64, "fps": Fraction(25), "crf": 23, "audio": tone, "sr": SR}
        with VideoWriter(folder / f"{name}.mp4", **options) as writer:
            for level in range(25):
                writer.write(np.full((64, 64, 3), 60 + 4 * level + k, np.uint8))


def _of_videos(command, out):
    return lambda inputs, outputs: [
        command, "--clips", *(f"{clip}={inputs}/{clip[6:]}.mp4" for clip in CLIPS), "--out", f"{outputs}/{out}"
    ]  # fmt: skip


def _sounds(folder):
    rng = np.random.default_rng(0)
    write_sounds(folder / "audio.parquet", {clip: 0.1 * rng.normal(size=SR) for clip in CLIPS}, sr=SR, n_frames=25)


def _log_mel(inputs, outputs):
    return ["features", "log_mel", "--audio", f"{inputs}/audio.parquet", "--settings", '{"fmax": 3900, "n_mels": 20}',
            "--out", f"{outputs}/log_mel.parquet"]  # fmt: skip


def _landmarks(folder):
    from fitting_cases import FOCAL, FPS, moving_face, project
    from stored import write_clip_table

    from speechface.clip_tables import ClipRows

    case, rng, size = moving_face(0, frames=20), np.random.default_rng(0), 400
    case.rig.save(folder / "rig.npz")
    rows = {}
    for clip in CLIPS:
        points = project(case.face.landmarks(case.weights), case.rotation, case.translation) * (1, -1)
        pixels = points + (size - 1) / 2 + rng.normal(0, 0.2, points.shape)
        frames = np.arange(20, dtype=np.int32)
        columns = {"frame": frames, "time": frames / FPS, "detected": np.ones(20, bool),
                   "fault": np.zeros(20, np.int8)}  # fmt: skip
        meta = {"detector": "dlib", "width": size, "height": size, "fps": FPS, "detection_rate": 1.0}
        rows[clip] = ClipRows({**columns, "landmarks": pixels.astype(np.float32)}, meta)
    write_clip_table(folder / "landmarks.parquet", "landmarks", rows, shared=("detector",))
    (folder / "fit.json").write_text(json.dumps({"focal_factor": FOCAL / size, "identity_frames": 8}))


def _fit(command, out, *more):
    def words(inputs, outputs):
        own = [text.format(inputs=inputs) for text in more]
        return [command, "--landmarks", f"{inputs}/landmarks.parquet", "--rig", f"{inputs}/rig.npz", "--settings",
                (inputs / "fit.json").read_text(), *own, "--out", f"{outputs}/{out}"]  # fmt: skip

    return words


def _identity(folder):
    _landmarks(folder)
    assert main(_fit("fit-identity", "actor.npz")(folder, folder)) == 0


def _join(folder):
    from test_splits import Corpus as Joined

    made = Joined(folder)
    made.write()
    assert made.split() == 0


def _join_words(inputs, outputs):
    tables = {name: sorted(map(str, (inputs / name).rglob("*.parquet"))) for name in ("spectrogram", "labels")}
    return ["build-split", "--clips", f"{inputs}/splits/clips.parquet", "--feature", "spectrogram", "--features",
            *tables["spectrogram"], "--labels", *tables["labels"], "--train-out", f"{outputs}/train.parquet",
            "--test-out", f"{outputs}/test.parquet"]  # fmt: skip


def _train_set(folder):
    prepare(folder, "one actor", "log_mel")


def _ridge(inputs, outputs):
    return ["fit-baseline", "--name", "ridge", "--train", f"{inputs}/train.parquet", "--stats", f"{inputs}/stats.json",
            "--out", f"{outputs}/ridge.npz"]  # fmt: skip


def _fitted(folder):
    _train_set(folder)
    assert main(_ridge(folder, folder)) == 0


def _evaluate(inputs, outputs):
    return [*evaluate_words(inputs)[:-1], f"{outputs}/evaluation.parquet"]


def _speech(folder):
    from speechface.audio.sound import write_wav

    rng, t = np.random.default_rng(0), np.arange(SR) / SR
    write_wav(folder / "speech.wav", (0.2 * np.sin(900 * t) * np.sin(20 * t) + 1e-3 * rng.normal(size=SR)), SR)


STAGES = {
    "extract-audio": Stage(_videos, _of_videos("extract-audio", "audio.parquet"), ("audio.parquet",),
                           media=("one.mp4",)),
    "detect-landmarks": Stage(_videos, _of_videos("detect-landmarks", "landmarks.parquet"), ("landmarks.parquet",),
                              media=("one.mp4",)),
    "features": Stage(_sounds, _log_mel, ("log_mel.parquet",), ("audio.parquet",)),
    "fit-identity": Stage(_landmarks, _fit("fit-identity", "actor.npz"), ("actor.npz",),
                          ("landmarks.parquet", "rig.npz")),
    "fit-labels": Stage(_identity, _fit("fit-labels", "labels.parquet", "--identity", "{inputs}/actor.npz"),
                        ("labels.parquet",), ("landmarks.parquet", "rig.npz", "actor.npz")),
    "build-split": Stage(_join, _join_words, ("train.parquet", "test.parquet"), ("splits/clips.parquet",)),
    "label-stats": Stage(_train_set, lambda inputs, outputs: ["label-stats", "--train", f"{inputs}/train.parquet",
                         "--out", f"{outputs}/stats.json"], ("stats.json",), ("train.parquet",)),
    "train-model": Stage(_train_set, lambda inputs, outputs: train_words(inputs, "tcn", outputs), ("tcn.ckpt",),
                         ("train.parquet", "stats.json", "rig.npz")),
    "fit-baseline": Stage(_train_set, _ridge, ("ridge.npz",), ("train.parquet", "stats.json")),
    "predict": Stage(_fitted, lambda inputs, outputs: predict_words(inputs, inputs / "ridge.npz",
                     outputs / "predictions.parquet"), ("predictions.parquet",),
                     ("ridge.npz", "clips.parquet", "features.parquet")),
    "evaluate": Stage(Corpus, _evaluate, ("evaluation.parquet",),
                      ("predictions.parquet", "clips.parquet", "stats.json", "rig.npz", "audio.parquet")),
    "animate": Stage(_speech, lambda inputs, outputs: ["animate", f"{inputs}/speech.wav", "--out", str(outputs),
                     "--formats", "livelink", "glb"], ("speech_1_speechface_cal.csv", "speech.glb"),
                     media=("speech.wav",)),
    "build-rig": Stage(lambda folder: None, lambda inputs, outputs: ["build-rig", "--settings", '{"identity_modes": 2}',
                       "--out", f"{outputs}/rig.npz"], ("rig.npz",)),
}  # fmt: skip


def contents(path):
    """What a file says, to be compared: its bytes; of tables the rows and facts, of networks the numbers."""
    if path.suffix == ".parquet":
        check_table(path)
        table = pq.read_table(path).combine_chunks()
        return [column.to_pylist() for column in table.columns], _facts(json.loads(table.schema.metadata[KEY]))
    if path.suffix != ".ckpt":
        return path.read_bytes()
    import torch

    content = torch.load(path, weights_only=True)
    return {name: value.numpy().tobytes() for name, value in content["state"].items()}


def _facts(value):
    """Metadata without the time of change of what a table was made from."""
    if isinstance(value, dict):
        return {key: _facts(part) for key, part in value.items() if key != "mtime_ns"}
    return [_facts(part) for part in value] if isinstance(value, list) else value


# ---- runs of a command, each a process of its own -----------------------------------------------------------------


@dataclass
class Outcome:
    """How a command ended: its exit code (minus the signal that killed it), and all that it said."""

    code: int
    text: str


def start(words, before=lambda: None):
    """Run a command in a child of this process, which needs no new imports; `before` is called in the child."""

    def command():
        logging.root.handlers.clear()  # pytest's
        before()
        return main([str(word) for word in words])

    return start_function(command)


def start_function(function):
    """Run a function, which gives an exit code, in a child of this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    code = 99
    try:
        os.dup2(write, 1)  # a pipe has no size that could be limited
        os.dup2(write, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
        code = function()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(code)


def wait(started, limit=120):
    """The `Outcome` of a command that was started; one that takes longer than `limit` s has failed."""
    pid, read = started
    parts, end = [], time.monotonic() + limit
    with os.fdopen(read, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
            part = pipe.read(65536)
            if not part:
                break
            parts.append(part)
        else:
            os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = b"".join(parts).decode(errors="replace")
    assert time.monotonic() < end, f"it hangs: {text}"
    return Outcome(code, text)


def run(words, before=lambda: None):
    return wait(start(words, before))


# ---- faults ---------------------------------------------------------------------------------------------------------


def counted_renames(count):
    """Count in `count`, a shared array of one int, what the process renames."""
    replace = os.replace

    def counting(*names, **more):
        count[0] += 1
        replace(*names, **more)

    return lambda: setattr(os, "replace", counting)


def killed_at_rename(number):
    """kill -9 when a file is whole but has not its name yet, the `number`-th time."""
    turns, replace = itertools.count(1), os.replace

    def kill(*names, **more):
        if next(turns) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*names, **more)

    return lambda: setattr(os, "replace", kill)


def killed_in_write(size):
    """The process ends at once, as by kill -9, where a file would grow beyond `size` bytes."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def no_room(size):
    """No file may grow beyond `size` bytes, as on a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def small_shared_memory():
    """/dev/shm of this process alone has 64 kB; os._exit(77) where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.unshare(0x20000) == 0  # CLONE_NEWNS
    done = done and libc.mount(b"none", b"/", None, 0x44000, None) == 0  # MS_REC | MS_PRIVATE
    if not done or libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size=64k"):
        os._exit(77)


def clock_goes_back():
    """The clock of the process stands a day earlier than that of its inputs."""
    now = time.time
    time.time = lambda: now() - 86400


def _flipped(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


#: How an input may be bent: name -> function of its bytes.
BENT = {
    "one bit flipped": _flipped,
    "cut in the middle": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "text": lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:9269ed5e\nsize 414429\n",
}
