from fractions import Fraction

import numpy as np
import pytest
from scipy.signal import resample as reference_resample

from speechface.datasets.demo import STATEMENTS
from speechface.errors import ConfigError
from speechface.synthesis.articulation import energy_envelope
from speechface.synthesis.performance import MARGIN_S, perform, resample, traits_of
from speechface.synthesis.visemes import INDEX
from speechface.synthesis.voices import DELIVERIES, actor_voice, delivery

SR = 48000
CLIPS = {
    "01-01-01-01-01-01-01": (1, STATEMENTS["01"], "neutral", "normal"),
    "01-01-05-02-02-01-02": (2, STATEMENTS["02"], "angry", "strong"),
    "01-01-07-02-01-02-17": (17, STATEMENTS["01"], "disgust", "strong"),
    "01-01-03-01-02-01-24": (24, STATEMENTS["02"], "happy", "normal"),
}


def make(name, *, seed=0, fps=Fraction(30000, 1001)):
    number, statement, emotion, intensity = CLIPS[name]
    return perform(
        number, name, statement=statement, emotion=emotion, intensity=intensity, seed=seed, frame_rate=fps, sr=SR
    )


@pytest.fixture(scope="module", params=CLIPS)
def shown(request):
    return make(request.param)


@pytest.fixture(scope="module")
def first():
    return make(next(iter(CLIPS)))


def rms(audio):
    return np.sqrt(np.mean(np.square(audio, dtype=float)))


def test_the_same_name_and_seed_give_the_same_bytes(first):
    again = make(next(iter(CLIPS)))
    assert first.weights.tobytes() == again.weights.tobytes()
    assert first.rotations.tobytes() == again.rotations.tobytes()
    assert first.audio.tobytes() == again.audio.tobytes()


def test_another_seed_gives_another_performance(first):
    other = make(next(iter(CLIPS)), seed=1)
    n = min(len(first.weights), len(other.weights))
    assert np.abs(first.weights[:n] - other.weights[:n]).max() > 0.2


def test_weights_are_weights(shown):
    assert shown.weights.dtype == np.float32
    assert shown.weights.shape == (len(shown.times), 52)
    assert shown.weights.min() >= 0
    assert shown.weights.max() <= 1
    assert (shown.weights[:, INDEX["mouthClose"]] <= shown.weights[:, INDEX["jawOpen"]]).all()


def test_frames_cover_the_sound_exactly(shown):
    assert np.array_equal(shown.times, np.arange(len(shown.times)) * 1001 / 30000)
    assert len(shown.audio) == round(len(shown.times) * SR * 1001 / 30000)
    assert np.abs(shown.audio).max() <= 1


def test_sound_starts_and_ends_with_a_quarter_second_of_room_noise(shown):
    margin = int((MARGIN_S - 0.01) * SR)  # band limiting smears the edge by well under 10 ms
    for part in (shown.audio[:margin], shown.audio[-margin:]):
        assert 20 * np.log10(rms(part)) == pytest.approx(-66, abs=1)
    assert rms(shown.audio[margin:-margin]) > 30 * rms(shown.audio[:margin])


def test_phonemes_lie_inside_the_clip_and_rest_surrounds_them(shown):
    assert shown.segments[0].start == 0
    assert shown.segments[0].viseme == shown.segments[-1].viseme == "rest"
    assert shown.segments[0].end > MARGIN_S - 0.08  # at most one closure before the first sound
    assert shown.segments[-1].end == pytest.approx(len(shown.times) * 1001 / 30000)
    assert shown.segments[-1].start < shown.segments[-1].end - MARGIN_S + 0.05


def test_the_mouth_is_closed_at_both_ends(shown):
    ends = shown.weights[[0, 1, -2, -1]]
    assert np.array_equal(ends[:, INDEX["mouthClose"]], ends[:, INDEX["jawOpen"]])
    assert ends[:, INDEX["jawOpen"]].max() < 0.05
    assert ends[:, [INDEX["mouthLowerDownLeft"], INDEX["mouthUpperUpLeft"]]].max() < 0.02


def test_every_p_b_and_m_closes_and_presses_the_lips(shown):
    sounds = [s for s in shown.segments if s.viseme == "bilabial"]
    assert len(sounds) >= 5
    for sound in sounds:
        near = shown.weights[(shown.times > sound.start - 1 / 29) & (shown.times < sound.end)]
        assert (near[:, INDEX["mouthClose"]] == near[:, INDEX["jawOpen"]]).any()
        assert near[:, INDEX["mouthPressLeft"]].max() > 0.15


def test_the_mouth_opens_with_the_voice(shown):
    """Loudness and jaw opening go together in speech; a shift of the sound against the face would undo it."""
    energy = energy_envelope(shown.audio, sr=SR, times=shown.times, width_s=0.06)
    opening = shown.weights[:, INDEX["jawOpen"]] - shown.weights[:, INDEX["mouthClose"]]
    at = {lag: np.corrcoef(np.roll(energy, lag), opening)[0, 1] for lag in range(-6, 7)}
    assert at[0] > 0.6
    assert abs(max(at, key=at.get)) <= 1  # the jaw may lead or trail the sound by one frame


def test_blinks_occur_in_most_clips():
    assert sum(make(name).weights[:, INDEX["eyeBlinkRight"]].max() == 1 for name in CLIPS) >= 3


def test_motion_is_the_same_at_another_frame_rate():
    """Motion is a function of time: every second frame at 50 is a frame at 25."""
    name = next(iter(CLIPS))
    slow, fast = make(name, fps=Fraction(25)), make(name, fps=Fraction(50))
    n = min(len(slow.times), len(fast.times[::2])) - 2
    brows = [INDEX["browInnerUp"], INDEX["eyeLookInLeft"]]
    # loudness is read from sound of slightly different length; closures and blinks last at least one frame
    assert slow.weights[:n, brows] == pytest.approx(fast.weights[::2][:n, brows], abs=0.02)
    assert slow.rotations[:n] == pytest.approx(fast.rotations[::2][:n], abs=0.002)


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("01-01-05-02-02-01-02", "browDownLeft"),
        ("01-01-07-02-01-02-17", "noseSneerLeft"),
        ("01-01-03-01-02-01-24", "mouthSmileRight"),
    ],
)
def test_an_emotion_shows_its_own_channel(name, channel, first):
    assert make(name).weights[:, INDEX[channel]].mean() > 0.2
    assert first.weights[:, INDEX[channel]].mean() < 0.05  # the first clip is neutral


def test_angry_is_louder_than_neutral(first):
    assert rms(make("01-01-05-02-02-01-02").audio) > 1.3 * rms(first.audio)


def test_unknown_emotion_is_named():
    with pytest.raises(ConfigError, match="bored"):
        perform(1, "01-01-09-01-01-01-01", statement="x", emotion="bored", intensity="normal", seed=0,
                frame_rate=Fraction(25), sr=SR)  # fmt: skip


@pytest.mark.parametrize(("sr", "new_sr"), [(22050, 48000), (16000, 44100), (48000, 16000)])
def test_resampling_keeps_a_tone_and_its_time(sr, new_sr):
    tone = np.sin(2 * np.pi * 440 * np.arange(sr) / sr + 0.3) * np.hanning(sr)
    found = resample(tone.astype(np.float32), sr=sr, new_sr=new_sr, n_samples=new_sr)
    time = np.arange(new_sr) / new_sr
    expected = np.sin(2 * np.pi * 440 * time + 0.3) * np.interp(time, np.arange(sr) / sr, np.hanning(sr))
    assert found == pytest.approx(expected, abs=1e-4)


def test_resampling_equals_scipy_on_whole_periods(rng):
    audio = np.zeros(147 * 40, np.float32)
    audio[1000:4000] = rng.normal(size=3000) * np.hanning(3000)
    expected = reference_resample(np.concatenate([audio, np.zeros(147)]), 320 * 41)
    found = resample(audio, sr=22050, new_sr=48000, n_samples=320 * 40)
    assert found == pytest.approx(expected[: 320 * 40], abs=1e-5)


def test_voices_differ_between_sexes_and_actors():
    neutral = delivery("neutral", 1.0)
    voices = [actor_voice(number, neutral, seed=0) for number in range(1, 25)]
    assert len(set(voices)) == 24
    assert all(("+m" if number % 2 else "+f") in voice.name for number, voice in enumerate(voices, 1))
    male, female = (np.mean([v.pitch for v in voices[start::2]]) for start in (0, 1))
    assert female > male + 10


@pytest.mark.parametrize("emotion", DELIVERIES)
def test_delivery_at_strength_zero_is_neutral_and_at_one_the_table(emotion):
    assert delivery(emotion, 0.0) == DELIVERIES["neutral"]
    full = delivery(emotion, 1.0)
    assert full.rate == pytest.approx(DELIVERIES[emotion].rate)
    assert full.level_db == pytest.approx(DELIVERIES[emotion].level_db)


def test_happy_is_faster_and_higher_sad_slower_and_lower():
    sad, neutral, happy = (actor_voice(3, delivery(e, 1.0), seed=0) for e in ("sad", "neutral", "happy"))
    assert sad.rate < neutral.rate < happy.rate
    assert sad.pitch < neutral.pitch < happy.pitch


def test_traits_belong_to_the_actor():
    assert traits_of(5, seed=0) == traits_of(5, seed=0)
    assert traits_of(5, seed=0) != traits_of(6, seed=0)
    assert traits_of(5, seed=0) != traits_of(5, seed=1)
