"""Vertex sets and the sliding jaw contour."""

import numpy as np
import pytest
from tests.unit.synthetic import synthetic_rig

from speechface.rig.contour import contour_candidates
from speechface.rig.regions import distance_to_line, face_regions, inside_polygon


def test_polygon_agrees_with_matplotlib(rng):
    from matplotlib.path import Path

    angle = np.sort(rng.uniform(0, 2 * np.pi, 12))
    star = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.3, 1, (12, 1))
    points = rng.uniform(-1, 1, (500, 2))
    np.testing.assert_array_equal(inside_polygon(points, star), Path(star).contains_points(points))


def test_distance_to_a_line_is_the_least_over_its_dense_points(rng):
    line, points = rng.normal(size=(5, 3)), rng.normal(size=(60, 3))
    share = np.linspace(0, 1, 2001)[:, None]
    dense = np.concatenate([a + share * (b - a) for a, b in zip(line, line[1:])])
    distance, place = distance_to_line(points, line)
    gaps = np.linalg.norm(points[:, None] - dense, axis=-1)
    np.testing.assert_allclose(distance, gaps.min(1), atol=2e-3)  # dense points lie at most 3e-3 apart
    start = place.astype(int).clip(0, 3)
    at = line[start] + (place - start)[:, None] * (line[start + 1] - line[start])
    np.testing.assert_allclose(np.linalg.norm(points - at, axis=1), distance, atol=1e-12)


def test_regions_lie_where_their_names_say():
    rig = synthetic_rig(grid=40)
    regions = face_regions(rig.neutral, rig.landmarks, np.arange(len(rig.neutral)))
    marks = rig.neutral[rig.landmarks]
    for name, owned in {"lips": slice(48, 68), "eyes": slice(36, 48), "brows": slice(17, 27)}.items():
        assert set(rig.landmarks[owned]) <= set(regions[name])
    assert inside_polygon(rig.neutral[regions["lips"], :2], 1.001 * (marks[48:60, :2] - marks[48:60, :2].mean(0))
                          + marks[48:60, :2].mean(0)).all()  # fmt: skip
    assert rig.neutral[regions["upper_face"], 1].min() > marks[30, 1]
    assert not set(regions["lips"]) & set(regions["upper_face"])


@pytest.fixture
def half_pipe():
    """A jaw as half an ellipsoid, densely sampled, with exact landmarks on its rim."""
    u, v = np.meshgrid(np.linspace(np.pi, 2 * np.pi, 121), np.linspace(0, 1.2, 60))
    surface = np.stack([70 * np.cos(u) * np.cos(v), 85 * np.sin(u) * np.cos(v), 80 * np.sin(v)], -1).reshape(-1, 3)
    rim = np.linspace(np.pi, 2 * np.pi, 17)
    jaw = np.stack([70 * np.cos(rim), 85 * np.sin(rim), np.zeros(17)], 1)
    rest = np.tile([0.0, -20, 80], (51, 1))
    return np.concatenate([jaw, rest, surface]), np.arange(68), np.arange(17, 68 + len(surface))


def test_contour_runs_from_the_landmark_inwards_and_stays_on_its_side(half_pipe):
    neutral, landmarks, skin = half_pipe
    rows = contour_candidates(neutral, landmarks, skin, count=10)
    assert rows.shape == (17, 10)
    assert np.isin(rows, skin).all()
    for i in (1, 4, 12, 15):
        points = neutral[rows[i]]
        assert (points[:, 0] * neutral[i, 0] >= 0).all()
        reach = np.linalg.norm(points - neutral[i], axis=1)[points[:, 2] > 0]
        assert (np.diff(reach) >= 0).all()
        # 42 mm reach ends there; the grid's steps are 4 mm
        assert abs(reach[-1] - 42) < 4
