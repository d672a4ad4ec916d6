"""The tracker's decisions, with a detector and a predictor that know the truth."""

import numpy as np
import pytest
from faces import Scene, face_points

from speechface.geometry.ibug import interocular
from speechface.landmarks import tracking
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.landmarks.summary import jitter_pct, track_summary
from speechface.landmarks.tracking import FaceTracker, search_scales


def track(scene, *, detect_every=10):
    return FaceTracker(scene, detect_every=detect_every, detect_height=240, points=68).follow(scene.images)


def wandering(count, x=150.0, y=150.0, size=40.0):
    """A face that moves, turns and talks."""
    return [
        [face_points(x + 30 * np.sin(k / 9), y + 10 * np.cos(k / 7), size * (1 + 0.1 * np.sin(k / 11)),
                     0.2 * np.sin(k / 8), 0.05 * np.sin(k))]
        for k in range(count)
    ]  # fmt: skip


def test_a_moving_face_is_followed_with_few_detections():
    scene = Scene(wandering(200))
    tracks = track(scene)
    assert tracks.detected.all()
    np.testing.assert_allclose(tracks.landmarks, np.stack([f[0] for f in scene.faces]), atol=1e-4)  # float32
    assert scene.detections == 20 + 3  # checks, and three looks at the whole image
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(tracks.score)), np.arange(0, 200, 10))


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_do_not_change_the_result(chunk, monkeypatch):
    whole = track(Scene(wandering(60)))
    monkeypatch.setattr(tracking, "CHUNK", chunk)
    parts = track(Scene(wandering(60)))
    np.testing.assert_array_equal(whole.landmarks, parts.landmarks)
    np.testing.assert_array_equal(whole.box, parts.box)


def test_a_face_that_leaves_is_lost_and_found_again_elsewhere():
    faces = [*wandering(36), *([[]] * 30), *wandering(40, x=260)]
    scene = Scene(faces)
    tracks = track(scene)
    assert tracks.detected[:31].all()  # frame 30 was the last that the detector confirmed
    assert not tracks.detected[36:66].any()
    assert np.isnan(tracks.landmarks[36:66]).all()
    assert np.isnan(tracks.box[36:66]).all()
    assert tracks.detected[66:].all()
    np.testing.assert_allclose(tracks.landmarks[66:], np.stack([f[0] for f in faces[66:]]), atol=1e-4)


def test_a_face_hidden_from_the_detector_for_a_moment_is_kept():
    tracks = track(Scene(wandering(60), hidden=(30, 31)))
    assert tracks.detected.all()


def test_a_weak_detection_confirms_but_does_not_begin():
    assert track(Scene(wandering(60), weak=range(1, 60))).detected.all()
    late = track(Scene(wandering(60), weak=range(5)))
    assert late.detected.tolist() == [False] * 5 + [True] * 55


def test_no_face_gives_rows_without_a_face():
    tracks = track(Scene([[]] * 25))
    assert not tracks.detected.any()
    assert tracks.landmarks.shape == (25, 68, 2)
    assert np.isnan(tracks.landmarks).all()


def test_after_a_cut_the_new_face_is_taken_at_once():
    faces = [*wandering(25, x=100), *wandering(25, x=300)]
    tracks = track(Scene(faces, cuts=(25,)))
    assert tracks.detected.all()
    np.testing.assert_allclose(tracks.landmarks[25:], np.stack([f[0] for f in faces[25:]]), atol=1e-4)


def test_a_sudden_jump_is_seen_without_waiting_for_the_next_check():
    faces = [*wandering(15), *[[face[0] + [35, 0]] for face in wandering(35)[15:]]]
    scene = Scene(faces)
    tracks = track(scene)
    assert not np.isnan(tracks.score[15])  # checked by the detector in the frame of the jump
    assert tracks.detected.all()
    np.testing.assert_allclose(tracks.landmarks, np.stack([f[0] for f in faces]), atol=1e-4)


def test_of_two_faces_the_larger_is_followed():
    pairs = [[*small, *large] for small, large in zip(wandering(50, x=90, size=32), wandering(50, x=290, size=45))]
    tracks = track(Scene(pairs))
    np.testing.assert_allclose(tracks.landmarks, np.stack([f[1] for f in pairs]), atol=1e-4)


@pytest.mark.parametrize("chunk", [1, 64])
def test_a_large_phantom_of_one_frame_is_not_chosen(chunk, monkeypatch):
    monkeypatch.setattr(tracking, "CHUNK", chunk)
    scene = Scene(wandering(50), phantoms={0: [(220, 20, 390, 190)]})
    tracks = track(scene)
    np.testing.assert_allclose(tracks.landmarks, np.stack([f[0] for f in scene.faces]), atol=1e-4)


def test_a_face_too_small_for_the_reduced_image_is_found_in_the_full_one():
    scene = Scene(wandering(20, x=300, y=300, size=35), shape=(960, 800))  # 95 pixels: 24 in the reduced image
    assert track(scene).detected.all()
    assert scene.scales[:3] == [0.25, 0.5, 1.0]


def test_a_small_face_in_a_small_image_is_found_at_double_size():
    scene = Scene(wandering(20, size=16))  # 44 pixels wide
    assert track(scene).detected.all()
    assert scene.scales[:2] == [1.0, 2.0]


def pairs(first, second):
    return [[*a, *b] for a, b in zip(first, second)]


def test_faces_are_counted_and_a_phantom_is_not():
    two = track(Scene(pairs(wandering(80, x=90, size=32), wandering(80, x=290, size=45))))
    assert two.faces == 2
    assert track(Scene(wandering(80), phantoms={30: [(220, 20, 390, 190)]})).faces == 1
    assert track(Scene([[]] * 30)).faces == 0


def test_when_the_face_goes_nobody_else_is_followed_in_its_place():
    small, large = wandering(120, x=90, size=32), wandering(120, x=290, size=45)
    faces = [[*s, *b] if not 40 <= k < 70 else s for k, (s, b) in enumerate(zip(small, large))]
    tracks = track(Scene(faces))
    assert not tracks.detected[40:70].any()
    assert tracks.detected[70:].all()
    np.testing.assert_allclose(tracks.landmarks[70:], np.stack([f[1] for f in faces[70:]]), atol=1e-4)
    assert tracks.losses == 1


def test_of_two_people_one_after_the_other_the_one_seen_more_is_kept():
    faces = [*wandering(30, x=90, size=30), *([[]] * 100), *wandering(70, x=280, size=60)]
    tracks = track(Scene(faces))
    assert not tracks.detected[:130].any()
    assert tracks.strangers == 21  # up to the last check that saw them
    assert tracks.detected[130:].all()


def test_another_person_after_a_cut_stays():
    faces = [*wandering(30, x=90, size=30), *wandering(40, x=280, size=50)]
    tracks = track(Scene(faces, cuts=(30,)))
    assert tracks.detected.all()
    assert tracks.strangers == 0


def test_a_image_without_a_face_is_searched_at_every_scale_ever_more_rarely():
    scene = Scene([[]] * 200)
    track(scene)
    assert 4 <= scene.scales.count(2.0) <= 6


def test_a_face_that_moves_out_of_the_image_is_lost_without_error():
    faces = [[face_points(200 + 12 * k, 150, 40)] if k < 20 else [] for k in range(40)]
    tracks = track(Scene(faces))
    assert tracks.detected[:11].all()
    assert not tracks.detected[25:].any()


@pytest.mark.parametrize(
    ("height", "scales"),
    [(288, [1, 2, 3]), (480, [1, 2, 3]), (481, [1 / 2, 1, 2, 3]), (720, [1 / 3, 2 / 3, 1, 2, 3]),
     (1080, [1 / 4, 1 / 2, 1, 2])],
)  # fmt: skip
def test_search_goes_from_reduced_to_full(height, scales):
    np.testing.assert_allclose(search_scales(height, 240), scales)


def test_the_summary_of_a_clip_says_how_the_face_was_followed(rng):
    faces = [*wandering(36), *([[]] * 30), *wandering(40)]
    scene = Scene(faces)
    tracks = track(scene)
    summary = track_summary(tracks, PROFILE, width=400, height=300)
    assert summary["detection_rate"] == tracks.detected.mean()
    assert (summary["faces"], summary["losses"], summary["strangers"]) == (1, 1, 0)
    assert summary["brightness"] == pytest.approx(100, abs=1)
    assert summary["cut_fraction"] == 0
    narrow = track_summary(tracks, PROFILE, width=170, height=300)
    outside = (tracks.landmarks[tracks.detected][..., 0] > 169).any(1).mean()
    assert narrow["cut_fraction"] == pytest.approx(outside)
    nothing = track_summary(track(Scene([[]] * 12)), PROFILE, width=400, height=300)
    assert nothing["faces"] == 0
    assert nothing["eye_distance_px"] is None


def test_jitter_is_that_of_noise_and_not_of_motion(rng):
    smooth = np.stack([face_points(100 + 3 * np.sin(k / 9), 90, 40, 0.1 * np.sin(k / 12)) for k in range(300)])
    noisy = smooth + rng.normal(0, 0.5, smooth.shape)
    expected = 100 * 0.5 * np.sqrt(2) / np.median(interocular(smooth))  # of both coordinates
    assert jitter_pct(noisy, PROFILE) == pytest.approx(expected, rel=0.05)
    assert jitter_pct(smooth, PROFILE) < 0.05 * expected
