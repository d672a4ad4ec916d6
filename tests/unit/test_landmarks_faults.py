"""Faces that must not be believed: frozen, damaged, covered, somebody else's, turned."""

from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from faces import face_points

from speechface import media
from speechface.fitting.report import flagged_runs, notes
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks import faults as f
from speechface.landmarks.appearance import Appearance, face_patch
from speechface.landmarks.detector import Tracks
from speechface.landmarks.recognition import main_person, segments
from speechface.landmarks.shape import sideways
from speechface.landmarks.turned import may_be_turned, quarter_turns, turned_text, turns_of_eyes

TIMES = np.arange(75) / 25


def drawn(opening, shift=0.0, rng=None):
    """A face's picture (52, 40): eyes, nose and lips that are `opening` high, `shift` pixels aside."""
    big = np.full((208, 160), 170.0, np.float32)
    x = 80 + 4 * shift
    for side in (-40, 40):
        cv2.ellipse(big, (int(x + side), 48), (16, 7), 0, 0, 360, 60, -1)
        cv2.ellipse(big, (int(x + side), 30), (20, 3), 0, 0, 360, 90, -1)
    cv2.ellipse(big, (int(x), 108), (14, 4), 0, 0, 360, 110, -1)
    cv2.ellipse(big, (int(x), 148), (28, int(10 + 4 * opening)), 0, 0, 360, 110, -1)
    cv2.ellipse(big, (int(x), 148), (24, max(int(4 * opening), 2)), 0, 0, 360, 40, -1)
    small = cv2.resize(big, (40, 52), interpolation=cv2.INTER_AREA)
    noise = 0 if rng is None else rng.normal(0, 2, small.shape)
    return np.clip(small + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def speaking():
    """75 pictures of a face that speaks and nods a little."""
    rng = np.random.default_rng(1)
    return np.stack([drawn(2.5 * abs(np.sin(k / 3)), 0.6 * np.sin(k / 9), rng) for k in range(len(TIMES))])


EVERYWHERE = np.ones(len(TIMES), bool)


def test_a_mouth_that_speaks_is_not_covered(speaking):
    assert not f.covered(speaking, EVERYWHERE, TIMES, []).any()


@pytest.mark.parametrize("level", [30, 150])  # a dark box, and one as bright as skin
def test_a_mouth_covered_by_a_plain_box_is_found_in_every_frame_and_nowhere_else(speaking, level):
    speaking[30:46, 27:47, 8:32] = level
    found = f.covered(speaking, EVERYWHERE, TIMES, [])
    assert found[30:46].all()
    assert not found[:28].any()
    assert not found[48:].any()
    speaking[:, 27:47, 8:32] = level
    assert f.covered(speaking, EVERYWHERE, TIMES, []).all()  # nothing to compare with: it has no lips


def test_a_patterned_hand_is_found_by_its_difference_from_the_clips_own_mouth(speaking):
    stripes = (130 + 40 * np.sin(np.arange(20) / 1.5))[:, None]
    speaking[30:46, 27:47, 4:40] = stripes
    found = f.covered(speaking, EVERYWHERE, TIMES, [])
    assert found[30:46].all()
    assert found.sum() <= 18
    short = f.covered(np.concatenate([speaking[:34], speaking[46:]]), EVERYWHERE[:63], TIMES[:63], [])
    assert not short[:28].any()
    assert not short[36:].any()


@pytest.mark.parametrize(("first", "last"), [(20, 66), (8, 60), (12, 64)])
def test_what_covers_the_mouth_for_most_of_a_scene_is_the_cover_and_not_the_mouth(speaking, first, last):
    speaking[first:last, 27:47, 4:40] = (130 + 40 * np.sin(np.arange(20) / 1.5))[:, None]
    found = f.covered(speaking, EVERYWHERE, TIMES, [])
    assert found[first:last].all()
    assert found.sum() <= last - first + 2


def test_a_head_that_turns_away_covers_nothing(speaking):
    speaking[:20, 27:47, 4:40] = 150 + 40 * (np.arange(36) > 18)  # another side of the face shows
    points = np.stack([face_points(100, 100, 30)] * len(TIMES))
    assert f.covered(speaking, EVERYWHERE, TIMES, [], None, sideways(points))[:20].all()
    points[20:, 30, 0] += 12  # the nose has gone to a side
    assert not f.covered(speaking, EVERYWHERE, TIMES, [], None, sideways(points)).any()


@pytest.mark.parametrize("degrees", [-30, 0, 20])
def test_how_far_a_head_is_turned_shows_by_its_nose(degrees):
    face = np.zeros((68, 3))
    face[[36, 45, 30]] = (-45, 0, 0), (45, 0, 0), (0, 45, 40)
    points = (face @ matrix_from_euler(np.radians([0, degrees, 0])).T)[None, :, :2]
    assert sideways(points)[0] == pytest.approx(0.015 * degrees, abs=0.06)
    assert sideways(3 * points + 50) == pytest.approx(sideways(points))


def test_a_mouth_that_stands_still_for_most_of_a_clip_does_not_make_the_others_covered(speaking):
    faces = np.concatenate([speaking[:30], np.repeat(speaking[29:30], 45, 0)]).copy()
    faces[30:, 30:46, 8:32] = 255 - faces[30:, 30:46, 8:32]
    tracks = Tracks.empty(75, 68)
    tracks.detected[:], tracks.patches, tracks.changes = True, faces, np.where(np.arange(75) < 31, 2.0, 0.0)
    found = f.faults(tracks, TIMES, damaged=np.zeros(75, bool))
    assert found[:31].tolist() == [0] * 31
    assert (found[31:] == f.FROZEN).all()


def test_a_mouth_that_laughs_for_long_is_open_and_not_covered(speaking):
    gaps = np.full(len(TIMES), 0.05)
    for k in range(30, 55):
        speaking[k] = drawn(5.0)
        speaking[k, 34:36, 14:26] = 240  # teeth
        speaking[k, 40:47, 6:34] = 215  # a chin that has moved down, in other light
    assert f.covered(speaking, EVERYWHERE, TIMES, [], gaps)[30:55].all()  # the detector sees shut lips
    gaps[30:55] = 0.3
    assert not f.covered(speaking, EVERYWHERE, TIMES, [], gaps).any()


def test_rims_of_glasses_do_not_make_lips_flat(speaking):
    for face in speaking:
        for x in (10, 30):
            cv2.circle(face, (x, 12), 7, 0, 2)
        face[32:42, 11:29] = cv2.addWeighted(face[32:42, 11:29], 0.35, face[32:42, 11:29], 0, 110)  # pale lips
    assert not f.covered(speaking, EVERYWHERE, TIMES, []).any()
    speaking[:, 27:47, 8:32] = 150
    assert f.covered(speaking, EVERYWHERE, TIMES, []).all()


def test_light_that_changes_and_another_scene_cover_nothing(speaking):
    dimmed = speaking.copy()
    dimmed[30:50] = 0.6 * dimmed[30:50]
    assert not f.covered(dimmed, EVERYWHERE, TIMES, []).any()
    speaking[50:] = 255 - speaking[50:]
    assert not f.covered(speaking, EVERYWHERE, TIMES, [50]).any()


def test_frames_without_a_face_and_short_scenes_are_not_judged(speaking):
    speaking[20:40] = 0
    seen = EVERYWHERE & ((TIMES < 0.8 - 1e-9) | (TIMES > 1.6 - 1e-9))
    assert not f.covered(speaking, seen, TIMES, []).any()
    assert not f.covered(speaking[:5], EVERYWHERE[:5], TIMES[:5], []).any()


def test_still_pictures_are_found_from_their_second_frame_on_and_repeats_are_not():
    changes = np.full(75, 1.0)
    changes[37:48], changes[48] = 0.0, 4.0
    assert np.flatnonzero(f.frozen(changes, TIMES)).tolist() == list(range(37, 48))
    doubled = np.where(np.arange(75) % 2, 0.0, 1.0)  # 12.5 images shown as 25, and every sixth twice
    pulled = np.where(np.arange(75) % 6, 1.0, 0.0)
    assert not f.frozen(doubled, TIMES).any()
    assert not f.frozen(pulled, TIMES).any()
    screen = np.where(np.arange(75) % 6, 0.0, 1.0)  # 10 images a second shown as 60
    assert not f.frozen(screen, TIMES * 25 / 60).any()


def test_somebody_who_holds_still_does_not_stand_still():
    changes = np.full(150, 1.0)
    changes[20:70] = changes[-20:] = 0.0  # 2 s within, 0.8 s at the end; goes on from where it stopped
    times = np.arange(150) / 25
    assert not f.frozen(changes, times).any()
    changes[70] = 2.5  # has moved meanwhile
    assert np.flatnonzero(f.frozen(changes, times)).tolist() == list(range(20, 70))
    changes[70:73] = [0.3, 0.2, 2.5]  # images before a jump that are coded from those after it
    assert np.flatnonzero(f.frozen(changes, times)).tolist() == list(range(20, 72))
    changes[-30:] = 0.0  # 1.2 s at the end
    assert f.frozen(changes, times)[-30:].all()
    changes[60:140], changes[140:] = 0.0, 1.0
    assert f.frozen(changes, times)[20:140].all()


@pytest.mark.parametrize(("start", "stop"), [(1, 7), (69, 75), (66, 75)])
def test_a_stop_at_the_beginning_or_end_shows_against_the_noise_of_the_others(start, stop):
    changes = np.random.default_rng(0).uniform(0.5, 2.0, 75)
    changes[0], changes[start:stop] = np.nan, 0.02
    assert np.flatnonzero(f.frozen(changes, TIMES)).tolist() == list(range(start, stop))
    changes[10:60:6] = 0.05  # a picture so strongly compressed that a still face has no noise
    assert not f.frozen(changes, TIMES).any()


def test_a_key_frame_that_refreshes_a_still_picture_does_not_break_it():
    changes = np.zeros(75)
    changes[[0, 20, 50]] = [np.nan, 1.4, 1.4]
    assert f.frozen(changes, TIMES)[1:].all()
    assert not f.frozen(changes, TIMES)[0]


def test_damage_lasts_until_the_next_whole_key_frame():
    damaged, key, leaf = np.zeros((3, 40), bool)
    damaged[[3, 20, 22]], key[[0, 6, 22, 30]], leaf[4] = True, True, True
    found = f.damaged_until_key(damaged, key, leaf, np.arange(40))
    assert np.flatnonzero(found).tolist() == [3, 4, 5, *range(20, 30)]
    assert f.damaged_until_key(damaged, 0 * key, leaf, np.arange(40))[3:].all()


def test_damage_reaches_back_to_images_that_are_shown_before_but_made_from_the_damaged_one():
    shown = ["I0", "b1", "P2", "b3", "P4", "b5", "I6", "b7", "P8"]  # b5 is made from P4 and I6
    order = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7])
    key, leaf = (np.array([name[0] == kind for name in shown]) for kind in "Ib")
    for damaged, spoilt in ((2, [1, 2, 3, 4, 5]), (3, [3]), (4, [3, 4, 5]), (6, [5, 6, 7, 8])):
        found = f.damaged_until_key(np.arange(9) == damaged, key, leaf, order)
        assert np.flatnonzero(found).tolist() == spoilt


def test_faces_may_be_anothers_after_cuts_gaps_and_sudden_changes(speaking):
    seen = EVERYWHERE.copy()
    seen[20:25] = False
    speaking[50:] = speaking[50:, ::-1]
    assert f.boundaries(speaking, seen, [10]) == [10, 25, 50]
    parts = segments(seen, [10, 25, 26, 50])
    assert [(part[0], part[-1]) for part in parts] == [(0, 9), (10, 19), (26, 49), (50, 74)]  # one frame is no part


def test_the_person_with_the_largest_area_in_all_is_kept():
    one, two = np.eye(128)[:2]
    same = main_person(np.stack([one, two, one + 0.02, two]), np.array([30.0, 40.0, 30.0, 15.0]))
    assert same.tolist() == [True, False, True, False]


def test_each_frame_has_one_fault_the_gravest():
    tracks = Tracks.empty(75, 68)
    assert not f.faults(tracks, TIMES, damaged=~EVERYWHERE).any()  # a detector that notes nothing
    tracks.changes = np.zeros(75)
    damaged, strangers = EVERYWHERE & (TIMES < 0.2 - 1e-9), TIMES > 2
    found = f.faults(tracks, TIMES, damaged=damaged, strangers=strangers)
    assert found[[0, 10, 60]].tolist() == [f.DAMAGED, f.FROZEN, f.STRANGER]
    columns = {"detected": EVERYWHERE, "fault": found}
    assert not f.trusted(columns).any()
    assert f.trusted({"detected": EVERYWHERE, "fault": 0 * found}).all()


def test_damaged_pictures_tell_nothing_of_stops_and_mouths(speaking):
    tracks, damaged = Tracks.empty(75, 68), EVERYWHERE & (TIMES > 1.18) & (TIMES < 2.78)  # frames 30 to 69
    tracks.detected[:], tracks.patches = True, speaking
    tracks.patches[damaged, 27:47, 4:40] = 255 - speaking[damaged, 27:47, 4:40]
    tracks.changes = np.where(damaged, 0.0, 1.0)
    found = f.faults(tracks, TIMES, damaged=damaged)
    assert np.flatnonzero(found).tolist() == list(range(30, 70))
    assert (found[30:70] == f.DAMAGED).all()
    assert (f.faults(tracks, TIMES, damaged=~EVERYWHERE)[31:70] == f.FROZEN).all()


def test_a_face_that_is_all_but_black_or_white_is_not_believed(speaking):
    tracks = Tracks.empty(75, 68)
    tracks.detected[:] = True
    tracks.patches = speaking // 8
    assert not f.faults(tracks, TIMES, damaged=~EVERYWHERE).any()
    tracks.patches[30:40] = speaking[30:40] // 64
    tracks.patches[50:60] = 250 + speaking[50:60] // 64
    found = f.faults(tracks, TIMES, damaged=~EVERYWHERE)
    assert np.flatnonzero(found == f.DIM).tolist() == [*range(30, 40), *range(50, 60)]
    tracks.detected[30:40] = False
    assert not f.faults(tracks, TIMES, damaged=~EVERYWHERE)[30:40].any()


def test_a_faces_picture_is_upright_at_any_size_and_angle():
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[31:36] = (10, 12), (30, 12), (20, 28)
    face = drawn(2)
    assert np.corrcoef(face_patch(face, points).ravel(), face.ravel())[0, 1] > 0.99
    turned = np.ascontiguousarray(np.rot90(cv2.resize(face, (160, 208))))
    back = np.stack([4 * points[:, 1] + 1.5, 160 - 1 - (4 * points[:, 0] + 1.5)], 1)
    assert np.corrcoef(face_patch(turned, back).ravel(), face.ravel())[0, 1] > 0.99


def test_looks_and_changes_are_noted_frame_by_frame():
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[31:36] = (10, 12), (30, 12), (20, 28)
    box, looks = np.array([2.0, 2, 38, 50]), Appearance()
    for image in (drawn(1), drawn(1), drawn(3)):
        looks.see(image, box, points)
    looks.see(drawn(3), None, None)
    changes = looks.changes()
    assert np.isnan(changes[[0, 3]]).all()
    assert changes[1] == 0
    assert changes[2] > 1
    assert looks.patches().shape == (4, 52, 40)
    assert not looks.patches()[3].any()


def test_frames_not_used_are_told_by_their_fault():
    fault = np.array([0, 0, f.FROZEN, f.FROZEN, f.COVERED, 0, 0], np.int8)
    used = fault == 0
    used[6] = False
    runs = flagged_runs(np.arange(7), fault == 0, used, np.full(7, 6.0), fault)
    assert [(run["first_frame"], run["last_frame"], run["reason"][:26]) for run in runs] == [
        (2, 3, "the picture stands still"), (4, 4, "the mouth is covered"), (6, 6, "landmarks that the face ca"),
    ]  # fmt: skip
    row = {"damaged": 0, "frozen": 2, "covered": 1, "others": 0, "dim": 0, "missing_s": 1.2}
    assert notes(row) == (
        "the picture stands still in 2 frames; the mouth is covered in 1 frames; the images end 1.2 s before what the "
        "file announces: was it cut off?"
    )
    assert notes(dict.fromkeys(row, 0)) == ""


def written(path, codec, frames, **options):
    """A file of grey noise that moves."""
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(128, 200, (64, 200)), (0, 0), 3).clip(0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 64, "yuv420p", 10
        for k in range(frames):
            image = np.repeat(noise[:, 2 * k : 2 * k + 64, None], 3, 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def test_frames_that_the_decoder_could_not_read_whole_are_told(tmp_path):
    path = tmp_path / "a.avi"
    written(path, "mpeg4", 40)
    assert not any(image.decoded.damaged for image in media.decode_images(path))
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(container.streams.video[0]) if p.size]
    content = bytearray(path.read_bytes())
    for place, size in packets[13:17]:
        content[place + 12 : place + size] = np.random.default_rng(0).bytes(size - 12)
    path.write_bytes(content)
    found = marked(path)
    assert len(found) == len(media.probe_video(path).times) == 40  # time does not shift
    assert np.flatnonzero(found).tolist() == list(range(13, 20))


def marked(path):
    """Frames that are damaged, or made from damaged ones."""
    images = [image.decoded for image in media.decode_images(path)]
    rows = [(image.damaged, image.key, image.leaf) for image in images]
    return f.damaged_until_key(*np.array(rows).T, np.array([image.order for image in images]))


def pictures(path):
    return np.stack([image.gray for image in media.decode_images(path)]).astype(int)


def whole_and_damaged(tmp_path, suffix, codec, spoil):
    """Grey levels of a whole file and of its copy, whose packets `spoil(packets, content)` changes, and its marks."""
    whole, copy = tmp_path / f"whole{suffix}", tmp_path / f"copy{suffix}"
    written(whole, codec, 60)
    with av.open(str(whole)) as container:
        packets = [(p.pos, p.size) for p in container.demux(container.streams.video[0]) if p.size]
    content = bytearray(whole.read_bytes())
    spoil(packets, content)
    copy.write_bytes(content)
    assert media.probe_video(copy).times.tolist() == media.probe_video(whole).times.tolist()
    return pictures(whole), pictures(copy), marked(copy)


@pytest.mark.parametrize("codec", [("libx264", ".mp4"), ("mpeg4", ".avi"), ("mpeg4", ".mp4")])
@pytest.mark.parametrize("first", [0, 23, 30, 58])  # of a key frame at the start, between, of a key frame, at the end
@pytest.mark.parametrize("damage", [bytes, np.random.default_rng(1).bytes])
def test_damaged_packets_cost_their_time_and_nothing_else(codec, first, damage, tmp_path):
    name, suffix = codec

    def spoil(packets, content):
        for place, size in packets[first : first + 2]:
            content[place + size // 2 : place + size - 1] = damage(size - size // 2 - 1)

    whole, copy, found = whole_and_damaged(tmp_path, suffix, name, spoil)
    assert 0 < found.sum() <= 20
    assert not (np.abs(whole - copy).mean((1, 2)) > 1)[~found].any()
    begin = first - first % 10
    assert set(np.flatnonzero(found)) <= set(range(begin - 3, begin + 20))


def test_an_image_that_is_lost_keeps_its_place_and_shows_the_one_before(tmp_path):
    def spoil(packets, content):
        place, size = packets[43]
        content[place : place + size] = bytes(size)  # not even its headers

    whole, copy, found = whole_and_damaged(tmp_path, ".mp4", "mpeg4", spoil)
    assert np.flatnonzero(found).tolist() == list(range(43, 50))
    np.testing.assert_array_equal(copy[43], whole[42])
    np.testing.assert_array_equal(copy[~found], whole[~found])


def test_of_a_clip_without_its_first_key_frame_the_rest_is_used(tmp_path):
    def spoil(packets, content):
        place, size = packets[0]
        content[place + 5 : place + size] = bytes(size - 5)

    whole, copy, found = whole_and_damaged(tmp_path, ".mp4", "libx264", spoil)
    assert np.flatnonzero(found).tolist() == list(range(10))
    np.testing.assert_array_equal(copy[10:], whole[10:])


def test_a_numbered_image_that_cannot_be_read_is_damaged_and_the_rest_stays(tmp_path, caplog):
    for k in range(6):
        cv2.imwrite(str(tmp_path / f"{k}.jpg"), np.full((16, 16), 20 * k, np.uint8))
    for k in (0, 3):
        content = (tmp_path / f"{k}.jpg").read_bytes()
        (tmp_path / f"{k}.jpg").write_bytes(content[: len(content) // 2])
    source = f"{tmp_path}::audio=x.wav::fps=25"
    assert len(media.probe_video(source).times) == 6
    assert np.flatnonzero(marked(source)).tolist() == [0, 3]
    assert "3.jpg: holds no image that can be decoded" in caplog.text
    assert pictures(source).mean((1, 2)).round(-1).tolist() == [20, 20, 40, 40, 80, 100]


def test_half_a_file_whose_header_promises_the_whole_is_told(tmp_path):
    path = tmp_path / "a.mkv"
    written(path, "mpeg4", 75)
    assert media.probe_video(path).missing == pytest.approx(0, abs=0.05)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    video = media.probe_video(path)
    assert 20 < len(video.times) < 55
    assert video.missing == pytest.approx(3 - len(video.times) / 25, abs=0.05)


class _Upright:
    """A tracker that sees a face where an image's bright corner is the top left one."""

    def track(self, images):
        tracks = Tracks.empty(len(images), 68)
        for k, image in enumerate(images):
            if image.gray[0, 0]:
                tracks.detected[k], tracks.score[k] = True, 2.0
        return tracks


@pytest.mark.parametrize("turns", range(4))
def test_the_quarter_turns_that_make_a_picture_upright_are_found(turns):
    image = np.zeros((6, 8, 3), np.uint8)
    image[0, 0] = 255
    found = quarter_turns(
        _Upright(), [np.rot90(image, -turns)] * 5, 0.7, image_of=lambda pixels: SimpleNamespace(gray=pixels[..., 0])
    )
    assert found == turns
    nothing = quarter_turns(
        _Upright(), [0 * image] * 5, 0.7, image_of=lambda pixels: SimpleNamespace(gray=pixels[..., 0])
    )
    assert nothing == 0


@pytest.mark.parametrize(
    ("tilt", "turns"), [(0, 0), (40, 0), (-40, 0), (90, 1), (-90, 3), (180, 2), (-175, 2), (70, 1)]
)
def test_eyes_tell_how_a_followed_face_lies(tilt, turns):
    """By degrees that the picture is turned clockwise."""
    points = np.stack([face_points(100, 100, 30, roll=np.radians(tilt))] * 3)
    assert turns_of_eyes(points) == turns


def test_a_clip_is_looked_at_again_where_scores_are_low_or_faces_rare():
    tracks = Tracks.empty(20, 68)
    assert may_be_turned(tracks, 0.7)
    tracks.detected[:], tracks.score[::10] = True, 2.0
    assert not may_be_turned(tracks, 0.7)
    tracks.score[::10] = 0.1
    assert may_be_turned(tracks, 0.7)
    assert "stands on its head" in turned_text(2)
