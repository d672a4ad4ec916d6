"""A stream gives what the whole recording gives, whatever the blocks; memory is bounded, the delay as stated."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from signals import noise, speech_like

from speechface.audio import features
from speechface.audio.levels import LevelSettings, normalise
from speechface.config import defaults
from speechface.errors import ModelError
from speechface.media.resample import resample
from speechface.networks.baselines import Baseline
from speechface.networks.ensemble import join
from speechface.rig.channels import ARKIT52, ROTATIONS
from speechface.stream import Stream

BLOCKS = (1, 10, 441, 1000, 5000, 40000)
SIZES = {"log_mel": 8 * 80, "waveform": 1280, "spectrogram": 128 * 32, "acoustics": 537}


def ridge(feature="log_mel", *, sr=16000, seed=0, **settings):
    """A model whose every output depends on every number of a row."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(features.FEATURES[feature].shape(features.FEATURES[feature].settings(**settings))))
    scale = {"waveform": 3e-6, "spectrogram": 3e-2}.get(feature, 1e-3)
    arrays = {"matrix": scale * rng.standard_normal((size, 55)), "offset": np.full(55, 0.4)}
    stored = {**defaults(feature).dump(), **settings, "audio_sr": sr}
    return Baseline("ridge", feature, stored, (*ARKIT52, *ROTATIONS), np.ones(52, bool), arrays, {})


def network(head):
    import torch
    from training_tables import make_clips, stats_of

    from speechface.config import model_settings
    from speechface.networks.predictor import TrainedModel
    from speechface.networks.registry import build_network, network_spec

    clips = make_clips(0, n_clips=2, n_frames=4, shape=(8, 80))
    stats = {key: np.asarray(value) for key, value in stats_of(clips).items() if key.endswith(("mean", "std"))}
    stats["feature_mean"], stats["feature_std"] = np.full((8, 80), -40.0), np.full((8, 80), 20.0)
    settings = model_settings({"family": "sequence", "head": head})
    torch.manual_seed(0)
    spec = network_spec(settings, input_shape=(8, 80), width=0.1)
    return TrainedModel(
        build_network(spec, stats).eval(), "net", 0, "log_mel", {**defaults("log_mel").dump(), "audio_sr": 16000},
        ARKIT52, np.ones(52, bool), spec, stats, {"model": settings.dump()},
    )  # fmt: skip


def whole(model, audio, sr, fps, levels=None):
    """What `animate` computes."""
    own = model.feature_settings["audio_sr"]
    audio = resample(audio, sr, own)
    if levels:
        audio = normalise(audio, sr=own, settings=levels)
    times = np.arange(max(1, round(len(audio) / own * fps))) / float(fps)
    settings = features.settings_of_table(model.feature, model.feature_settings)
    rows = features.compute(model.feature, audio, times, fps=float(fps), sr=own, settings=settings)
    return times, model.predict(rows)[0][:, :52]


def streamed(model, audio, sr, fps, rng, **options):
    stream = Stream(model, fps=fps, sr=sr, **options)
    parts, place = [], 0
    while place < len(audio):
        size = int(rng.choice(BLOCKS))
        parts.append(stream.push(audio[place : place + size]))
        place += size
    parts.append(stream.finish())
    assert [part.first for part in parts] == np.cumsum([0, *map(len, parts[:-1])]).tolist()
    return np.concatenate([part.times for part in parts]), np.concatenate([part.weights for part in parts])


@pytest.mark.parametrize("fps", [30, Fraction(30000, 1001)])
@pytest.mark.parametrize("sr", [16000, 44100, 8000])
@pytest.mark.parametrize(("feature", "own"), [("log_mel", 16000), ("waveform", 44100), ("spectrogram", 44100)])
def test_blocks_of_any_size_give_what_the_whole_gives(feature, own, sr, fps, rng):
    model, audio = ridge(feature, sr=own), speech_like(round(2.71 * sr), sr)
    times, weights = streamed(model, audio, sr, fps, rng)
    expected_times, expected = whole(model, audio, sr, fps)
    np.testing.assert_array_equal(times, expected_times)
    assert np.ptp(expected) > 0.1
    # sums of float32 in other orders; of waveform, steps of 16 bits that a resampler's sums round the other way
    np.testing.assert_allclose(weights, expected, atol=1e-4 if feature == "waveform" else 2e-5)


@pytest.mark.parametrize("head", ["tcn", "attention"])
def test_a_network_with_memory_and_levels_gives_what_the_whole_gives(head, rng):
    model, audio = network(head), 0.1 * speech_like(4 * 16000, 16000)
    _, weights = streamed(model, audio, 16000, 25, rng, levels=LevelSettings())
    np.testing.assert_allclose(weights, whole(model, audio, 16000, 25, LevelSettings())[1], atol=1e-5)  # float32 sums
    assert np.abs(weights - whole(model, audio, 16000, 25)[1]).max() > 1e-3


def test_levels_are_normalised_where_the_model_was_trained_so(rng):
    model, audio = ridge(levels=True), 0.1 * speech_like(3 * 16000, 16000)
    weights = streamed(model, audio, 16000, 25, rng)[1]
    np.testing.assert_allclose(weights, whole(model, audio, 16000, 25)[1], atol=2e-5)
    np.testing.assert_allclose(weights, whole(ridge(), audio, 16000, 25, LevelSettings())[1], atol=2e-5)


def test_an_ensemble_is_the_mean_of_its_members(rng):
    members, audio = [network("tcn"), network("attention")], speech_like(16000, 16000)
    weights = [streamed(model, audio, 16000, 30, rng)[1] for model in (*members, join(members, name="both", seed=0))]
    np.testing.assert_allclose(weights[2], (weights[0] + weights[1]) / 2, atol=1e-6)


@pytest.mark.parametrize("seconds", [0.002, 0.01, 0.05, 1.0, 1.01])
def test_there_are_as_many_frames_as_in_the_recording_and_one_at_least(seconds, rng):
    audio = noise(round(seconds * 48000))
    times, _ = streamed(ridge(), audio, 48000, 30, rng)
    assert len(times) == max(1, round(len(resample(audio, 48000, 16000)) / 16000 * 30))


def test_without_sound_there_are_no_frames():
    stream = Stream(ridge(), fps=30, sr=16000)
    assert len(stream.push(np.zeros(0, np.float32))) == len(stream.finish()) == 0
    assert stream.finish().weights.shape == (0, 52)


@pytest.mark.parametrize("sr", [16000, 44100])
def test_a_frame_comes_out_as_soon_as_the_stated_delay_is_over_and_not_before(sr):
    audio, stream = noise(sr), Stream(ridge(look_ahead_ms=60), fps=25, sr=sr)
    assert stream.delay_s == pytest.approx(0.04 + 0.06 + (0.001 if sr != 16000 else 0))
    heard, block = {}, sr // 1000
    for start in range(0, len(audio), block):
        frames = stream.push(audio[start : start + block])
        heard.update(dict.fromkeys(frames.times.tolist(), (start + block) / sr))
    lags = np.array([at - time for time, at in heard.items()])
    # in steps of the blocks of a millisecond; small blocks are held back a little longer by the resampler
    assert (lags >= stream.delay_s - 0.0015).all()
    assert (lags <= stream.delay_s + 0.0025).all()


def test_levels_are_those_of_the_sound_while_a_frame_shows():
    audio = np.concatenate([np.zeros(16000, np.float32), np.full(16000, 0.1, np.float32)])
    stream = Stream(ridge(), fps=25, sr=16000)
    levels = np.concatenate([stream.push(audio).levels_db, stream.finish().levels_db])
    np.testing.assert_allclose(levels, [-120] * 25 + [-20] * 25, atol=1e-3)


def test_memory_stays_the_same_for_ever(rng):
    model = ridge()
    stream, block = Stream(model, fps=30, sr=48000), noise(48000)
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        for _ in range(20):
            stream.push(block)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] <= 1.05 * peaks[1] < 5e6


def test_a_long_block_needs_no_more_than_a_short_one():
    stream = Stream(ridge(), fps=30, sr=16000)
    audio = noise(16000 * 120)
    tracemalloc.start()
    stream.push(audio)
    assert tracemalloc.get_traced_memory()[1] < 12e6  # 10 s of sound and rows, not the 9 MB of rows of all
    tracemalloc.stop()


def test_values_that_are_not_finite_count_as_silence(rng):
    audio = speech_like(16000, 16000)
    broken, mended = audio.copy(), audio.copy()
    broken[5000:5100], mended[5000:5100] = np.nan, 0
    np.testing.assert_array_equal(
        streamed(ridge(), broken, 16000, 30, np.random.default_rng(1))[1],
        streamed(ridge(), mended, 16000, 30, np.random.default_rng(1))[1],
    )


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (lambda: network("bigru"), "looks at what is still to come"),
        (lambda: join([network("tcn"), network("bigru")], name="both", seed=0), "looks at what is still to come"),
        (lambda: ridge("acoustics", sr=44100), "takes acoustics made of the whole recording"),
        (lambda: ridge("spectrogram", sr=44100, reference="clip"), "made of the whole recording"),
    ],
)
def test_what_needs_the_whole_recording_is_refused_with_one_line(model, why):
    with pytest.raises(ModelError, match=why) as error:
        Stream(model(), fps=30, sr=16000)
    assert "\n" not in str(error.value)


def test_sound_of_two_channels_is_refused():
    with pytest.raises(ValueError, match=r"mono of shape \(n,\), found \(10, 2\)"):
        Stream(ridge(), fps=30, sr=16000).push(np.zeros((10, 2)))
