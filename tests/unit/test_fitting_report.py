"""What the label report says of lips, eyes, gaps and sound."""

from dataclasses import replace

import numpy as np
import pytest
from fitting_cases import moving_face

from speechface.config import defaults
from speechface.fitting.report import gaps, gaze, lips_shut, opening_mm, shut_lips, verdict
from speechface.geometry import ibug
from speechface.landmarks.detectors.dlib import PROFILE as DLIB
from speechface.landmarks.detectors.mediapipe import PROFILE as MESH

#: Points whose profile does not tell contact.
PROFILE = replace(DLIB, contact=None)

GOOD = {"reprojection_pct_iod": 1.0, "lip_gap_r": 0.99, "lip_gap_sd": 0.03, "jitter_mm": 0.3}


def face(gap, points=68):
    """Points (T, points, 2) of a face with eyes 1 apart whose inner lips stand `gap` (T,) apart."""
    profile = PROFILE if points == 68 else MESH
    image = np.zeros((len(gap), points, 2))
    image[:, profile.left_eye.corners[0], 0] = 1
    for upper, _ in profile.lip_pairs:
        image[:, upper, 1] = gap
    return image


def test_lips_are_shut_near_the_actors_smallest_gap():
    one, other = np.linspace(0.02, 0.2, 40), np.full(10, 0.1)
    points = [face(one), face(other)]
    points[0][3] = np.nan  # no face
    shut = shut_lips(points, PROFILE)
    assert [mask.shape for mask in shut] == [(40,), (10,)]
    assert not shut[1].any()
    assert not shut[0][3]
    first = np.quantile(np.concatenate([np.delete(one, 3), other]), 0.05)
    np.testing.assert_array_equal(np.delete(shut[0], 3), np.delete(one <= first + 0.01, 3))


def test_a_detector_that_tells_contact_says_what_shut_lips_are():
    gap = np.array([0.004, 0.005, 0.009, 0.02, 0.2] * 8)
    (shut,) = shut_lips([face(gap, MESH.n_points)], MESH)
    np.testing.assert_array_equal(shut, gap < 0.01)  # half way from .004 to .010 beyond .004


def test_an_actor_without_a_face_has_no_shut_lips():
    (shut,) = shut_lips([np.full((4, 68, 2), np.nan)], PROFILE)
    assert not shut.any()
    assert np.isnan(list(lips_shut(shut, shut, np.zeros(4)).values())).all()


def test_shut_lips_that_the_labels_leave_open_are_counted():
    shut, seen = np.array([1, 1, 1, 1, 0, 0], bool), np.array([1, 1, 1, 1, 1, 0], bool)
    found = lips_shut(shut, seen, np.array([0.0, 0.9, 1.1, 4.0, 9.0, 9.0]))
    assert found == {"shut_fraction": 0.8, "shut_open_fraction": 0.5}


def test_the_opening_counts_from_the_rig_at_rest():
    rig = moving_face(0, frames=3).rig
    jaw = rig.channels.index("jawOpen")
    weights = np.zeros((3, len(rig.channels)), np.float32)
    weights[1:, jaw] = 0.5, 1.0
    opening = opening_mm(rig, weights)
    points = rig.neutral[rig.landmarks] + rig.shapes[jaw, rig.landmarks]
    assert opening[0] == pytest.approx(0, abs=1e-6)
    assert opening[2] == pytest.approx(ibug.lip_gap(points) - ibug.lip_gap(rig.neutral[rig.landmarks]), abs=1e-4)


def test_gaze_wanders_as_far_as_both_eyes_do_while_they_are_open():
    still = {f"eye{name}{side}": np.zeros(8) for name in ("Blink", "LookIn", "LookOut", "LookUp", "LookDown")
             for side in ("Left", "Right")}  # fmt: skip
    left = np.array([0, 1, 0, 1, 0, 1, 0, 1.0])
    looks = still | dict.fromkeys(("eyeLookOutLeft", "eyeLookInRight"), left)
    looks |= dict.fromkeys(("eyeLookOutRight", "eyeLookInLeft"), 1 - left)
    everything = np.ones(8, bool)
    assert gaze(looks, everything, True) == {"gaze_seen": 1.0, "gaze_spread": 1.0}  # from -1 to 1: sd 1
    assert gaze(still, everything, True)["gaze_spread"] == 0
    blink = still | {"eyeBlinkLeft": np.array([0, 0, 0, 0, 0, 0, 0.9, 0.6])}
    detected = np.array([0, 1, 1, 1, 1, 1, 1, 1], bool)
    assert gaze(blink, detected, True)["gaze_seen"] == 5 / 8
    unseen = gaze(looks, everything, False)
    assert unseen["gaze_seen"] == 0
    assert np.isnan(unseen["gaze_spread"])


def test_gaps_are_runs_of_frames_that_are_not_used():
    used = np.array([0, 1, 1, 0, 0, 0, 1, 0], bool)
    assert gaps(used, 25.0) == {"gaps": 3, "longest_gap_s": 0.12}
    assert gaps(np.ones(4, bool), 25.0) == {"gaps": 0, "longest_gap_s": 0.0}
    assert gaps(np.zeros(5, bool), 10.0) == {"gaps": 1, "longest_gap_s": 0.5}


@pytest.mark.parametrize(("sound", "settings", "reason"), [
    ({"sound_agreement": 0.3}, {}, ""),
    ({"sound_agreement": float("nan")}, {}, ""),  # it cannot tell
    ({}, {}, ""),
    ({"sound_agreement": 0.04, "delay_found_ms": 70.0, "delay_own_ms": -215.0}, {},
     "as late as that of its fellows, 70 ms, with probability 0.04; at least 0.1 (by its lips it is -215 ms late"),
    ({"sound_agreement": 0.04}, {"min_sound_agreement": 0.0}, ""),
    ({"audio_delay_from": "none"}, {}, ""),
    ({"audio_delay_from": "none"}, {"unsure_delays": "leave_out"}, "how late its sound stands cannot be told"),
    ({"audio_delay_from": "dataset"}, {"unsure_delays": "leave_out"}, ""),
])  # fmt: skip
def test_a_sound_that_does_not_belong_to_the_lips_is_a_reason(sound, settings, reason):
    quality = defaults("quality").model_copy(update=settings)
    used, found = verdict(GOOD | sound, 1.0, quality)
    assert used == (not reason)
    assert reason in found
