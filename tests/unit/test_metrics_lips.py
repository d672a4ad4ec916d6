"""Lip-gap correlation, lag and the speech span."""

import numpy as np
import pytest

from speechface.metrics.lips import MAX_LAG, gap_correlation, lag_correlations, speech_span


@pytest.fixture
def gap():
    """A smooth random lip gap of 120 frames, mm."""
    noise = np.random.default_rng(2).normal(0, 3, 140)
    return 8 + np.convolve(noise, np.hanning(9), "valid")[:120]


def test_correlation_equals_numpy(gap):
    other = gap + np.random.default_rng(4).normal(0, 2, len(gap))
    assert gap_correlation(other, gap) == pytest.approx(np.corrcoef(other, gap)[0, 1], abs=1e-12)


def test_still_lips_have_no_merit_and_no_verdict(gap):
    assert gap_correlation(np.full(120, 3.0), gap) == 0
    assert np.isnan(gap_correlation(gap, np.full(120, 3.0)))
    assert np.isnan(gap_correlation(gap[:3], gap[:3]))


@pytest.mark.parametrize("lag", [-7, 0, 3, 10])
def test_known_lag_is_found_also_with_missing_frames(gap, lag):
    true, predicted = gap[20:100], gap[20 - lag : 100 - lag]  # predicted[k + lag] == true[k]
    kept = np.random.default_rng(1).random(80) > 0.2
    r = lag_correlations(predicted[kept], true[kept], np.nonzero(kept)[0])
    assert np.argmax(r) - MAX_LAG == lag
    assert r.max() == pytest.approx(1)


def test_lag_correlations_equal_those_of_the_shifted_curves(gap):
    rng = np.random.default_rng(6)
    predicted, frames = gap + rng.normal(0, 2, 120), np.nonzero(rng.random(120) > 0.1)[0]
    present = set(frames)
    found = lag_correlations(predicted[frames], gap[frames], frames)
    for lag in range(-MAX_LAG, MAX_LAG + 1):
        pairs = [(predicted[k + lag], gap[k]) for k in frames if k + lag in present]
        assert found[lag + MAX_LAG] == pytest.approx(np.corrcoef(np.transpose(pairs))[0, 1], abs=1e-12)


def test_lag_of_short_or_still_clips_is_undefined(gap):
    assert np.isnan(lag_correlations(gap[:30], gap[:30], np.arange(30))).all()
    assert np.isnan(lag_correlations(np.ones(120), gap, np.arange(120))).all()


@pytest.mark.parametrize("background", [0.0, 1e-3, 1e-2])
@pytest.mark.parametrize("gain", [1.0, 0.05])
def test_speech_span_surrounds_the_sound_at_any_loudness(background, gain):
    sr = 16000
    rng = np.random.default_rng(0)
    audio = background * rng.normal(size=3 * sr)
    audio[int(0.8 * sr) : int(1.3 * sr)] += 0.3 * np.sin(0.3 * np.arange(int(1.3 * sr) - int(0.8 * sr)))
    audio[int(1.7 * sr) : int(2.2 * sr)] += 0.1 * np.sin(0.2 * np.arange(int(2.2 * sr) - int(1.7 * sr)))
    start, stop = speech_span(gain * audio, sr=sr)
    # windows of 20 ms, and 100 ms of margin
    assert start == pytest.approx(0.7, abs=0.021)
    assert stop == pytest.approx(2.3, abs=0.021)


def test_a_click_is_not_speech():
    sr = 16000
    audio = 1e-4 * np.random.default_rng(0).normal(size=3 * sr)
    audio[sr // 4] = 0.5
    audio[sr : 2 * sr] += 0.2 * np.sin(0.2 * np.arange(sr))
    assert speech_span(audio, sr=sr)[0] == pytest.approx(0.9, abs=0.021)


def test_digital_silence_has_no_speech():
    assert speech_span(np.zeros(16000), sr=16000) is None
    assert speech_span(np.zeros(0), sr=16000) is None
