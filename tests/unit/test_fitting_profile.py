"""The fit reads which points there are, and in which order, from the detector's profile alone."""

from dataclasses import replace

import numpy as np
import pytest
from fitting_cases import FOCAL, FPS, moving_face
from synthetic import synthetic_rig

from speechface.errors import RigError
from speechface.fitting.clip import FitSettings
from speechface.fitting.face import Face
from speechface.fitting.identity import fit_identity
from speechface.fitting.labels import fit_labels
from speechface.fitting.observability import observed_channels
from speechface.fitting.quality import clip_quality, expected_error
from speechface.landmarks.crop import crop_transforms
from speechface.landmarks.detector import Eye
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.landmarks.detectors.mediapipe import PROFILE as MEDIAPIPE
from speechface.landmarks.summary import jitter_pct
from speechface.rig.points import Vertices, places
from speechface.rig.registry import build_rig
from speechface.synthesis.visemes import INDEX

USUAL = FitSettings(noise_mm=1.2, sparsity=1.0, smoothness=0.08, iterations=8)


def chosen_points(chosen):
    """dlib's profile for some of its points (68 or fewer), in another order: point k of it is dlib's chosen[k]."""
    place = np.full(68, -1)
    place[chosen] = np.arange(len(chosen))

    def some(points):
        found = place[PROFILE.numbers(points)]
        return found[found >= 0]

    def pairs(of):
        return tuple((int(place[a]), int(place[b])) for a, b in of)

    def eye(of):
        return Eye(some(of.points), pairs([of.corners])[0], pairs(of.lids))

    return replace(
        PROFILE, scheme="other", n_points=len(chosen), jaw=some(PROFILE.jaw), right_brow=some(PROFILE.right_brow),
        left_brow=some(PROFILE.left_brow), nose=some(PROFILE.nose), mouth=some(PROFILE.mouth),
        right_eye=eye(PROFILE.right_eye), left_eye=eye(PROFILE.left_eye),
        mouth_corners=pairs([PROFILE.mouth_corners])[0], lip_pairs=pairs(PROFILE.lip_pairs),
        chin=int(place[PROFILE.chin]), weights=PROFILE.weights[chosen], pairs=place[PROFILE.pairs],
        error_modes_mm=lambda: PROFILE.error_modes_mm()[:, chosen],
    )  # fmt: skip


class OtherRig:
    """A rig that knows the points, too."""

    def __init__(self, rig, chosen, jaw):
        self.rig, self.chosen, self.jaw = rig, chosen, jaw

    def __getattr__(self, name):
        return getattr(self.rig, name)

    def points(self, scheme):
        return Vertices(self.rig.landmarks[self.chosen]), Vertices(self.rig.contour[self.jaw])

    def point_shapes(self, scheme):
        return self.rig.shapes[:, self.rig.landmarks[self.chosen]]


def everything(rig, profile, observed):
    """What is worked out of a clip of points."""
    detected = np.ones(len(observed), bool)
    detected[5] = False
    face = Face.of_rig(rig, profile, errors=0.6)
    identity = fit_identity(face, [observed[detected]], USUAL, focal=[FOCAL], fps=[FPS], count=12)
    actor = face.of_actor(identity.coefficients)
    labels = fit_labels(actor, identity.eyes, observed, detected, USUAL, focal=FOCAL, fps=FPS)
    motion = rig.displacement(labels.weights, rig.landmarks)
    miss = np.linalg.norm(labels.projected - observed, axis=-1)
    crops = crop_transforms(observed, detected, profile, margin=1.75, size=64, deviation=0)
    quality = clip_quality(observed, labels.projected, detected, labels.weights, motion, profile, rig.channels)
    return {
        "weights": labels.weights, "rotation": labels.rotation, "miss": labels.miss[detected],
        "eyes": identity.eyes.closed, "observed": observed_channels(face),
        "expected": expected_error(miss, motion, profile), "jitter": jitter_pct(observed, profile), "crops": crops,
        "quality": list(quality.values()),
    }  # fmt: skip


def test_points_in_another_order_give_the_same_labels():
    case = moving_face(0, frames=30)
    observed = case.observed + np.random.default_rng(0).normal(0, 0.3, case.observed.shape)
    chosen = np.random.default_rng(1).permutation(68)
    profile = chosen_points(chosen)
    assert not isinstance(profile.inner, slice)
    rig = OtherRig(case.rig, chosen, range(17))
    wanted, found = everything(case.rig, PROFILE, observed), everything(rig, profile, observed[:, chosen])
    for name, values in wanted.items():
        # sums in another order; iterations stop at 1e-4 of the energy, at the same step
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-7, err_msg=name)


def test_fewer_points_give_nearly_the_same_labels():
    case = moving_face(0, frames=30)
    left_out = [1, 3, 5, 18, 25, 29, 49, 59]  # of jaw, brows, nose and lips
    chosen = np.setdiff1d(np.arange(68), left_out)
    profile = chosen_points(chosen)
    rig = OtherRig(case.rig, chosen, np.setdiff1d(range(17), left_out))
    wanted, found = everything(case.rig, PROFILE, case.observed), everything(rig, profile, case.observed[:, chosen])
    assert len(profile.numbers(profile.jaw)) == 14
    assert np.abs(found["weights"] - wanted["weights"]).mean() < 0.03
    assert np.abs(found["rotation"] - wanted["rotation"]).max() < 0.02


def test_a_rig_that_does_not_know_the_points_is_refused():
    rig = synthetic_rig()
    with pytest.raises(RigError, match=r"'synthetic': the places of the points 'other' are not known"):
        Face.of_rig(rig, replace(PROFILE, scheme="other"))
    with pytest.raises(RigError, match="has 68 points .ibug68., the detector 60"):
        Face.of_rig(rig, replace(PROFILE, n_points=60))


def test_points_that_are_not_fitted_do_not_count():
    """The profile of some points, taken out of another one, is the profile of those points."""
    chosen = np.setdiff1d(np.arange(68), [1, 3, 18, 25, 29, 49, 59, 61])
    left = replace(PROFILE, fitted=chosen).of_fitted()
    assert left.fitted == slice(None)
    kept = (np.isin(PROFILE.pairs, chosen)).all(1)
    assert kept.sum() == len(PROFILE.pairs) - 1 == len(left.pairs)
    wanted = chosen_points(chosen)
    points = np.random.default_rng(0).normal(size=(68, 2))
    for name in ("jaw", "nose", "mouth", "left_brow"):
        np.testing.assert_array_equal(left.numbers(getattr(left, name)), wanted.numbers(getattr(wanted, name)))
    np.testing.assert_array_equal(left.error_modes(1.0), wanted.error_modes(1.0))
    np.testing.assert_array_equal(left.weights, PROFILE.weights[chosen])
    assert left.interocular(points[chosen]) == PROFILE.interocular(points)
    assert left.eye_opening(points[chosen]).tolist() == PROFILE.eye_opening(points).tolist()
    assert left.lip_gap(points[chosen]) == replace(PROFILE, lip_pairs=PROFILE.lip_pairs[1:]).lip_gap(points)


def test_the_fit_sees_the_places_of_mediapipe_s_points_on_the_rig():
    rig, profile = build_rig("builtin", "", identity_modes=3), MEDIAPIPE
    face = Face.of_rig(rig, profile)
    assert len(face.neutral) == face.profile.n_points == len(profile.fitted) < profile.n_points
    where = places("builtin", len(rig.neutral), profile.scheme)
    np.testing.assert_allclose(face.neutral, where.of(rig.neutral)[profile.fitted], atol=1e-4)
    weights = np.zeros(52)
    weights[INDEX["jawOpen"]] = 0.7
    moved = (where.of(rig.neutral) + weights @ rig.point_shapes(profile.scheme).transpose(1, 0, 2))[profile.fitted]
    np.testing.assert_allclose(face.landmarks(weights), moved, atol=1e-3)
    assert face.jaw_neutral.shape == (len(profile.jaw), 1, 3)  # in their places
    np.testing.assert_array_equal(face.jaw_neutral[:, 0], face.neutral[face.profile.jaw])


def test_the_inner_points_are_a_view_where_they_follow_each_other():
    assert PROFILE.inner == slice(17, 68)
    assert PROFILE.numbers(PROFILE.mouth).tolist() == list(range(48, 68))
    assert PROFILE.lids.tolist() == [37, 38, 40, 41, 43, 44, 46, 47]
