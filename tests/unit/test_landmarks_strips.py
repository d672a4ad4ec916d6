"""Parts of images: a crop cut out of one is the crop cut out of the whole image, or is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from faces import face_points

from speechface.landmarks.crop import crop_transforms, warp_planes
from speechface.landmarks.strips import FaceStrips, covers

SHAPE = (240, 321)  # an odd width: the last chroma column stands for one luma column


def image(rng):
    planes = [rng.integers(0, 255, SHAPE, dtype=np.uint8)]
    planes += [rng.integers(0, 255, (120, 161), dtype=np.uint8) for _ in range(2)]
    return SimpleNamespace(planes=lambda: (planes, "kind"))


def keep(images, faces, **options):
    strips = FaceStrips(**{"margin": 1.75, "size": 64, "most_bytes": 10**9, **options})
    for shown, face in zip(images, faces):
        strips.add(shown, face)
    return strips


def transforms(faces, size=64):
    detected = np.array([face is not None for face in faces])
    points = np.stack([np.full((68, 2), np.nan) if face is None else face for face in faces])
    return crop_transforms(points, detected, margin=1.75, size=size, deviation=2)


@pytest.mark.parametrize("start", [(150, 120, 30), (40, 200, 30), (300, 50, 12), (-10, 120, 20), (150, 120, 95)])
def test_crops_of_parts_are_those_of_whole_images(start, rng):
    """Inside, at two corners where the border is repeated, half outside, and so large that the part is reduced."""
    x, y, size = start
    faces = [face_points(x + k, y - k, size, roll=0.3 * np.sin(k)) for k in range(8)]
    faces[3] = faces[4] = None  # seen in the place of the frames beside them
    images = [image(rng) for _ in faces]
    maps = transforms(faces)
    placed = keep(images, faces).placed(maps)
    for shown, transform, (planes, kind, moved) in zip(images, maps, placed):
        assert kind == "kind"
        whole = warp_planes(shown.planes()[0], transform, size=64)
        for part, wanted in zip(warp_planes(planes, moved, size=64), whole):
            np.testing.assert_allclose(part.astype(int), wanted, atol=1)  # rounding of the shifted map


def test_parts_are_small(rng):
    planes, *_ = keep([image(rng)], [face_points(150, 120, 10)]).placed(transforms([face_points(150, 120, 10)]))[0]
    assert planes[0].shape == (50, 52)  # 2 x 1.4 x 1.75 x 10 pixels, to even ones
    assert planes[1].shape == (25, 26)


@pytest.mark.parametrize("why", ["jump", "late face", "memory", "count"])
def test_what_was_not_kept_is_refused(why, rng):
    faces = [face_points(100, 120, 20)] * 6
    options = {}
    if why == "jump":
        faces[3:] = [face_points(250, 120, 20)] * 3  # smoothed over the jump, crops lie between the two
    if why == "late face":
        faces[:2] = [None, None]
    if why == "memory":
        options = {"most_bytes": 50_000}
    strips = keep([image(rng) for _ in faces], faces, **options)
    assert strips.complete == (why != "memory")
    assert strips.placed(transforms(faces)[: 5 if why == "count" else 6]) is None


def test_covers_asks_for_every_pixel():
    identity = np.array([[1.0, 0, -100], [0, 1.0, -50]])  # a crop of pixels 100 to 163 and 50 to 113
    assert covers((96, 46, 168, 118), (200, 300), identity, size=64, step=1)
    for window in [(97, 46, 168, 118), (96, 47, 168, 118), (96, 46, 167, 118), (96, 46, 168, 117)]:
        assert not covers(window, (200, 300), identity, size=64, step=1)
    assert covers((96, 46, 160, 110), (110, 160), identity, size=64, step=1)  # the image ends there
