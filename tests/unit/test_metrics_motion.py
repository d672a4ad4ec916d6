"""Metrics of opening, amplitude, moments, blinks, likeness and samples on cases made by hand."""

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.metrics.beats import consistency, sound_beats
from speechface.metrics.curves import level_curve, whole_curve
from speechface.metrics.frechet import N_FEATURES, frechet_distance
from speechface.metrics.geometry import RigBases
from speechface.metrics.metric import ClipMotion
from speechface.metrics.opening import SHUT_MM
from speechface.metrics.registry import METRICS
from speechface.metrics.statistics import clip_statistics, empty_statistics, shapes
from speechface.rig.channels import ARKIT52, columns
from speechface.synthesis.visemes import INDEX

FPS, N, N_CHANNELS = 25, 100, len(ARKIT52)
TIMES = np.arange(N) / FPS


@pytest.fixture(scope="module")
def bases():
    """A face on which jawOpen lowers the lower lip by 12 mm and nothing else moves the lips."""
    rig = synthetic_rig(0)
    others = np.ones(N_CHANNELS, bool)
    others[INDEX["jawOpen"]] = False
    rig.shapes[np.ix_(others, rig.landmarks[48:68])] = 0
    rig.shapes[INDEX["jawOpen"]][rig.landmarks[[62, 66]]] = [[0, 0, 0], [0, -12, 0]]
    rig.neutral[rig.landmarks[62]] = rig.neutral[rig.landmarks[66]]  # at rest lips touch
    return RigBases.from_rig(rig, np.ones(N_CHANNELS, bool))


def face(gap_mm=0.0, n=N, **channels):
    """Weights (n, channels) of a face whose lips stand `gap_mm` apart."""
    weights = np.zeros((n, N_CHANNELS))
    weights[:, INDEX["jawOpen"]] = np.asarray(gap_mm) / 12
    for name, values in channels.items():
        weights[:, INDEX[name]] = values
    return weights


def metrics(predicted, true, bases, *, frames=None, **more):
    """Name -> value of every metric that is defined for one clip."""
    frames = np.arange(len(true)) if frames is None else frames
    motion = ClipMotion(predicted, true, frames=frames, bases=bases, mean_weights=np.zeros(N_CHANNELS),
                        times=frames / FPS, **more)  # fmt: skip
    found = clip_statistics(motion)
    return {name: float(m.value(found)) for name, m in METRICS.items() if np.isfinite(m.value(found))}


def swing(period_s, shift_s=0.0):
    return 4 + 3 * np.sin(2 * np.pi * (TIMES - shift_s) / period_s)


def test_opening_difference_and_amplitude_of_half_a_motion(bases):
    true = swing(0.5)
    found = metrics(face(4 + (true - 4) / 2), face(true), bases)
    assert found["mod_mm"] == pytest.approx(np.abs(true - 4).mean() / 2, rel=1e-5)
    assert found["amplitude_lips"] == pytest.approx(0.5, rel=1e-5)


def test_closures_are_recalled_and_false_ones_counted(bases):
    true, predicted = np.full(N, 5.0), np.full(N, 5.0)
    for start in (10, 30, 50, 70):
        true[start : start + 3] = 0.5
    predicted[10:13] = 0.2  # at once
    predicted[33:35] = SHUT_MM - 0.1  # one frame late
    predicted[55:57] = 0  # two frames late: another closure
    predicted[71] = SHUT_MM + 0.1  # not shut
    predicted[90] = 0  # nothing there
    found = metrics(face(predicted), face(true), bases)
    assert found["shut_recall"] == 2 / 4
    assert found["shut_false"] == 2 / 4
    # frames that are missing break no closure
    kept = np.delete(np.arange(N), [11, 31])
    again = metrics(face(predicted)[kept], face(true)[kept], bases, frames=kept)
    assert (again["shut_recall"], again["shut_false"]) == (2 / 4, 2 / 4)


def test_p_b_m_shut_the_lips(bases):
    gap = np.full(N, 5.0)
    gap[25], gap[50] = 0, 0
    phonemes = [[0.98, 1.02, "p", "PP"], [2.01, 2.03, "m", "PP"], [3.0, 3.1, "b", "PP"], [1.5, 1.6, "a", "aa"],
                [9.0, 9.1, "p", "PP"]]  # fmt: skip
    assert metrics(face(gap), face(5), bases, phonemes=phonemes)["bilabials_shut"] == pytest.approx(2 / 3)
    assert "bilabials_shut" not in metrics(face(gap), face(5), bases)


@pytest.mark.parametrize("late", [0, 1, 3])
def test_misalignment_is_the_delay_whatever_the_amplitude(bases, late):
    true = 2 + swing(0.8) + 1.5 * np.sin(TIMES * 5)
    predicted = np.concatenate([np.full(late, true[0]), true[: N - late]])
    # at the ends the path has to begin and end with both curves: the first and last swing may be off
    found = metrics(face(4 + (predicted - 4) / 2), face(true), bases)["mtm_ms"]
    assert found == pytest.approx(1000 * late / FPS, abs=0 if late == 0 else 12)


def test_lips_that_stand_still_are_not_misaligned(bases):
    assert "mtm_ms" not in metrics(face(3), face(swing(0.5)), bases)


def test_lips_follow_the_loudness(bases):
    sr = 8000
    level = 0.5 * np.sin(2 * np.pi * TIMES / 2)  # log10 of the sound
    time = np.arange(int(N / FPS * sr)) / sr
    noise = np.random.default_rng(0).choice([-1.0, 1.0], len(time))
    sound = (0.1 * noise * 10 ** np.interp(time, TIMES, level), sr)
    true = face(4 + 2 * level)
    assert metrics(true, true, bases, sound=sound)["slcc"] > 0.99
    found = metrics(face(4 - level), true, bases, sound=sound)
    assert found["slcc"] < -0.99
    assert found["slcc_difference"] == pytest.approx(-2, abs=0.01)
    assert metrics(face(3), true, bases, sound=sound)["slcc"] == 0
    assert "slcc" not in metrics(true, true, bases, sound=(np.zeros_like(time), sr))


def test_brows_and_head_that_move_half_as_far(bases):
    up = 0.5 + 0.4 * np.sin(TIMES * 4)
    true_rotation = np.radians(5 * np.sin(TIMES[:, None] * [3, 2, 1]))
    found = metrics(
        face(browInnerUp=0.3 + up / 2), face(browInnerUp=up), bases,
        predicted_rotation=0.5 * true_rotation, true_rotation=true_rotation,
    )  # fmt: skip
    assert found["amplitude_brows"] == pytest.approx(0.5, rel=1e-4)
    assert found["amplitude_head"] == pytest.approx(0.5, rel=1e-9)
    assert found["head_speed"] == pytest.approx(found["head_speed_labels"] / 2, rel=1e-3)


def test_head_speed_is_that_of_an_even_turn_and_leaves_gaps_out(bases):
    frames = np.delete(np.arange(N), [40, 41])
    rotation = np.zeros((N, 3))
    rotation[:, 1] = np.radians(10) * TIMES
    rotation[42:, 1] += 1  # a jump within the gap
    found = metrics(face()[frames], face()[frames], bases, frames=frames, predicted_rotation=rotation[frames],
                    true_rotation=0 * rotation[frames])  # fmt: skip
    assert found["head_speed"] == pytest.approx(10, rel=1e-6)
    assert found["head_speed_labels"] == 0


def bursts(moments, sr=8000):
    sound = 1e-4 * np.random.default_rng(0).normal(size=int(N / FPS * sr))
    for moment in moments:
        start = int(moment * sr)
        sound[start : start + sr // 10] += 0.3 * np.sin(np.arange(sr // 10))
    return sound, sr


def test_beats_of_the_head_are_measured_from_the_onsets_of_the_sound(bases):
    moments = np.array([0.7, 1.5, 2.4, 3.3])
    np.testing.assert_allclose(sound_beats(bursts(moments)), moments, atol=0.03)  # 10 ms steps, windows of 30
    assert consistency(moments[:2] + 0.1, moments) == pytest.approx(2 * np.exp(-0.5))
    # a head that swings has stopped twice in each period
    stops = np.arange(0.5, 3.6, 0.5)
    turn = np.zeros((N, 3))
    turn[:, 0] = 0.1 * np.cos(2 * np.pi * TIMES)
    found = metrics(face(), face(), bases, sound=bursts(stops), predicted_rotation=turn, true_rotation=turn)
    assert found["beat_consistency"] > 0.9
    assert found["beat_consistency"] == found["beat_consistency_labels"]
    between = metrics(face(), face(), bases, sound=bursts(stops + 0.25), predicted_rotation=turn, true_rotation=turn)
    assert between["beat_consistency"] < 0.2
    assert "beat_consistency" not in metrics(face(), face(), bases, sound=bursts(stops))


def test_blinks_are_counted_and_timed(bases):
    def lids(moments, width):
        shape = np.max([np.clip(1 - np.abs(np.arange(N) - m) / width, 0, 1) for m in moments], 0)
        return {name: shape for name in ("eyeBlinkLeft", "eyeBlinkRight")}

    found = metrics(face(**lids([20, 60], 4)), face(**lids([10, 40, 80], 2)), bases)
    minutes = N / FPS / 60
    assert found["blink_rate"] == pytest.approx(2 / minutes)
    assert found["blink_rate_labels"] == pytest.approx(3 / minutes)
    # a triangle is as wide at half its height as its half base
    assert found["blink_duration_ms"] == pytest.approx(1000 * 4 / FPS)
    assert found["blink_duration_labels_ms"] == pytest.approx(1000 * 2 / FPS)
    shut = metrics(face(**lids([50], 40)), face(), bases)  # eyes that close for a second do not blink
    assert shut["blink_rate"] == 0
    wink = metrics(face(eyeBlinkLeft=0.5 * lids([20], 4)["eyeBlinkLeft"]), face(), bases)
    assert wink["blink_rate"] == 0


def test_frechet_distance_is_that_of_known_gaussians():
    mean, scale = np.array([1.0, -2.0, 0.0]), np.array([1.0, 4.0, 9.0])
    assert frechet_distance(mean, np.diag(scale), mean, np.diag(scale)) == pytest.approx(0, abs=1e-12)
    # diagonal: squared distance of the means and of the deviations
    found = frechet_distance(mean, np.diag(scale), 0 * mean, np.diag([4.0, 4.0, 1.0]))
    assert found == pytest.approx(5 + 1 + 0 + 4)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    again = frechet_distance(
        turned @ mean, turned @ np.diag(scale) @ turned.T, 0 * mean, turned @ np.diag([4.0, 4.0, 1.0]) @ turned.T
    )
    assert again == pytest.approx(found)


def test_motion_is_compared_whatever_its_order_and_place(bases):
    rng = np.random.default_rng(1)
    gap = 4 + np.convolve(rng.normal(0, 0.5, N + 8), np.hanning(9), "valid")
    true = face(gap)
    assert metrics(true, true, bases)["frechet_motion"] == pytest.approx(0, abs=1e-6)
    assert metrics(face(gap + 1), true, bases)["frechet_motion"] == pytest.approx(0, abs=1e-6)
    half = metrics(face(4 + (gap - 4) / 2), true, bases)["frechet_motion"]
    # lip gap, chin and their changes deviate half as much: 4 (1 - 1/2)^2
    assert half == pytest.approx(1, rel=0.02)
    assert metrics(face(4), true, bases)["frechet_motion"] == pytest.approx(4, rel=0.02)
    assert "frechet_motion" not in metrics(true[:N_FEATURES], true[:N_FEATURES], bases)


def test_samples_are_judged_one_by_one_and_by_their_mean(bases):
    true = face(5)
    samples = np.stack([face(5 + 2.4), face(5 - 1.2), face(5 - 1.2)])
    found = metrics(samples[0], true, bases, samples=samples)
    one = {gap: metrics(face(gap), true, bases)["lve_mm"] for gap in (7.4, 3.8)}
    assert found["lve_samples_mm"] == pytest.approx((one[7.4] + 2 * one[3.8]) / 3, rel=1e-5)
    assert found["lve_best_mm"] == pytest.approx(one[3.8], rel=1e-5)
    assert found["rmse_mouth_of_mean_mm"] == pytest.approx(0, abs=1e-6)
    assert found["rmse_mouth_mm"] > 0.1
    # two of three pairs are 3.6 mm of the lip gap apart, as are a neutral mouth and one of 3.6 mm
    apart = np.linalg.norm(bases.landmark_motion(face(3.6)[0]), axis=-1)
    assert found["diversity_mm"] == pytest.approx(2 / 3 * apart.mean(), rel=1e-5)
    assert found["diversity_mouth_mm"] == pytest.approx(2 / 3 * apart[48:].mean(), rel=1e-5)
    assert "diversity_mm" not in metrics(samples[0], true, bases)
    assert "diversity_mm" not in metrics(samples[0], true, bases, samples=samples[:1])


def test_the_best_sample_is_the_best_of_each_clip(bases):
    sums = empty_statistics(N_CHANNELS)
    for place in range(2):
        samples = np.stack([face(5 + 3 * (k == place)) for k in range(2)])
        found = clip_statistics(ClipMotion(samples[0], face(5), frames=np.arange(N), bases=bases, times=TIMES,
                                           mean_weights=np.zeros(N_CHANNELS), samples=samples))  # fmt: skip
        sums = {name: sums[name] + found[name] for name in shapes(N_CHANNELS)}
    assert METRICS["lve_best_mm"].value(sums) == pytest.approx(0, abs=1e-6)
    assert METRICS["lve_samples_mm"].value(sums) > 0.1


def test_level_is_in_db_below_the_loudest_moment():
    sound = np.concatenate([np.full(1000, 1.0), np.full(1000, 0.1), np.zeros(1000)]), 1000
    found = level_curve(sound, np.array([0.5, 1.5, 2.5]), window_s=0.1)
    np.testing.assert_allclose(found, [0, -20, -60], atol=1e-9)


def test_missing_frames_lie_on_a_line():
    frames = np.array([3, 4, 7])
    np.testing.assert_allclose(whole_curve(np.array([0.0, 1.0, 4.0]), frames), [0, 1, 2, 3, 4])
    assert whole_curve(np.ones((3, 2)), frames).shape == (5, 2)


def test_unseen_lids_do_not_blink():
    rig = synthetic_rig(0)
    observed = np.ones(N_CHANNELS, bool)
    observed[columns(ARKIT52, ["eyeBlinkLeft"])] = False
    assert "blink_rate" not in metrics(face(), face(), RigBases.from_rig(rig, observed))
