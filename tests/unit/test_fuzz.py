"""Seeded, bounded fuzzing: whatever a file, config, name or animation holds, there is a result or one line of error.

Each target runs FUZZ_SECONDS (default 20) in a process of its own; a failure names the seed of its case, which
FUZZ_SEED=N runs alone. No traceback, no hang, no crash of a decoder, no gigabyte of memory.
"""

import logging
import os
import resource
import signal
import traceback
import unicodedata
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from avatars import avatar
from fault_cases import start_function as start
from fault_cases import wait

from speechface.errors import SpeechfaceError

pytestmark = pytest.mark.exhaustive

SECONDS = float(os.environ.get("FUZZ_SECONDS", 20))
ONE = os.environ.get("FUZZ_SEED")
#: What one case may take, s, and the process in all, MB.
LIMIT_S, LIMIT_MB = 20, 1000
#: Numbers at which sizes and counts break.
ODD = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


def mutated(content, rng):
    """Bytes with a few changes, most at the head: bits, odd numbers, pieces that are lost, doubled or moved."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        if not data:
            break
        span = len(data) if rng.random() < 0.4 else min(len(data), 600)
        at, size = int(rng.integers(span)), int(rng.choice([1, 4, 8, 64, 1000]))
        match rng.integers(6):
            case 0:
                data[at] ^= 1 << rng.integers(8)
            case 1:
                order = "little" if rng.random() < 0.5 else "big"
                data[at : at + 4] = int(rng.choice(ODD)).to_bytes(4, order)
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size]
            case 4:
                other = int(rng.integers(len(data)))
                data[at : at + size] = data[other : other + size]
            case 5:
                del data[at:]
    return bytes(data)


def fuzz(case, seconds=SECONDS):
    """Run `case` (rng, number) for some time in a child; the test fails with the first case that ends otherwise."""

    def late(*_):
        raise TimeoutError(f"longer than {LIMIT_S} s")

    def child():
        logging.disable(logging.CRITICAL)
        signal.signal(signal.SIGALRM, late)
        began, count, errors = os.times().elapsed, 0, 0
        while ONE is None and os.times().elapsed - began < seconds or ONE is not None and not count:
            seed = count if ONE is None else int(ONE)
            print(f"\rcase {seed} ", end="", flush=True)
            signal.alarm(LIMIT_S)
            try:
                case(np.random.default_rng(seed), seed)
            except SpeechfaceError as error:
                errors += 1
                if "\n" in str(error) or not str(error):
                    print(f"not one line: {error!r}")
                    return 1
            except BaseException:
                traceback.print_exc()
                return 1
            signal.alarm(0)
            count += 1
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            if memory > LIMIT_MB + before:
                print(f"{memory:.0f} MB")
                return 1
        print(f"\n{count} cases, {errors} refused")
        return 0

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    outcome = wait(start(child), limit=seconds + 4 * LIMIT_S)
    print(outcome.text[-200:])
    assert outcome.code == 0, outcome.text[-4000:]


# ---- media ----------------------------------------------------------------------------------------------------------


def recording(path, video, audio):
    """A file of one second with the codecs that are named."""
    with av.open(str(path), "w") as writer:
        track = writer.add_stream(audio, rate=44100, layout="mono")
        if video:
            images = writer.add_stream(video, rate=25)
            images.width, images.height, images.pix_fmt = 64, 48, "yuv420p"
            for k in range(25):
                frame = av.VideoFrame.from_ndarray(np.full((72, 64), 5 * k, np.uint8), format="yuv420p")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                writer.mux(images.encode(frame))
            writer.mux(images.encode(None))
        tone = 0.3 * np.sin(np.arange(44100) / 20)
        for first in range(0, 44100, 1024):
            values = (tone[first : first + 1024][None] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(values, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44100, first, Fraction(1, 44100)
            writer.mux(track.encode(frame))
        writer.mux(track.encode(None))
    return path.read_bytes()


MEDIA = {
    "mp4": ("libx264", "aac"), "mkv": ("ffv1", "flac"), "avi": ("mpeg4", "pcm_s16le"), "flv": ("flv1", "aac"),
    "wav": (None, "pcm_s16le"), "flac": (None, "flac"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MEDIA)
def test_media(tmp_path, kind):
    from speechface import media

    whole, path = recording(tmp_path / f"whole.{kind}", *MEDIA[kind]), tmp_path / f"bent.{kind}"

    def case(rng, seed):
        path.write_bytes(mutated(whole, rng))
        sound = media.decode_audio(path, sr=16000)
        assert np.isfinite(sound).all()
        if MEDIA[kind][0]:
            video = media.probe_video(path)
            assert (np.diff(video.times) >= 0).all()
            for image in media.decode_rgb(path):
                assert image.ndim == 3

    fuzz(case, SECONDS / 2)


# ---- config ---------------------------------------------------------------------------------------------------------

VALUES = [
    0, -1, 1, 1e9, 1e-9, 1e400, float("nan"), True, None, "", "x", "1-20", "20-1", "~", "$HOME", [], [[]], {}, {"a": 1},
    [1, 1], "\x00", "ä" * 300, -(2**70),
]  # fmt: skip


def replaced(value, rng):
    """A nested value with one part exchanged, lost or under another key."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = list(value)[rng.integers(len(value))]
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key} | (
                {} if rng.random() < 0.5 else {f"{key}x": value[key]}
            )
        return {**value, key: replaced(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = int(rng.integers(len(value)))
        return [*value[:place], replaced(value[place], rng), *value[place + 1 :]]
    return VALUES[rng.integers(len(VALUES))]


def test_config_values(tmp_path):
    import yaml

    from speechface.config import load

    text = (Path(__file__).parents[2] / "config.yaml").read_text()
    whole, path = yaml.safe_load(text), tmp_path / "config.yaml"

    def case(rng, seed):
        content = whole
        for _ in range(rng.integers(1, 4)):
            content = replaced(content, rng)
        path.write_text(yaml.safe_dump(content, allow_unicode=True))
        load(path)

    fuzz(case)


def test_config_text(tmp_path):
    from speechface.config import load

    text = (Path(__file__).parents[2] / "config.yaml").read_bytes()[:3000]
    path = tmp_path / "config.yaml"

    def case(rng, seed):
        path.write_bytes(mutated(text, rng))
        load(path)

    fuzz(case)


# ---- names ----------------------------------------------------------------------------------------------------------

LETTERS = [
    *"aZ09_- .,'\"\\$`|&;<>(){}[]*?!#%~^=+:@\n\t",
    "é",
    "张",
    "И",
    "🙂",
    "\u200f",
    "e\u0301",
    "\x7f",
    "CON",
    "..",
    "._",
]


def test_file_names(tmp_path):
    from speechface.config import resolve
    from speechface.datasets.base import list_clips
    from speechface.names import escaped, path_name, unescaped
    from speechface.shards import plan_shards

    def named(rng):
        name = "".join(LETTERS[k] for k in rng.integers(len(LETTERS), size=rng.integers(1, 40)))
        return name.encode()[:240].decode(errors="ignore")

    def case(rng, seed):
        root, made = tmp_path / str(seed), set()
        for _ in range(4):
            actor, clip = (unicodedata.normalize("NFC", named(rng)) for _ in range(2))
            if actor in (".", ".."):
                continue
            folder = root / actor
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{clip}.mp4").touch()
            if not actor.startswith(".") and not clip.startswith("."):
                made.add((actor, clip))
            for text in (actor, clip):
                assert unescaped(escaped(text)) == text
                assert "/" not in path_name(text) or "/" in text
                assert len(path_name(text).encode()) <= 255
        config = resolve({"datasets": {"d": {"adapter": "folder", "root": str(root), "role": "predict"}}, "models": {}})
        clips = list_clips(config.datasets)
        assert {(clip.actor, clip.clip) for clip in clips} == made
        assert len({shard.id for shard in plan_shards(clips, most=2)}) == len(plan_shards(clips, most=2))

    fuzz(case)


# ---- exporters ------------------------------------------------------------------------------------------------------


def test_animations(tmp_path):
    from speechface.export.animation import Animation, Sound
    from speechface.export.registry import FORMATS
    from speechface.rig.channels import ARKIT52, REPORT46

    formats = [name for name in FORMATS if name not in ("mp4", "webm", "usd", "avatar")]

    def case(rng, seed):
        channels = list(ARKIT52 if rng.random() < 0.7 else REPORT46)
        count, sr = int(rng.choice([0, 1, 2, 3, 30])), int(rng.choice([8000, 44100]))
        weights = rng.choice([0, 1, 0.5, 1e-9], (count, len(channels))).astype(np.float32)
        rotations = rng.choice([0, 1e-9, np.pi, -7], (count, 3)).astype(np.float32)
        sound = Sound(rng.normal(0, 0.1, int(rng.choice([0, 1, 999]))).astype(np.float32), sr, "a.wav")
        name = "".join(LETTERS[k] for k in rng.integers(len(LETTERS), size=8)).replace("/", "_").replace("..", "_")
        fps = Fraction(int(rng.choice([7, 24, 240])), int(rng.choice([1, 7])))
        animation = Animation(name, fps, weights, rotations, channels, sound if rng.random() < 0.7 else None)
        folder = tmp_path / str(seed)
        folder.mkdir()
        chosen = formats[rng.integers(len(formats))]
        written = FORMATS[chosen].write(animation, folder)
        assert Path(written).parent == folder or Path(written).is_relative_to(folder)

    fuzz(case)


def test_avatars(tmp_path):
    from animations import animation_of

    from speechface.export.registry import FORMATS

    whole, path = avatar(tmp_path).read_bytes(), tmp_path / "me.glb"
    animation = animation_of(tmp_path, count=3)
    animation.avatar_file = str(path)

    def case(rng, seed):
        path.write_bytes(mutated(whole, rng))
        FORMATS["avatar"].write(animation, tmp_path)

    fuzz(case)


@pytest.mark.parametrize("kind", ["parquet", "npz", "json"])
def test_tables_and_rigs(tmp_path, kind):
    from synthetic import synthetic_rig

    from speechface.rig.rig import Rig
    from speechface.seals import read_json, write_json
    from speechface.tables import read_table, write_table

    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        write_table(path, {"frame": np.arange(50), "x": np.ones((50, 3))}, stage="labels")
    elif kind == "npz":
        synthetic_rig().save(path)
    else:
        write_json(path, {"weight_mean": [0.1] * 52, "channels": ["jawOpen"] * 52})
    whole, read = path.read_bytes(), {"parquet": read_table, "npz": Rig.load, "json": read_json}[kind]

    def case(rng, seed):
        path.write_bytes(mutated(whole, rng))
        read(path)

    fuzz(case, SECONDS / 2)
