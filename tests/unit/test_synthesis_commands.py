from fractions import Fraction

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.cli import main
from speechface.commands.make_demo_clip import frame_rate_of
from speechface.errors import ConfigError
from speechface.files import write_npz
from speechface.geometry.rotation import matrix_from_euler
from speechface.media import decode_audio, decode_rgb, frame_times
from speechface.rig.channels import CHANNELS, ROTATIONS
from speechface.synthesis.cast import Member, load_member, member_digest, pack
from speechface.tables import read_table

CLIP = "01-01-03-02-02-01-01"
SETTINGS = '{"width": 160, "height": 160, "seed": 5}'


@pytest.fixture(scope="module")
def cast(tmp_path_factory):
    """A cast whose actor 1 has the small synthetic face."""
    rig = synthetic_rig(0)
    path = tmp_path_factory.mktemp("cast") / "cast.npz"
    write_npz(path, pack({1: Member(rig, np.full(len(rig.identity), 0.5, np.float32), {}, "bald", "male")}))
    return path


def make(folder, cast, clip=CLIP, settings=SETTINGS):
    folder.mkdir()
    arguments = ["make-demo-clip", "--clip", clip, "--out", str(folder / "v.mp4"), "--truth",
                 str(folder / "v.truth.parquet"), "--cast", str(cast), "--settings", settings]  # fmt: skip
    return main(arguments)


@pytest.fixture(scope="module")
def made(cast, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "first"
    assert make(folder, cast) == 0
    return folder


def test_a_second_run_gives_the_same_bytes(made, cast, tmp_path):
    assert make(tmp_path / "again", cast, clip="Actor_01/" + CLIP) == 0
    for name in ("v.mp4", "v.truth.parquet"):
        assert (made / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_a_clip_does_not_depend_on_the_clips_made_before_it(made, cast, tmp_path):
    names = ["01-01-05-01-01-01-01", CLIP]
    arguments = ["make-demo-clip", "--clip", *names, "--cast", str(cast), "--settings", SETTINGS]
    for option, suffix in (("--out", ".mp4"), ("--truth", ".truth.parquet")):
        arguments += [option, *(str(tmp_path / (name + suffix)) for name in names)]
    assert main(arguments) == 0
    for suffix in (".mp4", ".truth.parquet"):
        assert (tmp_path / (CLIP + suffix)).read_bytes() == (made / ("v" + suffix)).read_bytes(), suffix


def test_a_head_is_the_same_whoever_else_is_in_the_cast(cast, tmp_path):
    def member(sd):
        return Member(synthetic_rig(0), np.full(len(synthetic_rig(0).identity), sd, np.float32), {}, "bald", "male")

    write_npz(tmp_path / "more.npz", pack({1: member(0.5), 2: member(0.1)}))
    write_npz(tmp_path / "other.npz", pack({1: member(0.4)}))
    assert member_digest(tmp_path / "more.npz", 1) == member_digest(cast, 1)
    assert member_digest(tmp_path / "more.npz", 2) != member_digest(cast, 1)
    assert member_digest(tmp_path / "other.npz", 1) != member_digest(cast, 1)


def test_the_video_has_a_image_a_truth_row_and_sound_to_its_end(made):
    truth = read_table(made / "v.truth.parquet")
    times, fps = frame_times(made / "v.mp4")
    assert fps == Fraction(30000, 1001)
    assert np.array_equal(times, truth["time"])
    assert np.array_equal(truth["frame"], np.arange(len(times)))
    images = list(decode_rgb(made / "v.mp4"))
    assert len(images) == len(times)
    assert images[0].shape == (160, 160, 3)
    audio = decode_audio(made / "v.mp4", sr=48000)
    assert len(audio) / 48000 == pytest.approx(len(times) / float(fps), abs=1024 / 48000)  # one AAC block
    assert np.abs(audio).max() > 0.1


def test_truth_repeats_the_projection_from_its_own_columns(made, cast):
    """Weights, rotation, camera and place in the table are enough to find every landmark again."""
    truth = read_table(made / "v.truth.parquet")
    rig = load_member(cast, 1).rig
    weights, angles = truth.stack(CHANNELS), truth.stack(ROTATIONS)
    centre, focal = np.array(truth.meta["centre_px"]), truth.meta["focal_px"]
    for k in (0, 20, len(truth) - 1):
        turned = rig.rotate_head(rig.mesh(weights[k]), matrix_from_euler(angles[k]))
        points = turned[rig.landmarks].astype(float) + truth.meta["translation_mm"]
        pixels = centre + focal * points[:, :2] * [1, -1] / -points[:, 2:]
        assert truth["landmarks"][k] == pytest.approx(pixels, abs=0.01)  # float32 mm


def test_truth_says_who_spoke_what(made):
    meta = read_table(made / "v.truth.parquet").meta
    assert meta["channels"] == list(CHANNELS)
    assert (meta["emotion"], meta["intensity"], meta["text"]) == ("happy", "strong", "Dogs are sitting by the door!")
    assert meta["voice"] == "en-us+m1"
    assert len(meta["identity"]) == len(synthetic_rig(0).identity)
    assert meta["settings"] == {"width": 160, "height": 160, "fps": "30000/1001", "seed": 5}
    spoken = "".join(ipa for _, _, ipa, _ in meta["phonemes"])
    assert "b" in spoken


@pytest.mark.parametrize("clip", ["hello", "02-01-03-02-02-01-01", "Actor_02/" + CLIP, "01-01-03-02-07-01-01"])
def test_a_name_that_is_no_clip_is_one_clear_line(clip, cast, tmp_path, capsys):
    assert make(tmp_path / "x", cast, clip=clip) == 1
    message = capsys.readouterr().err.strip()
    assert clip in message
    assert "\n" not in message
    assert not list((tmp_path / "x").iterdir())


@pytest.mark.parametrize(("value", "expected"), [("30000/1001", Fraction(30000, 1001)), (25, Fraction(25)),
                                                 (29.97, Fraction(2997, 100)), ("24", Fraction(24))])  # fmt: skip
def test_frame_rates_are_exact(value, expected):
    assert frame_rate_of(value) == expected


@pytest.mark.parametrize("value", ["fast", "1/0", 0, -25, "1000"])
def test_other_frame_rates_are_refused(value):
    with pytest.raises(ConfigError, match="demo.fps"):
        frame_rate_of(value)
