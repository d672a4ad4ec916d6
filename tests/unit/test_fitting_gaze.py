"""Gaze from the irises, given back from exact points; shut eyes hold the last gaze."""

from dataclasses import replace

import numpy as np
import pytest

from speechface.fitting.gaze import Eyeballs, gaze_at_rest, with_gaze
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors.dlib import PROFILE as DLIB
from speechface.landmarks.detectors.mediapipe import PROFILE
from speechface.rig.channels import GAZE
from speechface.rig.registry import build_rig
from speechface.synthesis.visemes import INDEX

FOCAL, COUNT = 1500.0, 30
EXACT = replace(PROFILE, iris_gain=(1.0, 1.0))
LOOKS = [INDEX[name] for name in GAZE]


@pytest.fixture(scope="module")
def seen():
    """Rig, weights, pose and points of eyes that look around."""
    rig = build_rig("builtin", "", identity_modes=3)
    weights = np.zeros((COUNT, 52), np.float32)
    weights[3:12, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 0.5
    weights[12:16, [INDEX["eyeLookInLeft"], INDEX["eyeLookOutRight"]]] = 0.3
    weights[20:24, [INDEX["eyeLookUpLeft"], INDEX["eyeLookUpRight"]]] = 0.4
    time = np.arange(COUNT) / 25
    rotation = matrix_from_euler(np.stack([0.1 * np.sin(3 * time), 0.2 * np.sin(2 * time), 0.05 * time], 1))
    translation = np.tile([5.0, 3.0, -900.0], (COUNT, 1))
    places = rig.points(PROFILE.scheme)[0]
    points = np.stack([places.of(rig.mesh(w, [0.5, -1, 0.2])) for w in weights])
    camera = points @ rotation.transpose(0, 2, 1) + translation[:, None]
    return rig, weights, rotation, translation, FOCAL * camera[..., :2] / -camera[..., 2:]


def found_of(seen, profile=EXACT, blink=0.0, detected=None, shift=0.0):
    rig, weights, rotation, translation, pixels = seen
    eyeballs = Eyeballs.of_rig(rig, profile, np.array([0.5, -1, 0.2]))
    without = np.zeros_like(weights)
    without[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = np.reshape(blink, (-1, 1))
    detected = np.ones(COUNT, bool) if detected is None else detected
    return with_gaze(without, eyeballs, pixels + shift, detected, rotation, translation, rest=np.zeros((2, 2)),
                     focal=FOCAL)  # fmt: skip


def test_the_gaze_of_exact_points_is_given_back(seen):
    # the eyes turn about their centre, the head turns them out of the plane, and a median of three rounds corners
    assert np.abs(found_of(seen) - seen[1])[:, LOOKS].max() < 0.08
    half = found_of(seen, replace(PROFILE, iris_gain=(0.5, 0.5)))[:, LOOKS]
    np.testing.assert_allclose(half, np.clip(2 * found_of(seen)[:, LOOKS], 0, 1), atol=1e-6)


def test_a_face_that_stands_elsewhere_looks_the_same_way(seen):
    np.testing.assert_allclose(found_of(seen, shift=4.0), found_of(seen), atol=0.01)


def test_a_shut_eye_and_a_frame_without_a_face_tell_no_gaze(seen):
    blink, detected = np.zeros(COUNT), np.ones(COUNT, bool)
    blink[12:16], detected[20:24] = 1.0, False
    found = found_of(seen, blink=blink, detected=detected)
    assert found[14, INDEX["eyeLookInLeft"]] < 0.05
    assert found[22, INDEX["eyeLookUpLeft"]] < 0.05
    assert found[6, INDEX["eyeLookOutLeft"]] > 0.4
    np.testing.assert_array_equal(found_of(seen, blink=np.ones(COUNT))[:, LOOKS], 0)


def test_lids_that_the_gaze_moves_are_no_blink(seen):
    rig, weights, rotation, translation, _ = seen
    eyeballs = Eyeballs.of_rig(rig, EXACT, np.zeros(3))
    down = eyeballs.lids[:, 3]
    assert (down > 0.2).all()
    assert (eyeballs.lids[:, 2] < 0).all()  # up opens
    looked = found_of(seen, blink=np.full(COUNT, 0.4))
    up = looked[22, INDEX["eyeLookUpLeft"]]
    assert looked[22, INDEX["eyeBlinkLeft"]] == pytest.approx(0.4 - up * eyeballs.lids[0, 2], abs=1e-5)


def test_the_rest_is_where_an_actor_looks_most(seen):
    rig, _, _, _, pixels = seen
    eyeballs = Eyeballs.of_rig(rig, EXACT, np.array([0.5, -1, 0.2]))
    places = rig.points(PROFILE.scheme)[0].of(rig.mesh(None, [0.5, -1, 0.2]))
    still = PROFILE.nose
    rest = gaze_at_rest(eyeballs, places[still], [pixels[:, still]], [pixels], focal=[FOCAL])
    assert np.abs(rest).max() < 0.7
    turned = pixels.copy()
    turned[:, [473, 468], 0] += 2 * FOCAL / 900
    moved = gaze_at_rest(eyeballs, places[still], [pixels[:, still]], [turned], focal=[FOCAL])
    np.testing.assert_allclose(moved - rest, [[2, 0], [2, 0]], atol=0.3)


def test_a_detector_without_irises_tells_no_gaze(seen):
    assert Eyeballs.of_rig(seen[0], DLIB, np.zeros(3)) is None
