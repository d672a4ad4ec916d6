"""Mel, MFCC, deltas and chroma equal librosa's where librosa computes the same thing."""

import numpy as np
import pytest
from signals import noise, silence, speech_like

from speechface.audio import acoustics as ac
from speechface.audio.filters import chroma_filterbank, dct_matrix, mel_filterbank
from speechface.audio.windows import frame_end_samples, windows

SR, FPS = 44100, 30000 / 1001
N = 30
ENDS = frame_end_samples(np.arange(N) / FPS, fps=FPS, sr=SR)
DEFAULT = {"sr": SR, "hop_length": 512, "n_hops": 3, "n_fft": 2048, "n_mels": 128, "n_mfcc": 13, "n_chroma": 12,
           "pad_mode": "clip"}  # fmt: skip
SIZES = {name: DEFAULT[name] for name in ("n_hops", "n_mels", "n_mfcc", "n_chroma")}


def part(values, name):
    """Part `name` of acoustic rows as (n, n_hops, bands)."""
    start, stop, shape = ac.layout(**SIZES)[name]
    return values[:, start:stop].reshape(-1, *shape).transpose(0, 2, 1)


@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(44100, 2048, 128), (16000, 512, 40), (22050, 1024, 80)])
def test_mel_filterbank_equals_librosa(sr, n_fft, n_mels):
    import librosa

    want = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels)
    assert (
        np.abs(mel_filterbank(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=0, fmax=sr / 2) - want).max() < 1e-6 * want.max()
    )  # float32


@pytest.mark.parametrize(("sr", "n_fft", "n_chroma"), [(44100, 2048, 12), (16000, 1024, 24), (44100, 4096, 15)])
def test_chroma_filterbank_equals_librosa(sr, n_fft, n_chroma):
    import librosa

    want = librosa.filters.chroma(sr=sr, n_fft=n_fft, n_chroma=n_chroma, tuning=0.0)
    assert np.allclose(chroma_filterbank(sr=sr, n_fft=n_fft, n_chroma=n_chroma), want, atol=1e-6)  # float32


def test_dct_equals_scipy():
    import scipy.fft

    want = scipy.fft.dct(np.eye(128), axis=0, norm="ortho")[:13]
    assert np.allclose(dct_matrix(13, 128), want, atol=1e-7)  # float32


def test_delta_equals_librosa_on_an_even_grid():
    import librosa

    tracks = np.random.default_rng(0).standard_normal((50, 13))
    for _ in range(2):  # of the tracks, and of their delta
        want = librosa.feature.delta(tracks, axis=0, mode="nearest")
        found = ac.delta(tracks, 700 + 512 * np.arange(50), hop_length=512)
        assert np.allclose(found, want, atol=1e-6)  # float32
        tracks = want


def test_delta_of_a_straight_line_is_its_slope_on_an_uneven_grid():
    positions = np.cumsum(np.random.default_rng(1).integers(100, 900, 200))
    shuffled = np.random.default_rng(2).permutation(200)
    found = ac.delta(positions[shuffled, None] * 0.25, positions[shuffled], hop_length=512)
    inner = (positions[shuffled] > positions[0] + 4 * 512) & (positions[shuffled] < positions[-1] - 4 * 512)
    assert np.allclose(found[inner], 0.25 * 512, rtol=1e-4)  # values near 1e5 in float32
    assert inner.sum() > 100


def test_clip_steps_equal_librosa_on_the_clip():
    """With frames three hops long every step lies on librosa's own grid, so everything must agree."""
    import librosa

    hop, n = 512, 40
    audio = speech_like(SR + 2048)
    size = ac.window_size(sr=SR, hop_length=hop, n_hops=3)
    ends = size + 3 * hop * np.arange(1, n // 2)
    values = ac.acoustics(audio, ends, **DEFAULT)
    stft = librosa.stft(audio.astype(float), n_fft=2048, hop_length=hop, pad_mode="constant")
    columns = ac.step_positions(ends, sr=SR, hop_length=hop, n_hops=3).ravel() // hop
    power = np.abs(stft[:, columns]) ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=SR, n_mels=128)
    decibels = librosa.power_to_db(mel)
    mfcc = librosa.feature.mfcc(S=decibels, n_mfcc=13)
    first = librosa.feature.delta(mfcc, mode="nearest")
    want = {
        "log_mel": decibels,
        "mfcc": mfcc,
        "mfcc_delta": first,
        "mfcc_delta2": librosa.feature.delta(first, mode="nearest"),
        "chroma": librosa.feature.chroma_stft(S=power, sr=SR, n_fft=2048, tuning=0.0),
    }
    for name, matrix in want.items():
        found = part(values, name).reshape(-1, len(matrix)).T
        # float32 decibels err by 1e-3 in the quietest bands; a cepstral coefficient sums 128 of them
        assert np.abs(found - matrix).max() < (1e-4 if name == "chroma" else 5e-3), name


@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
def test_padded_windows_equal_librosa_on_each_window(pad_mode):
    import librosa

    audio = speech_like(SR)
    values = ac.acoustics(audio, ENDS, **{**DEFAULT, "pad_mode": pad_mode})
    size = ac.window_size(sr=SR, hop_length=512, n_hops=3)
    settings = {"sr": SR, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "pad_mode": pad_mode}
    cut = windows(audio, ENDS, size).astype(float)
    mel = np.stack([librosa.feature.melspectrogram(y=window, **settings)[:, :3] for window in cut])
    want = librosa.power_to_db(mel).transpose(0, 2, 1)
    assert np.abs(part(values, "log_mel") - want).max() < 5e-3  # float32, as above


def test_default_sizes_give_537_numbers_in_the_stated_order():
    found = ac.layout(**SIZES)
    assert ac.n_values(**SIZES) == 537
    assert [entry[:2] for entry in found.values()] == [[0, 384], [384, 423], [423, 462], [462, 501], [501, 537]]
    assert ac.acoustics(noise(SR), ENDS, **DEFAULT).shape == (N, 537)


@pytest.mark.parametrize("sr", [44100, 16000, 8000])
def test_no_step_hears_anything_after_its_window(sr):
    ends = frame_end_samples(np.arange(10) / 25, fps=25, sr=sr)
    audio = noise(sr)
    later = audio.copy()
    later[ends[4] :] = noise(sr, seed=9)[ends[4] :]
    settings = {**DEFAULT, "sr": sr}
    a, b = (ac.acoustics(x, ends, **settings)[:5] for x in (audio, later))
    for name in ("log_mel", "mfcc", "chroma"):
        assert np.allclose(part(a, name), part(b, name), atol=1e-3)  # the same sums in float32
    assert not np.allclose(part(a, "mfcc_delta"), part(b, "mfcc_delta"), atol=1e-3)  # deltas do look ahead


def test_a_tone_lights_its_own_pitch_class():
    time = np.arange(SR) / SR
    for name, hz in (("C", 261.63), ("A", 440.0), ("F#", 739.99)):
        audio = (0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32)
        chroma = part(ac.acoustics(audio, ENDS[5:20], **DEFAULT), "chroma")
        assert (chroma.argmax(-1) == {"C": 0, "A": 9, "F#": 6}[name]).all()
        assert np.allclose(chroma.max(-1), 1, atol=1e-6)


def test_silence_is_finite_flat_and_without_pitch():
    values = ac.acoustics(silence(SR), ENDS, **DEFAULT)
    assert np.isfinite(values).all()
    assert np.allclose(part(values, "log_mel"), -100, atol=1e-4)  # librosa's floor; a logarithm in float32
    for name in ("mfcc_delta", "mfcc_delta2", "chroma"):
        assert np.abs(part(values, name)).max() < 1e-3  # differences of -1131 in float32


def test_frames_closer_than_the_steps_still_give_finite_deltas():
    ends = frame_end_samples(np.arange(40) / 100, fps=100, sr=SR)  # steps of neighbouring frames interleave
    values = ac.acoustics(speech_like(SR), ends, **DEFAULT)
    assert np.isfinite(values).all()
    assert np.isfinite(ac.acoustics(speech_like(SR), ends[:1], **{**DEFAULT, "n_hops": 1})).all()
    assert ac.acoustics(speech_like(SR), ends[:0], **DEFAULT).shape == (0, 537)
