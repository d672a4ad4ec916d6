"""Labels by MediaPipe's points on real clips, by the commands: lips that touch touch, open ones stay open."""

import json

import numpy as np
import pytest

from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.geometry import ibug
from speechface.landmarks.detectors.mediapipe import PROFILE
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import GAZE
from speechface.rig.rig import Rig
from speechface.synthesis.visemes import INDEX

pytestmark = pytest.mark.clips


def run(command, **options):
    assert main([command, *(str(word) for name, value in options.items() for word in (f"--{name}", value))]) == 0


@pytest.fixture(scope="module")
def labels(shared_clips, shared_models, tmp_path_factory):
    """Landmarks and labels of a sentence, and the rig."""
    folder = tmp_path_factory.mktemp("mediapipe")
    paths = {name: folder / name for name in ("rig.npz", "landmarks.parquet", "identity.npz", "labels.parquet")}
    rig, landmarks, identity, table = paths.values()
    clip, source = "grid/x06/sbwe5n", shared_clips / "grid/x06/sbwe5n.mpg"
    model = json.dumps({"detector": "mediapipe", "model": str(shared_models / "face_landmarker.task")})
    run("build-rig", out=rig, settings='{"identity_modes": 10}')
    run("detect-landmarks", clips=f"{clip}={source}", settings=model, out=landmarks)
    run("fit-identity", landmarks=landmarks, rig=rig, out=identity)
    run("fit-labels", landmarks=landmarks, identity=identity, rig=rig, out=table)
    return ClipTable(landmarks).read(clip), ClipTable(table).read(clip), Rig.load(rig)


def test_shut_lips_are_shut_and_open_ones_open(labels):
    landmarks, rows, rig = labels
    gap = PROFILE.lip_gap(landmarks["landmarks"]) / PROFILE.interocular(landmarks["landmarks"])
    rest = rig.neutral[rig.landmarks]
    moved = rest + rig.displacement(rows.stack(CHANNELS), rig.landmarks)
    beyond = ibug.lip_gap(moved) - ibug.lip_gap(rest)
    shut, wide = gap < 0.006, gap > 0.05
    assert min(shut.sum(), wide.sum()) > 10
    assert np.abs(beyond[shut]).max() < 1.0  # mm; 1.8 without contact
    assert beyond[wide].min() > 2.0
    assert np.corrcoef(beyond, gap)[0, 1] > 0.97


def test_the_fit_meets_the_points_and_gaze_is_seen(labels):
    _, rows, _ = labels
    assert rows["used"].all()
    assert rows.meta["quality"]["reprojection_pct_iod"] < 0.8
    assert np.array(rows.meta["observed"])[[INDEX[name] for name in GAZE]].all()
    looks = rows.stack(GAZE)
    assert 0.02 < looks.max() < 0.7
