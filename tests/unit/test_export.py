"""The formats that carry curves alone."""

import csv
import json
from fractions import Fraction

import numpy as np
import pytest
from animations import animation_of, talking

from speechface.errors import ConfigError
from speechface.export.animation import ARKIT_NAMES, arkit_weights
from speechface.export.livelink import HEADER, timecode
from speechface.export.registry import FORMATS
from speechface.export.rows import resampled, write_json
from speechface.rig.channels import ARKIT52, REPORT46
from speechface.tables import read_table
from web import node


@pytest.fixture
def animation(tmp_path):
    return animation_of(tmp_path, count=100)


def column(path, name):
    with open(path) as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


def test_arkit_has_52_distinct_names_in_two_orders():
    assert len(set(ARKIT_NAMES)) == 52
    assert tuple(sorted(ARKIT_NAMES)) == ARKIT52


@pytest.mark.parametrize("channels", [ARKIT52, REPORT46])
def test_every_weight_arrives_under_its_own_arkit_name(channels):
    for k, name in enumerate(channels):
        weights = np.zeros((1, len(channels)), np.float32)
        weights[0, k] = 1
        moved = {ARKIT_NAMES[k] for k in np.nonzero(arkit_weights(weights, channels)[0])[0]}
        expected = {"noseSneerLeft", "noseSneerRight"} if name == "noseSneer" else {name}
        assert moved == expected


@pytest.mark.parametrize(
    ("sixtieths", "text"), [(0, "00:00:00:00.000"), (30, "00:00:00:30.000"), (3661 * 60 + 2, "01:01:01:02.000")]
)
def test_timecode_counts_sixtieths_of_a_second(sixtieths, text):
    assert timecode(sixtieths) == text


@pytest.mark.parametrize("fps", [25, 30, Fraction(30000, 1001), 60, 120])
def test_resampled_rows_lie_on_the_line_and_last_as_long_as_the_recording(fps):
    frames = np.arange(200.0)[:, None]
    rows = np.stack(list(resampled(frames, fps, 60)))
    assert abs(len(rows) / 60 - 200 / fps) <= 0.5 / 60 + 1e-9
    expected = np.minimum(np.arange(len(rows)) / 60 * float(fps), 199)
    np.testing.assert_allclose(rows[:, 0], expected, rtol=1e-6)  # float32


def test_json_is_written_piece_by_piece_as_it_would_be_at_once(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2], "b": iter([[0.5], [1.5]]), "c": {"d": iter(()), "e": "ä"}})
    assert json.load(open(tmp_path / "a.json")) == {"a": [1, 2], "b": [[0.5], [1.5]], "c": {"d": [], "e": "ä"}}


def test_livelink_rows_are_at_60_a_second_with_exact_steps(animation, tmp_path):
    path = FORMATS["livelink"].write(animation, tmp_path / "out")
    rows = list(csv.reader(open(path)))
    assert path.name == "hello_1_speechface_cal.csv"
    assert rows[0] == list(HEADER)
    assert rows[0][:3] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft"]
    assert {len(row) for row in rows} == {63}
    assert {row[1] for row in rows[1:]} == {"61"}
    assert [row[0] for row in rows[1:]] == [timecode(k) for k in range(round(100 * 1001 / 500))]
    jaw = column(path, "JawOpen")
    expected = np.stack(list(resampled(animation.arkit, animation.fps, 60)))[:, ARKIT_NAMES.index("jawOpen")]
    np.testing.assert_allclose(jaw, expected, atol=1e-6)  # six decimals


def test_livelink_angles_have_the_recordings_signs(tmp_path):
    """Yaw is positive to the subject's right, pitch down; as recordings have it, eyeLookInLeft is positive yaw."""
    half = [0.5] * 3
    animation = talking(tmp_path, eyeLookInLeft=half, eyeLookOutRight=half, eyeLookDownLeft=half, eyeLookUpRight=half)
    animation.rotations[:] = [0.1, 0.2, 0.3]  # down, to the subject's left, crown to the subject's right
    path = FORMATS["livelink"].write(animation, tmp_path / "out")
    assert {column(path, name)[0] for name in ("HeadYaw", "HeadPitch", "HeadRoll")} == {-0.2, 0.1, -0.3}
    assert column(path, "LeftEyeYaw")[0] == pytest.approx(0.26, abs=1e-6)
    assert column(path, "RightEyeYaw")[0] == pytest.approx(0.26, abs=1e-6)
    assert column(path, "LeftEyePitch")[0] == -column(path, "RightEyePitch")[0] == pytest.approx(0.293, abs=1e-6)


def test_our_csv_has_the_columns_of_a_real_recording(animation, tmp_path, shared_motion):
    with open(shared_motion / "range_of_motion.csv") as file:
        real = [name.strip() for name in file.readline().split(",")]
    assert [name.lower() for name in HEADER] == [name.lower() for name in real]


def test_a2f_json_gives_as_many_rows_and_names_as_it_announces(animation, tmp_path):
    content = json.load(open(FORMATS["a2f_json"].write(animation, tmp_path)))
    assert content["numFrames"] == len(content["weightMat"]) == len(content["rotations"]) == 100
    assert content["numPoses"] == len(content["facsNames"]) == {len(row) for row in content["weightMat"]}.pop()
    assert content["exportFps"] == pytest.approx(29.97, abs=1e-3)
    turns = np.array(content["rotations"])
    assert turns.shape == (100, 1, 4)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=-1), 1, atol=1e-5)  # six decimals
    animation.rotations[:] = 0
    assert "joints" not in json.load(open(FORMATS["a2f_json"].write(animation, tmp_path)))


def test_a2f3d_csv_names_its_columns_as_the_sample_client(animation, tmp_path):
    path = FORMATS["a2f3d_csv"].write(animation, tmp_path)
    with open(path) as file:
        header = file.readline().strip().split(",")
    assert header[:2] == ["timeCode", "blendShapes.EyeBlinkLeft"]
    assert len(header) == 53
    np.testing.assert_allclose(column(path, "timeCode"), animation.times, atol=1e-6)
    np.testing.assert_allclose(column(path, "blendShapes.TongueOut"), animation.arkit[:, -1], atol=1e-6)


def test_beat_json_has_51_names_and_60_frames_a_second(animation, tmp_path):
    content = json.load(open(FORMATS["beat"].write(animation, tmp_path)))
    assert len(content["names"]) == 51
    assert "tongueOut" not in content["names"]
    assert {len(frame["weights"]) for frame in content["frames"]} == {51}
    assert content["frames"][60]["time"] == 1


def test_talkinghead_s_own_reader_gets_every_frame_at_its_time(animation, tmp_path):
    found = node("talkinghead.mjs", FORMATS["talkinghead"].write(animation, tmp_path / "out"))
    # it fills the value before the first in and repeats the last
    np.testing.assert_allclose(found["ts"][1:], animation.times * 1000, atol=2e-3)
    np.testing.assert_allclose(found["jaw"][1:101], animation.arkit[:, ARKIT_NAMES.index("jawOpen")], atol=1e-4)


def test_npy_is_a_record_a_frame_and_a_matrix(animation, tmp_path):
    records = np.load(FORMATS["npy"].write(animation, tmp_path))
    np.testing.assert_array_equal(records["jawOpen"], animation.weights[:, list(animation.channels).index("jawOpen")])
    matrix = records.view("f4").reshape(len(records), -1)
    np.testing.assert_array_equal(matrix[:, 1:-3], animation.weights)
    np.testing.assert_array_equal(matrix[:, -3:], animation.rotations)


def test_without_pyarrow_one_line_says_what_to_install(animation, tmp_path, monkeypatch):
    monkeypatch.setattr("speechface.export.parquet.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install pyarrow"):
        FORMATS["parquet"].write(animation, tmp_path)


def test_parquet_round_trip(animation, tmp_path):
    table = read_table(FORMATS["parquet"].write(animation, tmp_path))
    np.testing.assert_array_equal(table.stack(animation.channels), animation.weights)
    assert table.meta["model"] == "cnn"
    assert table.meta["channels"] == list(animation.channels)


def test_a_rig_s_own_channels_are_written_under_their_names(animation, tmp_path):
    animation.weights, animation.channels = animation.weights[:, :2], ("tongueOut", "jawOpen")
    table = read_table(FORMATS["parquet"].write(animation, tmp_path))
    assert table.meta["channels"] == ["tongueOut", "jawOpen"]
    np.testing.assert_array_equal(animation.arkit[:, ARKIT_NAMES.index("tongueOut")], animation.weights[:, 0])
    assert np.count_nonzero(animation.arkit.any(0)) == 2


def test_an_avatar_that_is_not_named_is_asked_for(animation, tmp_path):
    with pytest.raises(ConfigError, match="--avatar"):
        FORMATS["avatar"].write(animation, tmp_path)


@pytest.mark.usefixtures("graphics")
@pytest.mark.parametrize("name", FORMATS)
def test_every_registered_format_writes_one_file(name, animation, tmp_path):
    if name == "usd":
        pytest.importorskip("pxr", reason="needs usd-core")
    animation.avatar_file = str(FORMATS["glb"].write(animation, tmp_path))
    path = FORMATS[name].write(animation, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [path.name]
    assert FORMATS[name].DESCRIPTION
    assert path.name.endswith(FORMATS[name].SUFFIX) or name == "avatar"
