"""Rotations against scipy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from speechface.geometry.rotation import (
    euler_from_matrix,
    geodesic_angle,
    matrix_from_euler,
    matrix_from_rotvec,
    median_rotation,
    rotvec_from_matrix,
    skew,
)

EXACT = 1e-12  # double precision, a few operations


def test_euler_angles_are_extrinsic_x_then_y_then_z(rng):
    angles = rng.uniform(-3, 3, (50, 3))
    expected = Rotation.from_euler("xyz", angles).as_matrix()
    np.testing.assert_allclose(matrix_from_euler(angles), expected, atol=EXACT)


def test_angles_come_back_from_their_matrix(rng):
    angles = rng.uniform(-1.5, 1.5, (4, 20, 3))
    np.testing.assert_allclose(euler_from_matrix(matrix_from_euler(angles)), angles, atol=1e-9)  # arcsin near 1.5 rad


@pytest.mark.parametrize(
    ("angles", "point", "axis", "sign"),
    [((0.3, 0, 0), (0, 0, 1), 1, -1), ((0, 0.3, 0), (0, 0, 1), 0, 1), ((0, 0, 0.3), (0, 1, 0), 0, -1)],
    ids=["pitch nods down", "yaw turns to the subject's left", "roll tilts to the subject's right"],
)
def test_signs_are_as_documented(angles, point, axis, sign):
    assert sign * (matrix_from_euler(angles) @ point)[axis] > 0.2


def test_rotation_vectors_match_scipy_both_ways(rng):
    vectors = rng.normal(0, 1, (30, 3))
    vectors[0] = 0
    vectors[1] = 1e-9
    matrices = matrix_from_rotvec(vectors)
    np.testing.assert_allclose(matrices, Rotation.from_rotvec(vectors).as_matrix(), atol=EXACT)
    np.testing.assert_allclose(rotvec_from_matrix(matrices), vectors, atol=1e-9)  # quaternion of a small angle


def test_skew_is_the_cross_product(rng):
    a, b = rng.normal(size=(2, 7, 3))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", skew(a), b), np.cross(a, b), atol=EXACT)


def test_geodesic_angle_is_the_length_of_the_difference(rng):
    a, b = Rotation.random(20, rng=rng), Rotation.random(20, rng=rng)
    expected = (a.inv() * b).magnitude()
    np.testing.assert_allclose(
        geodesic_angle(a.as_matrix(), b.as_matrix()), expected, atol=1e-6
    )  # arccos near 0 and pi


def test_median_rotation_ignores_a_few_wild_ones(rng):
    centre = Rotation.from_euler("xyz", [0.2, -0.4, 0.1])
    near = centre * Rotation.from_rotvec(rng.normal(0, 0.02, (60, 3)))
    wild = centre * Rotation.from_rotvec(np.tile([0.0, 1.0, 0.0], (6, 1)))
    found = median_rotation(np.concatenate([near.as_matrix(), wild.as_matrix()]))
    mean = Rotation.concatenate([near, wild]).mean().as_matrix()
    off = geodesic_angle(found, centre.as_matrix())
    assert off < 0.015  # standard error of the median, 0.02 * 1.25 / sqrt(60), on three axes, and the pull of six
    assert off < 0.25 * geodesic_angle(mean, centre.as_matrix())
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=EXACT)
