"""Whose delay a clip gets: its actor's, its data set's, its own or none."""

import numpy as np
import pytest

from speechface.audio.delays import Pool, clip_delays
from speechface.audio.synchrony import DELAYS_MS


def bell(centre, width=20.0):
    """What a clip tells that is `centre` ms late, with a standard deviation of `width` ms."""
    return -0.5 * ((DELAYS_MS - centre) / width) ** 2


FLAT = np.zeros(len(DELAYS_MS))


def delays(*actors, **options):
    """Delays of clips named 0, 1, ... of actors a, b, ...; each actor a list of curves."""
    curves = {(name, str(k)): curve for name, own in zip("abcdefgh", actors) for k, curve in enumerate(own)}
    return clip_delays(curves, **options)


def test_clips_of_an_actor_share_a_delay_and_those_that_tell_nothing_have_it_too():
    found = delays([bell(c) for c in (52, 61, 66, 70, 81)] + [FLAT], [bell(-40)])
    for clip, delay in found.items():
        if clip[0] == "a":
            assert (delay.source, delay.used_ms) == ("actor", 70.0)
            assert delay.found_ms == pytest.approx(66, abs=3)
            assert delay.low_ms < 60 < 72 < delay.high_ms  # a pool's own 9 ms, and 10 ms among voices
    assert found["a", "0"].own_ms == pytest.approx(52)
    assert np.isnan([found["a", "5"].own_ms, found["a", "5"].agreement]).all()
    assert (found["b", "0"].source, found["b", "0"].used_ms) == ("clip", -40.0)


def test_actors_with_few_clips_share_the_delay_of_the_data_set():
    found = delays([bell(0, 1)] * 4, [bell(12)], [bell(-8)], [bell(9, 60)], [bell(400, 200)])
    assert {(delay.source, delay.used_ms) for delay in found.values()} == {("dataset", 0.0)}


def test_an_actor_with_many_clips_does_not_speak_for_others():
    found = delays([bell(c) for c in range(-20, 21, 2)], [bell(120)], [bell(-200)])
    assert [(found[actor, "0"].source, found[actor, "0"].used_ms) for actor in "abc"] == [
        ("actor", 0.0), ("clip", 120.0), ("clip", -200.0)
    ]  # fmt: skip


def test_clips_with_delays_of_their_own_keep_them():
    found = delays([bell(-120), bell(200), bell(40, 100)], [bell(0), bell(80)])
    assert [(delay.source, delay.used_ms) for delay in found.values()] == [
        ("clip", -120.0), ("clip", 200.0), ("none", 0.0), ("clip", 0.0), ("clip", 80.0)
    ]  # fmt: skip
    assert np.isnan([delay.agreement for delay in found.values()]).all()  # there is nobody to agree with
    unsure = found["a", "2"]
    assert np.isnan([unsure.found_ms, unsure.low_ms, unsure.high_ms]).all()
    assert unsure.own_ms == pytest.approx(40)


def test_a_sound_of_another_clip_agrees_less_than_chance_and_moves_nobody():
    own = [bell(c) for c in (-6, 3, 8, 0, 10)]
    before, after = delays(own), delays([*own, bell(-300), bell(210, 30)])
    for k in range(5):
        assert after["a", str(k)].agreement > 0.9
        assert after["a", str(k)].found_ms == pytest.approx(before["a", str(k)].found_ms, abs=3)
    assert max(after["a", "5"].agreement, after["a", "6"].agreement) < 0.01
    assert after["a", "5"].used_ms == 0.0


def test_short_clips_are_not_asked_whose_sound_they_have():
    found = delays([bell(0)] * 5 + [bell(-300)], short={("a", "5"), ("a", "0")})
    assert np.isnan([found["a", "5"].agreement, found["a", "0"].agreement]).all()
    assert found["a", "1"].agreement > 0.9
    assert found["a", "5"].used_ms == 0.0


def test_a_clip_more_moves_no_delay_that_is_used():
    rng = np.random.default_rng(0)
    own = [bell(c) for c in rng.normal(73, 17, 40)]
    used = {delays(own[:n])["a", "0"].used_ms for n in range(20, 41)}
    assert used <= {70.0, 80.0}
    assert all(ms % 10 == 0 for ms in used)


def test_sharing_is_asked_of_the_evidence():
    rng = np.random.default_rng(1)
    together, apart = rng.normal(50, 17, 8), rng.uniform(-300, 300, 8)
    assert Pool.of([bell(c) for c in together]).shared
    assert not Pool.of([bell(c) for c in apart]).shared
    assert not Pool.of([bell(0), FLAT]).shared  # one clip alone tells nothing about sharing
    # clips that are 200 ms unsure prefer nothing clearly
    assert not Pool.of([bell(0, 200), bell(100, 200)]).shared
