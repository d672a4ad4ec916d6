"""Random changes of the sound in training."""

import numpy as np
import pytest

from speechface.audio.filters import mel_centres
from speechface.networks.augmentation import (
    add_background,
    add_reverberation,
    augment_log_mel,
    augment_waveform,
    limit_band,
    warp_bands,
)

OFF = {"gain_db": 0, "tilt_db": 0, "noise_db": 0, "tract_percent": 0, "recordings": 0, "hop_s": 0.01, "floor_db": -65}
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


def test_a_click_in_a_room_decays_by_60_dB_in_the_reverberation_time():
    rows = np.full((1, 30, 8, 80), -120, np.float32)
    rows[0, 5, 0] = 0  # one hop; a row's tail goes on half a row later
    out = add_reverberation(rows, np.array([0.4]), np.array([0.0]), hop_s=0.01)
    np.testing.assert_allclose(out[0, 5, 0], 0, atol=1e-4)
    tail = np.concatenate([out[0, 5, 1:5, 0], out[0, 6:15, 1:5, 0].ravel()])
    np.testing.assert_allclose(np.diff(tail), -60 * 0.01 / 0.4, atol=0.01)  # dB a hop
    # all of the tail has as much energy as the click
    assert 10 * np.log10((10 ** (tail / 10)).sum()) == pytest.approx(0, abs=0.05)  # the end is cut
    assert out[0, :5].max() < -110  # nothing is heard before


def test_a_background_adds_energy_and_a_line_cuts_the_bands_outside():
    rows = np.full((2, 40, 8, 80), -100, np.float32)
    rows[1] = -30
    out = add_background(rows, np.full((2, 80), -30.0), np.random.default_rng(0))
    assert out[0].mean() == pytest.approx(-30, abs=0.1)
    assert out[1].mean() == pytest.approx(-27, abs=0.3)  # twice the energy; the mean of dB is a little lower
    rows = np.zeros((1, 2, 8, 80), np.float32)
    out = limit_band(rows, np.array([[300.0, 3400.0]]), CENTRES, -65)[0, 0, 0]
    inside = (CENTRES > 300) & (CENTRES < 3400)
    assert (out[inside] == 0).all()
    assert out[np.searchsorted(CENTRES, 6800)] == pytest.approx(-48, abs=3)  # an octave above, to a band
    assert out.min() >= -65


def test_recordings_differ_from_sequence_to_sequence_and_keep_the_floor():
    out, before = changed(recordings=1)
    assert out.min() >= -65
    assert (out != before).mean() > 0.9
    np.testing.assert_array_equal(changed(recordings=1)[0], out)
    np.testing.assert_array_equal(changed(recordings=0)[0], before)


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
