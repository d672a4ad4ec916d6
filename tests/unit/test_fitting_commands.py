import json

import numpy as np
import pandas as pd
import pytest
from fitting_cases import FOCAL, FPS, moving_face, project
from stored import write_clip_table

from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable
from speechface.commands.fit_identity import read_identity
from speechface.geometry.rotation import euler_from_matrix
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.synthesis.visemes import INDEX
from speechface.tables import read_table, write_table

SIZE = 400
SETTINGS = json.dumps({"focal_factor": FOCAL / SIZE, "identity_frames": 12})
FRAMES = 40
A, B, DARK = (f"demo/Actor_01/{clip}" for clip in "abc")


def landmark_rows(case, rng):
    """Rows of landmarks of a clip; two frames show no face."""
    observed = project(case.face.landmarks(case.weights), case.rotation, case.translation)
    pixels = observed * (1, -1) + (SIZE - 1) / 2 + rng.normal(0, 0.2, observed.shape)
    detected = np.ones(FRAMES, bool)
    detected[17:19] = False
    pixels[~detected] = np.nan
    frames = np.arange(FRAMES, dtype=np.int32)
    columns = {"frame": frames, "time": frames / FPS, "detected": detected, "fault": np.zeros(FRAMES, np.int8),
               "landmarks": pixels.astype(np.float32)}  # fmt: skip
    return ClipRows(
        columns,
        {"detector": "dlib", "width": SIZE, "height": SIZE, "fps": FPS, "detection_rate": float(detected.mean())},
    )


def truth_rows(case):
    frames, angles = np.arange(FRAMES, dtype=np.int32), euler_from_matrix(case.rotation)
    truth = {"frame": frames, "time": frames / FPS}
    truth |= {name: angles[:, k].astype(np.float32) for k, name in enumerate(ROTATIONS)}
    truth |= {name: case.weights[:, k].astype(np.float32) for k, name in enumerate(CHANNELS)}
    return ClipRows(truth, {"channels": list(CHANNELS)})


def run(command, **options):
    """Run a command; values that are lists become several words."""
    words = []
    for name, value in options.items():
        words += ["--" + name.replace("_", "-"), *map(str, value if isinstance(value, list) else [value])]
    return main([command, *words])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Landmarks, truth, identity, labels and reports of one actor: two clips, one without a face."""
    folder = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    case = moving_face(0, frames=FRAMES)
    case.weights[:10] = 0
    case.rig.save(folder / "rig.npz")
    clips = {A: landmark_rows(case, rng), B: landmark_rows(case, rng), DARK: "too dark"}
    write_clip_table(folder / "landmarks.parquet", "landmarks", clips, shared=("detector",))
    write_clip_table(folder / "truth.parquet", "demo", {A: truth_rows(case), B: truth_rows(case)})
    write_table(
        folder / "clips.parquet", {"dataset": ["demo"] * 3, "actor": ["Actor_01"] * 3, "clip": ["a", "b", "c"]},
        stage="clips",
    )  # fmt: skip
    common = {"landmarks": folder / "landmarks.parquet", "rig": folder / "rig.npz", "settings": SETTINGS}
    assert run("fit-identity", out=folder / "actor.npz", **common) == 0
    assert run("fit-labels", identity=folder / "actor.npz", out=folder / "labels.parquet", **common) == 0
    return folder


def labels_of(results, clip):
    return ClipTable(results / "labels.parquet").read(clip)


def report(results, **more):
    return run(
        "label-report", clips=results / "clips.parquet", landmarks=results / "landmarks.parquet",
        labels=results / "labels.parquet", rig=results / "rig.npz", out=results / "quality.parquet", **more,
    )  # fmt: skip


def test_labels_have_one_row_a_frame_and_the_promised_columns(results):
    table = labels_of(results, A)
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
    table, truth = labels_of(results, A), ClipTable(results / "truth.parquet").read(A)
    assert np.corrcoef(table["jawOpen"], truth["jawOpen"])[0, 1] > 0.95


def test_an_unusable_clip_stays_unusable_with_its_reason(results):
    table = labels_of(results, DARK)
    assert not table.usable
    assert table.reason == "too dark"


def test_identity_leaves_out_unusable_clips_and_the_same_input_gives_the_same_bytes(results, tmp_path):
    identity = read_identity(results / "actor.npz")
    assert identity["status"] == "ok"
    assert (identity["clips"], identity["clips_left_out"]) == (2, 1)
    assert identity["landmark_offsets"].shape == (51, 2)
    again = {"landmarks": results / "landmarks.parquet", "rig": results / "rig.npz", "settings": SETTINGS}
    assert run("fit-identity", out=tmp_path / "again.npz", **again) == 0
    arrays, others = np.load(results / "actor.npz"), np.load(tmp_path / "again.npz")
    assert all((arrays[name] == others[name]).all() for name in arrays.files)


def test_clips_dealt_out_to_several_tables_give_the_same_identity(results, tmp_path):
    case, rng = moving_face(0, frames=FRAMES), np.random.default_rng(0)
    case.weights[:10] = 0
    rows = {A: landmark_rows(case, rng), B: landmark_rows(case, rng)}
    for name, clip in (("1of2", B), ("2of2", A)):
        write_clip_table(tmp_path / f"Actor_01.{name}.parquet", "landmarks", {clip: rows[clip]}, shared=("detector",))
    tables = sorted(tmp_path.glob("*.parquet"))
    assert run("fit-identity", landmarks=tables, rig=results / "rig.npz", settings=SETTINGS,
               out=tmp_path / "parts.npz") == 0  # fmt: skip
    arrays, others = np.load(results / "actor.npz"), np.load(tmp_path / "parts.npz")
    assert all((arrays[name] == others[name]).all() for name in ("identity", "landmark_offsets", "eye_closed"))


def test_an_estimated_focal_length_reaches_the_labels(results, tmp_path):
    common = {"landmarks": results / "landmarks.parquet", "rig": results / "rig.npz",
              "settings": json.dumps({"focal_factor": 0, "identity_frames": 8})}  # fmt: skip
    identity, out = tmp_path / "actor.npz", tmp_path / "labels.parquet"
    assert run("fit-identity", out=identity, **common) == 0
    factor = read_identity(identity)["focal_factor"]
    assert 1.0 <= factor <= 5.0  # the range that is tried
    assert run("fit-labels", identity=identity, out=out, **common) == 0
    assert ClipTable(out).read(A).meta["focal_px"] == pytest.approx(factor * SIZE)


def test_an_actor_without_a_face_has_an_identity_file_that_says_so(results, tmp_path):
    write_clip_table(tmp_path / "dark.parquet", "landmarks", {DARK: "too dark"})
    identity, out, rig = tmp_path / "nobody.npz", tmp_path / "labels.parquet", results / "rig.npz"
    assert run("fit-identity", landmarks=tmp_path / "dark.parquet", rig=rig, out=identity) == 0
    assert read_identity(identity)["status"] == "unusable"
    assert run("fit-labels", landmarks=results / "landmarks.parquet", identity=identity, rig=rig, out=out) == 0
    assert "too dark" in ClipTable(out).read(A).reason


def test_only_clips_whose_landmarks_changed_are_fitted_again(results, tmp_path, caplog):
    case, rng = moving_face(0, frames=FRAMES), np.random.default_rng(1)
    rows, table = {A: landmark_rows(case, rng), B: landmark_rows(case, rng)}, tmp_path / "landmarks.parquet"
    options = {"landmarks": table, "identity": results / "actor.npz", "rig": results / "rig.npz", "settings": SETTINGS,
               "out": tmp_path / "labels.parquet"}  # fmt: skip
    write_clip_table(table, "landmarks", rows, shared=("detector",))
    assert run("fit-labels", **options) == 0
    before = ClipTable(options["out"]).read(A)["jawOpen"]
    write_clip_table(table, "landmarks", rows | {B: landmark_rows(case, rng)}, shared=("detector",))
    with caplog.at_level("INFO"):
        assert run("fit-labels", **options) == 0
    assert "2 clips: 1 made, 1 kept" in caplog.text
    np.testing.assert_array_equal(ClipTable(options["out"]).read(A)["jawOpen"], before)


def test_an_identity_of_another_rig_fails_every_clip_in_one_line(results, tmp_path, capsys, caplog):
    case = moving_face(0, frames=2)
    case.rig.name = "other"
    case.rig.save(tmp_path / "other.npz")
    code = run("fit-labels", landmarks=results / "landmarks.parquet", identity=results / "actor.npz",
               rig=tmp_path / "other.npz", out=tmp_path / "x.parquet")  # fmt: skip
    assert code == 1
    assert "fit-identity' again" in caplog.text
    assert "2 of 3 clips failed" in capsys.readouterr().err


def test_landmarks_of_another_detector_than_the_identitys_are_refused(results, tmp_path, capsys):
    rows = landmark_rows(moving_face(0, frames=FRAMES), np.random.default_rng(0))
    rows.meta["detector"] = "another"
    write_clip_table(tmp_path / "other.parquet", "landmarks", {"demo/Actor_01/d": rows}, shared=("detector",))
    code = run("fit-labels", landmarks=tmp_path / "other.parquet", identity=results / "actor.npz",
               rig=results / "rig.npz", out=tmp_path / "x.parquet")  # fmt: skip
    assert code == 1
    assert "detector another" in capsys.readouterr().err
    assert run("fit-identity", landmarks=[tmp_path / "other.parquet", results / "landmarks.parquet"],
               rig=results / "rig.npz", out=tmp_path / "x.npz") == 1  # fmt: skip


def test_the_report_lists_every_clip_and_why_one_is_not_used(results, tmp_path):
    csvs = {name: tmp_path / f"{name}.csv" for name in ("csv", "actors", "flagged")}
    assert report(results, **csvs) == 0
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
    assert csvs["csv"].read_text().count("\n") == 4
    actors = pd.read_csv(csvs["actors"])
    assert actors[["actor", "clips", "clips_used", "n_used"]].to_numpy().tolist() == [["Actor_01", 3, 2, 76]]
    flagged = pd.read_csv(csvs["flagged"])
    assert flagged[["clip", "first_frame", "last_frame", "reason"]].to_numpy().tolist() == [
        [clip, 17, 18, "no face"] for clip in "ab"
    ]


def test_the_report_tells_of_lips_eyes_gaps_and_sound(results, tmp_path):
    sound = {"audio_delay_ms": 70.0, "delay_found_ms": 73.0, "delay_low_ms": 50.0, "delay_high_ms": 96.0,
             "delay_own_ms": -200.0, "delay_own_sigma_ms": 20.0}  # fmt: skip
    delays = {name: np.full(3, value) for name, value in sound.items()}
    delays |= {"sound_agreement": np.array([0.9, 0.02, np.nan]), "audio_delay_from": ["actor"] * 3,
               "dataset": ["demo"] * 3, "actor": ["Actor_01"] * 3, "clip": ["a", "b", "c"]}  # fmt: skip
    write_table(tmp_path / "delays.parquet", delays, stage="delays")
    assert report(results, delays=tmp_path / "delays.parquet", actors=tmp_path / "actors.csv") == 0
    table = read_table(results / "quality.parquet")
    assert table["used"].tolist() == [True, False, False]
    assert "sound and lips do not agree" in table["reason"][1]
    assert "-200 ms late" in table["reason"][1]
    assert ((table["lip_gap_amplitude"][:2] > 0.9) & (table["lip_gap_amplitude"][:2] < 1)).all()  # the prior shrinks it
    np.testing.assert_array_equal(table["gaps"], [1, 1, 0])
    np.testing.assert_allclose(table["longest_gap_s"][:2], 2 / FPS)
    assert (table["shut_fraction"][:2] >= 10 / 38).all()  # the first ten frames are at rest
    assert (table["shut_open_fraction"][:2] < 0.3).all()
    assert table["gaze_seen"].tolist()[:2] == [0, 0]  # dlib sees no irises
    assert list(table["audio_delay_from"]) == ["actor"] * 3
    actor = pd.read_csv(tmp_path / "actors.csv").iloc[0]
    assert (actor["audio_delay_ms"], actor["gaps"], actor["sound_agreement"]) == (70, 2, pytest.approx(0.02))


def test_a_clip_that_nobody_worked_on_is_listed_as_such(results, tmp_path):
    ids = {"dataset": ["demo"] * 2, "actor": ["Actor_01", "Actor_09"], "clip": ["a", "z"]}
    write_table(tmp_path / "clips.parquet", ids, stage="clips")
    tables = {name: results / f"{name}.parquet" for name in ("landmarks", "labels")}
    out = tmp_path / "quality.parquet"
    assert run("label-report", clips=tmp_path / "clips.parquet", rig=results / "rig.npz", out=out, **tables) == 0
    assert list(read_table(out)["reason"]) == ["", "it has no labels"]


def test_the_truth_table_has_a_row_a_channel_and_small_errors(results, tmp_path):
    out = tmp_path / "truth.parquet"
    assert run("label-truth", labels=results / "labels.parquet", truth=results / "truth.parquet",
               rig=results / "rig.npz", out=out, csv=tmp_path / "truth.csv") == 0  # fmt: skip
    table = read_table(out)
    promised = "dataset actor clip channel r slope mae mouth_mm inner_mm rotation_deg"
    assert list(table.columns)[:10] == promised.split()
    assert len(table) == 2 * len(CHANNELS)
    jaw = table["channel"] == CHANNELS[INDEX["jawOpen"]]
    assert (table["r"][jaw] > 0.95).all()
    assert (table["rotation_deg"] < 1.5).all()  # of a head that turns by 20


def test_labels_without_any_truth_are_refused(results, tmp_path, capsys):
    write_clip_table(tmp_path / "truth.parquet", "demo", {"demo/Actor_02/a": truth_rows(moving_face(0, frames=FRAMES))})
    assert run("label-truth", labels=results / "labels.parquet", truth=tmp_path / "truth.parquet",
               rig=results / "rig.npz", out=tmp_path / "x.parquet") == 1  # fmt: skip
    assert "no truth of any usable clip" in capsys.readouterr().err
