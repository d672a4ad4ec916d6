"""The parts of benchmarks/captured_motion.py that need neither images nor a capture."""

import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import captured_motion
import driven_heads
from driven_heads import LipGap, Motion, calibrated, cut, exact_points, gaze_degrees, read_live_link, spread_order

from speechface.export.livelink import HEADER
from speechface.geometry.rotation import matrix_from_euler
from speechface.landmarks.detectors.dlib import PROFILE
from speechface.render.pose import pose
from speechface.rig import builtin
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import REPORT46
from speechface.synthesis.scene import portrait, projected_landmarks
from speechface.synthesis.visemes import INDEX


@pytest.fixture(scope="module")
def rig():
    return builtin.build()


def weights_of(count, **values):
    weights = np.zeros((count, len(CHANNELS)), np.float32)
    for name, value in values.items():
        weights[:, INDEX[name]] = value
    return weights


def write_capture(path, header, *, frames, fps, **columns):
    """A CSV of Live Link Face that starts at 16:55:51."""
    lines = [",".join(header)]
    for frame in range(frames):
        second, part = divmod(frame, fps)
        row = [f"16:55:{51 + second if second < 9 else 59}:{part:02d}.000", "61"]
        row += [f"{columns[name][frame]:.6f}" if name in columns else "0" for name in header[2:]]
        lines.append(",".join(row))
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")


@pytest.mark.parametrize("count", ["BlendShapeCount", "BlendshapeCount", "blendshapecount"])
def test_a_capture_is_read_with_any_spelling_of_its_header(tmp_path, count):
    header = ["Timecode", count, *HEADER[2:]]
    open_jaw, yaw = np.linspace(0, 1, 240), np.linspace(-0.2, 0.2, 240)
    write_capture(tmp_path / "a.csv", header, frames=240, fps=60, JawOpen=open_jaw, HeadYaw=yaw)
    motion = read_live_link(tmp_path / "a.csv")
    assert motion.fps == 60
    assert len(motion.channels) == 52
    np.testing.assert_allclose(motion.on(["jawOpen"])[:, 0], open_jaw, atol=1e-6)  # six digits in the file
    # yaw is positive to the subject's right, our y turns to the left
    np.testing.assert_allclose(motion.rotations[:, 1], -yaw, atol=1e-6)
    assert not motion.rotations[:, [0, 2]].any()


def test_a_capture_without_head_motion_says_so(tmp_path):
    write_capture(tmp_path / "a.csv", HEADER, frames=90, fps=30, JawOpen=np.linspace(0, 1, 90))
    assert read_live_link(tmp_path / "a.csv").rotations is None
    assert read_live_link(tmp_path / "a.csv", 25).fps == 25


def test_another_table_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("time,jaw\n0,1\n")
    with pytest.raises(SystemExit, match="not a CSV of Live Link Face: no column timecode"):
        read_live_link(tmp_path / "a.csv")


def test_clips_of_a_fast_capture_have_30_frames_a_second():
    motion = Motion(("jawOpen",), np.arange(600.0)[:, None] / 600, None, Fraction(60))
    clips = cut(motion, 4.0)
    assert len(clips) == 2
    assert all(clip.fps == 30 and len(clip.weights) == 120 for clip in clips)
    np.testing.assert_array_equal(clips[1].weights[:2, 0], [240 / 600, 242 / 600])


@pytest.mark.parametrize("count", [1, 2, 7, 31, 32])
def test_every_beginning_of_the_order_is_spread(count):
    order = spread_order(count)
    assert sorted(order) == list(range(count))
    for taken in range(2, count + 1):
        # halving again and again: gaps differ by a factor of at most four, the last one open
        assert np.diff(sorted(order[:taken])).max() <= 4 * count / taken


def test_heads_take_different_clips_and_always_the_same():
    motion = Motion(("jawOpen",), np.random.default_rng(0).random((960, 1)), None, Fraction(30))
    first, again, other = (
        driven_heads.captured_clips(motion, head, clips=3, seconds=4, seed=0) for head in (0, 0, 1)
    )  # fmt: skip
    assert len(first) == len(other) == 3
    assert not set(first) & set(other)
    for name, clip in first.items():
        np.testing.assert_array_equal(clip.rotations, again[name].rotations)
        assert 1 < np.degrees(clip.rotations).std(0).max() < 15


def test_a_calibrated_capture_rests_at_zero_and_keeps_its_peaks():
    weights = 0.14 + np.concatenate([np.zeros(20), 0.86 * np.linspace(0, 1, 980)])[:, None]
    relative = calibrated(Motion(("mouthFunnel",), weights, None, Fraction(30))).weights
    assert relative[:10].max() < 1e-9
    assert relative.max() == pytest.approx(1)


def test_a_mouth_closes_only_what_the_jaw_has_opened():
    motion = Motion(("jawOpen", "mouthClose"), np.array([[0.1, 0.3], [0.3, 0.1]]), None, Fraction(30))
    np.testing.assert_allclose(motion.on(CHANNELS)[:, INDEX["mouthClose"]], 0.1, rtol=1e-6)


def test_a_channel_of_both_sides_takes_their_mean_and_absent_ones_are_named():
    sides = np.stack([np.linspace(0, 0.4, 10), np.linspace(0, 0.8, 10), np.linspace(0, 1, 10)], 1)
    motion = Motion(("noseSneerLeft", "noseSneerRight", "tongueOut"), sides, None, Fraction(30))
    on = motion.on(REPORT46)
    assert on[-1, REPORT46.index("noseSneer")] == pytest.approx(0.6)
    assert np.count_nonzero(on[-1]) == 1
    assert motion.left_out(REPORT46) == ["tongueOut"]
    assert not motion.left_out(CHANNELS)


def test_lips_touch_at_rest_and_when_the_mouth_closes_over_an_open_jaw(rig):
    gap = LipGap(rig)
    opened = gap(np.concatenate([weights_of(1, jawOpen=value) for value in (0, 0.1, 0.3)]))
    assert opened[0] == 0
    assert 1 < opened[1] < opened[2]
    assert gap(weights_of(1, jawOpen=0.1, mouthClose=0.1))[0] < captured_motion.TOUCH_MM


def test_eyes_turn_the_way_their_channels_say(rig):
    turns = gaze_degrees(rig)
    for eye, side, out in ((0, "Left", 1), (1, "Right", -1)):
        up, left = turns[INDEX["eyeLookUp" + side], eye]
        assert 20 < up < 30
        assert abs(left) < 2
        assert 20 < out * turns[INDEX["eyeLookOut" + side], eye, 1] < 35  # the left eye looks out to the left
        assert not turns[INDEX["eyeLookUp" + side], 1 - eye].any()
    assert not turns[INDEX["jawOpen"]].any()


def test_exact_points_are_those_of_the_drawn_mesh_and_the_jaws_stand_outermost(rig, monkeypatch):
    monkeypatch.setattr(type(rig), "point_shapes", lambda self, scheme: self.points(scheme)[0].of(self.shapes))
    weights = weights_of(2, jawOpen=0.4, eyeLookDownLeft=0.8)
    rotations = np.array([[0.1, 0.0, 0.0], [0.0, 0.4, 0.1]])
    scene = portrait(rig, width=480, height=480, number=1, rng=np.random.default_rng(0))
    points = exact_points(rig, PROFILE, weights, rotations, scene)
    for k, turn in enumerate(matrix_from_euler(rotations)):
        mesh, _ = pose(rig, weights[k], None, turn, scene.translation)
        # float32 on 1,000 mm
        np.testing.assert_allclose(points[k, 17:], projected_landmarks(mesh, rig, scene.camera)[17:], atol=2e-3)
        ear = scene.camera.project(mesh[rig.contour[0]].astype(float))
        assert points[k, 0, 0] == pytest.approx(ear[:, 0].min(), abs=2)  # the outline is nearly upright there


def moved_clip(count, rng):
    weights = weights_of(count)
    weights[:, INDEX["jawOpen"]] = np.where(rng.random(count) < 0.4, 0, 0.3 + 0.3 * rng.random(count))
    return SimpleNamespace(weights=weights, rotations=0.1 * rng.normal(size=(count, 3)))


@pytest.fixture(scope="module")
def judge(rig):
    return captured_motion.Judge(rig)


def sums_of(judge, clips, found):
    """Summed statistics of clips with found weights and exact rotations in another frame of reference."""
    parts = []
    for clip, weights in zip(clips, found):
        every = np.ones(len(clip.weights), bool)
        rotation = matrix_from_euler([0.2, 0, 0]) @ matrix_from_euler(clip.rotations)
        parts.append(judge.sums(clip, judge.gap(clip.weights), weights, rotation, every, every))
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def test_slope_and_r_of_labels_that_move_half_as_far(judge):
    rng = np.random.default_rng(3)
    clips = [moved_clip(count, rng) for count in (30, 50)]
    sums = sums_of(judge, clips, [0.5 * clip.weights + 0.1 for clip in clips])
    r, slope, spread = captured_motion.moments(sums)
    jaw = INDEX["jawOpen"]
    assert r[jaw] == pytest.approx(1, abs=1e-6)
    assert slope[jaw] == pytest.approx(0.5, abs=1e-6)
    together = np.concatenate([clip.weights[:, jaw] for clip in clips])
    assert spread[jaw] == pytest.approx(together.std(), rel=1e-5)
    still = captured_motion.moments(sums_of(judge, clips, [0 * clip.weights for clip in clips]))
    assert still[0][jaw] == 0
    assert still[1][jaw] == 0
    assert np.isnan(still[0][INDEX["mouthFunnel"]])


def test_closures_of_exact_and_of_resting_labels(judge):
    clips = [moved_clip(60, np.random.default_rng(4))]
    counted = np.arange(len(CHANNELS)) == INDEX["jawOpen"]
    exact = captured_motion.scores(sums_of(judge, clips, [clips[0].weights]), counted)
    assert exact["shut lips found"] == 1
    assert exact["open lips sealed"] == 0
    assert exact["mouth, mm"] == 0
    assert exact["rotation, degrees"] == pytest.approx(0, abs=1e-4)  # only the head's place of reference differs
    rest = captured_motion.scores(sums_of(judge, clips, [0 * clips[0].weights]), counted)
    assert rest["shut lips found"] == 1
    assert rest["open lips sealed"] == 1
    assert rest["mouth, mm"] > rest["mouth centred, mm"] > 1


def test_a_constant_offset_costs_nothing_where_clips_are_centred(judge):
    clips = [moved_clip(40, np.random.default_rng(5))]
    shifted = clips[0].weights + weights_of(40, mouthFunnel=0.2, eyeLookUpLeft=0.2)
    found = captured_motion.scores(sums_of(judge, clips, [shifted]), np.arange(len(CHANNELS)) == INDEX["jawOpen"])
    assert found["mouth, mm"] > 0.5
    assert found["mouth centred, mm"] < 1e-5
    assert found["gaze, degrees"] == pytest.approx(0.2 * 22.3 / 2, rel=0.05)  # one of two eyes, 22 degrees at weight 1
