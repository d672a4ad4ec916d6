"""The commands that draw: render-clip, build-rig and the video of animate."""

import json
import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from stored import write_clip_table, write_sounds
from synthetic import synthetic_rig

from speechface.cli import main
from speechface.clip_tables import ClipRows, bytes_column
from speechface.media import VideoWriter, decode_rgb, probe_video
from speechface.render.talking_head import portrait_camera, render_animation
from speechface.render.visualiser import _GAP, _HEAD
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.rig.rig import Rig
from speechface.synthesis.visemes import INDEX

FPS = Fraction(30000, 1001)
SR = 16000


pytestmark = pytest.mark.usefixtures("graphics")


ID = "set/actor/clip"


def rows(weights, *, rotation=None, first=0, **meta):
    frame = np.arange(first, first + len(weights), dtype=np.int32)
    columns = {"frame": frame, "time": frame / float(FPS)}
    if rotation is not None:
        columns |= {name: rotation[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
    columns |= {name: weights[:, k].astype(np.float32) for k, name in enumerate(CHANNELS)}
    return ClipRows(columns, {"channels": list(CHANNELS)} | meta)


class Clip:
    """The files of one clip of 8 frames; `run` runs the command, `render` returns the frames of its video."""

    def __init__(self, folder):
        rng = np.random.default_rng(0)
        self.folder = folder
        synthetic_rig().save(folder / "rig.npz")
        self.weights = rng.uniform(0, 0.4, (8, 52))
        self.labels(self.weights)
        self.prediction(self.weights)
        self.faces(8)
        write_sounds(folder / "audio.parquet", {ID: np.zeros(round(8 * SR / FPS), np.float32)}, sr=SR)

    def write(self, name, stage, content, clip_id=ID):
        write_clip_table(self.folder / f"{name}.parquet", stage, {clip_id: content})

    def labels(self, weights, **meta):
        meta = {"fps": float(FPS), "rig": "synthetic", "observed": [True] * 52} | meta
        self.write("labels", "labels", rows(weights, rotation=np.zeros((len(weights), 3)), **meta))

    def prediction(self, weights, **more):
        self.write("prediction", "prediction", rows(weights, **({"model": "cnn"} | more)))

    def faces(self, count, clip_id=ID):
        path = self.folder / "faces.mp4"
        with VideoWriter(path, width=32, height=32, fps=FPS, crf=18) as video:
            for _ in range(count):
                video.write(np.full((32, 32, 3), 200, np.uint8))
        self.write("crops", "crops", ClipRows({"video": bytes_column([path.read_bytes()], ["clip.mp4"])}), clip_id)

    def run(self, **settings):
        names = {"prediction": "prediction.parquet", "labels": "labels.parquet", "crops": "crops.parquet",
                 "audio": "audio.parquet", "rig": "rig.npz", "out": "out.mp4"}  # fmt: skip
        paths = [word for option, name in names.items() for word in ("--" + option, str(self.folder / name))]
        return main(["render-clip", "--clip", ID, *paths, "--settings", json.dumps({"size": 100} | settings)])

    def render(self, **settings):
        assert self.run(**settings) == 0
        return list(decode_rgb(self.folder / "out.mp4"))


@pytest.fixture
def clip(tmp_path):
    return Clip(tmp_path)


def test_video_has_every_frame_the_clips_rate_and_its_sound(clip):
    frames = clip.render()
    assert len(frames) == 8
    with av.open(str(clip.folder / "out.mp4")) as container:
        assert container.streams.video[0].average_rate == FPS
        sound = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(sound - 8 * SR / FPS) < 2 * 1024  # whole AAC blocks


def panels(frame):
    """The three square images of a page at size 100, their inner parts."""
    left = (frame.shape[1] - 3 * 100 - 2 * 8) // 2
    return [frame[66:158, left + k * 108 + 4 : left + k * 108 + 96].astype(int) for k in range(3)]


def test_equal_labels_and_prediction_look_equal_and_different_ones_do_not(clip):
    face, label, prediction = panels(clip.render(median_frames=1)[4])
    assert abs(face.mean() - 200) < 3  # the grey of the face images, through two encodings
    same = np.abs(label - prediction).mean()
    clip.labels(np.zeros((8, 52)))
    clip.prediction(np.ones((8, 52)))
    _, label, prediction = panels(clip.render(median_frames=1)[4])
    assert np.abs(label - prediction).mean() > 3 * same


@pytest.mark.parametrize("short", ["labels", "prediction", "faces"])
def test_what_is_shorter_loses_no_frame_and_is_reported(clip, short, caplog):
    getattr(clip, short)(5 if short == "faces" else clip.weights[:5])
    with caplog.at_level(logging.WARNING):
        frames = clip.render()
    assert len(frames) == 8
    assert "lengths differ" in caplog.text
    which = {"faces": 0, "labels": 1, "prediction": 2}[short]
    empty = panels(frames[7])[which]
    assert np.percentile(empty, 60) - np.percentile(empty, 20) < 4  # an even ground with a few words
    assert np.abs(panels(frames[2])[which].mean() - empty.mean()) > 2 or which == 0


def test_prediction_joins_labels_on_the_frame_number(clip, caplog):
    clip.prediction(clip.weights[3:], first=3)
    with caplog.at_level(logging.INFO):
        assert len(clip.render()) == 8
    assert "mouth RMSE 0.00 mm" in caplog.text


def test_three_samples_stand_side_by_side(clip, capsys):
    assert clip.run(show="samples") == 1
    assert "it takes three of a model that draws (predict --samples 3" in capsys.readouterr().err
    still = rows(clip.weights, model="live", columns=[*CHANNELS, *ROTATIONS], rotation=np.zeros((8, 3)))
    turned = np.concatenate([clip.weights, np.full((8, 3), 0.4)], 1)
    same = np.concatenate([clip.weights, np.zeros((8, 3))], 1)
    still.columns["samples"] = np.stack([same, turned], 1).astype(np.float32)
    clip.write("prediction", "prediction", still)
    frame = clip.render(show="samples")[3].astype(int)
    left = (frame.shape[1] - 3 * 100 - 2 * _GAP) // 2
    shown = [frame[_HEAD : _HEAD + 100, left + k * (100 + _GAP) :][:, :100] for k in range(3)]
    assert np.abs(shown[0] - shown[1]).max() < 40  # the video's coding
    assert np.abs(shown[0] - shown[2]).max() > 100


def test_error_is_the_mouths_rms_distance_over_observed_channels(clip, caplog):
    rig = Rig.load(clip.folder / "rig.npz")
    other = clip.weights.copy()
    other[:, INDEX["jawOpen"]] += 0.5
    other[:, INDEX["mouthFunnel"]] += 0.5
    observed = [name != "mouthFunnel" for name in CHANNELS]
    clip.labels(clip.weights, observed=observed)
    clip.prediction(other)
    moved = 0.5 * rig.shapes[INDEX["jawOpen"], rig.landmarks[48:68]]
    expected = np.sqrt((moved**2).sum(1).mean())
    with caplog.at_level(logging.INFO):
        clip.render()
    assert f"mouth RMSE {expected:.2f} mm" in caplog.text


def test_a_clip_without_face_images_is_drawn_without(clip, caplog):
    clip.faces(8, clip_id="set/actor/another")
    frames = clip.render()
    assert len(frames) == 8
    face, label, _ = panels(frames[4])
    assert np.percentile(face, 60) - np.percentile(face, 20) < 4  # an even ground with a few words
    assert "0 face images" in caplog.text


@pytest.mark.parametrize("which", ["labels", "prediction"])
def test_unusable_table_gives_a_short_video_with_words(clip, which):
    clip.write(which, "labels", "no face in any of 90 frames")
    frames = clip.render()
    assert 10 <= len(frames) <= 60
    dark = (frames[0].min(2) < 128).sum()
    assert 300 < dark < 0.05 * frames[0].shape[0] * frames[0].shape[1]


def test_labels_of_another_rig_are_refused(clip, capsys):
    clip.labels(clip.weights, rig="ict-facekit")
    assert clip.run() == 1
    assert "was fitted with rig 'ict-facekit'" in capsys.readouterr().err
    assert not (clip.folder / "out.mp4").exists()


def test_animation_has_a_frame_for_every_row_and_the_mouth_moves(tmp_path):
    weights = np.zeros((6, 52), np.float32)
    weights[3:, INDEX["jawOpen"]] = 1
    render_animation(tmp_path / "a.mp4", synthetic_rig(), weights, np.zeros((6, 3)), fps=25,
                     audio=np.zeros(SR // 4, np.float32), sr=SR, size=121, progress=False)  # fmt: skip
    frames = [frame.astype(int) for frame in decode_rgb(tmp_path / "a.mp4")]
    assert len(frames) == 6
    assert frames[0].shape == (122, 122, 3)
    assert np.abs(frames[5] - frames[0]).mean() > 5 * np.abs(frames[1] - frames[0]).mean()
    assert probe_video(tmp_path / "a.mp4").fps == 25


def test_portrait_shows_the_whole_face_at_the_size_asked():
    rig = synthetic_rig()
    camera, translation = portrait_camera(rig, 200, face_fraction=0.5)
    placed = camera.project(rig.neutral[rig.landmarks] + translation)
    assert 0 < placed.min() < placed.max() < 200
    low, high = rig.neutral[rig.landmarks[:17], 1].min(), rig.neutral[rig.landmarks[17:27], 1].max()
    assert camera.focal * (high - low) / 900 == pytest.approx(100)


def test_build_rig_writes_a_rig_that_loads(tmp_path, caplog):
    synthetic_rig().save(tmp_path / "source.npz")
    settings = json.dumps({"kind": "npz", "source": str(tmp_path / "source.npz"), "identity_modes": 2})
    with caplog.at_level(logging.INFO):
        assert main(["build-rig", "--settings", settings, "--out", str(tmp_path / "rig.npz")]) == 0
    assert len(Rig.load(tmp_path / "rig.npz").identity) == 2
    assert "rig 'synthetic'" in caplog.text
    assert main(["build-rig", "--settings", '{"kind": "npz"}', "--out", str(tmp_path / "no.npz")]) == 1
    assert not Path(tmp_path / "no.npz").exists()
