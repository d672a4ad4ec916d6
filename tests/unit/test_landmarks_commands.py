"""detect-landmarks and crop-faces from file to file."""

import io
import json
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from faces import face_points
from stored import write_clip_table

from speechface import media
from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable
from speechface.config import defaults
from speechface.geometry import ibug
from speechface.landmarks import shape
from speechface.landmarks.detectors import DETECTORS

NTSC = Fraction(30000, 1001)
CLIP = "data/someone/clip"


@pytest.fixture
def clip(tmp_path):
    """A moving grey ramp, 30 frames."""
    path = tmp_path / "clip.mp4"
    ramp = np.linspace(0, 250, 160).astype(np.uint8)
    with media.VideoWriter(path, width=160, height=120, fps=NTSC, crf=18) as video:
        for k in range(30):
            video.write(np.tile(np.roll(ramp, 3 * k)[None, :, None], (120, 1, 3)))
    return path


def run(command, clips, out, *more, **settings):
    """Run a command on clips, id -> video; returns the exit code."""
    sources = [f"{clip_id}={video}" for clip_id, video in clips.items()]
    return main([command, "--clips", *sources, *map(str, more), "--out", str(out), "--settings", json.dumps(settings)])


def detect(clips, out, **settings):
    assert run("detect-landmarks", clips, out, **settings) == 0
    return ClipTable(out)


def crop(clips, landmarks, out, **settings):
    return run("crop-faces", clips, out, "--landmarks", landmarks, **settings)


def images_of(table, clip_id):
    content = table.arrow(clip_id, ["video"]).column(0)[0]["bytes"].as_py()
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], stream.average_rate


def test_a_broken_clip_is_listed_with_its_reason_all_the_way_down(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    table = detect({CLIP: broken}, tmp_path / "landmarks.parquet")
    assert not table.read(CLIP).usable
    assert "broken.mp4: a text, not media" in table.read(CLIP).reason
    assert crop({CLIP: broken}, tmp_path / "landmarks.parquet", tmp_path / "crops.parquet") == 0
    assert ClipTable(tmp_path / "crops.parquet").read(CLIP).reason == table.read(CLIP).reason


def test_a_clip_without_a_face_is_unusable_and_says_how_many(clip, tmp_path):
    table = detect({CLIP: clip}, tmp_path / "landmarks.parquet").read(CLIP)
    assert not table.usable
    assert "a face in 0 of 30 frames" in table.reason
    assert "min_detection_rate" in table.reason


def landmark_table(path, count, detected=None):
    points = np.stack([face_points(80 + 0.2 * k, 60, 20) for k in range(count)]).astype(np.float32)
    columns = {"frame": np.arange(count, dtype=np.int32), "landmarks": points,
               "detected": np.ones(count, bool) if detected is None else detected}  # fmt: skip
    rows = ClipRows(columns, {"frame_rate": "30000/1001", "detector": "dlib"})
    write_clip_table(path, "landmarks", {CLIP: rows, "data/someone/other": rows}, shared=("detector",))
    return path


def test_crop_faces_has_an_image_a_frame_at_the_clips_rate(clip, tmp_path):
    table = landmark_table(tmp_path / "landmarks.parquet", 30, np.arange(30) > 4)
    assert crop({CLIP: clip}, table, tmp_path / "crops.parquet", size=64) == 0
    crops = ClipTable(tmp_path / "crops.parquet")
    assert list(crops.entries) == [CLIP]  # of the clips in the table of landmarks the ones that are named
    images, rate = images_of(crops, CLIP)
    assert (len(images), rate) == (30, NTSC)
    assert images[0].shape == (64, 64, 3)
    assert crops.clip_meta(CLIP)["frame_rate"] == "30000/1001"


def test_the_crops_of_a_clip_whose_landmarks_are_the_same_are_kept(clip, tmp_path, caplog):
    table = landmark_table(tmp_path / "landmarks.parquet", 30)
    assert crop({CLIP: clip}, table, tmp_path / "crops.parquet") == 0
    for detected, made in ((None, 0), (np.arange(30) > 4, 1)):
        landmark_table(table, 30, detected)
        with caplog.at_level("INFO"):
            assert crop({CLIP: clip}, table, tmp_path / "crops.parquet") == 0
        assert f"1 clips: {made} made" in caplog.text


def test_crop_faces_refuses_a_table_of_another_length(clip, tmp_path, capsys):
    for count in (29, 31):
        table = landmark_table(tmp_path / f"{count}.parquet", count)
        assert crop({CLIP: clip}, table, tmp_path / "crops.parquet") == 1
        assert "detect again" in capsys.readouterr().err
    assert not (tmp_path / "crops.parquet").exists()


def test_odd_sizes_are_refused_by_name(clip, tmp_path, capsys):
    table = landmark_table(tmp_path / "a.parquet", 30)
    assert crop({CLIP: clip}, table, tmp_path / "crops.parquet", size=99) == 1
    assert "size" in capsys.readouterr().err


@pytest.mark.clips
def test_a_real_face_is_followed_and_its_table_is_complete(shared_clips, tmp_path, caplog):
    video = sorted(shared_clips.glob("grid/x*/*.mpg"))[0]
    table = detect({CLIP: video}, tmp_path / "landmarks.parquet")
    assert table.meta["detector"] == "dlib"
    rows = table.read(CLIP)
    assert rows["detected"].all()
    assert rows.meta["detection_rate"] == 1
    assert rows["landmarks"].shape == (75, 68, 2)
    assert rows["landmarks"].dtype == np.float32
    normalised = shape.normalise(rows["landmarks"])
    np.testing.assert_allclose(rows["landmarks_normalised"], normalised, atol=1.3e-4)  # 1/8192
    # a talking head moves by less than a fifth of its eye distance in 40 ms
    motion = np.linalg.norm(np.diff(rows["landmarks"], axis=0), axis=-1).mean(1)
    assert (motion < 0.2 * ibug.interocular(rows["landmarks"])[1:]).all()
    assert np.isfinite(rows["score"][::10]).all()
    with caplog.at_level("INFO"):
        detect({CLIP: video}, tmp_path / "landmarks.parquet")
    assert "1 clips: 0 made, 1 kept" in caplog.text
    assert crop({CLIP: video}, tmp_path / "landmarks.parquet", tmp_path / "crops.parquet") == 0
    assert len(images_of(ClipTable(tmp_path / "crops.parquet"), CLIP)[0]) == 75


@pytest.mark.clips
def test_a_cut_to_another_speaker_is_followed(shared_clips):
    """Two clips one after the other; the tracker must leave the first face in the frame of the cut."""
    tracker = DETECTORS["dlib"].open(defaults("landmarks"))
    videos = sorted(shared_clips.glob("grid/x*/*.mpg"))[1:3]
    parts = [list(media.decode_images(video))[:15] for video in videos]
    empty = [SimpleNamespace(gray=np.full_like(parts[0][0].gray, 90))] * 15
    together = tracker.track([*parts[0], *empty, *parts[1]])
    assert together.detected[:15].all()
    assert not together.detected[15:30].any()
    assert together.detected[30:].all()
    alone = tracker.track(parts[1])
    gap = np.linalg.norm(together.landmarks[30:] - alone.landmarks, axis=-1).mean(1)
    assert (gap < 0.01 * ibug.interocular(alone.landmarks)).all()  # both begin from a detection of that frame
