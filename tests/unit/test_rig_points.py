"""Places of detectors' points on the rigs: on the right part of the face, and moved by what moves that part."""

import numpy as np
import pytest

from speechface.errors import RigError
from speechface.geometry import ibug, mesh478
from speechface.landmarks.detectors import DETECTORS
from speechface.rig import builtin
from speechface.rig.channels import REPORT46, column, mirrored
from speechface.rig.points import FILES, Joined, Places, motion, places
from speechface.rig.registry import build_rig
from speechface.synthesis.visemes import INDEX

SCHEMES = {"ibug68": "dlib", "mediapipe478": "mediapipe"}


@pytest.fixture(scope="module")
def rigs(request):
    """Function (name) -> the rig; skipped where its files are absent."""
    made = {}

    def rig(name):
        if name not in made:
            made[name] = builtin.build() if name == "builtin" else build_rig(
                "ict", request.getfixturevalue("shared_rigs") / "ict_facekit.tar.xz", identity_modes=0)  # fmt: skip
        return made[name]

    return rig


def test_a_place_follows_its_triangle():
    place = Places(np.array([[0, 1, 2], [2, 1, 0]]), np.array([[0.5, 0.25, 0.25], [1, 0, 0]]), np.ones(2))
    vertices = np.array([[0, 0, 0], [4, 0, 0], [0, 8, 4]], float)
    np.testing.assert_allclose(place.of(vertices), [[1, 2, 1], [0, 8, 4]])
    np.testing.assert_allclose(place.of(np.stack([vertices, 2 * vertices]))[1], [[2, 4, 2], [0, 16, 8]])


@pytest.mark.parametrize(("name", "scheme"), FILES)
def test_points_lie_where_their_names_say_and_move_with_it(rigs, name, scheme):
    rig, profile = rigs(name), DETECTORS[SCHEMES[scheme]].profile
    found = places(rig.name, len(rig.neutral), scheme)
    assert found.triangles.shape == found.weights.shape == (profile.n_points, 3)
    np.testing.assert_allclose(found.weights.sum(1), 1, atol=2e-3)  # three decimals
    assert found.weights.min() >= 0
    at = found.of(rig.neutral)
    (right, left), (upper, lower) = profile.mouth_corners, np.array(profile.lip_pairs).T
    assert 30 < at[left, 0] - at[right, 0] < 70
    assert (np.abs(at[upper] - at[lower])[:, 1] < 4).all()
    assert 70 < profile.interocular(at) < 115
    # left and right mirror each other, as the rigs nearly do, to the grain of the detector's points
    for one, other in ((right, left), (profile.right_eye.corners[0], profile.left_eye.corners[0])):
        assert np.abs(at[one] * [-1, 1, 1] - at[other]).max() < 4
    opened = found.of(rig.shapes[INDEX["jawOpen"]])
    assert (opened[lower, 1] < opened[upper, 1] - 8).all()
    assert profile.lip_gap(at + opened) > profile.lip_gap(at) + 8
    shut = at + found.of(rig.shapes[INDEX["eyeBlinkLeft"]])
    opening = profile.eye_opening(np.stack([at, shut])[..., :2])
    assert opening[1, 0] < 0.5 * opening[0, 0]
    assert opening[1, 1] == pytest.approx(opening[0, 1], rel=0.1)


@pytest.mark.parametrize("name", ["builtin", "ict-facekit"])
def test_irises_turn_with_the_gaze_and_with_nothing_else(rigs, name):
    rig = rigs(name)
    found = places(rig.name, len(rig.neutral), "mediapipe478")
    left, right = found.of(rig.shapes[INDEX["eyeLookOutLeft"]])[[473, 468]]
    assert left[0] > 3  # mm to the subject's left
    assert abs(right).max() < 0.1
    moved = found.of(rig.shapes)[:, 468:]
    assert np.abs(moved[[INDEX["jawOpen"], INDEX["eyeBlinkLeft"], INDEX["eyeSquintLeft"]]]).max() < 0.5
    at = found.of(rig.neutral)
    for iris in (mesh478.RIGHT_IRIS, mesh478.LEFT_IRIS):
        centre, ring = at[iris][0], at[iris][1:]
        assert np.abs(ring[:, :2].mean(0) - centre[:2]).max() < 2
        assert (np.linalg.norm((ring - centre)[:, :2], axis=1) < 9).all()


def test_schemes_agree_where_they_name_the_same_places(rigs):
    rig = rigs("builtin")
    ours, theirs = (places(rig.name, len(rig.neutral), scheme).of(rig.neutral) for scheme in SCHEMES)
    pairs = [(ibug.CHIN, mesh478.CHIN), *zip(ibug.RIGHT_EYE_CORNERS, mesh478.RIGHT_EYE_CORNERS),
             *zip(ibug.MOUTH_CORNERS, (61, 291)), *zip(ibug.OUTER_LIP_MIDDLE, mesh478.OUTER_LIP_MIDDLE)]  # fmt: skip
    for one, other in pairs:
        assert np.linalg.norm(ours[one] - theirs[other]) < 8, (one, other)


def test_an_unknown_rig_and_a_changed_one_are_said():
    with pytest.raises(RigError, match="'other': the places of the points 'ibug68' are not known.*calibrate_points"):
        places("other", 100, "ibug68")
    with pytest.raises(RigError, match="has 100 vertices"):
        places("builtin", 100, "mediapipe478")


@pytest.mark.parametrize(("name", "scheme"), FILES)
def test_points_move_beyond_their_places_by_little_and_alike_on_both_sides(rigs, name, scheme):
    rig, profile = rigs(name), DETECTORS[SCHEMES[scheme]].profile
    moved = motion(rig.name, scheme, rig.channels, profile.n_points)
    assert 0.2 < np.linalg.norm(moved[column(rig.channels, "jawOpen")], axis=-1).max() < 20
    assert not moved[..., 2].any()
    right, left = profile.mouth_corners
    twins = mirrored(rig.channels)
    sides = moved[:, right, :2], moved[twins][:, left, :2] * [-1, 1]
    assert np.corrcoef(sides[0].ravel(), sides[1].ravel())[0, 1] > 0.5
    np.testing.assert_allclose(rig.point_shapes(scheme), rig.points(scheme)[0].of(rig.shapes) + moved, atol=1e-6)
    both = motion(rig.name, scheme, REPORT46, profile.n_points)[REPORT46.index("noseSneer")]
    apart = [moved[column(rig.channels, f"noseSneer{side}")] for side in ("Left", "Right")]
    np.testing.assert_allclose(both, np.sum(apart, 0), atol=1e-6)


def test_points_of_two_schemes_stand_one_after_the_other(rigs):
    rig = rigs("builtin")
    found, outline = rig.points("ibug68+mediapipe478")
    assert isinstance(found, Joined)
    parts = [rig.points(scheme)[0].of(rig.neutral) for scheme in ("ibug68", "mediapipe478")]
    np.testing.assert_array_equal(found.of(rig.neutral), np.concatenate(parts))
    np.testing.assert_array_equal(outline.numbers, rig.points("ibug68")[1].numbers)
    assert rig.point_shapes("ibug68+mediapipe478").shape == (len(rig.channels), 68 + 478, 3)
    middle = found.of(rig.neutral)
    gap = middle[68 + mesh478.IBUG, :2] - middle[:68, :2]
    assert np.linalg.norm(gap, axis=1).max() < 10  # mm; jaw and brows differ most


def test_an_unknown_rig_s_points_stay_with_their_places():
    assert not motion("other", "ibug68", ("jawOpen",), 68).any()
