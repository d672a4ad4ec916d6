"""Log-mel rows against librosa, window by window, and their place in time."""

import librosa
import numpy as np
import pytest
from signals import clicks, noise, silence, speech_like

from speechface.audio.filters import mel_filterbank
from speechface.audio.log_mel import log_mel, sizes
from speechface.audio.windows import frame_end_samples, windows
from speechface.config import defaults

SETTINGS = defaults("log_mel").model_dump(exclude={"storage", "levels"})


def rows(audio, *, fps=25, sr=44100, n=12, **changes):
    ends = frame_end_samples(np.arange(n) / fps, fps=fps, sr=sr)
    return log_mel(audio, ends, sr=sr, **{**SETTINGS, **changes}), ends


@pytest.mark.parametrize(("sr", "fps"), [(44100, 25), (44100, 30000 / 1001), (16000, 30)])
def test_every_hop_equals_librosas_spectrum_of_the_same_window(sr, fps):
    audio = speech_like(sr, sr=sr)
    found, ends = rows(audio, sr=sr, fps=fps)
    hop, window, ahead, n_fft = sizes(sr=sr, hop_ms=10, window_ms=25, look_ahead_ms=100)
    mel = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=80, fmin=50, fmax=7600)
    for back in range(8):
        cut = windows(audio, ends + ahead - back * hop, window)
        for k, piece in enumerate(cut):
            padded = np.pad(piece, (0, n_fft - window)) * np.pad(librosa.filters.get_window("hann", window),
                                                                 (0, n_fft - window))  # fmt: skip
            want = librosa.power_to_db(mel @ np.abs(np.fft.rfft(padded)) ** 2, amin=10**-6.5, top_db=None)
            # dB; float32 spectra err by 1e-7 of the loudest bin, the floor is 90 dB below a loud voice
            assert np.abs(found[k, 7 - back] - want).max() < 0.02


def test_filters_equal_librosas_between_any_edges():
    want = librosa.filters.mel(sr=44100, n_fft=2048, n_mels=80, fmin=50, fmax=7600)
    found = mel_filterbank(sr=44100, n_fft=2048, n_mels=80, fmin=50, fmax=7600)
    assert np.abs(found - want).max() < 1e-6 * want.max()  # float32


@pytest.mark.parametrize("look_ahead_ms", [0, 100])
def test_nothing_after_the_look_ahead_is_heard(look_ahead_ms):
    audio = noise(44100)
    found, ends = rows(audio, look_ahead_ms=look_ahead_ms)
    changed = audio.copy()
    limit = ends[5] + round(look_ahead_ms * 44.1)
    changed[limit:] = 0
    later, _ = rows(changed, look_ahead_ms=look_ahead_ms)
    np.testing.assert_array_equal(found[:6], later[:6])
    assert np.abs(found[6] - later[6]).max() > 1


def test_a_click_is_loudest_where_its_window_is_centred():
    audio = clicks(44100, every=100_000)  # one click, at sample 0
    audio = np.roll(audio, 20_000)
    found, ends = rows(audio, look_ahead_ms=0)
    hop, window, _, _ = sizes(sr=44100, hop_ms=10, window_ms=25, look_ahead_ms=0)
    centres = ends[:, None] - np.arange(7, -1, -1) * hop - window / 2
    nearest = np.abs(centres - 20_000).argmin()
    assert found.max(2).argmax() == nearest


def test_rows_of_neighbouring_frames_agree_where_they_overlap():
    # 4 hops of 441 samples are a frame of 25 frames/s exactly: half of each row comes again in the next
    found, _ = rows(speech_like(44100))
    # the same windows in other passes: only rounding of float32 sums differs
    np.testing.assert_allclose(found[1:, :4], found[:-1, 4:], atol=1e-4)


def test_silence_is_the_floor_and_sound_scales_in_decibels():
    found, _ = rows(silence(44100))
    np.testing.assert_array_equal(found, SETTINGS["floor_db"])
    # a row at half the amplitude lies 6.02 dB lower; 1e-3 dB is float32 at 60 dB
    loud, soft = rows(noise(44100))[0][3:], rows(noise(44100) / 2)[0][3:]
    np.testing.assert_allclose(loud - soft, 20 * np.log10(2), atol=1e-3)


@pytest.mark.parametrize(("changes", "message"), [({"sr": 8000}, "fmax is 7600"), ({"fmin": 8000}, "fmax is 7600"),
                                                  ({"sr": 16000, "hop_ms": 0.01}, "0 and a window")])  # fmt: skip
def test_sizes_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        rows(noise(1000), **changes)


def test_no_frame_gives_no_row():
    assert log_mel(noise(100), np.zeros(0, int), sr=44100, **SETTINGS).shape == (0, 8, 80)
