import numpy as np
import pytest
from fitting_cases import FOCAL, PRECISE, moving_face, project

from speechface.fitting.clip import Clip, FitSettings, State
from speechface.fitting.face import Face, Mixing
from speechface.fitting.gauss_newton import _Problem, fit
from speechface.fitting.pose import centred, fill_gaps, initial_pose
from speechface.geometry import ibug
from speechface.geometry.camera import Camera
from speechface.geometry.rotation import geodesic_angle, matrix_from_euler
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.rig.channels import ARKIT52, GAZE, REPORT46, columns
from speechface.synthesis.visemes import INDEX


def wide_contour(case):
    """The case's face with several vertices a jaw landmark may slide over."""
    rng = np.random.default_rng(0)
    case.rig.contour = np.concatenate([case.rig.contour, rng.integers(68, len(case.rig.neutral), (17, 3))], 1)
    return Face.of_rig(case.rig, PROFILE)


def test_jacobian_equals_finite_differences():
    case = moving_face(1, frames=3)
    face = wide_contour(case)
    rng = np.random.default_rng(2)
    clip = Clip.of(case.observed, focal=np.array([900.0, 1200.0, 1500.0]), chain=True)
    problem = _Problem(face, clip, PRECISE, True)
    identity = rng.normal(size=face.identity.shape[-1])
    state = State(case.rotation, case.translation, rng.uniform(0, 0.5, (3, len(face.mixing.names))), identity)
    basis = problem.basis(rng.integers(0, 4, (3, 17)))
    image, scale, jacobian, by_identity = problem.jacobian(state, basis)

    def images(step, identity_step):
        moved = state.moved(step, identity_step, 1.0)
        return problem._project(problem._camera(moved, problem.points(moved, basis)))[0]

    here = np.concatenate([np.zeros((3, 6)), state.variables], 1)
    still, eps = np.zeros_like(identity), 1e-5
    np.testing.assert_allclose(images(here, still), image, atol=1e-9)
    for column in range(jacobian.shape[-1]):
        step = np.zeros_like(here)
        step[:, column] = eps
        numeric = (images(here + step, still) - images(here - step, still)) / (2 * eps)
        # central differences of pixels of size 200 with steps of 1e-5: rounding 1e-9, curvature 1e-8
        np.testing.assert_allclose(jacobian[..., column], numeric / scale, atol=1e-6)
    for k in range(len(identity)):
        change = np.zeros_like(identity)
        change[k] = eps
        numeric = (images(here, change) - images(here, -change)) / (2 * eps)
        np.testing.assert_allclose(by_identity[..., k], numeric / scale, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_exact_landmarks_give_back_pose_landmarks_and_weights(seed):
    case = moving_face(seed)
    state, projected, _ = fit(case.face, Clip.of(case.observed, focal=FOCAL, chain=True), PRECISE)
    # 0.01 mm of trusted noise leaves the prior a pull of a few hundredths of a mm; one pixel is 0.75 mm
    assert np.abs(projected - case.observed).max() < 0.1
    assert np.rad2deg(geodesic_angle(state.rotation, case.rotation)).max() < 0.2
    assert np.abs(state.translation - case.translation)[:, :2].max() < 0.5
    weights = case.face.mixing.weights_of(state.variables)
    moved = case.face.landmarks(weights) - case.face.landmarks(case.weights)
    assert np.abs(moved[:, ibug.WITHOUT_JAW, :2]).max() < 0.3
    jaw = INDEX["jawOpen"]
    assert np.abs(weights[:, jaw] - case.weights[:, jaw]).max() < 0.03


def test_weights_stay_in_bounds_and_mouth_close_below_jaw_open():
    case = moving_face(4)
    observed = case.observed + np.random.default_rng(0).normal(0, 6, case.observed.shape)  # a hopeless image
    settings = FitSettings(noise_mm=1.0, sparsity=0.0, smoothness=1.0, iterations=6)
    state, _, energies = fit(case.face, Clip.of(observed, focal=FOCAL, chain=True), settings)
    weights = case.face.mixing.weights_of(state.variables)
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (weights > 0.999).any()
    assert (weights == 0).any()
    assert (weights[:, INDEX["mouthClose"]] <= weights[:, INDEX["jawOpen"]]).all()
    assert (weights[:, [INDEX[name] for name in GAZE]] == 0).all()
    assert np.isfinite(energies).all()


def test_moving_and_scaling_the_image_changes_nothing():
    case = moving_face(5)
    settings = FitSettings(noise_mm=1.0, sparsity=1.0, smoothness=0.1, iterations=8)
    camera = Camera(FOCAL, (319.5, 239.5))
    pixels = case.observed * (1, -1) + camera.centre
    results = []
    for factor, shift in ((1.0, 0.0), (2.5, 137.0)):
        observed = centred(pixels * factor + shift, np.array(camera.centre) * factor + shift)
        state, _, _ = fit(case.face, Clip.of(observed, focal=FOCAL * factor, chain=True), settings)
        results.append(state)
    # the same numbers up to rounding, and to when the iteration stops (1e-4 of the energy)
    np.testing.assert_allclose(results[0].variables, results[1].variables, atol=1e-6)
    np.testing.assert_allclose(results[0].rotation, results[1].rotation, atol=1e-7)
    np.testing.assert_allclose(results[0].translation, results[1].translation, atol=1e-3)


def test_the_energy_falls_from_step_to_step():
    case = moving_face(6)
    observed = case.observed + np.random.default_rng(1).normal(0, 2, case.observed.shape)
    settings = FitSettings(noise_mm=1.0, sparsity=1.0, smoothness=0.1, iterations=10)
    clip = Clip.of(observed, focal=FOCAL, chain=True)
    _, _, energies = fit(case.face, clip, settings, solve_identity=True)
    assert len(energies) > 2
    # pixels are turned into mm by each frame's scale, which follows the head's distance: 1 % of slack
    assert (np.diff(energies) <= 0.01 * energies[0]).all()
    assert energies[-1] < energies[0]


def test_a_target_pulls_a_weight_that_landmarks_do_not_show():
    case = moving_face(7)
    column = case.face.mixing.names.index("cheekPuff")
    target, precision = np.zeros((2, len(case.observed), len(case.face.mixing.names)))
    target[:, column], precision[:, column] = 0.7, 1e6
    clip = Clip.of(case.observed, focal=FOCAL, chain=True, target=target, target_precision=precision)
    settings = FitSettings(noise_mm=1.0, sparsity=1.0, smoothness=0.1, iterations=8)
    state, _, _ = fit(case.face, clip, settings)
    np.testing.assert_allclose(state.variables[:, column], 0.7, atol=0.01)  # precision 1e6 is a spread of 0.001


def test_the_jaw_line_is_the_silhouette():
    case = moving_face(8, frames=4)
    face = wide_contour(case)
    state = State(
        case.rotation, case.translation, face.mixing.variables_of(case.weights), np.zeros(face.identity.shape[-1])
    )
    problem = _Problem(face, Clip.of(case.observed, focal=FOCAL, chain=True), PRECISE, False)
    chosen = problem.jaw_vertices(state)
    normal = problem.normal
    for candidate in range(face.jaw_neutral.shape[1]):
        points = np.stack([case.rig.mesh(w)[case.rig.contour[:, candidate]] for w in case.weights])
        image = project(points, case.rotation, case.translation)
        outermost = np.stack(
            [case.rig.mesh(w)[case.rig.contour[np.arange(17), c]] for w, c in zip(case.weights, chosen)]
        )
        outermost = project(outermost, case.rotation, case.translation)
        # float32 rig: a micrometre
        assert ((image * normal).sum(-1) <= (outermost * normal).sum(-1) + 1e-3).all()


def test_orthography_finds_the_pose_of_a_far_face():
    rng = np.random.default_rng(9)
    points = moving_face(9).face.neutral
    rotation = matrix_from_euler(rng.normal(0, 0.3, (20, 3)))
    translation = np.array([100.0, -50.0, -90000.0]) + rng.normal(0, 10, (20, 3))
    found, moved = initial_pose(points, project(points, rotation, translation, 120000.0), focal=120000.0)
    # perspective of a 150 mm face at 90 m: 2e-3
    np.testing.assert_allclose(found, rotation, atol=4e-3)
    np.testing.assert_allclose(moved, translation, rtol=4e-3, atol=1.0)


def test_gaps_are_interpolated_and_ends_repeat():
    present = np.array([False, True, False, False, True, False])
    values = np.array([np.nan, 2.0, np.nan, np.nan, 5.0, np.nan])
    np.testing.assert_allclose(fill_gaps(values, present), [2, 2, 3, 4, 5, 5])


@pytest.mark.parametrize("channels", [ARKIT52, REPORT46, ("smile", "jawOpen"), ("mouthClose", "eyeLookUpLeft")])
def test_variables_and_weights_are_inverse_where_the_mouth_is_not_over_closed(channels):
    weights, mixing = np.random.default_rng(0).uniform(0, 1, (50, len(channels))), Mixing(channels)
    if {"mouthClose", "jawOpen"} <= set(channels):
        weights[:, channels.index("mouthClose")] *= weights[:, channels.index("jawOpen")]
    weights[:, columns(channels, (*GAZE, "tongueOut"))] = 0
    np.testing.assert_allclose(mixing.weights_of(mixing.variables_of(weights)), weights, atol=1e-12)


def test_landmarks_equal_the_rigs_mesh():
    case = moving_face(3, frames=2, channels=[name for name in ARKIT52 if name not in (*GAZE, "tongueOut")])
    close, jaw = INDEX["mouthClose"], INDEX["jawOpen"]
    case.weights[:, close] = np.minimum(case.weights[:, close], case.weights[:, jaw])
    expected = np.stack([case.rig.mesh(w)[case.rig.landmarks] for w in case.weights])
    np.testing.assert_allclose(case.face.landmarks(case.weights), expected, atol=1e-4)  # the rig is float32, 100 mm
