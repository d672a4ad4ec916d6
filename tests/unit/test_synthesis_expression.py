import numpy as np
import pytest

from speechface.geometry.rotation import matrix_from_euler
from speechface.synthesis import expression
from speechface.synthesis.articulation import Segment
from speechface.synthesis.visemes import INDEX

TIMES = np.arange(0, 4, 1 / 30)


def test_smooth_noise_has_zero_mean_unit_spread_and_no_power_above_its_band(rng):
    times = np.arange(0, 400, 0.02)
    noise = expression.smooth_noise(times, rng, low_hz=0.2, high_hz=1.0)
    assert noise.mean() == pytest.approx(0, abs=0.05)  # 80 or more periods
    assert noise.std() == pytest.approx(1, abs=0.05)
    power = np.abs(np.fft.rfft(noise * np.hanning(len(noise)))) ** 2
    outside = np.fft.rfftfreq(len(noise), 0.02) > 1.05
    assert power[outside].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 60])
def test_every_blink_is_fully_closed_in_a_frame(fps, rng):
    times = np.arange(0, 6, 1 / fps)
    moments = expression.blink_times(5.5, rng, mean_interval_s=2.0)
    closed = expression.blinks(times, moments, frame_s=1 / fps)
    assert len(moments) >= 2
    for moment in moments:
        assert closed[np.abs(times - moment) <= 0.51 / fps].max() == 1
    away = np.abs(times[:, None] - moments).min(1) > 0.25
    assert closed[away].max() == 0


def test_blinks_never_follow_within_half_a_second_and_keep_their_mean(rng):
    gaps = np.diff(expression.blink_times(20000, rng, mean_interval_s=2.5))
    assert gaps.min() >= 0.5
    assert gaps.mean() == pytest.approx(2.5, rel=0.03)  # 8,000 blinks, spread about 1.2 s


@pytest.mark.parametrize("emotion", expression.EXPRESSIONS)
def test_expression_swells_in_and_moves_only_its_own_channels(emotion, rng):
    weights = expression.expression(emotion, TIMES, rng, strength=1.0, asymmetry=0.0)
    table = expression.EXPRESSIONS[emotion]
    others = [k for name, k in INDEX.items() if name not in table]
    assert weights[:, others].max() == 0
    for name, weight in table.items():
        moved = weights[:, INDEX[name]]
        assert moved.min() > 0
        assert moved[0] < 0.8 * moved[-60:].mean()
        assert moved[-60:].mean() == pytest.approx(weight, rel=0.25)  # the slow wave moves it by 9 % a sigma


def test_asymmetry_favours_one_side(rng):
    weights = expression.expression("happy", TIMES, rng, strength=1.0, asymmetry=0.1)
    left, right = weights[:, INDEX["mouthSmileLeft"]], weights[:, INDEX["mouthSmileRight"]]
    assert left == pytest.approx(right * 1.1 / 0.9)


def test_accents_are_one_a_stressed_vowel(rng):
    segments = [
        Segment(0.0, 0.5, "rest", 0, ""),
        Segment(0.5, 0.6, "father", 2, ipa := "ˈaɪ"),
        Segment(0.6, 0.7, "sit", 2, ipa),
        Segment(0.7, 0.8, "alveolar", 0, "t"),
        Segment(0.8, 0.9, "see", 2, "ˈi"),
    ]
    found = expression.accents(segments, lambda time: 0.8, rng)
    assert [time for time, _ in found] == pytest.approx([0.55, 0.85])
    assert all(0.4 <= size <= 0.8 for _, size in found)


def test_a_stress_nods_the_face_down_and_back(rng):
    """With the same chance, only the nod differs."""
    still = expression.head_motion(TIMES, [], np.random.default_rng(1), emotion="neutral", amplitude=1.0)
    nodding = expression.head_motion(TIMES, [(2.0, 1.0)], np.random.default_rng(1), emotion="neutral", amplitude=1.0)
    nod = np.rad2deg(nodding - still)[:, 0]
    assert nod.max() == pytest.approx(3.2, rel=0.02)  # sampled within half a frame of the peak
    assert TIMES[nod.argmax()] == pytest.approx(2.05, abs=0.02)
    assert np.abs(nod[(TIMES < 1.8) | (TIMES > 2.4)]).max() < 1e-9
    # positive x turns the face down: the axis out of the face gets a negative y
    assert (matrix_from_euler([0.1, 0, 0]) @ [0, 0, 1])[1] < 0


def test_head_motion_is_smooth_and_within_a_talking_range(rng):
    for seed in range(30):
        angles = np.rad2deg(
            expression.head_motion(TIMES, [(1.0, 1.0)], np.random.default_rng(seed), emotion="angry", amplitude=1.3)
        )
        assert np.abs(angles).max() < 25
        assert np.abs(np.diff(angles, axis=0)).max() < 2.5  # degrees a frame


def test_the_eyes_stay_on_the_camera_while_the_head_turns():
    """Head yaw plus eye yaw stays near 0: the eyes take back nine tenths of the turn."""
    rotations = np.zeros((len(TIMES), 3))
    rotations[:, 1] = 0.2 * np.sin(TIMES)
    weights = expression.gaze(rotations, TIMES, np.random.default_rng(0), wander=0.0)
    out, inwards = weights[:, INDEX["eyeLookOutLeft"]], weights[:, INDEX["eyeLookInLeft"]]
    yaw = (out - inwards) * expression.GAZE_RADIANS  # the left eye looks out to the subject's left
    assert yaw + rotations[:, 1] == pytest.approx(0.1 * rotations[:, 1], abs=1e-9)
    assert np.array_equal(weights[:, INDEX["eyeLookInRight"]], out)  # both eyes turn together
    assert (np.minimum(out, inwards) == 0).all()


def test_merge_keeps_weights_in_range_and_the_lips_in_order(rng):
    n = 200
    speech, mood = rng.uniform(0, 1.3, (2, n, len(INDEX)))
    seal, lids, brows = rng.uniform(0, 1, (3, n))
    seal[:50], lids[:30] = 1, 1
    weights = expression.merge(speech, seal, mood, lids, brows)
    assert weights.dtype == np.float32
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (weights[:, INDEX["mouthClose"]] <= weights[:, INDEX["jawOpen"]]).all()
    assert np.array_equal(weights[:50, INDEX["mouthClose"]], weights[:50, INDEX["jawOpen"]])
    assert (weights[:30, INDEX["eyeBlinkLeft"]] == 1).all()
    assert weights[:30, INDEX["eyeWideLeft"]].max() == 0


def test_merge_leaves_its_inputs_alone(rng):
    speech, mood = rng.uniform(0, 1, (2, 5, len(INDEX)))
    before = speech.copy(), mood.copy()
    expression.merge(speech, np.ones(5), mood, np.ones(5), np.ones(5))
    assert np.array_equal(speech, before[0])
    assert np.array_equal(mood, before[1])


def test_a_smile_yields_to_a_rounded_mouth():
    speech, mood = np.zeros((2, 2, len(INDEX)))
    mood[:, INDEX["mouthSmileLeft"]] = 0.6
    speech[1, INDEX["mouthPucker"]] = 0.8
    weights = expression.merge(speech, np.zeros(2), mood, np.zeros(2), np.zeros(2))
    assert weights[0, INDEX["mouthSmileLeft"]] == pytest.approx(0.6)
    assert weights[1, INDEX["mouthSmileLeft"]] < 0.3
