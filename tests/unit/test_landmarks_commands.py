"""extract-wav, detect-landmarks and crop-face from file to file."""

import json
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from faces import face_points

from speechface import media
from speechface.audio.sound import read_sound
from speechface.cli import main
from speechface.landmarks import shape
from speechface.tables import read_table, write_table, write_unusable

NTSC = Fraction(30000, 1001)


@pytest.fixture
def clip(tmp_path):
    """A moving grey ramp, 30 frames, with a click half way through frame 12."""
    path = tmp_path / "clip.mp4"
    audio = np.zeros(48000, np.float32)
    audio[round(12.5 / NTSC * 48000)] = 0.9
    ramp = np.linspace(0, 250, 160).astype(np.uint8)
    with media.VideoWriter(path, width=160, height=120, fps=NTSC, audio=audio, sr=48000, crf=18) as video:
        for k in range(30):
            video.write(np.tile(np.roll(ramp, 3 * k)[None, :, None], (120, 1, 3)))
    return path


def extract(video, folder, late_ms=0, **settings):
    arguments = ["--video", video, "--wav", folder / "a.wav", "--frames", folder / "a.parquet", "--late-ms", late_ms]
    assert main(["extract-wav", *map(str, arguments), "--settings", json.dumps(settings)]) == 0
    return read_sound(folder / "a.wav"), read_table(folder / "a.parquet")


def detect(video, out, **settings):
    assert main(["detect-landmarks", "--video", str(video), "--out", str(out), "--settings", json.dumps(settings)]) == 0
    return read_table(out)


def crop(video, landmarks, out, **settings):
    arguments = ["--video", video, "--landmarks", landmarks, "--out", out, "--settings", json.dumps(settings)]
    return main(["crop-face", *map(str, arguments)])


def test_extract_wav_writes_sound_and_times_in_step(clip, tmp_path):
    (audio, sr), table = extract(clip, tmp_path)
    assert sr == 44100
    click = np.abs(audio).argmax() / sr
    assert table["time"][12] < click < table["time"][13]
    np.testing.assert_array_equal(table["frame"], np.arange(30))
    np.testing.assert_array_equal(table["time"], np.arange(30) * 1001 / 30000)
    facts = {key: table.meta[key] for key in ("frame_rate", "width", "height", "n_samples", "sr")}
    assert facts == {"frame_rate": "30000/1001", "width": 160, "height": 120, "n_samples": len(audio), "sr": 44100}
    assert table.meta["fps"] == pytest.approx(29.97, abs=1e-3)


@pytest.mark.parametrize("late_ms", [80, -120.5])
def test_sound_that_is_late_in_the_file_is_moved_back(clip, tmp_path, late_ms):
    (before, sr), times = extract(clip, tmp_path)
    (after, _), table = extract(clip, tmp_path, late_ms)
    assert np.abs(before).argmax() - np.abs(after).argmax() == pytest.approx(late_ms / 1000 * sr, abs=1)
    np.testing.assert_array_equal(table["time"], times["time"])
    assert table.meta["settings"]["late_ms"] == late_ms


def test_extract_wav_obeys_the_rate(clip, tmp_path):
    (audio, sr), _ = extract(clip, tmp_path, sr=16000)
    assert sr == 16000
    assert len(audio) / sr == pytest.approx(1.0, abs=1025 / 48000)  # AAC ends on a whole block


def test_a_clip_without_sound_gives_an_empty_wav_and_good_times(tmp_path):
    with media.VideoWriter(tmp_path / "mute.mp4", width=64, height=64, fps=25, crf=30) as video:
        for _ in range(5):
            video.write(np.zeros((64, 64, 3), np.uint8))
    (audio, _), table = extract(tmp_path / "mute.mp4", tmp_path)
    assert len(audio) == 0
    assert table.usable
    assert len(table) == 5


def test_an_unreadable_clip_is_unusable_all_the_way_down(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    (audio, _), table = extract(broken, tmp_path)
    assert len(audio) == 0
    found = detect(broken, tmp_path / "landmarks.parquet")
    for unusable in (table, found):
        assert not unusable.usable
        assert "broken.mp4: not a readable media file" in unusable.reason
    assert crop(broken, tmp_path / "landmarks.parquet", tmp_path / "crop.mp4") == 0
    images = list(media.decode_rgb(tmp_path / "crop.mp4"))
    assert [image.shape for image in images] == [(100, 100, 3)]
    np.testing.assert_allclose(images[0], 128, atol=3)  # h264


def test_a_clip_without_a_face_is_unusable_and_says_how_many(clip, tmp_path):
    table = detect(clip, tmp_path / "landmarks.parquet")
    assert not table.usable
    assert "a face in 0 of 30 frames" in table.reason
    assert "min_detection_rate" in table.reason


def landmark_table(path, count, detected=None):
    points = np.stack([face_points(80 + 0.2 * k, 60, 20) for k in range(count)]).astype(np.float32)
    columns = {"frame": np.arange(count, dtype=np.int32), "landmarks": points,
               "detected": np.ones(count, bool) if detected is None else detected}  # fmt: skip
    write_table(path, columns, stage="landmarks", meta={"frame_rate": "30000/1001"})
    return path


def test_crop_face_has_a_image_a_frame_at_the_clips_rate(clip, tmp_path):
    detected = np.arange(30) > 4
    table = landmark_table(tmp_path / "landmarks.parquet", 30, detected)
    assert crop(clip, table, tmp_path / "crop.mp4", size=64) == 0
    times, fps = media.frame_times(tmp_path / "crop.mp4")
    assert (len(times), fps) == (30, NTSC)
    assert next(media.decode_rgb(tmp_path / "crop.mp4")).shape == (64, 64, 3)


def test_crop_face_refuses_a_table_of_another_length(clip, tmp_path, capsys):
    for count in (29, 31):
        table = landmark_table(tmp_path / f"{count}.parquet", count)
        assert crop(clip, table, tmp_path / "crop.mp4") == 1
        assert "detect again" in capsys.readouterr().err
    assert not (tmp_path / "crop.mp4").exists()


def test_crop_face_of_an_unusable_table_is_one_grey_frame(clip, tmp_path):
    write_unusable(tmp_path / "a.parquet", "because", stage="landmarks")
    assert crop(clip, tmp_path / "a.parquet", tmp_path / "crop.mp4", size=48) == 0
    assert len(media.frame_times(tmp_path / "crop.mp4")[0]) == 1


def test_odd_sizes_are_refused_by_name(clip, tmp_path, capsys):
    table = landmark_table(tmp_path / "a.parquet", 30)
    assert crop(clip, table, tmp_path / "crop.mp4", size=99) == 1
    assert "size" in capsys.readouterr().err


@pytest.mark.clips
def test_a_real_face_is_followed_and_its_table_is_complete(shared_clips, tmp_path):
    video = sorted(shared_clips.glob("grid/x*/*.mpg"))[0]
    table = detect(video, tmp_path / "landmarks.parquet")
    assert table["detected"].all()
    assert table.meta["detection_rate"] == 1
    assert table["landmarks"].shape == (75, 68, 2)
    assert table["landmarks"].dtype == np.float32
    np.testing.assert_allclose(
        table["landmarks_normalised"], shape.normalise(table["landmarks"]), atol=1.3e-4
    )  # 1/8192
    # a talking head moves by less than a fifth of its eye distance in 40 ms
    motion = np.linalg.norm(np.diff(table["landmarks"], axis=0), axis=-1).mean(1)
    assert (motion < 0.2 * shape.interocular(table["landmarks"])[1:]).all()
    assert np.isfinite(table["score"][::10]).all()
    assert crop(video, tmp_path / "landmarks.parquet", tmp_path / "crop.mp4") == 0
    assert len(list(media.decode_rgb(tmp_path / "crop.mp4"))) == 75


@pytest.mark.clips
@pytest.mark.parametrize("keep", [False, True])
def test_face_images_cut_in_passing_are_those_of_crop_face(keep, shared_clips, tmp_path, caplog):
    video = sorted(shared_clips.glob("grid/x*/*.mpg"))[0]
    kept, places = tmp_path / "kept", [tmp_path / name for name in ("passing.mp4", "later.mp4")]
    arguments = ["--video", video, "--out", tmp_path / "a.parquet", "--crops", places[0]]
    arguments += ["--crop-settings", json.dumps({"size": 64}), *(["--keep", kept] if keep else [])]
    assert main(["detect-landmarks", *map(str, arguments)]) == 0
    assert places[0].exists() != keep
    if keep:
        arguments = ["--video", video, "--landmarks", tmp_path / "a.parquet", "--out", places[0], "--keep", kept]
        for size, made in ((64, False), (48, True)):
            caplog.clear()
            with caplog.at_level("INFO"):
                assert main(["crop-face", *map(str, arguments), "--settings", json.dumps({"size": size})]) == 0
            assert ("nothing changed, kept" not in caplog.text) == made
            assert next(media.decode_rgb(places[0])).shape == (size, size, 3)
    else:
        assert crop(video, tmp_path / "a.parquet", places[1], size=64) == 0
        passing, later = (np.stack(list(media.decode_rgb(place))) for place in places)
        assert passing.shape == (75, 64, 64, 3)
        # one grey level of rounding before the encoder, a few after it
        assert np.abs(passing.astype(int) - later).mean() < 0.5


@pytest.mark.clips
def test_a_cut_to_another_speaker_is_followed(shared_clips):
    """Two clips one after the other; the tracker must leave the first face in the frame of the cut."""
    from speechface.config import defaults
    from speechface.landmarks.track_video import track_video

    videos = sorted(shared_clips.glob("grid/x*/*.mpg"))[1:3]
    parts = [list(media.decode_images(video))[:15] for video in videos]
    empty = [SimpleNamespace(gray=np.full_like(parts[0][0].gray, 90))] * 15
    together = track_video([*parts[0], *empty, *parts[1]], defaults("landmarks"))
    assert together.detected[:15].all()
    assert not together.detected[15:30].any()
    assert together.detected[30:].all()
    alone = track_video(parts[1], defaults("landmarks"))
    gap = np.linalg.norm(together.landmarks[30:] - alone.landmarks, axis=-1).mean(1)
    assert (gap < 0.01 * shape.interocular(alone.landmarks)).all()  # both begin from a detection of that frame
