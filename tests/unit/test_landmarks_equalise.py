"""Equalising a window gives what equalising the whole image gives there."""

import cv2
import numpy as np
import pytest

from speechface.landmarks.equalise import Equaliser


def noise(rng, height, width):
    y, x = np.mgrid[:height, :width]
    return np.clip(rng.normal(120, 25, (height, width)) + 60 * np.sin(x / 40) * np.cos(y / 30), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(288, 360), (720, 1280), (100, 130)])
@pytest.mark.parametrize("clip_limit", [0.0, 2.0])
def test_a_part_equals_that_part_of_the_whole(rng, shape, clip_limit):
    gray = noise(rng, *shape)
    equaliser = Equaliser(clip_limit=clip_limit, tiles=8)
    whole = cv2.createCLAHE(clip_limit, (8, 8)).apply(gray)
    np.testing.assert_array_equal(equaliser.whole(gray), whole)
    height, width = shape
    for window in [(0, 0, width, height), (width // 3, height // 4, width // 2, height // 2),
                   (0, height // 2, width // 5, height), (width - 9, 3, width, 30)]:  # fmt: skip
        left, top, right, bottom = window
        part = equaliser.part(gray, window)
        assert part.shape == (bottom - top, right - left)
        gap = np.abs(np.asarray(part).astype(int) - whole[top:bottom, left:right])
        assert gap.max() <= 1  # tile weights are computed in float32 from another origin
        assert (gap > 0).mean() < 0.01
        x, y = rng.integers(0, right - left, 5000), rng.integers(0, bottom - top, 5000)
        np.testing.assert_array_equal(part.at(x, y), whole[top + y, left + x])


def test_every_image_gets_its_own_curves(rng):
    equaliser = Equaliser(clip_limit=2.0, tiles=8)
    x, y = np.arange(30), np.arange(30)
    for gray in (noise(rng, 80, 96), 255 - noise(rng, 80, 96)):
        whole = cv2.createCLAHE(2.0, (8, 8)).apply(gray)
        for left in (0, 40):
            part = equaliser.part(gray, (left, 10, 90, 70))
            np.testing.assert_array_equal(part.at(x, y), whole[10 + y, left + x])
