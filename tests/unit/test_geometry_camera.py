"""The camera against OpenCV."""

import cv2
import numpy as np

from speechface.geometry.camera import Camera


def test_projection_is_opencvs_with_y_and_z_turned(rng):
    points = np.column_stack([rng.uniform(-100, 100, (40, 2)), rng.uniform(-2000, -400, 40)])
    camera = Camera(1234.5, (321.0, 187.5))
    matrix = np.array([[camera.focal, 0, camera.centre[0]], [0, camera.focal, camera.centre[1]], [0, 0, 1]])
    expected, _ = cv2.projectPoints(points * [1, -1, -1], np.zeros(3), np.zeros(3), matrix, None)
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-9)  # double precision


def test_a_point_straight_ahead_falls_between_the_middle_pixels():
    camera = Camera.for_image(640, 480, 3.0)
    assert camera.focal == 1920
    np.testing.assert_array_equal(camera.project([0, 0, -500]), [319.5, 239.5])


def test_subjects_left_is_right_in_the_image_and_up_is_up():
    x, y = Camera.for_image(100, 100, 1.0).project([10, 10, -500])
    assert x > 49.5
    assert y < 49.5
