import numpy as np
import pytest
from fitting_cases import FOCAL, FPS, PRECISE, moving_face, project, smooth_noise

from speechface.config import defaults
from speechface.fitting import labels as labels_module
from speechface.fitting.clip import FitSettings
from speechface.fitting.eyes import EyeCalibration, blink_weights, calibrate_eyes
from speechface.fitting.face import Face
from speechface.fitting.identity import choose_frames, clips_apart, estimate_focal_factor, fit_identity
from speechface.fitting.labels import fit_labels, relative_rotation
from speechface.fitting.observability import explained_variance, observed_channels
from speechface.fitting.quality import clip_quality, compare_with_truth, confidence, expected_error, jitter
from speechface.fitting.report import flagged_runs, miss_distribution, verdict
from speechface.geometry import ibug
from speechface.geometry.rotation import geodesic_angle, matrix_from_euler, median_rotation
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import GAZE
from speechface.rig.registry import build_rig
from speechface.synthesis.visemes import INDEX

USUAL = FitSettings(noise_mm=1.2, sparsity=1.0, smoothness=0.08, iterations=8)


def everything(case):
    return np.ones(len(case.observed), bool)


def test_a_frame_without_a_face_is_bridged():
    case = moving_face(0, frames=40)
    detected = everything(case)
    detected[[0, 15, 16, 17, 39]] = False
    observed = np.where(detected[:, None, None], case.observed, np.nan)
    found = fit_labels(case.face, None, observed, detected, PRECISE, focal=FOCAL, fps=FPS)
    assert len(found.weights) == 40
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.rotation).all()
    assert np.isnan(found.miss).tolist() == (~detected).tolist()
    # between its neighbours the head turns on: a few degrees from frame 14 to 18
    assert np.rad2deg(geodesic_angle(found.rotation, case.rotation))[15:18].max() < 2.0
    whole = fit_labels(case.face, None, case.observed, everything(case), PRECISE, focal=FOCAL, fps=FPS)
    far = np.r_[5:11, 22:35]
    # five frames from a gap nothing of it is left but what smoothness hands on; 0.15 mm is a quarter of a pixel
    points, expected = case.face.landmarks(found.weights[far]), case.face.landmarks(whole.weights[far])
    assert np.abs(points - expected)[:, ibug.WITHOUT_JAW, :2].max() < 0.15


@pytest.mark.parametrize(("name", "least"), [("jawOpen", 0.95), ("mouthLeft", 0.75), ("mouthSmileLeft", 0.75)])
def test_a_channel_that_points_show_keeps_its_size(name, least):
    """Also mouthLeft, which no table of speech and emotion holds, though the fit expects points of 1.2 mm noise."""
    case = moving_face(2, frames=80, channels=(name,), rig=build_rig("builtin", "", identity_modes=0))
    found = fit_labels(case.face, None, case.observed, everything(case), USUAL, focal=FOCAL, fps=FPS)
    k = case.rig.channels.index(name)
    assert np.polyfit(case.weights[:, k], found.weights[:, k], 1)[0] > least


def test_no_face_at_all_is_refused():
    case = moving_face(0, frames=5)
    with pytest.raises(ValueError, match="no frame with a face"):
        fit_labels(case.face, None, case.observed, np.zeros(5, bool), PRECISE, focal=FOCAL, fps=FPS)


def test_a_long_clip_in_pieces_equals_the_clip_at_once(monkeypatch):
    case = moving_face(1, frames=90)
    whole = fit_labels(case.face, None, case.observed, everything(case), USUAL, focal=FOCAL, fps=FPS)
    monkeypatch.setattr(labels_module, "_PIECE", 40)
    monkeypatch.setattr(labels_module, "_OVERLAP", 14)
    pieces = labels_module._pieces(90)
    assert len(pieces) > 2
    assert pieces[0][0] == 0
    assert pieces[-1][1] == 90
    assert all(start < stop for (_, stop), (start, _) in zip(pieces, pieces[1:]))
    parts = fit_labels(case.face, None, case.observed, everything(case), USUAL, focal=FOCAL, fps=FPS)
    # smoothness reaches a few frames; both stop at 1e-4 of the energy
    np.testing.assert_allclose(parts.weights, whole.weights, atol=0.02)
    assert np.rad2deg(geodesic_angle(parts.rotation, whole.rotation)).max() < 0.1
    assert parts.projected.shape == whole.projected.shape


def test_relative_rotations_and_their_median_give_back_the_absolute_ones():
    rotation = moving_face(2).rotation
    relative, median = relative_rotation(rotation, np.ones(len(rotation), bool))
    np.testing.assert_allclose(median @ relative, rotation, atol=1e-12)
    np.testing.assert_allclose(
        median_rotation(relative), np.eye(3), atol=2e-3
    )  # medians of angles do not add up exactly


@pytest.mark.parametrize("seed", range(3))
def test_identity_of_a_synthetic_actor_is_found(seed):
    rng = np.random.default_rng(seed)
    face = moving_face(seed).face
    truth = rng.normal(size=face.identity.shape[-1])
    case = moving_face(seed, frames=80, coefficients=truth)
    case.weights[:30] = 0  # some time at rest
    observed = project(face.of_actor(truth).landmarks(case.weights), case.rotation, case.translation)
    observed = observed + rng.normal(0, 0.3, observed.shape)
    found = fit_identity(face, [observed[:50], observed[50:]], USUAL, focal=[FOCAL] * 2, fps=[FPS] * 2, count=24)

    def shape(coefficients):
        points = face.of_actor(coefficients).neutral[ibug.WITHOUT_JAW, :2]
        points = points - points.mean(0)
        return points / np.sqrt((points**2).sum(-1).mean())

    size = np.sqrt(
        ((face.neutral[ibug.WITHOUT_JAW, :2] - face.neutral[ibug.WITHOUT_JAW, :2].mean(0)) ** 2).sum(-1).mean()
    )
    error = size * np.sqrt(((shape(found.coefficients) - shape(truth)) ** 2).sum(-1).mean())
    mean_face = size * np.sqrt(((shape(np.zeros_like(truth)) - shape(truth)) ** 2).sum(-1).mean())
    # up to scale, which distance hides; offsets of 3 mm make the face, 0.3 px of noise are 0.2 mm
    assert mean_face > 3.0
    assert error < 0.35 * mean_face  # the prior counts as one frame, and expressions leak into the offsets


def test_a_clip_whose_face_is_not_that_of_the_others_is_told_apart():
    """A lip line that a detector puts 12 mm too low in one clip, as below a painted beard."""
    cases = [moving_face(0, frames=30, channels=(name,)) for name in ("jawOpen", "mouthSmileLeft", "browInnerUp")]
    clips = [project(case.face.landmarks(case.weights), case.rotation, case.translation) for case in cases]
    face, focal = cases[0].face, [FOCAL] * 4
    assert not clips_apart(face, clips, focal=focal[:3]).any()  # expressions differ, the face does not
    bad = clips[0].copy()
    bad[:, ibug.MOUTH, 1] -= 12 * FOCAL / -cases[0].translation[:, 2].mean()
    found = clips_apart(face, [*clips, bad], focal=focal)
    assert not found[:3].any()
    assert found[3] > 4
    assert not clips_apart(face, [clips[0], bad], focal=focal[:2]).any()  # whose face it is, two cannot tell


def test_identity_prefers_frames_at_rest():
    case = moving_face(3, frames=100, channels=("jawOpen", "mouthSmileLeft", "mouthSmileRight"))
    case.weights[:] = 0
    talking = np.arange(100) >= 45
    case.weights[talking, INDEX["jawOpen"]] = 0.6 + 0.3 * smooth_noise(np.random.default_rng(0), 55, 1, 3)[:, 0].clip(
        -1, 1
    )
    observed = project(case.face.landmarks(case.weights), case.rotation, case.translation)
    frames, at_rest = choose_frames(case.face, observed, focal=np.full(100, FOCAL), count=20)
    assert len(frames) == len(set(frames.tolist())) == 20
    assert at_rest.sum() == 12  # 60 %
    assert not talking[frames[at_rest]].any()
    assert talking[frames[~at_rest]].any()


def test_fewer_frames_than_asked_for_are_all_used():
    case = moving_face(3, frames=6)
    frames, _ = choose_frames(case.face, case.observed, focal=np.full(6, FOCAL), count=32)
    assert sorted(frames.tolist()) == list(range(6))


@pytest.mark.parametrize(("seed", "factor"), [(0, 1.3), (3, 2.0), (0, 4.0)])
def test_the_focal_length_is_estimated_from_perspective(seed, factor):
    case, side = moving_face(seed, frames=24), 640.0
    near = case.translation * [1, 1, factor * side / FOCAL]  # the same size in the image
    turned = matrix_from_euler(smooth_noise(np.random.default_rng(3), 24, 3, 4) * (0.15, 0.3, 0.05))
    observed = project(case.face.landmarks(case.weights), turned, near, factor * side)
    found = estimate_focal_factor(case.face, [observed], USUAL, sides=[side], count=12)
    # identity takes up some of the perspective: within a third
    assert abs(np.log(found / factor)) < 0.3


def opening_of(blink, rng, shut=0.5, noise=0.03):
    """Relative eye opening (T, 2) as dlib shows it for blink weights (T,)."""
    return 1.05 * (1 - (1 - shut) * blink[:, None]) + noise * rng.normal(size=(len(blink), 2))


def blinks(frames, at):
    """Blinks of 0.13 s about the frames `at`."""
    return np.exp(-0.5 * ((np.arange(frames)[:, None] - np.array(at)) / 1.4) ** 2).max(1)


def test_blinks_span_zero_to_one_though_landmarks_stay_half_open():
    rng = np.random.default_rng(0)
    truth = [blinks(150, [20, 80, 130]), blinks(120, [60]), blinks(100, [10, 50])]
    openings = [opening_of(blink, rng) for blink in truth]
    calibration = calibrate_eyes(openings, PROFILE, fps=[FPS] * 3)
    found = np.concatenate([blink_weights(o, calibration, fps=FPS) for o in openings])
    truth = np.concatenate(truth)
    for side in range(2):
        assert np.corrcoef(found[:, side], truth)[0, 1] > 0.95
        assert np.polyfit(truth, found[:, side], 1)[0] > 0.85
    assert found.max() > 0.95
    assert (found[truth < 0.01] == 0).mean() > 0.9  # noise of open eyes is no blink


def test_eyes_that_stay_shut_are_shut_and_a_squint_is_not_a_blink():
    calibration = EyeCalibration(np.full(2, 1.0), np.full(2, 0.5), np.full(2, 0.02))
    shut = blink_weights(np.full((200, 2), 0.5), calibration, fps=FPS)
    assert shut.min() > 0.6
    squint = blink_weights(np.full((200, 2), 0.85), calibration, fps=FPS)
    assert squint.max() == 0


def test_a_wink_keeps_its_side():
    calibration = EyeCalibration(np.full(2, 1.0), np.full(2, 0.5), np.full(2, 0.02))
    opening = np.ones((100, 2))
    opening[48:53, 0] = 0.5
    wink = blink_weights(opening, calibration, fps=FPS)
    assert wink[50, 0] > 0.6
    assert wink[50, 1] < 0.35


def test_an_actor_who_never_blinks_gets_no_blinks():
    rng = np.random.default_rng(1)
    opening = opening_of(np.zeros(200), rng)
    calibration = calibrate_eyes([opening], PROFILE, fps=[FPS])
    assert (blink_weights(opening, calibration, fps=FPS) > 0.2).mean() < 0.01


def test_blink_targets_reach_the_weights():
    case = moving_face(5, frames=60)
    calibration = EyeCalibration(np.full(2, 1.0), np.full(2, 0.5), np.full(2, 0.01))
    face = case.face
    observed = case.observed.copy()
    middle = observed[:, ibug.EYES].reshape(60, 2, 6, 2).mean(2)
    closing = 1 - 0.5 * blinks(60, [30])
    for eye, start in enumerate((ibug.RIGHT_EYE.start, ibug.LEFT_EYE.start)):
        lids = slice(start, start + 6)
        observed[:, lids, 1] = (
            middle[:, eye, None, 1] + (observed[:, lids, 1] - middle[:, eye, None, 1]) * closing[:, None]
        )
    found = fit_labels(face, calibration, observed, everything(case), USUAL, focal=FOCAL, fps=FPS)
    blink = found.weights[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]]
    assert blink[30].min() > 0.85
    assert blink[:20].max() < 0.1


def test_gaze_is_never_observed_and_the_jaw_always():
    face = moving_face(0).face
    share, observed = explained_variance(face), observed_channels(face)
    assert (share[[INDEX[name] for name in GAZE]] == 0).all()
    assert not observed[[INDEX[name] for name in GAZE]].any()
    assert observed[INDEX["jawOpen"]]
    assert (share >= -1e-9).all()
    assert (share <= 1).all()


def test_a_channel_without_motion_of_landmarks_is_not_observed():
    case = moving_face(0)
    case.rig.shapes[INDEX["mouthSmileLeft"]][case.rig.landmarks] = 0
    case.rig.shapes[INDEX["mouthSmileRight"]][case.rig.landmarks] = 0
    observed = observed_channels(Face.of_rig(case.rig, PROFILE))
    assert not observed[[INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]].any()


def test_jitter_is_the_deviation_of_white_noise_and_ignores_steady_motion():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.5, (4000, 20, 1))
    drift = np.arange(4000)[:, None, None] * 0.3
    assert jitter(noise + drift) == pytest.approx(0.5, rel=0.1)  # the median of 20 points' mean square
    assert jitter(np.broadcast_to(drift, (4000, 20, 1))) == pytest.approx(0, abs=1e-9)


def test_quality_of_a_perfect_fit_and_of_a_shifted_one():
    case = moving_face(1, frames=40)
    mouth = case.rig.displacement(case.weights, case.rig.landmarks[ibug.MOUTH])
    perfect = clip_quality(case.observed, case.observed, everything(case), case.weights, mouth, PROFILE, CHANNELS)
    assert perfect["reprojection_pct_iod"] == 0
    assert [perfect[name] for name in ("lip_gap_r", "lip_gap_amplitude")] == pytest.approx([1, 1])
    size = ibug.interocular(case.observed)
    shifted = case.observed + 0.03 * size[:, None, None] * (1, 0)
    found = clip_quality(case.observed, shifted, everything(case), case.weights, mouth, PROFILE, CHANNELS)
    assert found["reprojection_pct_iod"] == pytest.approx(3)


def test_lips_that_open_half_as_far_have_half_the_amplitude():
    case = moving_face(1, frames=40)
    mouth = case.rig.displacement(case.weights, case.rig.landmarks[ibug.MOUTH])
    halved = case.observed.copy()
    for upper, lower in PROFILE.lip_pairs:
        halved[:, lower] = (case.observed[:, upper] + case.observed[:, lower]) / 2
    found = clip_quality(case.observed, halved, everything(case), case.weights, mouth, PROFILE, CHANNELS)
    assert found["lip_gap_amplitude"] == pytest.approx(0.5)
    assert found["lip_gap_r"] == pytest.approx(1)


@pytest.mark.parametrize(("change", "used", "reason"), [
    ({}, True, ""),
    ({"reprojection_pct_iod": 6.0}, False, "at most 5 %"),
    ({"fraction": 0.3}, False, "30 % of the frames"),
    ({"lip_gap_r": 0.2}, False, "correlate by 0.20"),
    ({"lip_gap_r": 0.2, "lip_gap_sd": 0.001}, True, ""),
    ({"lip_gap_r": float("nan")}, False, "nan"),
    ({"jitter_mm": 2.0}, False, "jitters by 2.00 mm"),
    ({"fraction": 0.3, "lip_gap_r": 0.2}, False, "at least 50 %; lip gap"),
])  # fmt: skip
def test_verdict_names_the_threshold(change, used, reason):
    quality = {
        "reprojection_pct_iod": 1.0,
        "lip_gap_r": 0.99,
        "lip_gap_sd": 0.03,
        "jitter_mm": 0.3,
        "fraction": 1.0,
    } | change
    found = verdict(quality, quality.pop("fraction"), defaults("quality"))
    assert found[0] == used
    assert reason in found[1]


def test_frames_not_used_are_listed_in_runs_with_their_reason():
    detected = np.array([1, 1, 0, 0, 1, 1, 1, 0], bool)
    used = np.array([1, 1, 0, 0, 0, 1, 1, 0], bool)
    miss = np.array([1, 1, np.nan, np.nan, 7.25, 1, 1, np.nan])
    nothing = np.zeros(8, np.int8)
    runs = flagged_runs(np.arange(10, 18), detected, used, miss, nothing)
    assert [(r["first_frame"], r["last_frame"], r["n_frames"]) for r in runs] == [(12, 13, 2), (14, 14, 1), (17, 17, 1)]
    assert [r["reason"] for r in runs][::2] == ["no face", "no face"]
    assert "7.2 %" in runs[1]["reason"]
    assert flagged_runs(np.arange(8), detected | True, used | True, miss, nothing) == []


def test_misses_are_told_by_median_tail_and_worst():
    found = miss_distribution(np.array([*np.arange(1, 101), np.nan]))
    assert found["reprojection_median_pct"] == 50.5
    assert found["reprojection_p95_pct"] == pytest.approx(95.05)
    assert found["reprojection_worst_pct"] == 100
    assert np.isnan(miss_distribution(np.array([np.nan]))["reprojection_p95_pct"])


def test_truth_comparison_sees_scale_offset_and_ignores_a_constant_head_pose():
    case = moving_face(2, frames=50)
    shapes = case.rig.shapes[:, case.rig.landmarks].astype(float)
    weights = np.zeros_like(case.weights)
    smile = INDEX["mouthSmileLeft"]
    weights[:, smile] = 0.5 * case.weights[:, smile] + 0.1
    truth = np.zeros_like(weights)
    truth[:, smile] = case.weights[:, smile]
    tilted = case.rotation @ matrix_from_euler([0.1, 0, 0])
    channels, whole = compare_with_truth(weights, truth, tilted, case.rotation, shapes)
    assert channels["slope"][smile] == pytest.approx(0.5)
    assert channels["r"][smile] == pytest.approx(1)
    assert np.isnan(channels["r"][[k for k in range(len(CHANNELS)) if k != smile]]).all()
    error = np.abs(weights - truth)[:, smile]
    assert channels["mae"][smile] == pytest.approx(error.mean())
    expected = np.sqrt((error**2).mean() * (shapes[smile, ibug.MOUTH] ** 2).sum(-1).mean())
    assert whole["mouth_mm"] == pytest.approx(expected)
    # a tilt of 0.1 turns the axes about which the head moves, by 10 degrees at most: 1 degree
    assert whole["rotation_deg"] < 1.0
    assert whole["rotation_absolute_deg"] == pytest.approx(np.rad2deg(0.1), rel=1e-3)


def test_frames_with_larger_errors_have_less_confidence():
    case = moving_face(4, frames=60)
    rng = np.random.default_rng(0)
    noise = np.where(np.arange(60) // 10 % 2, 6.0, 0.3)[:, None, None]  # px: every other ten frames are bad
    observed = case.observed + noise * rng.normal(size=case.observed.shape)
    found = fit_labels(case.face, None, observed, everything(case), USUAL, focal=FOCAL, fps=FPS)
    shapes = case.rig.shapes[:, case.rig.landmarks].astype(float)
    size = ibug.interocular(observed)
    miss = 100 * np.linalg.norm(found.projected - observed, axis=-1) / size[:, None]
    trust = confidence(expected_error(miss, np.tensordot(found.weights, shapes, 1), PROFILE))
    assert ((trust > 0) & (trust < 1)).all()
    error = np.linalg.norm(np.tensordot(found.weights - case.weights, shapes, 1)[:, ibug.WITHOUT_JAW], axis=-1).mean(1)
    assert np.corrcoef(trust, error)[0, 1] < -0.5
