import numpy as np
import pytest

from speechface.synthesis.articulation import (
    Segment,
    articulate,
    bump,
    close_lips,
    energy_envelope,
    lip_seal,
    segments_of,
)
from speechface.synthesis.visemes import CHANNEL_GROUP, INDEX, VISEMES, visemes_of

PHRASE = [(0.30, "m"), (0.37, "aɪ"), (0.51, "p"), (0.55, "ˈʌ"), (0.70, "b"), (0.78, "uː"), (0.95, "s"), (1.05, "i"),
          (1.20, "")]  # fmt: skip
FRAME_S = 1001 / 30000


def random_phrase(rng):
    names = ["p", "b", "m", "t", "ˈɑː", "aɪ", "s", "ð", "ˌɔːɹ", "w", "", "ŋ", "f"]
    starts = 0.2 + np.cumsum(rng.uniform(0.004, 0.16, 14))
    return [(float(t), names[k]) for t, k in zip(starts, rng.integers(0, len(names), 14))]


def test_segments_fill_the_clip_without_gap_or_overlap(rng):
    for _ in range(50):
        duration = 3.0
        segments = segments_of(random_phrase(rng), duration=duration)
        assert segments[0].start == 0
        assert segments[-1].end == duration
        assert all(s.end > s.start for s in segments)
        assert [s.end for s in segments[:-1]] == pytest.approx([s.start for s in segments[1:]], abs=1e-9)


def test_a_closure_comes_before_its_burst():
    segments = segments_of(PHRASE, duration=1.6)
    p = next(s for s in segments if s.ipa == "p")
    assert p.start < 0.51 - 0.03
    assert 0.51 < p.end < 0.55


def test_diphthongs_are_split_with_the_open_part_longer():
    parts = [s for s in segments_of(PHRASE, duration=1.6) if s.ipa == "aɪ"]
    assert [s.viseme for s in parts] == ["father", "sit"]
    assert parts[0].end - parts[0].start > parts[1].end - parts[1].start


def test_stress_marks_and_pauses_are_read():
    segments = segments_of(PHRASE, duration=1.6)
    assert [s.stress for s in segments if s.ipa == "ˈʌ"] == [2]
    assert segments[0].viseme == "rest"
    assert segments[-1].viseme == "rest"
    assert visemes_of("ˈɔːɹ") == ["door", "rhotic"]
    assert visemes_of("") == ["rest"]
    assert visemes_of("ʔ") == ["rest"]


def test_articulation_stays_between_the_smallest_and_largest_target(rng):
    """A dominance-weighted mean cannot leave the range of its targets."""
    times = np.arange(0, 3, FRAME_S)
    for _ in range(20):
        segments = segments_of(random_phrase(rng), duration=3.0)
        weights = articulate(segments, times, gain=1.0)
        largest = np.max([[VISEMES[s.viseme].targets.get(n, 0) for n in INDEX] for s in segments], 0) * 1.12
        assert weights.min() >= 0
        assert (weights <= largest + 1e-12).all()


def test_a_long_sound_reaches_its_target():
    segments = [Segment(0.0, 1.0, "rest", 0, ""), Segment(1.0, 2.0, "food", 1, "u"), Segment(2.0, 3.0, "rest", 0, "")]
    weights = articulate(segments, [0.3, 1.5, 2.7], gain=1.0)
    for name, target in VISEMES["food"].targets.items():
        assert weights[1, INDEX[name]] == pytest.approx(target, abs=0.01)  # neighbours reach here with e^-3 at most
    assert weights[[0, 2]].max() < 0.01


def test_lips_round_before_a_rounded_vowel_while_the_tongue_still_speaks():
    """Anticipatory rounding (/tu/ against /ti/) is what coarticulation is."""

    def pucker_during_t(vowel):
        segments = segments_of([(0.5, "t"), (0.56, vowel)], duration=1.2)
        t = next(s for s in segments if s.ipa == "t")
        return articulate(segments, [(t.start + t.end) / 2], gain=1.0)[0, INDEX["mouthPucker"]]

    assert pucker_during_t("uː") > 0.15
    assert pucker_during_t("iː") < 0.02


def test_gain_opens_the_jaw_in_proportion_and_leaves_rounding_alone():
    segments = segments_of(PHRASE, duration=1.6)
    times = np.arange(0, 1.6, FRAME_S)
    soft, loud = articulate(segments, times, gain=0.8), articulate(segments, times, gain=1.2)
    assert loud[:, INDEX["jawOpen"]] == pytest.approx(1.5 * soft[:, INDEX["jawOpen"]])
    assert np.array_equal(loud[:, INDEX["mouthPucker"]], soft[:, INDEX["mouthPucker"]])


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 60])
def test_every_bilabial_shows_closed_lips_in_a_frame_at_any_phase(fps, rng):
    segments = segments_of(PHRASE, duration=1.6)
    bilabials = [s for s in segments if s.viseme == "bilabial"]
    assert len(bilabials) == 3
    for phase in rng.uniform(0, 1 / fps, 20):
        times = np.arange(0, 1.6, 1 / fps) + phase
        seal = lip_seal(segments, times, frame_s=1 / fps)
        weights = close_lips(articulate(segments, times, gain=1.0), seal)
        for s in bilabials:
            near = (times > s.start - 1 / fps) & (times < s.end + 1e-9)
            assert (seal[near] == 1).any()
            closed = near & (seal == 1)
            assert np.array_equal(weights[closed, INDEX["mouthClose"]], weights[closed, INDEX["jawOpen"]])
            assert weights[closed][:, INDEX["mouthLowerDownLeft"]].max() == 0


def test_vowels_are_not_sealed():
    segments = segments_of(PHRASE, duration=1.6)
    centres = [(s.start + s.end) / 2 for s in segments if VISEMES[s.viseme].vowel and s.end - s.start > 0.1]
    assert len(centres) >= 3
    assert lip_seal(segments, centres, frame_s=FRAME_S).max() < 0.05


def test_lips_are_closed_at_rest_on_both_ends():
    seal = lip_seal(segments_of(PHRASE, duration=1.6), np.array([0.0, 0.05, 1.4, 1.59]), frame_s=FRAME_S)
    assert np.array_equal(seal, np.ones(4))


def test_energy_is_that_of_a_direct_windowed_sum(rng):
    sr = 800
    audio = rng.normal(size=1600).astype(np.float32) * np.linspace(0.1, 1, 1600)
    times = np.linspace(0.3, 1.7, 7)
    window = np.hanning(80)
    direct = []
    for sample in range(200, 1400):
        direct.append(np.sqrt(np.sum(window * audio[sample - 40 : sample + 40].astype(float) ** 2)))
    direct = np.array(direct)
    found = energy_envelope(audio, sr=sr, times=times, width_s=0.1)
    expected = direct[np.round(times * sr).astype(int) - 200]
    # ratios, since the envelope is relative to its own maximum
    assert found / found[0] == pytest.approx(expected / expected[0], rel=0.02)  # window centred to half a sample
    assert found.max() <= 1


def test_bump_is_one_at_its_centre_and_zero_outside():
    times = np.array([0.4, 0.5, 1.0, 1.2, 1.31])
    values = bump(times, 1.0, rise_s=0.5, fall_s=0.3)
    assert values[2] == 1
    assert values[[0, 1, 4]] == pytest.approx(0)
    assert 0 < values[3] < 1


def test_targets_belong_to_mouth_jaw_and_tongue_and_are_weights():
    for name, viseme in VISEMES.items():
        assert all(channel.startswith(("jaw", "mouth", "tongue")) for channel in viseme.targets), name
        assert all(0 <= weight <= 1 for weight in viseme.targets.values()), name
        assert min(viseme.strength) > 0, name
    assert CHANNEL_GROUP[INDEX["jawOpen"]] == 0
    assert CHANNEL_GROUP[INDEX["mouthPucker"]] == 1
