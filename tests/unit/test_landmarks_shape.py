"""Canonical boxes, overlap, similarity and normalisation of landmarks."""

import numpy as np
import pytest
from faces import face_points

from speechface.landmarks import model, shape
from speechface.landmarks.detectors.dlib import PROFILE


def test_canonical_box_follows_the_face():
    box = model.canonical_box(face_points())
    moved = model.canonical_box(face_points(x=30, y=-20, size=7))
    np.testing.assert_allclose(moved, box * 7 + np.array([30, -20, 30, -20]), atol=1e-9)
    many = model.canonical_box(np.stack([face_points(), face_points(size=2)]))
    np.testing.assert_allclose(many[0], box)


def test_box_is_square_and_around_the_face():
    points = face_points(size=50, x=200, y=200)
    left, top, right, bottom = model.canonical_box(points)
    assert right - left == pytest.approx(bottom - top)
    inside = (points >= [left, top]).all(1) & (points <= [right, bottom]).all(1)
    assert inside.mean() > 0.75  # dlib's boxes cut the chin and some of the jaw


def test_jittered_boxes_begin_with_the_box_and_average_to_its_centre():
    box = np.array([10.0, 20.0, 110.0, 120.0])
    boxes = model.jittered_boxes(box, 5)
    np.testing.assert_array_equal(boxes[0], box)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    np.testing.assert_allclose(centres.mean(0), [60, 70], atol=1e-9)
    np.testing.assert_allclose((boxes[:, 2] - boxes[:, 0]).mean(), 100, atol=1e-9)


def test_overlap_of_known_boxes():
    found = shape.box_overlap(np.array([0.0, 0, 10, 10]), [[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(found, [1, 1 / 3, 0])


def test_similarity_is_undone_exactly(rng):
    points = rng.normal(size=(68, 2))
    turn = 3.1 * np.array([[np.cos(2), -np.sin(2)], [np.sin(2), np.cos(2)]])
    target = points @ turn.T + [5, -7]
    assert shape.shape_residual(points, target) < 1e-9
    assert shape.shape_residual(points * [-1, 1], target) > 0.5  # a mirror image is another shape


def test_residual_is_that_of_least_squares_over_all_similarities(rng):
    points, target = face_points(opening=0.3), face_points(size=4) + rng.normal(0, 0.1, (68, 2))
    (x, y), one, none = points.T, np.ones(68), np.zeros(68)
    # target x = c x - s y + p, target y = s x + c y + q
    equations = np.concatenate([np.stack([x, -y, one, none], 1), np.stack([y, x, none, one], 1)])
    squares = np.linalg.lstsq(equations, target.T.ravel(), rcond=None)[1][0]
    found = shape.shape_residual(points, target)
    np.testing.assert_allclose(found, np.sqrt(squares / 68) / shape.spread(target), rtol=1e-9)


def test_normalised_points_do_not_change_when_the_face_moves_or_grows():
    still = shape.normalise(face_points(opening=0.2))
    np.testing.assert_allclose(shape.normalise(face_points(x=300, y=50, size=80, opening=0.2)), still, atol=1e-9)
    assert still.min(0).tolist() == [0, 0]
    assert still.max(0).tolist() == [1, 1]


def test_normalised_points_keep_missing_faces_missing():
    points = np.stack([face_points(), np.full((68, 2), np.nan), np.zeros((68, 2))])
    found = shape.normalise(points)
    assert np.isnan(found[1]).all()
    assert not found[2].any()


def test_distances_of_the_profile_are_between_the_points_they_name():
    points = np.zeros((68, 2))
    points[36], points[45] = (100, 50), (160, 130)
    assert PROFILE.interocular(points) == pytest.approx(100)
    points[[61, 62, 63]], points[[67, 66, 65]] = (0, 10), (0, 16)
    assert PROFILE.lip_gap(points) == pytest.approx(6)
    marks = np.zeros((68, 2))
    marks[[36, 39, 42, 45]] = [(-40, 0), (-20, 0), (20, 0), (40, 0)]
    marks[[37, 38, 40, 41]] = [(-33, 3), (-27, 3), (-27, -3), (-33, -3)]
    marks[[43, 44, 46, 47]] = [(27, 1), (33, 1), (33, -1), (27, -1)]
    np.testing.assert_allclose(PROFILE.eye_opening(marks), [0.1, 0.3])  # left, right: heights 2 and 6, widths of 20


def test_a_window_is_inside_the_image_or_none():
    box = np.array([10.0, 10, 30, 30])
    assert shape.square_window(box, 1.5, (100, 100)) == (5, 5, 35, 35)
    assert shape.square_window(box, 4, (40, 30)) == (0, 0, 30, 40)
    assert shape.square_window(box + 200, 1.5, (100, 100)) is None
