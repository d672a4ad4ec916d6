"""Clip statistics and metrics against slow literal loops, torchmetrics and known answers."""

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.metrics.geometry import RigBases
from speechface.metrics.metric import ClipMotion
from speechface.metrics.moments import Moments
from speechface.metrics.registry import METRICS
from speechface.metrics.statistics import clip_statistics, empty_statistics, shapes
from speechface.synthesis.visemes import INDEX

#: float32 matrix products over 52 channels of up to 12 mm beside float64 loops
F32 = {"rtol": 2e-5, "atol": 2e-6}


@pytest.fixture(scope="module")
def rig():
    face = synthetic_rig(0)
    face.shapes[:, 300:310] = 0  # vertices that never move, one of them in a region
    assert np.isin(np.arange(300, 310), face.regions["upper_face"]).any()
    return face


@pytest.fixture(scope="module")
def observed():
    mask = np.ones(52, bool)
    mask[[INDEX["eyeLookInLeft"], INDEX["jawForward"], INDEX["cheekPuff"]]] = False
    return mask


@pytest.fixture
def clip():
    rng = np.random.default_rng(5)
    true = np.clip(np.cumsum(rng.normal(0, 0.06, (60, 52)), 0) + 0.4, 0, 1)
    predicted = np.clip(true + rng.normal(0.02, 0.1, true.shape), 0, 1)
    frames = np.delete(np.arange(64), [7, 8, 30, 50])
    return predicted, true, frames


def statistics_of(*arguments, **more):
    return clip_statistics(ClipMotion(*arguments, **more))


def metrics_of(statistics):
    return {name: float(metric.value(statistics)) for name, metric in METRICS.items()}


def literal_metrics(rig, observed, predicted, true, frames, mean):
    """Everything again, one number at a time, in float64."""
    shapes = rig.shapes.astype(float)
    channels = [c for c in range(52) if observed[c]]

    def position(weights, vertex):
        point = rig.neutral[vertex].astype(float)
        for c in channels:
            point = point + weights[c] * shapes[c, vertex]
        return point

    def distance2(a, b, axes=3):
        return sum((a[i] - b[i]) ** 2 for i in range(axes))

    n, out = len(frames), {}
    marks = [[[position(w, v) for v in rig.landmarks] for w in series] for series in (predicted, true)]
    middle = [position(mean, v) for v in rig.landmarks]
    out["mse_weights_e2"] = 100 * np.mean([(predicted[t][c] - true[t][c]) ** 2 for t in range(n) for c in channels])
    for name, span in (("landmarks", (0, 68)), ("mouth", (48, 68)), ("eyes", (36, 48)), ("brows", (17, 27))):
        squares = [distance2(marks[0][t][i], marks[1][t][i]) for t in range(n) for i in range(*span)]
        out[f"rmse_{name}_mm"] = np.sqrt(np.mean(squares))
    pairs = [(t - 1, t) for t in range(1, n) if frames[t] == frames[t - 1] + 1]
    change = {"p": [], "t": [], "d": []}
    for a, b in pairs:
        for c in channels:
            step, target = predicted[b][c] - predicted[a][c], true[b][c] - true[a][c]
            change["p"].append(abs(step))
            change["t"].append(abs(target))
            change["d"].append(abs(step - target))
    out["self_smoothness_e2"] = 100 * np.mean(change["p"])
    out["self_smoothness_labels_e2"] = 100 * np.mean(change["t"])
    out["temporal_smoothness_e2"] = 100 * np.mean(change["d"])
    for suffix, axes in (("", 3), ("_xy", 2)):
        error = total = centred = centred_total = 0.0
        for i in range(48, 68):
            means = [np.mean([marks[k][t][i] for t in range(n)], 0) for k in range(2)]
            for t in range(n):
                error += distance2(marks[0][t][i], marks[1][t][i], axes)
                total += distance2(marks[1][t][i], middle[i], axes)
                centred += distance2(marks[0][t][i] - means[0], marks[1][t][i] - means[1], axes)
                centred_total += distance2(marks[1][t][i], means[1], axes)
        out["r2_mouth" + suffix] = 1 - error / total
        out["r2c_mouth" + suffix] = 1 - centred / centred_total
        out[f"rmse_mouth_centred{suffix}_mm"] = np.sqrt(centred / (20 * n))
    largest = []
    for t in range(n):
        largest.append(max(distance2(position(predicted[t], v), position(true[t], v)) for v in rig.regions["lips"]))
    out["lve_mm2"], out["lve_mm"] = np.mean(largest), np.mean(np.sqrt(largest))
    everyone = [v for v in range(len(rig.neutral)) if any(np.any(shapes[c, v]) for c in channels)]
    out["mve_mm"] = np.mean(
        [np.sqrt(distance2(position(predicted[t], v), position(true[t], v))) for t in range(n) for v in everyone]
    )
    spread = []
    for v in rig.regions["upper_face"]:
        motion = [[distance2(position(w, v), rig.neutral[v]) for w in series] for series in (true, predicted)]
        spread.append(np.std(motion[0]) - np.std(motion[1]))
    out["fdd_mm2"] = np.mean(spread)
    gaps = [[np.linalg.norm(marks[k][t][62] - marks[k][t][66]) for t in range(n)] for k in range(2)]
    out["lip_gap_r"] = np.corrcoef(gaps)[0, 1]
    out["mod_mm"] = np.mean([abs(gaps[0][t] - gaps[1][t]) for t in range(n)])
    out["amplitude_lips"] = np.std(gaps[0]) / np.std(gaps[1])
    brows = [[np.mean([marks[k][t][i][1] for i in range(17, 27)]) for t in range(n)] for k in range(2)]
    out["amplitude_brows"] = np.std(brows[0]) / np.std(brows[1])
    return out


def test_every_metric_equals_a_literal_loop(rig, observed, clip):
    predicted, true, frames = (part[:14] for part in clip)
    mean = np.full(52, 0.3)
    bases = RigBases.from_rig(rig, observed)
    found = metrics_of(statistics_of(predicted, true, frames=frames, bases=bases, mean_weights=mean))
    expected = literal_metrics(rig, observed, predicted, true, frames, mean)
    # the others have tests of their own
    elsewhere = {"rmse_mouth_xy_mm", "frechet_motion", "shut_recall", "shut_false"}
    assert {name for name, value in found.items() if np.isfinite(value)} - elsewhere == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **F32, err_msg=name)


def test_lip_vertex_error_equals_torchmetrics(rig, clip):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("torchmetrics.functional.multimodal.lve").lip_vertex_error
    predicted, true, frames = clip
    bases = RigBases.from_rig(rig, np.ones(52, bool))
    found = metrics_of(statistics_of(predicted, true, frames=frames, bases=bases, mean_weights=np.zeros(52)))
    vertices = [torch.tensor(np.stack([rig.mesh(w) for w in series])) for series in (predicted, true)]
    expected = float(reference(*vertices, [int(v) for v in rig.regions["lips"]]))
    # the reference subtracts positions of up to 100 mm in float32: 1e-5 mm of some mm
    assert found["lve_mm2"] == pytest.approx(expected, rel=1e-4)


def test_a_perfect_prediction_has_no_error(rig, observed, clip):
    _, true, frames = clip
    rotation = np.random.default_rng(0).normal(0, 0.2, (len(frames), 3))
    bases = RigBases.from_rig(rig, observed)
    found = metrics_of(
        statistics_of(true, true, frames=frames, bases=bases, mean_weights=np.zeros(52), speech=frames > 20,
                        predicted_rotation=rotation, true_rotation=rotation, times=frames / 25,
                        sound=(rotation[:, 0].repeat(400), 10000), samples=np.stack([true, true]))
    )  # fmt: skip
    # no lips shut in this clip, nobody says p, b or m, and its lids shut in no time
    assert {name for name, value in found.items() if np.isnan(value)} <= {
        "shut_recall", "shut_false", "bilabials_shut", "blink_duration_ms", "blink_duration_labels_ms"
    }  # fmt: skip
    for name, value in found.items():
        better = METRICS[name].better
        if name == "rotation_deg":
            assert value < 1e-5  # arccos near 1 turns an error of 1e-16 into 1e-8 rad
        elif name == "frechet_motion":
            assert value < 1e-6  # roots of eigenvalues that are 0 but for 1e-16
        elif better and np.isfinite(value):
            assert value == pytest.approx(1 if better in ("higher", "one") else 0, abs=1e-9), name
    for name in ("self_smoothness", "head_speed", "beat_consistency", "blink_rate"):
        twins = [value for key, value in found.items() if key.startswith(name)]
        assert len(twins) == 2
        assert twins[0] == twins[1]


def test_a_constant_shift_is_forgiven_only_by_the_centred_metrics(rig, clip):
    _, true, frames = clip
    true = 0.5 * true
    shifted = true.copy()
    shifted[:, INDEX["jawOpen"]] += 0.25
    bases = RigBases.from_rig(rig, np.ones(52, bool))
    found = metrics_of(statistics_of(shifted, true, frames=frames, bases=bases, mean_weights=np.zeros(52)))
    shape = rig.shapes[INDEX["jawOpen"]][rig.landmarks[48:68]]
    assert found["rmse_mouth_mm"] == pytest.approx(0.25 * np.sqrt(np.square(shape).sum(-1).mean()), rel=1e-5)
    assert found["mse_weights_e2"] == pytest.approx(100 * 0.25**2 / 52)
    assert found["temporal_smoothness_e2"] == pytest.approx(0, abs=1e-12)
    assert found["r2c_mouth"] == pytest.approx(1, abs=1e-9)
    assert found["rmse_mouth_centred_mm"] < 1e-5  # float32 positions
    assert found["r2_mouth"] < 1


def test_the_training_mean_explains_nothing_of_its_own_set(rig, clip):
    _, true, frames = clip
    mean = true.mean(0)
    bases = RigBases.from_rig(rig, np.ones(52, bool))
    predicted = np.broadcast_to(mean, true.shape)
    found = metrics_of(statistics_of(predicted, true, frames=frames, bases=bases, mean_weights=mean))
    # float32 displacements of the same mean weights, from two shapes of matrix product
    assert found["r2_mouth"] == pytest.approx(0, abs=1e-6)
    assert found["r2c_mouth"] == pytest.approx(0, abs=1e-6)
    assert found["lip_gap_r"] == 0
    assert found["self_smoothness_e2"] == 0
    assert np.isnan(found["lip_lag_frames"])
    assert np.isnan(found["rotation_deg"])


def test_unobserved_channels_change_nothing(rig, observed, clip):
    predicted, true, frames = clip
    bases = RigBases.from_rig(rig, observed)
    other = predicted.copy()
    other[:, ~observed] = 1 - other[:, ~observed]
    a, b = (statistics_of(p, true, frames=frames, bases=bases, mean_weights=true.mean(0)) for p in (predicted, other))
    for name in shapes(52):
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert np.isnan(METRICS["mse_weights_e2"].channels(a)[~observed]).all()
    assert np.isfinite(METRICS["mse_weights_e2"].channels(a)[observed]).all()


def test_channel_values_average_to_the_whole(rig, observed, clip):
    predicted, true, frames = clip
    bases = RigBases.from_rig(rig, observed)
    found = statistics_of(predicted, true, frames=frames, bases=bases, mean_weights=true.mean(0))
    for name, metric in METRICS.items():
        if metric.channels is not None:
            assert np.nanmean(metric.channels(found)) == pytest.approx(metric.value(found)), name


def test_sums_over_clips_equal_the_whole_set(rig, observed, clip):
    predicted, true, frames = clip
    bases = RigBases.from_rig(rig, observed)
    mean = true.mean(0)
    parts = [slice(0, 20), slice(20, 45), slice(45, 60)]
    sums = empty_statistics(52)
    for part in parts:
        one = statistics_of(predicted[part], true[part], frames=frames[part], bases=bases, mean_weights=mean)
        sums = {name: sums[name] + one[name] for name in shapes(52)}
    whole = statistics_of(predicted, true, frames=frames, bases=bases, mean_weights=mean)
    # frame sums are additive; frame pairs across the seam and the per-clip values are not
    for name in ("mse_weights_e2", "rmse_landmarks_mm", "rmse_mouth_mm", "lve_mm", "mve_mm", "r2_mouth", "r2_mouth_xy"):
        assert METRICS[name].value(sums) == pytest.approx(METRICS[name].value(whole), rel=1e-6), name
    assert sums["n_clips"] == 3


def test_long_clips_are_worked_in_parts_without_a_trace(rig, monkeypatch):
    rng = np.random.default_rng(1)
    true, predicted = rng.random((2, 100, 52))
    bases = RigBases.from_rig(rig, np.ones(52, bool))
    arguments = {"frames": np.arange(100), "bases": bases, "mean_weights": np.zeros(52)}
    whole = statistics_of(predicted, true, **arguments)
    monkeypatch.setattr("speechface.metrics.mesh.FRAMES_AT_ONCE", 7)
    parts = statistics_of(predicted, true, **arguments)
    for name in ("lve", "lve2", "mve", "fdd"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-5, err_msg=name)


def test_rotation_error_is_the_angle_between_the_poses(rig):
    true = np.zeros((4, 3))
    predicted = np.zeros((4, 3))
    predicted[:, 1] = np.radians([0, 3, 6, 9])
    weights = np.zeros((4, 52))
    bases = RigBases.from_rig(rig, np.ones(52, bool))
    found = statistics_of(weights, weights, frames=np.arange(4), bases=bases, mean_weights=np.zeros(52),
                            predicted_rotation=predicted, true_rotation=true)  # fmt: skip
    assert METRICS["rotation_deg"].value(found) == pytest.approx(4.5, abs=1e-5)


def test_a_clip_without_frames_adds_nothing(rig):
    none = np.zeros((0, 52))
    found = statistics_of(none, none, frames=np.zeros(0, int), mean_weights=np.zeros(52),
                            bases=RigBases.from_rig(rig, np.ones(52, bool)))  # fmt: skip
    assert all(np.all(value == 0) for value in found.values())


def test_moments_of_parts_equal_numpy_far_from_zero():
    rows = np.random.default_rng(3).normal(1e6, 1.0, (500, 3))
    moments = Moments((3,))
    for part in np.split(rows, [10, 11, 200]):
        moments.update(part)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-13)
    np.testing.assert_allclose(moments.std, rows.std(0), rtol=1e-7)  # a naive sum of squares fails at 1e-3
