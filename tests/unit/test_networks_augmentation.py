"""Random changes of the sound in training."""

import numpy as np
import pytest

from speechface.audio.filters import mel_centres
from speechface.networks.augmentation import augment_log_mel, augment_waveform, warp_bands

OFF = {"gain_db": 0, "tilt_db": 0, "noise_db": 0, "tract_percent": 0}
CENTRES = mel_centres(n_mels=80, fmin=50, fmax=7600)


def changed(seed=0, **sizes):
    stored = np.random.default_rng(9).normal(-30, 10, (3, 20, 8, 80)).astype(np.float16)
    out = augment_log_mel(stored, centres=CENTRES, rng=np.random.default_rng(seed), **{**OFF, **sizes})
    return out, stored.astype(np.float32)


def test_augmentation_off_changes_nothing_and_a_seed_decides():
    out, before = changed()
    np.testing.assert_array_equal(out, before)
    sizes = {"gain_db": 2, "tilt_db": 2, "noise_db": 1}
    np.testing.assert_array_equal(changed(3, **sizes)[0], changed(3, **sizes)[0])
    assert (changed(3, **sizes)[0] != changed(4, **sizes)[0]).mean() > 0.9


def test_gain_is_one_number_a_clip_and_tilt_a_straight_line_of_the_bands():
    out, before = changed(gain_db=2)
    assert np.ptp(out - before, axis=(1, 2, 3)).max() < 1e-4  # float32 at 60 dB
    assert len(np.unique(np.round((out - before)[:, 0, 0, 0], 3))) == 3
    out, before = changed(tilt_db=2)
    lines = (out - before)[:, 0, 0]
    assert np.abs(np.diff(lines, 2, axis=1)).max() < 1e-4  # float32 at 60 dB
    np.testing.assert_allclose(lines[:, 0], -lines[:, -1], atol=1e-4)


def test_a_shorter_vocal_tract_moves_a_tone_up_by_its_factor():
    hz = np.array([700.0, 1500.0, 3000.0])
    bands = np.interp(hz, CENTRES, np.arange(80))
    stored = np.exp(-0.5 * np.square((np.arange(80) - bands[:, None, None, None]) / 3)).astype(np.float32)
    for factor in (0.85, 1.0, 1.15):
        out = warp_bands(stored, np.full(3, factor), CENTRES)
        assert out.shape == (3, 1, 1, 80)
        # the maximum of a smooth hill: a parabola through its three highest bands
        top = out.argmax(-1)[:, 0, 0]
        a, b, c = (out[range(3), 0, 0, top + k] for k in (-1, 0, 1))
        place = top + 0.5 * (a - c) / (a - 2 * b + c)
        np.testing.assert_allclose(np.interp(place, np.arange(80), CENTRES), hz * factor, rtol=0.015)  # half a band
    np.testing.assert_array_equal(warp_bands(stored, np.ones(3), CENTRES), stored)
    stretched, before = changed(tract_percent=10)
    assert not np.allclose(stretched, before)
    np.testing.assert_array_equal(stretched, changed(tract_percent=10)[0])


def test_waveforms_take_gain_and_noise(rng):
    rows_ = rng.normal(0, 1000, (40, 10, 200)).astype(np.int16)
    off = {"gain_db": 0, "noise_db": 0}

    def out_of(**sizes):
        return augment_waveform(rows_, rng=np.random.default_rng(0), **{**off, **sizes})

    np.testing.assert_array_equal(out_of(), rows_)
    gains = np.log10(out_of(gain_db=3)[:, 0, 0] / rows_[:, 0, 0]) * 20
    np.testing.assert_allclose(out_of(gain_db=3) / (10 ** (gains / 20))[:, None, None], rows_, rtol=1e-4, atol=1e-2)
    assert gains.std() == pytest.approx(3, rel=0.3)  # 40 draws
    rise = 20 * np.log10(out_of(noise_db=6).std((1, 2)) / rows_.std((1, 2)))
    assert (rise > 0).mean() > 0.8
    assert rise.max() < 6
