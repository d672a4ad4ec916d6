"""The registry of features, and the commands that write their tables."""

import json

import numpy as np
import pytest
from signals import noise, speech_like

from speechface.audio.features import FEATURES, compute, description, shape
from speechface.audio.sound import write_sound
from speechface.cli import main
from speechface.config import defaults
from speechface.errors import ClipError
from speechface.tables import read_table, write_table, write_unusable

FPS, SR = 30000 / 1001, 44100
COMMANDS = {"spectrogram": "spectrogram", "acoustics": "acoustic-features", "log_mel": "log-mel",
         "waveform": "waveform"}  # fmt: skip
# lossless storage for comparing values
EXACT = {"spectrogram": {"storage": "float32"}, "acoustics": {"storage": "float32"},
         "log_mel": {"storage": "float32"}, "waveform": {}}  # fmt: skip


@pytest.fixture
def clip(tmp_path):
    """A wav and its frame times, as extract-wav writes them; returns (wav, frames, audio, times)."""
    times = np.arange(20) / FPS
    audio = np.rint(speech_like(round(21 / FPS * SR)) * 32768).astype(np.float32) / 32768
    write_sound(tmp_path / "a.wav", audio, SR)
    write_table(tmp_path / "a.frames.parquet", {"frame": np.arange(20, dtype=np.int32), "time": times}, stage="audio",
                meta={"fps": FPS, "frame_rate": "30000/1001", "sr": SR})  # fmt: skip
    return tmp_path / "a.wav", tmp_path / "a.frames.parquet", audio, times


def run(name, wav, frames, out, **settings):
    return main([COMMANDS[name], "--wav", str(wav), "--frames", str(frames), "--out", str(out),
                 "--settings", json.dumps(settings)])  # fmt: skip


@pytest.mark.parametrize("name", FEATURES)
def test_shape_and_dtype_follow_the_settings(name):
    settings = defaults(FEATURES[name].section)
    values = compute(name, noise(SR), np.arange(7) / FPS, fps=FPS, sr=SR, settings=settings)
    known = {"spectrogram": (128, 32), "acoustics": (537,), "log_mel": (8, 80), "waveform": (1280,)}
    assert values.shape == (7, *shape(name, settings)) == (7, *known[name])
    assert values.dtype == np.float32


@pytest.mark.parametrize("name", FEATURES)
def test_command_writes_what_compute_gives(name, clip, tmp_path):
    wav, frames, audio, times = clip
    assert run(name, wav, frames, tmp_path / "out.parquet", **EXACT[name]) == 0
    table = read_table(tmp_path / "out.parquet")
    settings = {**defaults(name), **EXACT[name]}
    want = compute(name, audio, times, fps=FPS, sr=SR, settings=settings)
    assert table.usable
    assert np.array_equal(table[name], want)
    assert np.array_equal(table["frame"], np.arange(20))
    assert np.array_equal(table["time"], times)
    assert table.meta["settings"] == settings
    assert table.meta["sr"] == SR
    assert description(name, settings).items() <= table.meta.items()


def test_default_storage_loses_half_a_step_at_most(clip, tmp_path):
    wav, frames, audio, times = clip
    for name, limit in (("spectrogram", 0.5 / 255 + 1e-6), ("acoustics", 0.25), ("log_mel", 1 / 32)):
        run(name, wav, frames, tmp_path / "out.parquet")
        exact = compute(name, audio, times, fps=FPS, sr=SR, settings=defaults(name))
        found = read_table(tmp_path / "out.parquet")[name]
        # uint8 rounds to half a step; float16 of the first cepstral coefficient (below 1024) to 0.25,
        # of decibels below 128 to 1/32
        assert np.abs(found - exact).max() <= limit


@pytest.mark.parametrize("name", FEATURES)
def test_empty_wav_and_unusable_frames_give_an_unusable_table(name, clip, tmp_path):
    wav, frames, _, _ = clip
    out = tmp_path / "out.parquet"
    write_sound(tmp_path / "empty.wav", np.zeros(0), SR)
    assert run(name, tmp_path / "empty.wav", frames, out) == 0
    assert not read_table(out).usable
    assert "no sound" in read_table(out).reason
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    assert run(name, tmp_path / "broken.wav", frames, out) == 0
    assert "broken.wav" in read_table(out).reason
    write_unusable(tmp_path / "none.parquet", "the video is cut off", stage="audio")
    assert run(name, wav, tmp_path / "none.parquet", out) == 0
    assert read_table(out).reason == "the video is cut off"


def test_missing_input_is_one_line_and_no_output(clip, tmp_path, capsys):
    wav, frames, _, _ = clip
    assert run("spectrogram", tmp_path / "no.wav", frames, tmp_path / "out.parquet") == 1
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("speechface spectrogram: ")
    assert run("spectrogram", wav, tmp_path / "no.parquet", tmp_path / "out.parquet") == 1
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("audio", "times", "message"),
    [
        (np.zeros(0, np.float32), [0.0], "empty"),
        (np.array([0, np.nan], np.float32), [0.0], "finite"),
        (noise(100), [0.0, 0.1, 0.1], "increase"),
    ],
)
def test_unusable_sound_or_times_are_clip_errors(audio, times, message):
    with pytest.raises(ClipError, match=message):
        compute("spectrogram", audio, times, fps=25, sr=SR, settings=defaults("spectrogram"))


def test_spectrogram_command_imports_no_heavy_library():
    import subprocess
    import sys

    code = (
        "import sys, speechface.audio.features, speechface.commands.spectrogram, speechface.commands.acoustic_features;"
        "heavy = {'librosa', 'scipy', 'torch', 'pandas', 'matplotlib', 'av', 'cv2', 'numba'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
