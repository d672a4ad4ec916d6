import json

import numpy as np
import pandas as pd
import pytest
from fitting_cases import FOCAL, FPS, moving_face, project

from speechface.cli import main
from speechface.commands.fit_identity import read_identity
from speechface.geometry.rotation import euler_from_matrix
from speechface.rig.channels import CHANNELS, INDEX, ROTATIONS
from speechface.tables import clip_path, read_table, write_table, write_unusable

SIZE = 400
SETTINGS = json.dumps({"focal_factor": FOCAL / SIZE, "identity_frames": 12})
FRAMES = 40


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Landmarks, truth, identity, labels and reports of one actor: two clips, one without a face."""
    folder = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    case = moving_face(0, frames=FRAMES)
    case.weights[:10] = 0
    observed = project(case.face.landmarks(case.weights), case.rotation, case.translation)
    case.rig.save(folder / "rig.npz")
    for clip in ("a", "b"):
        pixels = observed * (1, -1) + (SIZE - 1) / 2 + rng.normal(0, 0.2, observed.shape)
        detected = np.ones(FRAMES, bool)
        detected[17:19] = False
        pixels[~detected] = np.nan
        frames = np.arange(FRAMES, dtype=np.int32)
        write_table(
            clip_path(folder / "landmarks", "demo", "Actor_01", clip),
            {"frame": frames, "time": frames / FPS, "detected": detected, "landmarks": pixels.astype(np.float32)},
            stage="landmarks", meta={"width": SIZE, "height": SIZE, "fps": FPS, "detection_rate": detected.mean()},
        )  # fmt: skip
        angles = euler_from_matrix(case.rotation)
        truth = {"frame": frames, "time": frames / FPS}
        truth |= {name: angles[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
        truth |= {name: case.weights[:, k].astype(np.float32) for k, name in enumerate(CHANNELS)}
        write_table(folder / "demo" / "Actor_01" / f"{clip}.truth.parquet", truth, stage="demo")
    write_unusable(clip_path(folder / "landmarks", "demo", "Actor_01", "c"), "too dark", stage="landmarks")
    write_table(
        folder / "clips.parquet", {"dataset": ["demo"] * 3, "actor": ["Actor_01"] * 3, "clip": ["a", "b", "c"]},
        stage="clips",
    )  # fmt: skip
    tables = [str(clip_path(folder / "landmarks", "demo", "Actor_01", clip)) for clip in "abc"]
    common = ["--rig", str(folder / "rig.npz"), "--settings", SETTINGS]
    assert main(["fit-identity", "--landmarks", *tables, "--out", str(folder / "actor.npz"), *common]) == 0
    for clip, table in zip("abc", tables):
        out = str(clip_path(folder / "labels", "demo", "Actor_01", clip))
        identity = str(folder / "actor.npz")
        assert main(["fit-labels", "--landmarks", table, "--identity", identity, "--out", out, *common]) == 0
    return folder


def report(results, *more):
    return main([
        "label-report", "--clips", str(results / "clips.parquet"), "--landmarks-dir", str(results / "landmarks"),
        "--labels-dir", str(results / "labels"), "--out", str(results / "quality.parquet"), *more,
    ])  # fmt: skip


def test_labels_have_one_row_a_frame_and_the_promised_columns(results):
    table = read_table(clip_path(results / "labels", "demo", "Actor_01", "a"))
    assert len(table) == FRAMES
    expected = ["frame", "time", "detected", "used", "confidence", "reprojection_px", *ROTATIONS, "translation_x",
                "translation_y", "translation_z", *CHANNELS]  # fmt: skip
    assert list(table.columns) == expected
    assert np.flatnonzero(~table["used"]).tolist() == [17, 18]
    weights = table.stack(CHANNELS)
    assert np.isfinite(weights).all()
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (table["confidence"][[17, 18]] == 0).all()
    assert table.meta["channels"] == list(CHANNELS)
    assert len(table.meta["observed"]) == len(CHANNELS)
    assert table.meta["focal_px"] == pytest.approx(FOCAL)
    assert np.linalg.det(np.array(table.meta["rotation_reference"])) == pytest.approx(1)
    angles = table.stack(ROTATIONS)[table["used"]]
    assert np.abs(np.median(angles, 0)).max() < 0.02  # relative to the median pose


def test_labels_follow_the_motion(results):
    table = read_table(clip_path(results / "labels", "demo", "Actor_01", "a"))
    truth = read_table(results / "demo" / "Actor_01" / "a.truth.parquet")
    assert np.corrcoef(table["jawOpen"], truth["jawOpen"])[0, 1] > 0.95


def test_an_unusable_clip_stays_unusable_with_its_reason(results):
    table = read_table(clip_path(results / "labels", "demo", "Actor_01", "c"))
    assert not table.usable
    assert table.reason == "too dark"


def test_identity_leaves_out_unusable_clips_and_the_same_input_gives_the_same_bytes(results, tmp_path):
    identity = read_identity(results / "actor.npz")
    assert identity["status"] == "ok"
    assert (identity["clips"], identity["clips_left_out"]) == (2, 1)
    assert identity["landmark_offsets"].shape == (51, 2)
    tables = [str(clip_path(results / "landmarks", "demo", "Actor_01", clip)) for clip in "abc"]
    again = ["fit-identity", "--landmarks", *tables, "--rig", str(results / "rig.npz"), "--settings", SETTINGS]
    assert main([*again, "--out", str(tmp_path / "again.npz")]) == 0
    arrays, others = np.load(results / "actor.npz"), np.load(tmp_path / "again.npz")
    assert all((arrays[name] == others[name]).all() for name in arrays.files)


def test_an_estimated_focal_length_reaches_the_labels(results, tmp_path):
    table = str(clip_path(results / "landmarks", "demo", "Actor_01", "a"))
    common = ["--rig", str(results / "rig.npz"), "--settings", json.dumps({"focal_factor": 0, "identity_frames": 8})]
    identity, out = str(tmp_path / "actor.npz"), str(tmp_path / "labels.parquet")
    assert main(["fit-identity", "--landmarks", table, "--out", identity, *common]) == 0
    factor = read_identity(identity)["focal_factor"]
    assert 1.0 <= factor <= 5.0  # the range that is tried
    assert main(["fit-labels", "--landmarks", table, "--identity", identity, "--out", out, *common]) == 0
    assert read_table(out).meta["focal_px"] == pytest.approx(factor * SIZE)


def test_an_actor_without_a_face_has_an_identity_file_that_says_so(results, tmp_path):
    rig = str(results / "rig.npz")
    dark = str(clip_path(results / "landmarks", "demo", "Actor_01", "c"))
    identity = str(tmp_path / "nobody.npz")
    assert main(["fit-identity", "--landmarks", dark, "--rig", rig, "--out", identity]) == 0
    assert read_identity(identity)["status"] == "unusable"
    table = str(clip_path(results / "landmarks", "demo", "Actor_01", "a"))
    out = str(tmp_path / "labels.parquet")
    assert main(["fit-labels", "--landmarks", table, "--identity", identity, "--rig", rig, "--out", out]) == 0
    assert "too dark" in read_table(out).reason


def test_an_identity_of_another_rig_is_refused_in_one_line(results, tmp_path, capsys):
    case = moving_face(0, frames=2)
    case.rig.name = "other"
    case.rig.save(tmp_path / "other.npz")
    table = str(clip_path(results / "landmarks", "demo", "Actor_01", "a"))
    code = main(["fit-labels", "--landmarks", table, "--identity", str(results / "actor.npz"), "--rig",
                 str(tmp_path / "other.npz"), "--out", str(tmp_path / "x.parquet")])  # fmt: skip
    assert code == 1
    assert "fit-identity' again" in capsys.readouterr().err
    assert not (tmp_path / "x.parquet").exists()


def test_the_report_lists_every_clip_and_why_one_is_not_used(results, tmp_path):
    assert report(results, "--csv", str(tmp_path / "quality.csv"), "--actors", str(tmp_path / "actors.csv"),
                  "--flagged", str(tmp_path / "flagged.csv")) == 0  # fmt: skip
    table = read_table(results / "quality.parquet")
    promised = (
        "dataset actor clip n_frames detection_rate reprojection_pct_iod lip_gap_r ear_blink_r jitter_mm used reason"
    )
    assert list(table.columns)[:11] == promised.split()
    assert table["used"].tolist() == [True, True, False]
    assert list(table["reason"]) == ["", "", "too dark"]
    assert table["n_frames"].tolist() == [FRAMES, FRAMES, 0]
    np.testing.assert_allclose(table["detection_rate"][:2], 38 / 40, rtol=1e-6)
    assert (table["reprojection_pct_iod"][:2] < 1).all()  # 0.2 px of noise where the eyes are 120 px apart
    assert (table["reprojection_median_pct"] <= table["reprojection_worst_pct"])[:2].all()
    np.testing.assert_array_equal(table["n_used"], [38, 38, 0])
    assert (tmp_path / "quality.csv").read_text().count("\n") == 4
    actors = pd.read_csv(tmp_path / "actors.csv")
    assert actors[["actor", "clips", "clips_used", "n_used"]].to_numpy().tolist() == [["Actor_01", 3, 2, 76]]
    flagged = pd.read_csv(tmp_path / "flagged.csv")
    assert flagged[["clip", "first_frame", "last_frame", "reason"]].to_numpy().tolist() == [
        [clip, 17, 18, "no face"] for clip in "ab"
    ]


def test_the_truth_table_has_a_row_a_channel_and_small_errors(results, tmp_path):
    out = tmp_path / "truth.parquet"
    more = ["--truth-dir", str(results / "demo"), "--truth-out", str(out), "--rig", str(results / "rig.npz")]
    assert report(results, *more) == 0
    table = read_table(out)
    promised = "dataset actor clip channel r slope mae mouth_mm inner_mm rotation_deg"
    assert list(table.columns)[:10] == promised.split()
    assert len(table) == 2 * len(CHANNELS)
    jaw = table["channel"] == CHANNELS[INDEX["jawOpen"]]
    assert (table["r"][jaw] > 0.95).all()
    assert (table["rotation_deg"] < 1.5).all()  # of a head that turns by 20


def test_half_given_truth_options_are_refused(results, capsys):
    assert report(results, "--truth-dir", str(results / "demo")) == 1
    assert "go together" in capsys.readouterr().err
