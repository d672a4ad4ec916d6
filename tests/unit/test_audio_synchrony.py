from fractions import Fraction

import numpy as np
import pytest

from speechface.audio import synchrony
from speechface.audio.synchrony import DELAYS_MS, Judge, agreement, pooled
from speechface.audio.windows import frame_end_samples, windows

SR = 16000
#: Hears loudness and sees the gap as they are: what the method does, whatever a trained judge has learnt.
PLAIN = Judge(
    [(np.full((1, synchrony.N_BANDS, 1), 1 / synchrony.N_BANDS, np.float32), np.zeros(1, np.float32), 1)],
    [(np.ones((1, 1, 1), np.float32), np.zeros(1, np.float32), 1)],
)


def mumble(*, fps=25, seconds=3.0, delay_ms=0.0, start=0.0, seed=0):
    """Noise whose loudness follows a mouth: gap (T,), times (T,), sound that is late by `delay_ms`."""
    rng = np.random.default_rng(seed)
    knots = rng.uniform(0, 0.2, 60)

    def opening(moments):
        return np.interp(moments, np.linspace(-1, seconds + 2, len(knots)), knots)

    times = start + np.arange(round(seconds * fps)) / fps
    moments = np.arange(round((start + seconds + 0.5) * SR)) / SR
    audio = 10 ** (10 * opening(moments - delay_ms / 1000) - 2) * rng.standard_normal(len(moments)) * 0.1
    return opening(times), times, audio.astype(np.float32)


def found(gap, times, audio, panel=(PLAIN,), sr=SR):
    return synchrony.synchrony(agreement(gap, times, audio, sr=sr, panel=panel))


@pytest.mark.parametrize("fps", [25, 30000 / 1001, 60])
@pytest.mark.parametrize("delay_ms", [-200, -83, 0, 7, 200])
def test_known_delays_come_back_below_one_frame(fps, delay_ms):
    answer = found(*mumble(fps=fps, delay_ms=delay_ms))
    # linear knots are 100 ms apart and the noise of 16 bands' levels moves the top by some ms
    assert answer.delay_ms == pytest.approx(delay_ms, abs=8)


def test_a_picture_that_starts_late_is_no_delay():
    assert found(*mumble(start=0.4, delay_ms=30)).delay_ms == pytest.approx(30, abs=8)


def test_loudness_and_size_of_the_mouth_change_nothing():
    gap, times, audio = mumble(delay_ms=50)
    plain = agreement(gap, times, audio, sr=SR, panel=[PLAIN])
    other = agreement(0.3 * gap + 0.1, times, np.float32(0.1) * audio, sr=SR, panel=[PLAIN])
    np.testing.assert_allclose(other, plain, rtol=1e-3, atol=1e-2 * np.ptp(plain))  # single precision


def test_frames_without_a_face_are_bridged():
    gap, times, audio = mumble(delay_ms=-60)
    gap[10:14] = gap[40] = np.nan
    assert found(gap, times, audio).delay_ms == pytest.approx(-60, abs=12)  # a seventh of the clip is guessed


@pytest.mark.parametrize("case", ["still mouth", "no face", "silence", "no sound"])
def test_nothing_is_told_where_nothing_can_be(case):
    gap, times, audio = mumble()
    if case == "still mouth":
        gap = 0.1 + 0.02 * (gap - gap.mean())
    if case == "no face":
        gap[5:] = np.nan
    if case == "silence":
        audio = 0 * audio
    if case == "no sound":
        audio = audio[:0]
    curve = agreement(gap, times, audio, sr=SR, panel=[PLAIN])
    answer = synchrony.synchrony(curve)
    assert not curve.any()
    assert np.isnan([answer.delay_ms, answer.sigma_ms]).all()
    assert answer.agreement == 0


def test_a_pool_is_surer_than_its_clips_and_bears_a_stranger():
    bell = -0.5 * ((DELAYS_MS[None] - 73 - np.array([[-30], [-10], [5], [35]])) / 40) ** 2
    stranger = -0.5 * ((DELAYS_MS + 300) / 10) ** 2
    nothing = np.zeros(len(DELAYS_MS))
    alone = synchrony.synchrony(bell[0])
    together = synchrony.synchrony(pooled([*bell, stranger, nothing]))
    assert together.delay_ms == pytest.approx(73, abs=3)  # the grid's parabola on a mixture
    assert together.sigma_ms == pytest.approx(alone.sigma_ms / 2, rel=0.1)  # 4 clips


def test_a_clip_with_another_delay_or_sound_does_not_follow_its_fellows():
    bell = -0.5 * ((DELAYS_MS - 70) / 20) ** 2
    assert synchrony.follows(bell, 80) > 0.95
    assert synchrony.follows(bell, 300) < 0.01
    assert np.isnan(synchrony.follows(0 * bell, 80))


def test_judges_are_read_as_they_were_written(tmp_path):
    judge = Judge([(np.full((3, 2, 1), 0.5), np.ones(1), 4)], [(np.ones((1, 1, 1)), np.zeros(1), 1)] * 2, scale=0.25)
    synchrony.write_judges(tmp_path / "judges.npz", [PLAIN, judge])
    plain, again = synchrony.judges(tmp_path / "judges.npz")
    assert (again.scale, len(again.sound), len(again.lips), again.sound[0][2]) == (0.25, 1, 2, 4)
    np.testing.assert_array_equal(again.sound[0][0], judge.sound[0][0])
    assert found(*mumble(delay_ms=40), panel=[plain]) == found(*mumble(delay_ms=40), panel=[plain, plain])


def test_windows_moved_by_the_delay_hear_what_a_clip_in_step_has():
    gap, times, _ = mumble()
    rng = np.random.default_rng(0)
    sound, late = rng.standard_normal(4 * SR).astype(np.float32), round(0.07 * SR)
    moved = np.concatenate([np.zeros(late, np.float32), sound])
    ends = frame_end_samples(times, fps=25, sr=SR)
    np.testing.assert_array_equal(windows(moved, ends + late, 800), windows(sound, ends, 800))


@pytest.fixture(scope="module")
def clips():
    """Speech of the demo, whose lips and sound are made from the same phonemes: (gap, times, audio)."""
    from speechface.geometry.ibug import interocular, lip_gap
    from speechface.rig.builtin import build
    from speechface.synthesis.performance import perform

    rig = build()
    said = {1: "My mother bakes warm apple pie on Sunday", 2: "People move slowly but the boat was fast"}
    clips = []
    for number, statement in said.items():
        made = perform(
            number, f"01-01-01-01-01-01-{number:02d}", statement=statement, emotion="neutral", intensity="normal",
            seed=3, frame_rate=Fraction(25), sr=SR,
        )  # fmt: skip
        points = rig.neutral[rig.landmarks] + rig.displacement(made.weights, rig.landmarks)
        clips.append((lip_gap(points) / interocular(points), made.times, made.audio))
    return clips


@pytest.mark.parametrize("delay_ms", [-120, 0, 80])
def test_the_judge_of_the_package_finds_moved_clips(clips, delay_ms):
    shift = round(abs(delay_ms) / 1000 * SR)
    for gap, times, audio in clips:
        silence = np.zeros(shift, np.float32)
        moved = np.concatenate([silence, audio] if delay_ms >= 0 else [audio[shift:], silence])
        answer = found(gap, times, moved, panel=None)
        assert answer.delay_ms == pytest.approx(delay_ms, abs=40)


def test_the_sound_of_another_clip_agrees_less(clips):
    def agreements(sounds):
        return [found(gap, times, audio, panel=None).agreement for (gap, times, _), audio in zip(clips, sounds)]

    own = [audio for _, _, audio in clips]
    assert max(agreements(own[::-1])) < min(agreements(own))
