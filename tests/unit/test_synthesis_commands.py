from fractions import Fraction

import numpy as np
import pytest
from synthetic import synthetic_rig

from speechface.cli import main
from speechface.clip_tables import ClipTable
from speechface.files import write_npz
from speechface.geometry.rotation import matrix_from_euler
from speechface.media import decode_audio, decode_rgb, frame_times
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.actors import DemoActor, actor_digest, load_actor, pack

CLIP = "demo/Actor_01/01-01-03-02-02-01-01"
OTHER = "demo/Actor_01/01-01-05-01-01-01-01"
SETTINGS = '{"width": 160, "height": 160, "seed": 5}'


def person(sd=0.5):
    """An actor with the small synthetic face."""
    rig = synthetic_rig(0)
    return DemoActor(rig, np.full(len(rig.identity), sd, np.float32), {}, "bald", "male")


@pytest.fixture(scope="module")
def actors(tmp_path_factory):
    path = tmp_path_factory.mktemp("actors") / "actors.npz"
    write_npz(path, pack({1: person()}))
    return path


def make(folder, actors, *clips, settings=SETTINGS):
    pairs = [f"{clip}=x" for clip in clips or (CLIP,)]
    outputs = ["--videos", str(folder / "v.parquet"), "--truth", str(folder / "t.parquet")]
    return main(["make-demo-clips", "--clips", *pairs, "--actors", str(actors), "--settings", settings, *outputs])


def content(folder, clip=CLIP):
    """Bytes of the video and the rows of the truth."""
    video = ClipTable(folder / "v.parquet").arrow(clip, ["video"]).column(0)[0].as_py()
    return video, ClipTable(folder / "t.parquet").arrow(clip)


@pytest.fixture(scope="module")
def made(actors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    assert make(folder, actors) == 0
    return folder


@pytest.fixture(scope="module")
def truth(made):
    return ClipTable(made / "t.parquet").read(CLIP)


def test_the_same_name_gives_the_same_clip_whatever_was_made_before(made, actors, tmp_path):
    assert make(tmp_path, actors, OTHER, CLIP) == 0
    (video, truth), (again, truth_again) = content(made), content(tmp_path)
    assert truth.equals(truth_again)
    assert video["path"] == again["path"] == "01-01-03-02-02-01-01.mp4"
    first, second = (f"{folder / 'v.parquet'}::{CLIP}" for folder in (made, tmp_path))
    assert np.array_equal(decode_audio(first, sr=48000), decode_audio(second, sr=48000))
    for one, other in zip(decode_rgb(first), decode_rgb(second), strict=True):
        # one of a few hundred encodings of the very same images differs: x264 is not quite deterministic
        assert np.abs(one.astype(int) - other).max() <= 3
    assert content(tmp_path, OTHER)[0]["bytes"] != video["bytes"]


def test_another_head_makes_the_clip_again(actors, tmp_path, caplog):
    with caplog.at_level("INFO"):
        assert make(tmp_path, actors) == 0
        assert make(tmp_path, actors) == 0
        write_npz(tmp_path / "other.npz", pack({1: person(0.4), 2: person()}))
        assert make(tmp_path, tmp_path / "other.npz") == 0
    counts = [record.getMessage() for record in caplog.records if "made" in record.getMessage()]
    assert counts == [f"1 clips: {made} made, {1 - made} kept, 0 failed" for made in (1, 0, 1)]


def test_a_head_is_the_same_whoever_else_is_in_the_file(actors, tmp_path):
    write_npz(tmp_path / "more.npz", pack({1: person(0.5), 2: person(0.1)}))
    write_npz(tmp_path / "other.npz", pack({1: person(0.4)}))
    assert actor_digest(tmp_path / "more.npz", 1) == actor_digest(actors, 1)
    assert actor_digest(tmp_path / "more.npz", 2) != actor_digest(actors, 1)
    assert actor_digest(tmp_path / "other.npz", 1) != actor_digest(actors, 1)


def test_the_video_has_an_image_a_truth_row_and_sound_to_its_end(made, truth):
    source = f"{made / 'v.parquet'}::{CLIP}"
    times, fps = frame_times(source)
    assert fps == Fraction(30000, 1001)
    assert np.array_equal(times, truth["time"])
    assert np.array_equal(truth["frame"], np.arange(len(times)))
    images = list(decode_rgb(source))
    assert len(images) == len(times)
    assert images[0].shape == (160, 160, 3)
    audio = decode_audio(source, sr=48000)
    assert len(audio) / 48000 == pytest.approx(len(times) / float(fps), abs=1024 / 48000)  # one AAC block
    assert np.abs(audio).max() > 0.1


def test_truth_repeats_the_projection_from_its_own_columns(truth, actors):
    """Weights, rotation, camera and place in the table are enough to find every landmark again."""
    rig = load_actor(actors, 1).rig
    weights, angles = truth.stack(CHANNELS), truth.stack(ROTATIONS)
    centre, focal = np.array(truth.meta["centre_px"]), truth.meta["focal_px"]
    for k in (0, 20, len(truth) - 1):
        turned = rig.rotate_head(rig.mesh(weights[k]), matrix_from_euler(angles[k]))
        points = turned[rig.landmarks].astype(float) + truth.meta["translation_mm"]
        pixels = centre + focal * points[:, :2] * [1, -1] / -points[:, 2:]
        assert truth["landmarks"][k] == pytest.approx(pixels, abs=0.01)  # float32 mm


def test_truth_says_who_spoke_what(truth):
    meta = truth.meta
    assert meta["channels"] == list(CHANNELS)
    assert (meta["emotion"], meta["intensity"], meta["text"]) == ("happy", "strong", "Few people remember this shop!")
    assert meta["voice"] == "en-us+m1"
    assert len(meta["identity"]) == len(synthetic_rig(0).identity)
    assert meta["settings"] == {"width": 160, "height": 160, "fps": "30000/1001", "seed": 5}
    spoken = "".join(ipa for _, _, ipa, _ in meta["phonemes"])
    assert "b" in spoken


@pytest.mark.parametrize(
    "clip",
    ["demo/Actor_01/hello", "demo/Actor_01/02-01-03-02-02-01-01", "demo/Actor_02/01-01-03-02-02-01-01",
     "demo/Actor_01/01-01-03-02-07-01-01"],
)  # fmt: skip
def test_an_id_that_is_no_clip_is_one_clear_line(clip, actors, tmp_path, capsys):
    assert make(tmp_path, actors, clip) == 1
    message = capsys.readouterr().err.strip()
    assert clip in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_a_file_without_the_actor_is_one_clear_line(actors, tmp_path, capsys):
    assert make(tmp_path, actors, "demo/Actor_03/01-01-03-02-02-01-03") == 1
    assert "no actor 3 in it; build it again with 'speechface make-demo-actors'" in capsys.readouterr().err
    assert main(["make-demo-actors", "--n-actors", "25", "--out", str(tmp_path / "a.npz")]) == 1
    assert "--n-actors is 25; expected 1 to 24" in capsys.readouterr().err
