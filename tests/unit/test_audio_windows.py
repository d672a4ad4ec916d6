"""Windows end with their frame, and hold exactly the clip's samples."""

from fractions import Fraction

import numpy as np
import pytest

from speechface.audio.sound import read_sound, write_sound
from speechface.audio.windows import frame_end_samples, windows
from speechface.errors import MediaError

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("fps", [NTSC, Fraction(25), Fraction(60000, 1001)])
@pytest.mark.parametrize("sr", [44100, 16000])
def test_ends_never_drift_from_exact_rational_times(fps, sr):
    n = 20000
    times = np.array([float(k / fps) for k in range(n)])
    exact = np.array([float((k + 1) * sr / fps) for k in range(n)])
    ends = frame_end_samples(times, fps=float(fps), sr=sr)
    assert np.abs(ends - exact).max() <= 0.5 + 1e-6  # rounding to whole samples, and double precision


def test_ends_follow_uneven_times_and_the_last_frame_lasts_one_period():
    ends = frame_end_samples([0.0, 0.1, 0.15], fps=20, sr=1000)
    assert ends.tolist() == [100, 150, 200]


def test_click_falls_in_its_own_video_frame_as_the_newest_samples():
    sr, n = 44100, 60
    times = np.arange(n) / float(NTSC)
    ends = frame_end_samples(times, fps=float(NTSC), sr=sr)
    for frame in (0, 7, 59):
        audio = np.zeros(ends[-1], np.float32)
        audio[ends[frame] - 1] = 1  # the frame's last sample
        cut = windows(audio, ends, 1471)
        assert cut[frame, -1] == 1
        assert not cut[:frame].any()


def test_windows_equal_a_slow_loop_with_silence_outside():
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(500).astype(np.float32)
    ends = np.array([3, 100, 40, 500, 560, 900, -20, 0])
    size = 64
    slow = [[audio[i] if 0 <= i < 500 else 0.0 for i in range(end - size, end)] for end in ends]
    assert np.array_equal(windows(audio, ends, size), np.array(slow, np.float32))
    assert windows(audio, ends[:0], size).shape == (0, size)


def test_windows_refuse_stereo():
    with pytest.raises(ValueError, match="mono"):
        windows(np.zeros((10, 2), np.float32), [5], 4)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_round_trip_is_exact_for_16_bit_values(tmp_path, name):
    values = np.array([-32768, -1, 0, 1, 32767] * 7, np.int16)
    audio = values.astype(np.float32) / 32768
    write_sound(tmp_path / name, audio, 22050)
    back, sr = read_sound(tmp_path / name)
    assert sr == 22050
    assert back.dtype == np.float32
    assert np.array_equal(back, audio)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_samples_beyond_full_scale_are_clipped(tmp_path, name):
    write_sound(tmp_path / name, np.array([1.5, -1.5, 1.0]), 8000)
    assert read_sound(tmp_path / name)[0].tolist() == [32767 / 32768, -1, 32767 / 32768]


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_sound_of_no_samples_reads_back_empty(tmp_path, name):
    write_sound(tmp_path / name, np.zeros(0, np.float32), 44100)
    audio, sr = read_sound(tmp_path / name)
    assert (audio.shape, sr) == ((0,), 44100)


def test_flac_of_no_samples_is_one_for_other_readers(tmp_path):
    import av

    write_sound(tmp_path / "a.flac", np.zeros(0, np.float32), 22050)
    with av.open(str(tmp_path / "a.flac")) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.codec_context.layout.nb_channels) == (22050, 1)
        assert list(container.decode(stream)) == []


def test_flac_holds_the_samples_of_the_wav_in_less(tmp_path, rng):
    speech = np.cumsum(rng.normal(0, 0.002, 40000)) * np.hanning(40000)
    for name in ("a.wav", "a.flac"):
        write_sound(tmp_path / name, speech, 16000)
    assert np.array_equal(read_sound(tmp_path / "a.flac")[0], read_sound(tmp_path / "a.wav")[0])
    assert (tmp_path / "a.flac").stat().st_size < 0.8 * (tmp_path / "a.wav").stat().st_size


def test_flac_errors_name_the_file(tmp_path, rng):
    whole, bad = tmp_path / "a.flac", tmp_path / "bad.flac"
    write_sound(whole, rng.uniform(-0.3, 0.3, 50000), 16000)
    for content in (b"", b"fLaC", b"no flac at all", whole.read_bytes()[: whole.stat().st_size // 2]):
        bad.write_bytes(content)
        with pytest.raises(MediaError, match="bad.flac: not a readable FLAC"):
            read_sound(bad)


def test_stereo_wav_becomes_the_mean_of_its_channels(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes(np.array([[100, 300], [-5, 5]], "<i2").tobytes())
    assert (read_sound(tmp_path / "a.wav")[0] * 32768).tolist() == [200, 0]


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "ends inside"), (b"no wav at all, only text", "not a 16-bit"), (None, "no such")]
)
def test_wav_errors_name_the_file(tmp_path, content, message):
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=message) as caught:
        read_sound(path)
    assert "bad.wav" in str(caught.value)
    assert "\n" not in str(caught.value)
