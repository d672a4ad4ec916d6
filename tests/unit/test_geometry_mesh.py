"""Normals and neighbours on meshes whose answer is known."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from speechface.geometry.mesh import NormalField, vertex_neighbours, vertex_normals


@pytest.fixture
def sphere(rng):
    """Points on a sphere, triangles counter-clockwise from outside, unevenly spread."""
    points = rng.normal(size=(600, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    triangles = ConvexHull(points).simplices
    a, b, c = (points[triangles[:, k]] for k in range(3))
    inward = np.sum(np.cross(b - a, c - a) * a, axis=1) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return points, triangles


def test_normals_of_a_sphere_point_outwards(sphere):
    points, triangles = sphere
    normals = vertex_normals(80 * points, triangles)
    assert np.sum(normals * points, axis=1).min() > np.cos(np.radians(12))  # 600 uneven facets, about 10 degrees wide
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)  # float32


def test_normals_are_angle_weighted_so_a_cubes_corners_point_diagonally():
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    triangles = np.array([t for a, b, c, d in faces for t in ((a, b, c), (a, c, d))])
    expected = (corners - 0.5) / np.linalg.norm(corners - 0.5, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(corners, triangles), expected, atol=1e-5)  # float32


def test_normals_turn_with_the_mesh_and_ignore_its_place_and_size(sphere, rng):
    from scipy.spatial.transform import Rotation

    points, triangles = sphere
    field = NormalField(triangles, len(points))
    matrix = Rotation.random(rng=rng).as_matrix()
    turned = field(30 * points @ matrix.T + [5, -7, -900])
    np.testing.assert_allclose(turned, field(points) @ matrix.T, atol=2e-3)  # float32 at 900 mm: 6e-5 on 3 mm edges


def test_flat_and_unused_vertices_give_finite_normals():
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]], float)
    np.testing.assert_array_equal(vertex_normals(points, np.array([[0, 1, 2]])), np.zeros((4, 3)))


def test_neighbours_are_the_ends_of_edges():
    graph = vertex_neighbours(np.array([[0, 1, 2], [2, 1, 3]]), 5).toarray()
    expected = np.zeros((5, 5))
    for a, b in ((0, 1), (1, 2), (0, 2), (1, 3), (2, 3)):
        expected[a, b] = expected[b, a] = 1
    np.testing.assert_array_equal(graph, expected)
