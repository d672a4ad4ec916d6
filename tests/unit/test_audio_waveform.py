"""Rows of samples around video frames."""

import numpy as np
import pytest

from speechface.audio.waveform import FULL_SCALE, waveform

SR = 44100


def test_rows_hold_the_sound_that_ends_with_their_frame():
    times = np.arange(SR) / SR
    sine = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    ends = np.rint(np.arange(5, 20) / 25 * SR).astype(int)
    rows = waveform(sine, ends, sr=SR, row_sr=16000, window_ms=80, look_ahead_ms=100)
    assert rows.shape == (15, 1280)
    # sample k of a row is at (end + look-ahead - 1280 + k) / rate
    at = np.arange(5, 20)[:, None] / 25 + 0.1 + np.arange(-1280, 0) / 16000
    expected = 0.5 * FULL_SCALE * np.sin(2 * np.pi * 440 * at)
    # ripple of the resampling filter (0.1 %) and rounding to 16 bits
    np.testing.assert_allclose(rows, expected, atol=0.5 + 0.002 * FULL_SCALE)
    np.testing.assert_array_equal(rows, np.rint(rows))
    assert np.abs(rows).max() <= FULL_SCALE + 1


def test_a_causal_row_hears_nothing_of_what_follows():
    sound = np.random.default_rng(0).normal(0, 0.1, SR).astype(np.float32)
    other = sound.copy()
    other[20000:] = 0
    first, second = (waveform(s, [19000], sr=SR, row_sr=16000, window_ms=80, look_ahead_ms=0) for s in (sound, other))
    np.testing.assert_array_equal(first, second)


def test_sound_outside_the_clip_is_silence_and_loud_sound_is_clipped():
    rows = waveform(np.full(400, 2.0, np.float32), [200, 800], sr=16000, row_sr=16000, window_ms=25, look_ahead_ms=0)
    np.testing.assert_array_equal(rows[0], [0] * 200 + [FULL_SCALE] * 200)
    assert not rows[1].any()


def test_a_rate_above_the_sounds_is_refused():
    with pytest.raises(ValueError, match="must not be above"):
        waveform(np.zeros(100, np.float32), [50], sr=8000, row_sr=16000, window_ms=80, look_ahead_ms=0)
