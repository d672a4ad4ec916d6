"""Levels: known sounds, copies of other loudness, blocks of any size, silence and noise."""

import numpy as np
import pytest
from signals import noise, silence, speech_like

from speechface.audio.levels import HOP_S, ActiveLevel, HopLevels, Leveller, LevelSettings, normalise

SETTINGS = LevelSettings()
SR = 16000


def bursts(amplitude, seconds=4, sr=SR):
    """A tone of 1 kHz that is there for 0.2 of every 0.4 s, on a hiss 60 dB below."""
    time = np.arange(round(seconds * sr)) / sr
    return (amplitude * (np.sin(2 * np.pi * 1000 * time) * (time % 0.4 < 0.2) + 1e-3 * noise(len(time)))).astype(
        np.float32
    )


def level_of(audio, sr=SR):
    """Level of the speech in a whole sound, dB; the wanted level where there is none."""
    active = ActiveLevel(hop_s=HOP_S, start_db=SETTINGS.target_db, memory_s=np.inf, prior_s=0.0)
    for level in HopLevels(sr).push(audio.astype(np.float32)):
        active.push(level)
    return active.level_db


@pytest.mark.parametrize("sr", [16000, 44100])
@pytest.mark.parametrize("amplitude", [0.5, 0.01])
def test_the_level_of_a_tone_that_comes_and_goes_is_its_mean_square(amplitude, sr):
    # a run ends where the smoothed power is 20 dB down, 9 hops of 10 ms after the tone's 20
    wanted = 20 * np.log10(amplitude / np.sqrt(2)) + 10 * np.log10(20 / 29)
    assert level_of(bursts(amplitude, sr=sr), sr) == pytest.approx(wanted, abs=0.3)


@pytest.mark.parametrize("gain_db", [-20, 10])
def test_copies_of_other_loudness_are_the_same_after_the_first_second_of_speech(gain_db):
    audio = speech_like(6 * SR, SR)
    found, copy = (normalise(a, sr=SR, settings=SETTINGS) for a in (audio, audio * np.float32(10 ** (gain_db / 20))))
    power = [np.mean(np.square(part[2 * SR :])) for part in (found, copy)]
    # what is left of the supposed 0.02 s at the wanted level after a second of speech: 2 % of the decibels
    assert 10 * np.log10(power[1] / power[0]) == pytest.approx(0, abs=0.02 * abs(gain_db) + 0.05)
    assert level_of(copy[2 * SR :]) == pytest.approx(SETTINGS.target_db, abs=1)
    assert not np.allclose(copy, found, rtol=1e-3)  # the first syllables differ


def test_the_level_does_not_shift_with_a_gain_at_all_where_nothing_is_supposed():
    audio = speech_like(4 * SR, SR) + np.float32(0.01) * noise(4 * SR)
    levels = [level_of(audio * np.float32(gain)) for gain in (1, 0.1)]
    assert levels[0] - levels[1] == pytest.approx(20, abs=1e-3)  # float32 sums


def test_blocks_of_any_size_give_what_the_whole_gives(rng):
    audio = speech_like(3 * SR, SR)
    whole = normalise(audio, sr=SR, settings=SETTINGS)
    leveller, parts, place = Leveller(SETTINGS, sr=SR), [], 0
    while place < len(audio):
        size = int(rng.choice([1, 7, 159, 160, 161, 5000]))
        parts.append(leveller.push(audio[place : place + size]))
        assert len(parts[-1]) == len(audio[place : place + size])  # no delay
        place += size
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5)  # float32 sums
    assert leveller.push(np.zeros(0, np.float32)).shape == (0,)


def test_a_sample_depends_on_nothing_behind_it():
    audio = speech_like(3 * SR, SR)
    other = audio.copy()
    other[2 * SR :] *= 5
    first, second = (normalise(a, sr=SR, settings=SETTINGS)[: 2 * SR] for a in (audio, other))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "sound",
    [
        silence(3 * SR),
        noise(3 * SR) * np.float32(0.003),
        np.concatenate([silence(SR), noise(3 * SR) * np.float32(0.01)]),
        (0.01 * np.sin(np.arange(3 * SR) * 2 * np.pi * 300 / SR)).astype(np.float32),
    ],
    ids=["silence", "noise", "noise that sets in", "tone"],
)
def test_what_is_no_speech_is_not_amplified(sound):
    np.testing.assert_array_equal(normalise(sound, sr=SR, settings=SETTINGS), sound)


def test_pauses_keep_the_gain_of_the_speech_before():
    audio = np.concatenate([bursts(0.01), 1e-5 * noise(5 * SR)])
    leveller = Leveller(SETTINGS, sr=SR)
    leveller.push(audio[: 4 * SR])
    gain = leveller.gain_db
    assert gain == pytest.approx(SETTINGS.target_db + 44.6, abs=0.5)  # level of the tone, as above
    leveller.push(audio[4 * SR :])
    assert leveller.gain_db == pytest.approx(gain, abs=0.1)


def test_the_gain_is_limited():
    quiet, loud = (Leveller(LevelSettings(max_gain_db=6, max_cut_db=3), sr=SR) for _ in range(2))
    quiet.push(bursts(0.001))
    loud.push(bursts(0.9))
    assert (quiet.gain_db, loud.gain_db) == (6, -3)


def test_a_click_is_no_speech_and_a_later_level_takes_over_with_time():
    active = ActiveLevel(hop_s=0.01, start_db=-26, memory_s=2, prior_s=0.02)
    for level in [-60.0] * 20 + [-5.0] * 3 + [-60.0] * 20:
        active.push(level)
    assert active.level_db == -26
    for wanted in (-40.0, -30.0):
        for _ in range(40):
            for level in [wanted] * 20 + [-70.0] * 10:
                active.push(level)
        assert active.level_db == pytest.approx(wanted, abs=0.3)
