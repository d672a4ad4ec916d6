"""A landmark detector from another package, by its name: from videos to labels by the profile it brings."""

import json
import subprocess
import sys

import numpy as np
import pytest
from synthetic import synthetic_rig, template_landmarks
from toys import toy_package

from speechface import media
from speechface.clip_tables import ClipTable
from speechface.rig.channels import ARKIT52 as CHANNELS

CLIPS = [f"data/someone/{name}" for name in ("left", "right", "dark")]
SIZE, FRAMES, WIDTH = 160, 24, 70

#: Points in the box of all bright pixels; the same code with 68 points and with five of its own scheme.
BRIGHT = '''
"""Takes all that is bright for the face and puts a mean face into it."""

import dataclasses

import numpy as np
from pydantic import Field

from speechface.landmarks.detector import Detector, DetectorSettings, Eye, Tracks
from speechface.landmarks.detectors.dlib import PROFILE as IBUG

POINTS = np.array(@POINTS@)


class BrightSettings(DetectorSettings):
    """All that is bright."""

    detector: str = "@NAME@"
    """bright"""
    threshold: int = Field(128, ge=1, le=254)
    """Grey level from which on a pixel belongs to the face."""


class Bright:
    def __init__(self, settings):
        self.threshold = settings.threshold

    def track(self, images):
        rows = [self.find(image.gray) for image in images]
        tracks = Tracks.empty(len(rows), len(POINTS))
        for k, box in enumerate(rows):
            if box is not None:
                tracks.detected[k], tracks.box[k], tracks.score[k] = True, box, 1
                tracks.landmarks[k] = box[:2] + POINTS * (box[2:] - box[:2])
        tracks.faces = int(tracks.detected.any())
        return tracks

    def find(self, gray):
        light = np.clip(gray.astype(float) - self.threshold, 0, None)
        if not light.any():
            return None
        y, x = np.mgrid[: gray.shape[0], : gray.shape[1]]
        middle = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
        half = np.sqrt((light > 0).sum()) / 2
        return np.concatenate([middle - half, middle + half])


PROFILE = @PROFILE@
DETECTOR = Detector(settings=BrightSettings, open=Bright, profile=PROFILE)
'''
#: Its points are iBUG's and err independently.
IBUG = "dataclasses.replace(IBUG, error_modes_mm=lambda: [])"
#: Eyes, nose and the corners of the mouth.
FIVE = """dataclasses.replace(
    IBUG, scheme="five", n_points=5, jaw=slice(0, 0), right_eye=Eye(slice(0, 1), (0, 0), ((0, 0),)),
    left_eye=Eye(slice(1, 2), (1, 1), ((1, 1),)),
)"""


def unit_points():
    """The mean face of the tests in the unit square, y down."""
    points = template_landmarks() * (1, -1)
    return (points - points.min(0)) / np.ptp(points, axis=0)


@pytest.fixture
def run(tmp_path):
    """Run a command where two detectors are installed; returns the finished process."""
    points = unit_points().round(6)
    five = [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    for name, chosen, profile in (("bright", points, IBUG), ("bright5", np.array(five), FIVE)):
        code = BRIGHT.replace("@POINTS@", str(chosen.tolist())).replace("@NAME@", name).replace("@PROFILE@", profile)
        environment = toy_package(tmp_path / "site", "detector", name, code, "DETECTOR")

    def run(command, **options):
        words = []
        for name, value in options.items():
            words += ["--" + name, *map(str, value if isinstance(value, list) else [value])]
        command = [sys.executable, "-m", "speechface", command, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


@pytest.fixture
def sources(tmp_path):
    """Two clips of a bright square that moves, and one that stays dark."""
    pairs = []
    for clip_id, way in zip(CLIPS, (-1, 1, None)):
        path = tmp_path / f"{clip_id.rsplit('/')[-1]}.mp4"
        with media.VideoWriter(path, width=SIZE, height=SIZE, fps=25, crf=10) as video:
            for k in range(FRAMES):
                image = np.zeros((SIZE, SIZE, 3), np.uint8)
                if way:
                    start = (SIZE - WIDTH) // 2 + way * k
                    image[45 : 45 + WIDTH, start : start + WIDTH] = 230
                video.write(image)
        pairs.append(f"{clip_id}={path}")
    return pairs


def test_a_detector_of_another_package_goes_from_videos_to_labels(run, sources, tmp_path):
    landmarks, identity, labels = (tmp_path / name for name in ("landmarks.parquet", "someone.npz", "labels.parquet"))
    settings = json.dumps({"detector": "bright", "threshold": 100})
    done = run("detect-landmarks", clips=sources, out=landmarks, settings=settings)
    assert done.returncode == 0, done.stderr
    table = ClipTable(landmarks)
    assert table.meta["detector"] == "bright"
    assert table.meta["settings"]["threshold"] == 100
    found = table.read(CLIPS[1])
    middle = (SIZE - 1) / 2 + np.arange(FRAMES)
    np.testing.assert_allclose(found["box"][:, [0, 2]].mean(1), middle, atol=0.5)  # h264 blurs edges
    np.testing.assert_allclose(found["landmarks"][0].mean(0), [80, 80], atol=WIDTH / 4)
    assert "a face in 0 of 24 frames" in table.read(CLIPS[2]).reason

    synthetic_rig().save(tmp_path / "rig.npz")
    common = {"landmarks": landmarks, "rig": tmp_path / "rig.npz", "settings": '{"identity_frames": 8}'}
    for command, more in (("fit-identity", {"out": identity}), ("fit-labels", {"identity": identity, "out": labels})):
        done = run(command, **common, **more)
        assert done.returncode == 0, done.stderr
    found = ClipTable(labels)
    assert found.meta["detector"] == "bright"
    left, right = (found.read(clip_id) for clip_id in CLIPS[:2])
    for table, way in ((left, -1), (right, 1)):
        assert table["used"].all()
        assert np.isfinite(table.stack(CHANNELS)).all()
        across = np.polyfit(np.arange(FRAMES), table["translation_x"], 1)[0]
        # the square is 70 px wide, the face 140 mm: 2 mm a frame
        assert across == pytest.approx(2 * way, rel=0.15)
    assert not found.read(CLIPS[2]).usable


def test_points_of_its_own_scheme_are_stored_and_cropped_but_the_rig_must_know_them(run, sources, tmp_path):
    landmarks, crops = tmp_path / "landmarks.parquet", tmp_path / "crops.parquet"
    done = run("detect-landmarks", clips=sources, out=landmarks, settings='{"detector": "bright5"}')
    assert done.returncode == 0, done.stderr
    rows = ClipTable(landmarks).read(CLIPS[0])
    assert rows["landmarks"].shape == (FRAMES, 5, 2)
    assert "landmarks_normalised" not in rows.columns
    done = run("crop-faces", clips=sources[:1], landmarks=landmarks, out=crops, settings='{"size": 32}')
    assert done.returncode == 0, done.stderr
    assert ClipTable(crops).clip_meta(CLIPS[0])["n_frames"] == FRAMES
    synthetic_rig().save(tmp_path / "rig.npz")
    done = run("fit-identity", landmarks=landmarks, rig=tmp_path / "rig.npz", out=tmp_path / "x.npz")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("speechface fit-identity")]
    assert "rig 'synthetic': the places of the points 'five' are not known" in line


def test_its_settings_are_checked_like_ours(run, tmp_path):
    done = run("detect-landmarks", clips=f"{CLIPS[0]}=x.mp4", out=tmp_path / "x", settings='{"detector": "brite"}')
    assert done.returncode == 1
    assert "did you mean 'bright" in done.stderr
    done = run("detect-landmarks", clips=f"{CLIPS[0]}=x.mp4", out=tmp_path / "x",
               settings='{"detector": "bright", "treshold": 3}')  # fmt: skip
    assert done.returncode == 1
    assert "unknown key 'treshold'; did you mean 'threshold'" in done.stderr
