"""Face crops: upright, centred, steady, with the right pixels."""

import numpy as np
import pytest
from faces import face_points

from speechface.landmarks.crop import CENTRE_UP, crop_transforms, nearest_known, smooth, warp_planes
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.landmarks.shape import spread

OPTIONS = {"margin": 1.75, "size": 100}


def apply(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


def test_crop_is_upright_and_the_same_wherever_the_face_is():
    faces = np.stack([face_points(300, 200, 60, 0.4), face_points(100, 120, 25, -0.2), face_points(50, 60, 30)])
    for face in faces:
        transform = crop_transforms(face[None], np.array([True]), PROFILE, deviation=0, **OPTIONS)[0]
        seen = apply(transform, face)
        eyes = seen[42:48].mean(0) - seen[36:42].mean(0)
        assert eyes[1] == pytest.approx(0, abs=1e-9)
        assert eyes[0] > 0
        assert spread(seen) == pytest.approx(100 / 2 / 1.75)
        np.testing.assert_allclose(seen.mean(0), [49.5, 49.5 + CENTRE_UP * spread(seen)], atol=1e-9)


def test_frames_without_a_face_take_the_nearest_place():
    faces = np.stack([face_points(100 + 10 * k, 100, 30) for k in range(6)])
    faces[[0, 2, 3, 5]] = np.nan
    detected = np.array([False, True, False, False, True, False])
    assert nearest_known(detected).tolist() == [1, 1, 1, 4, 4, 4]
    transforms = crop_transforms(faces, detected, PROFILE, deviation=0, **OPTIONS)
    np.testing.assert_array_equal(transforms[[0, 2]], transforms[[1, 1]])
    np.testing.assert_array_equal(transforms[[3, 5]], transforms[[4, 4]])


def test_no_face_at_all_is_an_error():
    with pytest.raises(ValueError, match="no frame"):
        nearest_known(np.zeros(4, bool))


def test_smoothing_removes_jitter_and_keeps_straight_motion(rng):
    line = np.stack([np.linspace(0, 90, 91), np.full(91, 5.0)], 1)
    kept = smooth(line, deviation=4)
    np.testing.assert_allclose(kept[12:-12], line[12:-12], atol=1e-9)  # beyond 3 deviations from the ends: no delay
    noise = rng.normal(size=(500, 1))
    jitter, calmed = np.diff(noise, axis=0).std(), np.diff(smooth(noise, deviation=4), axis=0).std()
    assert calmed < 0.05 * jitter  # differences of a Gaussian-filtered white noise fall as deviation^-1.5 / 2.7
    np.testing.assert_array_equal(smooth(noise, deviation=0), noise)


def image(function, height=240, width=320):
    y, x = np.mgrid[:height, :width].astype(float)
    luma = function(x, y)
    chroma_x, chroma_y = 2 * x[: height // 2, : width // 2] + 0.5, 2 * y[: height // 2, : width // 2] + 0.5
    chroma = function(chroma_x, chroma_y)
    return [np.rint(plane).astype(np.uint8) for plane in (luma, chroma, chroma)]


@pytest.mark.parametrize("size", [20, 45])
def test_warped_planes_show_the_ramp_that_the_transform_says(size):
    """A linear ramp stays linear under an affine map and under averaging, so every pixel is known exactly."""

    def ramp(x, y):
        return 20 + 0.4 * x + 0.3 * y

    face = face_points(150, 110, size, 0.3)
    transform = crop_transforms(face[None], np.array([True]), PROFILE, deviation=0, **OPTIONS)[0]
    crop = warp_planes(image(ramp), transform, size=100)
    inverse = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    y, x = np.mgrid[:100, :100].astype(float)
    source = apply(inverse, np.stack([x, y], -1))
    inside = (source > 2).all(-1) & (source < [317, 237]).all(-1)
    # both images are rounded to whole levels, and warps place pixels to 1/32
    assert np.abs(crop[0] - ramp(source[..., 0], source[..., 1]))[inside].max() <= 1.5
    chroma = apply(inverse, np.stack([2 * x[:50, :50] + 0.5, 2 * y[:50, :50] + 0.5], -1))
    inside = (chroma > 4).all(-1) & (chroma < [314, 234]).all(-1)
    for plane in crop[1:]:
        assert plane.shape == (50, 50)
        assert np.abs(plane - ramp(chroma[..., 0], chroma[..., 1]))[inside].max() <= 1.5


def test_a_shrunk_crop_averages_instead_of_skipping_pixels():
    def stripes(x, y):
        return 100 + 100 * (x % 2 < 1)

    face = face_points(160, 120, 45)
    transform = crop_transforms(face[None], np.array([True]), PROFILE, margin=2.4, size=36, deviation=0)[
        0
    ]  # 6 times smaller
    luma = warp_planes(image(stripes), transform, size=36)[0]
    assert np.abs(luma[2:-2, 2:-2].astype(int) - 150).max() < 20
