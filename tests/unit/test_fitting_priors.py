import numpy as np
from fitting_cases import FOCAL, FPS, moving_face, project, smooth_noise

from speechface.fitting.clip import Clip, FitSettings
from speechface.fitting.face import Face
from speechface.fitting.gauss_newton import fit
from speechface.fitting.labels import fit_labels
from speechface.fitting.priors import (
    articulation_moments,
    independent_precision,
    learnt_freedom,
    weight_covariance,
    weight_precision,
)
from speechface.geometry import ibug
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import mirrored
from speechface.synthesis.visemes import INDEX

USUAL = FitSettings(noise_mm=1.2, sparsity=1.0, smoothness=0.08, iterations=8)


def test_priors_are_proper_and_the_same_left_and_right():
    for matrix in (independent_precision(CHANNELS), weight_precision(CHANNELS)):
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-9, atol=1e-9 * np.abs(matrix).max())
        assert np.linalg.eigvalsh(matrix).min() > 0
        swapped = matrix[np.ix_(mirrored(CHANNELS), mirrored(CHANNELS))]
        np.testing.assert_allclose(swapped, matrix, rtol=1e-6, atol=1e-8 * np.abs(matrix).max())


def test_what_goes_together_in_speech_and_emotion_goes_together_in_the_prior():
    covariance = np.linalg.inv(weight_precision(CHANNELS))
    spread = np.sqrt(np.diag(covariance))

    def r(a, b):
        return covariance[INDEX[a], INDEX[b]] / spread[INDEX[a]] / spread[INDEX[b]]

    assert r("mouthFunnel", "mouthPucker") > 0.3  # round vowels
    assert r("eyeWideLeft", "browOuterUpLeft") > 0.3  # surprise
    assert r("mouthFunnel", "mouthStretchLeft") < r("mouthFunnel", "mouthPucker")
    moments = articulation_moments(CHANNELS)
    assert moments[INDEX["jawOpen"], INDEX["jawOpen"]] > moments[INDEX["mouthClose"], INDEX["mouthClose"]] > 0


def test_the_freedom_that_moments_were_made_with_is_learnt():
    truth = np.where(
        [name in ("mouthLeft", "mouthRight", "eyeWideLeft", "eyeWideRight") for name in CHANNELS], 2.0, 0.3
    )
    moments = weight_covariance(CHANNELS, truth)
    np.testing.assert_allclose(learnt_freedom(CHANNELS, moments, truth), truth, rtol=1e-9)
    found = learnt_freedom(CHANNELS, moments, np.ones(len(CHANNELS)))
    np.testing.assert_allclose(found, truth, rtol=0.5)  # six steps from 1
    still = learnt_freedom(CHANNELS, np.zeros_like(moments), np.ones(len(CHANNELS)))
    np.testing.assert_allclose(np.diag(weight_covariance(CHANNELS, still)), np.diag(weight_covariance(CHANNELS)))


def test_error_modes_scale_are_mirrored_and_leave_jaw_depth_and_lip_gap_alone():
    assert PROFILE.error_modes(0).shape == (68, 3, 0)
    whole, half = PROFILE.error_modes(1.0), PROFILE.error_modes(0.5)
    np.testing.assert_allclose(half, whole / 2)
    assert (whole[ibug.JAW] == 0).all()
    assert (whole[:, 2] == 0).all()
    for upper, lower in ibug.INNER_LIP_PAIRS:
        np.testing.assert_allclose(whole[upper, 1], whole[lower, 1], atol=0.011)  # the table has two decimals
    mirrored = whole[ibug.MIRROR] * np.array([-1, 1, 1])[:, None]
    for k in range(whole.shape[-1]):
        a, b = whole[..., k].ravel(), mirrored[..., k].ravel()
        assert abs(a @ b) > 0.99 * (a @ a)  # each mode is even or odd


def test_a_sliding_brow_is_taken_for_an_error_of_the_detector_rather_than_for_weights():
    case = moving_face(0, frames=40, channels=("jawOpen",))
    modes = PROFILE.error_modes(1.0)
    brow = np.abs(modes[ibug.BROWS]).sum((0, 1)).argmax()
    slide = smooth_noise(np.random.default_rng(1), 40, 1, 3)[:, 0]
    observed = case.observed + slide[:, None, None] * modes[:, :2, brow] * FOCAL / 900  # px per mm at 900 mm
    clip = Clip.of(observed, focal=FOCAL, chain=True)
    wrong = []
    for errors in (0.0, 1.0):
        face = Face.of_rig(case.rig, PROFILE, errors=errors)
        state, _, _ = fit(face, clip, USUAL)
        wrong.append(
            np.abs(state.variables[:, : len(face.mixing.names)] - face.mixing.variables_of(case.weights)).mean()
        )
    assert wrong[1] < 0.7 * wrong[0]


def test_a_clips_own_constant_offset_does_not_become_weights():
    case = moving_face(3, frames=60, channels=("jawOpen",))
    rng = np.random.default_rng(0)
    bias = np.zeros((68, 2))
    bias[ibug.WITHOUT_JAW] = 0.7 * rng.normal(size=(51, 2)) * FOCAL / 900
    detected = np.ones(60, bool)
    found = fit_labels(case.face, None, case.observed + bias, detected, USUAL, focal=FOCAL, fps=FPS)
    left = found.projected - case.observed - bias
    # shrunk as one frame's evidence: 1 / (1 + 1.2^2) of the offset that the weights leave is taken up
    plain, _, _ = fit(case.face, Clip.of(case.observed + bias, focal=FOCAL, chain=True), USUAL)
    image = project(
        case.face.landmarks(case.face.mixing.weights_of(plain.variables)), plain.rotation, plain.translation
    )
    before = image - case.observed - bias
    left, before = (np.linalg.norm(miss[:, ibug.WITHOUT_JAW], axis=-1).mean() for miss in (left, before))
    assert left < 0.8 * before
    jaw = CHANNELS.index("jawOpen")
    assert np.corrcoef(found.weights[:, jaw], case.weights[:, jaw])[0, 1] > 0.98
