import csv
import json
from fractions import Fraction

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.export.animation import ARKIT_NAMES, Animation, Sound, arkit_weights
from speechface.export.livelink import HEADER, timecode
from speechface.export.registry import FORMATS
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import REPORT46
from speechface.synthesis.visemes import INDEX
from speechface.tables import read_table


@pytest.fixture
def animation():
    rng = np.random.default_rng(3)
    weights = rng.random((100, len(CHANNELS))).astype(np.float32)
    rotations = rng.normal(0, 0.1, (100, 3)).astype(np.float32)
    sound = Sound(np.zeros(1600, np.float32), 16000, "hello.wav")
    return Animation("hello", Fraction(30000, 1001), weights, rotations, CHANNELS, sound=sound, meta={"model": "cnn"})


def test_arkit_has_52_distinct_names_in_two_orders():
    assert len(set(ARKIT_NAMES)) == 52
    assert tuple(sorted(ARKIT_NAMES)) == CHANNELS


@pytest.mark.parametrize("channels", [CHANNELS, REPORT46])
def test_every_weight_arrives_under_its_own_arkit_name(channels):
    for k, name in enumerate(channels):
        weights = np.zeros((1, len(channels)), np.float32)
        weights[0, k] = 1
        moved = {ARKIT_NAMES[k] for k in np.nonzero(arkit_weights(weights, channels)[0])[0]}
        expected = {"noseSneerLeft", "noseSneerRight"} if name == "noseSneer" else {name}
        assert moved == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00:00.000"), (0.5, "00:00:00:30.000"), (3661 + 2.944 / 60, "01:01:01:02.944")],
)
def test_timecode_counts_sixtieths_of_a_second(seconds, text):
    assert timecode(round(seconds * 60_000)) == text


def test_livelink_csv_has_63_columns_and_times_that_read_back(animation, tmp_path):
    path = FORMATS["livelink"].write(animation, tmp_path)
    rows = list(csv.reader(open(path)))
    assert path.name == "hello_1_speechface_cal.csv"
    assert rows[0] == list(HEADER)
    assert rows[0][:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert {len(row) for row in rows} == {63}
    assert {row[1] for row in rows[1:]} == {"61"}
    stamps = []
    for row in rows[1:]:
        hour, minute, second, frame = row[0].split(":")
        stamps.append(int(hour) * 3600 + int(minute) * 60 + int(second) + float(frame) / 60)
    np.testing.assert_allclose(stamps, animation.times, atol=0.5e-3 / 60 + 1e-9)  # rounded to 1/1000 of a sixtieth
    jaw = [float(row[HEADER.index("JawOpen")]) for row in rows[1:]]
    np.testing.assert_allclose(jaw, animation.weights[:, INDEX["jawOpen"]], atol=5e-7)  # six decimals
    yaw = [float(row[HEADER.index("HeadYaw")]) for row in rows[1:]]
    np.testing.assert_allclose(yaw, animation.rotations[:, 1], atol=5e-7)


def test_json_gives_as_many_rows_and_names_as_it_announces(animation, tmp_path):
    content = json.load(open(FORMATS["json"].write(animation, tmp_path)))
    assert content["numFrames"] == len(content["weightMat"]) == 100
    assert content["numPoses"] == len(content["facsNames"]) == {len(row) for row in content["weightMat"]}.pop()
    assert content["exportFps"] == pytest.approx(29.97, abs=1e-3)


def test_parquet_round_trip(animation, tmp_path):
    table = read_table(FORMATS["parquet"].write(animation, tmp_path))
    np.testing.assert_array_equal(table.stack(CHANNELS), animation.weights)
    assert table.meta["model"] == "cnn"
    assert table.meta["channels"] == list(CHANNELS)


def test_a_rig_s_own_channels_are_written_under_their_names(animation, tmp_path):
    animation.weights, animation.channels = animation.weights[:, :2], ("tongueOut", "jawOpen")
    table = read_table(FORMATS["parquet"].write(animation, tmp_path))
    assert table.meta["channels"] == ["tongueOut", "jawOpen"]
    moved = arkit_weights(animation.weights, animation.channels)
    np.testing.assert_array_equal(moved[:, ARKIT_NAMES.index("tongueOut")], animation.weights[:, 0])
    assert np.count_nonzero(moved.any(0)) == 2


@pytest.mark.usefixtures("graphics")
@pytest.mark.parametrize("name", FORMATS)
def test_every_registered_format_writes_one_file(name, animation, tmp_path):
    synthetic_rig().save(tmp_path / "rig.npz")
    animation.rig_file, animation.image_size = str(tmp_path / "rig.npz"), 64
    path = FORMATS[name].write(animation, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [path.name]
    assert FORMATS[name].DESCRIPTION
