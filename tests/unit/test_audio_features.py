"""The registry of features, and the command that writes their tables."""

import json
import subprocess
import sys

import numpy as np
import pytest
from signals import noise, silence, speech_like, write_sound_table

from speechface.audio.features import FEATURES, compute
from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.config import defaults
from speechface.errors import ClipError

FPS, SR = 30000 / 1001, 44100
CLIP = "d/a/one"
# lossless storage for comparing values
EXACT = {"spectrogram": {"storage": "float32"}, "acoustics": {"storage": "float32"},
         "log_mel": {"storage": "float32"}, "waveform": {}}  # fmt: skip


@pytest.fixture
def sound():
    return np.rint(speech_like(round(21 / FPS * SR)) * 32768).astype(np.float32) / 32768


@pytest.fixture
def audio(sound, tmp_path):
    """A table of sound: a clip of 20 frames, one without sound and one that cannot be read."""
    path = tmp_path / "audio.parquet"
    sounds = {CLIP: sound, "d/a/mute": silence(0), "d/a/broken": "the video is cut off"}
    write_sound_table(path, sounds, sr=SR, fps=FPS, n_frames=20)
    return path


def run(name, audio, out, **settings):
    return main(["features", name, "--audio", str(audio), "--out", str(out), "--settings", json.dumps(settings)])


@pytest.mark.parametrize("name", FEATURES)
def test_shape_and_dtype_follow_the_settings(name):
    settings = defaults(name)
    values = compute(name, noise(SR), np.arange(7) / FPS, fps=FPS, sr=SR, settings=settings)
    known = {"spectrogram": (128, 32), "acoustics": (537,), "log_mel": (8, 80), "waveform": (1280,)}
    assert values.shape == (7, *FEATURES[name].shape(settings)) == (7, *known[name])
    assert values.dtype == np.float32


@pytest.mark.parametrize("name", FEATURES)
def test_command_writes_what_compute_gives(name, sound, audio, tmp_path):
    assert run(name, audio, tmp_path / "out.parquet", **EXACT[name]) == 0
    table = ClipTable(tmp_path / "out.parquet").read(CLIP)
    settings = FEATURES[name].settings(**EXACT[name])
    want = compute(name, sound, np.arange(20) / FPS, fps=FPS, sr=SR, settings=settings)
    assert table.usable
    assert np.array_equal(table[name], want)
    assert np.array_equal(table["frame"], np.arange(20))
    assert np.array_equal(table["time"], np.arange(20) / FPS)
    assert table.meta["settings"] == settings.dump()
    assert (table.meta["audio_sr"], table.meta["fps"]) == (SR, FPS)
    assert FEATURES[name].description(settings).items() <= table.meta.items()
    assert (table.meta["stage"], table.meta["stage_version"]) == (name, FEATURES[name].version)


def test_default_storage_loses_half_a_step_at_most(sound, audio, tmp_path):
    for name, limit in (("spectrogram", 0.5 / 255 + 1e-6), ("acoustics", 0.25), ("log_mel", 1 / 32)):
        run(name, audio, tmp_path / "out.parquet")
        exact = compute(name, sound, np.arange(20) / FPS, fps=FPS, sr=SR, settings=defaults(name))
        found = ClipTable(tmp_path / "out.parquet").read(CLIP)[name]
        # uint8 rounds to half a step; float16 of the first cepstral coefficient (below 1024) to 0.25,
        # of decibels below 128 to 1/32
        assert np.abs(found - exact).max() <= limit


@pytest.mark.parametrize("name", FEATURES)
def test_clips_without_sound_or_frames_are_listed_with_the_reason(name, audio, tmp_path):
    assert run(name, audio, tmp_path / "out.parquet") == 0
    table = ClipTable(tmp_path / "out.parquet")
    assert [table.read(clip).usable for clip in table.entries] == [True, False, False]
    assert table.read("d/a/mute").reason == "d/a/mute has no sound"
    assert table.read("d/a/broken").reason == "the video is cut off"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["spectrograms", "--audio", "AUDIO"], "did you mean 'spectrogram'?"),
     (["spectrogram", "--audio", "none.parquet"], "none.parquet: no such table"),
     (["spectrogram", "--audio", "AUDIO", "--settings", '{"n_ftt": 3}'], "unknown key 'n_ftt'; did you mean 'n_fft'?")],
)  # fmt: skip
def test_a_mistake_is_one_line_and_no_output(arguments, message, audio, tmp_path, capsys):
    arguments = [str(audio) if word == "AUDIO" else word for word in arguments]
    assert main(["features", *arguments, "--out", str(tmp_path / "out.parquet")]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("speechface features: ")
    assert message in line
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


def test_the_command_of_features_loads_no_heavy_library(audio, tmp_path):
    code = (
        "import sys; from speechface.cli import main; main(sys.argv[1:]);"
        "heavy = {'librosa', 'scipy', 'torch', 'matplotlib', 'av', 'numba'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    arguments = ["features", "log_mel", "--audio", str(audio), "--out", str(tmp_path / "out.parquet")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
