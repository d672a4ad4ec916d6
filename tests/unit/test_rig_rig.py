"""The rig: what it computes, and that a saved one comes back."""

import dataclasses

import numpy as np
import pytest
from tests.unit.synthetic import synthetic_rig

from speechface.errors import RigError
from speechface.geometry.rotation import matrix_from_euler
from speechface.rig.rig import MINIMUM_DELTA_MM, Rig


@pytest.fixture(scope="module")
def rig():
    return synthetic_rig()


def test_mesh_adds_identity_and_weighted_shapes(rig, rng):
    weights, identity = rng.uniform(0, 1, 52), rng.normal(size=2)
    expected = rig.neutral.astype(float)
    for k, w in enumerate(weights):
        expected = expected + w * rig.shapes[k]
    for k, a in enumerate(identity):
        expected = expected + a * rig.identity[k]
    np.testing.assert_allclose(rig.mesh(weights, identity), expected, atol=1e-4)  # float32 sums at 100 mm


def test_displacement_is_the_mesh_minus_neutral_for_any_number_of_frames(rig, rng):
    weights = rng.uniform(0, 1, (2, 3, 52))
    found = rig.displacement(weights, rig.landmarks)
    assert found.shape == (2, 3, 68, 3)
    expected = (rig.mesh(weights[1, 2]) - rig.neutral)[rig.landmarks]
    np.testing.assert_allclose(found[1, 2], expected, atol=1e-4)  # float32 sums at 100 mm


def test_head_turns_rigidly_about_the_pivot_and_shoulders_stay(rig):
    weight = np.where(rig.neutral[:, 1] < -40, 0, 1).astype(np.float32)
    head = dataclasses.replace(rig, head_weight=weight)
    matrix = matrix_from_euler([0.2, -0.3, 0.1])
    turned = head.rotate_head(head.neutral, matrix)
    np.testing.assert_array_equal(turned[weight == 0], head.neutral[weight == 0])
    expected = (head.neutral - head.pivot) @ matrix.T + head.pivot
    np.testing.assert_allclose(turned[weight == 1], expected[weight == 1], atol=1e-4)  # float32 at 100 mm


def test_saved_rig_comes_back(rig, tmp_path):
    rig.save(tmp_path / "rig.npz")
    back = Rig.load(tmp_path / "rig.npz")
    # half floats keep 11 bits: 1/2048 of the value, and offsets below the least are dropped
    np.testing.assert_allclose(back.shapes, rig.shapes, rtol=1 / 2048, atol=MINIMUM_DELTA_MM)
    np.testing.assert_allclose(back.identity, rig.identity, rtol=1 / 2048, atol=1e-6)
    np.testing.assert_array_equal(back.neutral, rig.neutral)
    np.testing.assert_array_equal(back.triangles, rig.triangles)
    np.testing.assert_allclose(back.colors, rig.colors, atol=0.5 / 255)  # stored as bytes
    assert back.name == rig.name
    assert back.meta == rig.meta
    assert {name: list(ids) for name, ids in back.regions.items()} == {n: list(i) for n, i in rig.regions.items()}


def test_the_same_rig_gives_the_same_bytes(rig, tmp_path):
    for name in ("a.npz", "b.npz"):
        rig.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_inconsistent_fields_are_named(rig):
    with pytest.raises(RigError, match="landmarks"):
        dataclasses.replace(rig, landmarks=rig.landmarks[:50])
    with pytest.raises(RigError, match="upper_face"):
        dataclasses.replace(rig, regions={"lips": np.arange(3)})


def test_absent_rig_says_how_to_build_one(tmp_path):
    with pytest.raises(RigError, match="build-rig"):
        Rig.load(tmp_path / "none.npz")
