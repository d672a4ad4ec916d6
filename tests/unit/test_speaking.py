"""From a recording to an animation, as a library: `speechface.animate`."""

import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from signals import speech_like

import speechface
from speechface.audio.sound import write_wav
from speechface.cli import main
from speechface.config import defaults
from speechface.errors import ConfigError, MediaError, ModelError
from speechface.networks.baselines import Baseline
from speechface.networks.loading import save_model
from speechface.rig.channels import ARKIT52, ROTATIONS

SR = 16000
SIZES = {"log_mel": 8 * 80, "spectrogram": 128 * 32, "acoustics": 537}


def ridge(feature, *, size=1.0):
    rng = np.random.default_rng(0)
    scale = 3e-2 if feature == "spectrogram" else 1e-3
    arrays = {"matrix": size * scale * rng.standard_normal((SIZES[feature], 55)), "offset": np.full(55, 0.4)}
    settings = {**defaults(feature).dump(), "audio_sr": SR}
    if feature != "spectrogram":
        settings["fmax"] = 7600
    return Baseline("ridge", feature, settings, (*ARKIT52, *ROTATIONS), np.ones(52, bool), arrays, {})


@pytest.fixture
def wav(tmp_path):
    sound = speech_like(round(3.02 * SR), SR)
    write_wav(tmp_path / "speech.wav", sound, SR)
    return tmp_path / "speech.wav", sound


@pytest.mark.parametrize("feature", SIZES)
def test_a_file_gives_what_the_model_predicts_of_its_features(wav, feature):
    from speechface.audio import features

    path, sound = wav
    model = ridge(feature)
    animation = speechface.animate(path, model=model, fps=25, life="off")
    assert len(animation) == 76  # 3.02 s
    assert (animation.name, animation.channels) == ("speech", ARKIT52)
    settings = features.settings_of_table(feature, model.feature_settings)
    sound = np.round(sound * 32767).astype(np.float32) / 32768
    rows = features.compute(feature, sound, np.arange(76) / 25, fps=25, sr=SR, settings=settings)
    wanted = model.predict(rows)[0]
    inner = slice(8, -8)  # life "off" still begins and ends at rest
    np.testing.assert_allclose(animation.weights[inner], wanted[inner, :52], atol=1e-2)  # 16 bits of quiet bands
    np.testing.assert_allclose(animation.rotations[inner], wanted[inner, 52:], atol=1e-2)


def test_samples_give_what_their_file_gives(wav):
    path, sound = wav
    model = ridge("log_mel")
    of_file, of_samples = (speechface.animate(given, model=model) for given in (path, (sound, SR)))
    np.testing.assert_allclose(of_file.weights, of_samples.weights, atol=2e-2)  # 16 bits of quiet bands
    assert of_samples.fps == Fraction(30)
    np.testing.assert_allclose(of_samples.sound.samples, sound)


def test_a_seed_decides_what_is_drawn_and_the_file_says_so(wav):
    path, _ = wav
    model = ridge("log_mel", size=1e-3)
    first, again, other = (speechface.animate(path, model=model, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.weights, again.weights)
    assert not np.array_equal(first.rotations, other.rotations)
    assert first.meta["life"]["seed"] == 1


def test_save_writes_what_the_ending_says_and_leaves_nothing_else(wav, tmp_path):
    animation = speechface.animate(wav[0], model=ridge("log_mel"))
    path = animation.save(tmp_path / "new" / "face.a2f.json")
    assert json.loads(path.read_text())["numFrames"] == len(animation)
    assert [p.name for p in path.parent.iterdir()] == ["face.a2f.json"]
    animation.save(tmp_path / "new" / "curves.csv", format="livelink")
    assert (tmp_path / "new" / "curves.csv").read_text().startswith("Timecode,BlendshapeCount,EyeBlinkLeft")
    with pytest.raises(ConfigError, match="no format has this ending; end in one of"):
        animation.save(tmp_path / "face.xyz")


def test_what_cannot_be_animated_is_told_in_one_line(tmp_path, wav, capsys):
    model = ridge("log_mel")
    write_wav(tmp_path / "none.wav", np.zeros(0, np.float32), SR)
    with pytest.raises(MediaError, match="empty|holds no sound|not a readable"):
        speechface.animate(tmp_path / "none.wav", model=model)
    with pytest.raises(ConfigError, match="fps is 0; expected a number from 1 to 240"):
        speechface.animate(wav[0], model=model, fps=0)
    with pytest.raises(ModelError, match="no such model"):
        speechface.animate(wav[0], model=tmp_path / "m.onnx")
    save_model(tmp_path / "m.npz", model)
    command = ["animate", str(wav[0]), "--model", str(tmp_path / "m.npz"), "--formats", "a2f_json"]
    for more, message in (
        (["--out", str(wav[0])], "a file, expected a folder"),
        (["--size", "0"], "--size is 0; expected 16 to 4096 pixels"),
        (["--fps", "x"], "fps is x; expected a number"),
        (["--life", "wild"], "preset"),
    ):
        assert main([*command, "--out", str(tmp_path / "o"), *more]) == 1
        err = capsys.readouterr().err.strip()
        assert message in err
        assert "\n" not in err


def test_one_sample_and_silence_give_a_face_that_is_at_rest_or_predicted_and_are_told(tmp_path, caplog):
    model = ridge("log_mel")
    for count in (1, 320, SR):
        write_wav(tmp_path / "s.wav", np.zeros(count, np.float32), SR)
        animation = speechface.animate(tmp_path / "s.wav", model=model)
        assert len(animation) == max(1, round(count / SR * 30))
        assert np.isfinite(animation.weights).all()
        assert "s.wav: the sound is silent" in caplog.text
        caplog.clear()
    write_wav(tmp_path / "s.wav", np.random.default_rng(0).normal(0, 1e-3, SR).astype(np.float32), SR)
    speechface.animate(tmp_path / "s.wav", model=model)
    assert "silent" not in caplog.text


def test_an_hour_needs_no_more_memory_than_a_minute():
    """In a process of its own, whose peak the kernel knows; ten minutes stand for the hour."""
    code = (
        "import resource, sys, numpy as np\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_speaking import ridge, SR\n"
        "import speechface\n"
        "noise = np.random.default_rng(0).standard_normal(60 * SR).astype(np.float32) / 20\n"
        "peaks = []\n"
        "for minutes in (1, 10):\n"
        "    sound = np.tile(noise, minutes)\n"
        "    speechface.animate((sound, SR), model=ridge('log_mel'))\n"
        "    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - sound.nbytes / 2**20)\n"
        "print(peaks[1] - peaks[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(__file__).rsplit("/", 1)[0]], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 60  # MB; the curves of nine minutes take 4, one minute of rows in one piece 190
