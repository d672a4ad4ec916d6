"""The spectrogram equals librosa's, window by window; silence, references and click positions."""

import numpy as np
import pytest
from signals import clicks, noise, rumble, silence, speech_like

from speechface.audio.filters import PowerSpectra, hann
from speechface.audio.spectrogram import spectrogram, window_size
from speechface.audio.windows import frame_end_samples, windows

SR, FPS = 44100, 30000 / 1001
N = 40
ENDS = frame_end_samples(np.arange(N) / FPS, fps=FPS, sr=SR)
DEFAULT = {"n_fft": 256, "hop_length": 128, "n_hops": 32, "pad_mode": "constant", "reference": "window", "top_db": 80}


def with_librosa(audio, ends, *, n_fft, hop_length, n_hops, pad_mode, reference, top_db):
    """Listing A.5 of the report, one window at a time, in double precision; silence set to 1.

    The window is padded before librosa sees it: librosa 0.11 mirrors the last column from n_fft / 2 samples alone and
    so gets its last sample wrong, which shows in deep notches of the mirrored column.
    """
    import librosa

    size = window_size(hop_length=hop_length, n_hops=n_hops)
    magnitudes = [
        np.abs(
            librosa.stft(np.pad(window, n_fft // 2, mode=pad_mode), n_fft=n_fft, hop_length=hop_length, center=False)
        )
        for window in windows(audio, ends, size).astype(float)
    ]
    assert magnitudes[0].shape == (n_fft // 2 + 1, n_hops)
    loudest = np.max(magnitudes) if reference == "clip" else None
    rows = []
    for magnitude in magnitudes:
        reference_value = np.max if loudest is None else loudest
        decibels = librosa.amplitude_to_db(magnitude, ref=reference_value, top_db=None)
        row = np.abs(np.maximum(decibels, -top_db)) / top_db
        rows.append(np.ones_like(row) if magnitude.max() <= 1e-5 else row)
    return np.array(rows)[:, :-1]


@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
@pytest.mark.parametrize("reference", ["window", "clip"])
@pytest.mark.parametrize("signal", [noise, speech_like, rumble, clicks, silence])
def test_equals_librosa_window_by_window(signal, reference, pad_mode):
    audio = signal(SR)  # shorter than the frames: the last windows run out of sound
    settings = {**DEFAULT, "reference": reference, "pad_mode": pad_mode}
    found = spectrogram(audio, ENDS, **settings)
    assert found.dtype == np.float32
    assert found.shape == (N, 128, 32)
    # spectra in double precision, logarithms in float32
    assert np.abs(found - with_librosa(audio, ENDS, **settings)).max() < 2e-6


@pytest.mark.parametrize("sizes", [(512, 128, 20), (1024, 256, 9), (250, 100, 33)])
def test_equals_librosa_at_other_sizes(sizes):
    settings = {**DEFAULT, **dict(zip(("n_fft", "hop_length", "n_hops"), sizes)), "top_db": 60.0}
    audio = speech_like(SR)
    found = spectrogram(audio, ENDS, **settings)
    assert found.shape == (N, sizes[0] // 2, sizes[2])
    want = with_librosa(audio, ENDS, **settings)[:, : sizes[0] // 2]
    assert np.abs(found - want).max() < 2e-6  # as above


def test_default_window_is_the_report_s():
    assert window_size(hop_length=128, n_hops=32) == (32 - 3) * 128 + 256 == 3968


def test_silence_is_one_and_the_loudest_value_zero():
    audio = np.concatenate([silence(SR // 2), noise(SR)])
    found = spectrogram(audio, ENDS, **DEFAULT)
    ends_in_silence = ENDS <= SR // 2
    assert np.all(found[ends_in_silence] == 1)
    assert np.all(found[~ends_in_silence].min(axis=(1, 2)) <= 0.2)  # the dropped top bin may hold the loudest


def test_window_reference_erases_loudness_and_clip_reference_keeps_it():
    audio = noise(2 * SR)
    # spread over 60 dB so that nothing meets the 80 dB floor in a quiet window
    quiet = audio * np.float32(0.1)
    for reference, expected in (("window", 0.0), ("clip", 20 / 80)):
        joined = np.concatenate([audio[:SR], quiet[:SR]])
        ends = np.array([SR, 2 * SR])
        loud, soft = spectrogram(joined, ends, **{**DEFAULT, "reference": reference})
        unclipped = (loud < 0.7) & (soft < 0.95)
        difference = (soft - loud)[unclipped]
        assert np.allclose(difference, expected, atol=5e-5)  # float32, as above


def test_a_frame_does_not_depend_on_the_frames_around_it():
    audio = speech_like(SR)
    whole = spectrogram(audio, ENDS, **DEFAULT)
    some = spectrogram(audio, ENDS[[17, 3]], **DEFAULT)
    # matrix products of other heights may add in another order
    assert np.allclose(some, whole[[17, 3]], atol=1e-6)


def test_newest_sound_stands_in_the_last_columns():
    audio = silence(SR)
    audio[ENDS[10] - 200] = 0.5
    found = spectrogram(audio, ENDS[10:12], **DEFAULT)
    heard = np.flatnonzero(found[0].min(axis=0) < 1)
    assert heard.tolist() == [29, 30]  # 200 samples before the end: columns centred 256 and 128 before it
    assert np.flatnonzero(found[1].min(axis=0) < 1).max() < 29


def test_reflect_needs_a_window_longer_than_half_the_transform():
    with pytest.raises(ValueError, match="reflect"):
        spectrogram(noise(SR), ENDS, **{**DEFAULT, "n_fft": 2048, "n_hops": 4, "pad_mode": "reflect"})


def test_no_frames_give_an_empty_array():
    assert spectrogram(noise(100), ENDS[:0], **DEFAULT).shape == (0, 128, 32)


@pytest.mark.parametrize("n_fft", [64, 256, 512, 514, 2048, 101])
@pytest.mark.parametrize(("precision", "tolerance"), [(np.float32, 3e-6), (np.float64, 2e-7)])
def test_power_spectra_equal_double_precision(n_fft, precision, tolerance):
    frames = np.random.default_rng(1).standard_normal((3, 5, n_fft)).astype(np.float32)
    exact = np.abs(np.fft.rfft(frames.astype(float) * hann(n_fft))) ** 2
    found = PowerSpectra(n_fft=n_fft, shape=(3, 5), precision=precision)(frames)
    # float32 sums of n_fft terms; or rounding of the power alone
    assert np.abs(found - exact).max() < tolerance * exact.max()
