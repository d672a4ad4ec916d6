"""Real faces made hard to see are still followed: dark, small, cut off, gone for a while, beside another one.

The measure is the distance to the landmarks of the untouched frames, per cent of the distance of the eyes' corners.
Two positions of the detector's box alone differ by more than 1 per cent.
"""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from speechface import media
from speechface.config import defaults
from speechface.geometry.ibug import interocular
from speechface.landmarks.detectors import DETECTORS
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.landmarks.faults import COVERED, FROZEN, faults
from speechface.landmarks.turned import may_be_turned, quarter_turns

FRAMES = 30

pytestmark = pytest.mark.clips


def follow(frames):
    tracker = DETECTORS["dlib"].open(defaults("landmarks"))
    return tracker.track([SimpleNamespace(gray=np.ascontiguousarray(gray)) for gray in frames])


@pytest.fixture(scope="module")
def frames(shared_clips):
    clip = sorted((shared_clips / "grid" / "x02").iterdir())[0]
    images = [image.gray.copy() for image in media.decode_images(clip)]
    return np.stack(images[:FRAMES])


@pytest.fixture(scope="module")
def plain(frames):
    tracks = follow(frames)
    assert tracks.detected.all()
    return tracks.landmarks.astype(float)


def distance(tracks, expected):
    """Mean distance of the points in the frames with a face, per cent."""
    seen = tracks.detected
    gap = np.linalg.norm(tracks.landmarks[seen] - expected[seen], axis=-1).mean(1)
    return 100 * (gap / interocular(expected[seen])).mean()


def placed(frames, scale, corner, canvas):
    """Frames shrunk by `scale` at `corner` (x, y) of grey images of shape `canvas`, and what moves points there."""
    height, width = (int(side * scale) for side in frames.shape[1:])
    images = np.full((len(frames), *canvas), 90, np.uint8)
    for image, frame in zip(images, frames):
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        image[corner[1] : corner[1] + height, corner[0] : corner[0] + width] = small
    ratio = np.array([width / frames.shape[2], height / frames.shape[1]])
    return images, lambda points: (points + 0.5) * ratio - 0.5 + corner


@pytest.mark.parametrize(("gamma", "most"), [(2, 1.5), (3, 2.0)])
def test_in_low_light(frames, plain, gamma, most):
    curve = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    tracks = follow(curve[frames])
    assert tracks.detected.all()
    assert tracks.brightness < 100
    assert distance(tracks, plain) < most


def test_a_small_face_is_found_in_the_image_at_double_size(frames, plain):
    images, moved = placed(frames, 0.33, (120, 100), frames.shape[1:])
    tracks = follow(images)
    assert tracks.detected.all()
    assert distance(tracks, moved(plain)) < 2.0


def covered_by(kind, image, points):
    """Draw over the mouth of an image."""
    size = interocular(points)
    left, top = (points[48:].mean(0) - 0.4 * size).astype(int)
    right, bottom = (points[48:].mean(0) + 0.4 * size).astype(int)
    if kind == "box":
        image[top:bottom, left:right] = 30
        return
    skin = int(image[int(points[30, 1]), int(points[2, 0] + 0.3 * size)])
    for finger, row in enumerate(range(top, bottom, max(int(0.2 * size), 1))):
        cv2.line(image, (left, row), (right, row), int(0.6 * skin), int(0.2 * size))
        cv2.line(image, (left, row), (right, row), int((0.85 + 0.05 * finger) * skin), int(0.16 * size))


@pytest.mark.parametrize("kind", ["box", "hand"])
def test_a_mouth_that_is_covered_for_half_a_second_is_masked_and_nothing_else(frames, plain, kind):
    times, hidden = np.arange(FRAMES) / 25, frames.copy()
    clean = follow(frames)
    assert not faults(clean, times, damaged=~clean.detected).any()
    for k in range(10, 23):
        covered_by(kind, hidden[k], plain[k])
    tracks = follow(hidden)
    fault = faults(tracks, times, damaged=~tracks.detected)
    assert (fault[10:23] == COVERED).all()
    assert not fault[[*range(8), *range(25, FRAMES)]].any()


def test_a_picture_that_stops_for_a_while_is_masked(frames):
    frames = frames.copy()
    frames[12:20] = frames[11]
    tracks = follow(frames)
    fault = faults(tracks, np.arange(FRAMES) / 25, damaged=~tracks.detected)
    assert np.flatnonzero(fault == FROZEN).tolist() == list(range(12, 20))


def test_a_picture_on_its_head_is_found_and_an_upright_one_left_alone(frames):
    sure, tracker = PROFILE.sure_score, DETECTORS["dlib"].open(defaults("landmarks"))
    assert not may_be_turned(follow(frames), sure)
    assert may_be_turned(follow(frames[:, ::-1, ::-1]), sure)
    for turns in (1, 2, 3):
        looks = [np.repeat(np.rot90(frames[k], -turns)[..., None], 3, 2) for k in (3, 15, 27)]
        assert quarter_turns(tracker, looks, sure, image_of=media.ArrayImage) == turns


@pytest.mark.parametrize(("share", "most"), [(0.0, 1.6), (0.1, 2.4)])
def test_at_the_border(frames, plain, share, most):
    """The image ends at the face's left edge, or takes a tenth of it away."""
    low, high = plain[0, :, 0].min(), plain[0, :, 0].max()
    start = int(low + share * (high - low))
    tracks = follow(frames[:, :, start:])
    assert tracks.detected.all()
    assert distance(tracks, plain - [start, 0]) < most


def test_after_black_frames_the_face_is_found_at_once(frames, plain):
    dark = frames.copy()
    dark[12:20] = 0
    tracks = follow(dark)
    np.testing.assert_array_equal(np.flatnonzero(~tracks.detected), np.arange(12, 20))
    assert tracks.losses == 1
    assert distance(tracks, plain) < 1.2


def test_of_two_faces_the_larger_is_followed_and_both_are_counted(frames, plain):
    height, width = frames.shape[1:]
    images, moved = placed(frames, 1.0, (0, 0), (height, 2 * width))
    other, _ = placed(frames[:, :, ::-1], 0.7, (width, 20), (height, 2 * width))
    images[:, :, width:] = other[:, :, width:]
    tracks = follow(images)
    assert tracks.detected.all()
    assert tracks.faces == 2
    assert distance(tracks, moved(plain)) < 1.5
    images[12:20, :, :width] = 90  # the larger one goes for a while
    away = follow(images)
    assert not away.detected[12:20].any()
    assert away.detected[20:].all()
    assert distance(away, moved(plain)) < 1.5
