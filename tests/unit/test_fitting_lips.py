"""Lips that touch in the image touch on the rig; open ones stay open."""

from dataclasses import replace

import numpy as np
import pytest
from fitting_cases import FOCAL, FPS, moving_face, project

from speechface.fitting.clip import Clip, FitSettings
from speechface.fitting.gauss_newton import fit
from speechface.fitting.labels import fit_labels
from speechface.fitting.lips import LipCalibration, calibrate_lips, contact, relative_gap
from speechface.geometry import ibug
from speechface.landmarks.detector import Contact
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.synthesis.visemes import INDEX

USUAL = FitSettings(noise_mm=1.2, sparsity=1.0, smoothness=0.08, iterations=8)
TELLS = replace(PROFILE, contact=Contact(usual=0.004, largest=0.012, sure=0.004, open=0.01))


def lips(gaps):
    """Points (T, 68, 2) whose lips have these gaps in units of the eyes' distance."""
    points = np.zeros((len(gaps), 68, 2))
    points[:, ibug.OUTER_EYE_CORNERS[1], 0] = 50
    for upper, lower in ibug.INNER_LIP_PAIRS:
        points[:, upper, 1], points[:, lower, 1] = 50 * np.asarray(gaps), 0
    return points


def test_an_actor_s_shut_lips_are_the_smallest_gaps_that_are_small_enough():
    assert calibrate_lips([lips([0.1])], replace(PROFILE, contact=None)) is None
    talks = np.r_[np.full(20, 0.006), np.linspace(0.02, 0.2, 80)]
    assert calibrate_lips([lips(talks[:50]), lips(talks[50:])], TELLS).shut == pytest.approx(0.006)
    assert calibrate_lips([lips(talks[20:])], TELLS).shut == 0.004  # never shut


def test_contact_fades_with_the_gap_beyond_the_actor_s_shut_lips():
    gaps = [0.001, 0.006, 0.01, 0.013, 0.016, 0.1]
    np.testing.assert_allclose(relative_gap(lips(gaps), TELLS), gaps)
    np.testing.assert_allclose(contact(lips(gaps), LipCalibration(0.006), TELLS), [1, 1, 1, 0.5, 0, 0], atol=1e-9)


def half_open(frames=20):
    """A face whose points say that the lips are a little open, by noise."""
    case = moving_face(0, frames=frames, channels=("browInnerUp",))
    case.weights[:, INDEX["jawOpen"]] = 0.15
    points = case.face.landmarks(case.weights)
    return case, project(points, case.rotation, case.translation)


def rig_gap(rig, weights):
    moved = rig.neutral[rig.landmarks] + rig.displacement(weights, rig.landmarks)
    upper, lower = (list(side) for side in zip(*ibug.INNER_LIP_PAIRS))
    rest = rig.neutral[rig.landmarks]
    return (moved[:, upper] - moved[:, lower] - rest[upper] + rest[lower])[..., 1].mean(-1)


def test_contact_shuts_the_rig_s_lips_in_its_frames_only():
    case, observed = half_open()
    where = np.zeros(20)
    where[:8] = 0.3**-2
    settings = replace(USUAL, smoothness=10)
    state, _, energies = fit(case.face, Clip.of(observed, focal=FOCAL, chain=True, contact=where), settings)
    free, _, _ = fit(case.face, Clip.of(observed, focal=FOCAL, chain=True), settings)
    n = case.face.gaps.shape[1]
    found, without = (s.variables[:, :n] @ case.face.gaps.T for s in (state, free))
    assert (np.diff(energies) <= 0).all()
    assert np.abs(without).mean() > 0.5
    assert np.abs(found[:8]).mean() < 0.4 * np.abs(without[:8]).mean()
    np.testing.assert_allclose(found[8:], without[8:], atol=0.15)


def test_labels_know_contact_from_the_detector_s_gap():
    case, observed = half_open()
    profile = replace(TELLS, contact=Contact(usual=0.0, largest=1.0, sure=0.5, open=1.0))
    face = replace(case.face, profile=profile)
    detected = np.ones(20, bool)
    plain = fit_labels(face, None, observed, detected, USUAL, focal=FOCAL, fps=FPS)
    touching = fit_labels(face, None, observed, detected, USUAL, focal=FOCAL, fps=FPS, lips=LipCalibration(0.0))
    apart = fit_labels(face, None, observed, detected, USUAL, focal=FOCAL, fps=FPS, lips=LipCalibration(-2.0))
    np.testing.assert_array_equal(apart.weights, plain.weights)
    before, after = (np.abs(rig_gap(case.rig, labels.weights)).mean() for labels in (plain, touching))
    assert before > 0.5
    assert after < 0.4 * before
