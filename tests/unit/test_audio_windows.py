"""Windows end with their frame, and hold exactly the clip's samples."""

from fractions import Fraction

import numpy as np
import pytest

from speechface.audio.windows import frame_end_samples, windows

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
