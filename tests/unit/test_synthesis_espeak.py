import numpy as np
import pytest

from speechface.datasets.demo import STATEMENTS
from speechface.errors import SpeechfaceError
from speechface.synthesis import espeak
from speechface.synthesis.articulation import CLOSURE_S, segments_of
from speechface.synthesis.visemes import _LETTERS

VOICE = {"voice": "en-us+m2", "rate": 150, "pitch": 40, "pitch_range": 50}


@pytest.fixture(scope="module")
def papa():
    return espeak.speak("A puppy put a pea apart.", **VOICE)


def test_the_same_words_give_the_same_samples_whatever_was_said_before(papa):
    espeak.speak("Something else.", voice="en-us+f4", rate=180, pitch=80, pitch_range=70)
    again = espeak.speak("A puppy put a pea apart.", **VOICE)
    assert np.array_equal(papa.audio, again.audio)
    assert papa.phonemes == again.phonemes


def test_another_voice_sounds_different(papa):
    other = espeak.speak("A puppy put a pea apart.", **{**VOICE, "voice": "en-us+f2"})
    assert len(other.audio) != len(papa.audio) or not np.array_equal(other.audio, papa.audio)


def test_phonemes_lie_in_order_inside_the_sound(papa):
    starts = [start for start, _ in papa.phonemes]
    assert starts == sorted(starts)
    assert starts[0] >= 0
    assert starts[-1] <= papa.duration
    spoken = "".join(ipa for _, ipa in papa.phonemes)
    assert spoken.count("p") == 5


def test_sound_is_mono_float_within_full_scale(papa):
    assert papa.audio.dtype == np.float32
    assert papa.audio.ndim == 1
    assert 0.05 < np.abs(papa.audio).max() < 1.0  # speaks, and does not clip


def test_the_event_of_a_plosive_is_its_burst_after_a_silent_closure(papa):
    """The closure that `articulation` moves before a burst is really there in the sound."""

    def rms(start, stop):
        part = papa.audio[int(start * papa.sr) : int(stop * papa.sr)]
        return np.sqrt(np.mean(part**2))

    overall = rms(0, papa.duration)
    inner = [start for start, ipa in papa.phonemes[1:] if ipa.startswith("p")]
    closures = [rms(start - CLOSURE_S + 0.015, start - 0.012) for start in inner]
    assert len(closures) >= 5
    assert max(closures) < 0.25 * overall


def test_every_letter_of_both_sentences_has_a_viseme():
    for text in STATEMENTS.values():
        said = espeak.speak(text, **VOICE)
        letters = {c for _, ipa in said.phonemes for c in ipa if c.isalpha() and c not in "ːˈˌ"}
        assert letters
        assert letters <= set(_LETTERS)


def test_an_unknown_voice_is_one_clear_line():
    with pytest.raises(espeak.EspeakError, match="no voice 'xx-nowhere'") as caught:
        espeak.speak("Hello.", **{**VOICE, "voice": "xx-nowhere"})
    assert "\n" not in str(caught.value)


def test_absent_espeak_says_what_to_install(monkeypatch):
    monkeypatch.setattr(espeak.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpeechfaceError, match="pip install espeakng-loader"):
        espeak.speak("Hello.", **VOICE)


@pytest.mark.parametrize("text", STATEMENTS.values())
def test_the_demos_sentences_close_the_lips_often(text):
    said = espeak.speak(text, **VOICE)
    names = [segment.viseme for segment in segments_of(said.phonemes, duration=said.duration)]
    closed = sum(name == "bilabial" != before for before, name in zip(["", *names], names))
    assert closed >= 4
