"""The whole workflow on a tiny dataset: what comes out, what runs again, what is listed as unusable."""

import csv
import json
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from .conftest import ROOT, snakemake

pytestmark = pytest.mark.workflow

METRICS = {
    "mse_weights_e2", "rmse_landmarks_mm", "rmse_mouth_mm", "rmse_eyes_mm", "rmse_brows_mm", "temporal_smoothness_e2",
    "self_smoothness_e2", "lve_mm", "lve_mm2", "mve_mm", "fdd_mm2", "lip_gap_r", "lip_gap_r_speech", "r2_mouth",
    "r2c_mouth", "rmse_mouth_centred_mm", "lip_lag_frames", "rotation_deg",
}  # fmt: skip


def planned(output):
    """Rule -> number of jobs of a dry run's job table."""
    rows = re.findall(r"^(\w+) +(\d+)$", output.split("Job stats:")[1], re.M) if "Job stats:" in output else []
    return {name: int(count) for name, count in rows if name != "total"}


def with_change(folder, *options, **sections):
    """Options that plan the run with changed config sections."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for section, change in sections.items():
        config[section] = {**config.get(section, {}), **change}
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(path), "--cores", "2", "--dry-run", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=300)


def test_every_rule_ran(finished_run):
    rules = set(re.findall(r"^(\w+)(?: \(.*)?$", snakemake(finished_run, "--list-rules", "--quiet", "all"), re.M))
    ran = set(re.findall(r"^Job \d+: (\w+)", (finished_run / "snakemake.txt").read_text(), re.M))
    # downloads, two shorter targets, what unpacks files for people (test_shards.py), and the package's own model
    assert rules - ran == {"fetch_rig", "fetch_model", "prepare", "labels", "wav", "crops", "starter"}


def test_the_model_of_landmarks_is_fetched_where_the_detector_needs_it(finished_run):
    assert "fetch_model" not in planned(with_change(finished_run, "--forceall").stdout)
    other = planned(with_change(finished_run, landmarks={"detector": "mediapipe"}).stdout)
    assert other["fetch_model"] == 1
    assert other["detect_landmarks"] > 0
    (finished_run / "own.task").touch()
    own = planned(with_change(finished_run, landmarks={"detector": "mediapipe", "model": "own.task"}).stdout)
    assert "fetch_model" not in own


def test_metrics_hold_every_promised_name_for_models_and_baselines(finished_run):
    table = pd.read_parquet(finished_run / "results/evaluation/metrics.parquet")
    columns = "model seed dataset split group value_of_group metric unit value low high n_clips".split()
    assert list(table.columns[: len(columns)]) == columns
    assert set(table.metric) >= METRICS
    assert set(table.model) == {"cnn", "gru", "tcn", "raw", "all_tcn", "neutral", "mean", "ridge", "knn"}
    whole = table[(table.group == "all") & (table.metric == "rmse_mouth_mm") & (table.split == "test")]
    assert len(whole) == 9
    assert (whole.low <= whole.value).all()
    assert (whole.value <= whole.high).all()
    assert (whole.value > 0).all()
    with open(finished_run / "results/evaluation/metrics.csv") as file:
        assert next(csv.reader(file))[: len(columns)] == columns


def test_unusable_clips_are_listed_with_their_reason_and_the_others_are_used(finished_run):
    clips = pd.read_parquet(finished_run / "results/splits/clips.parquet").set_index("clip")
    for name in ("broken", "no_face", "no_sound"):
        assert clips.split[name] == "excluded", name
        assert clips.reason[name], name
    demo = clips[clips.dataset == "demo"]
    assert sorted(demo.split) == ["test"] * 2 + ["train"] * 4
    assert (demo.reason.fillna("") == "").all()
    quality = pd.read_parquet(finished_run / "results/labels/quality.parquet")
    columns = "dataset actor clip n_frames detection_rate reprojection_pct_iod lip_gap_r ear_blink_r jitter_mm"
    assert set(quality.columns) >= {*columns.split(), "used", "reason"}
    assert len(quality) == 9


def test_no_actor_trains_and_tests(finished_run):
    train = set(pd.read_parquet(finished_run / "results/splits/spectrogram/train.parquet", columns=["actor"]).actor)
    test = set(pd.read_parquet(finished_run / "results/splits/spectrogram/test.parquet", columns=["actor"]).actor)
    assert train == {"Actor_01", "Actor_02"}
    assert test == {"Actor_03"}


def test_labels_of_synthetic_actors_are_compared_with_their_truth(finished_run):
    truth = pd.read_parquet(finished_run / "results/labels/truth.parquet")
    columns = {"dataset", "actor", "clip", "channel", "r", "slope", "mae", "mouth_mm", "inner_mm", "rotation_deg"}
    assert set(truth.columns) >= columns
    assert truth.groupby(["actor", "clip"]).size().eq(52).all()
    assert truth.mouth_mm.between(0, 10).all()


def test_tables_say_where_they_come_from(finished_run):
    from speechface.tables import read_meta

    meta = read_meta(finished_run / "results/spectrogram/demo/Actor_01.parquet")
    assert meta["settings"]["hop_length"] == 128
    assert meta["provenance"]["speechface"]
    assert "commit" in meta["provenance"]


def test_rendered_clip_has_image_and_sound(finished_run):
    import av

    (path,) = (finished_run / "results/renders/cnn/demo").rglob("*.mp4")
    with av.open(str(path)) as container:
        assert container.streams.video
        assert container.streams.audio
        video = sum(1 for _ in container.decode(video=0))
    labels = pd.read_parquet(
        finished_run
        / "results/labels"
        / path.relative_to(finished_run / "results/renders/cnn").parent.with_suffix(".parquet"),
        columns=["clip"],
    )
    assert video == (labels["clip"] == path.stem).sum()


def test_a_second_run_has_nothing_to_do(finished_run):
    assert "Nothing to be done" in snakemake(finished_run)


def test_a_changed_spectrogram_parameter_reruns_what_depends_on_it_and_nothing_else(finished_run):
    rules = planned(with_change(finished_run, spectrogram={"top_db": 60}).stdout)
    assert rules["spectrogram"] == 4  # three demo actors, and the speaker of the odd videos
    assert {"build_split", "train_model", "predict", "evaluate"} <= set(rules)
    assert rules["train_model"] == 1  # the models on other features stay
    untouched = "extract_audio detect_landmarks crop_faces fit_labels fit_identity acoustics log_mel waveform"
    assert not {*untouched.split(), "make_demo_clips"} & set(rules)


def test_a_changed_training_parameter_reruns_training_and_no_preparation(finished_run):
    rules = planned(with_change(finished_run, training={"epochs": 3}).stdout)
    assert rules["train_model"] == 2  # the others have their own number of epochs
    assert not {"spectrogram", "build_split", "fit_labels", "fit_baseline"} & set(rules)


def test_report_is_one_html_file_with_the_figures(finished_run):
    snakemake(finished_run, "--report", "results/report.html")
    page = (finished_run / "results/report.html").read_text()
    assert "face_error" in page
    assert "results/page/index.html" in page, "the front says where the page is"
    assert len(page) > 100_000


def test_the_page_shows_faces_scores_and_every_figure(finished_run):
    page = finished_run / "results/page"
    text = (page / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="(media/[^"]+)"', text):
        assert (page / name).stat().st_size > 0, name
    shown = set(re.findall(r'<img src="media/(\w+).png"', text))
    assert {"lip_gap", "face_error", "models", "truth", "training"} <= shown
    assert text.count("<video") in (1, 2, 3)  # test clips are few: one may be best and median
    assert "3 clips left out" in text
    facts = json.loads((page / "media/examples.json").read_text())
    assert facts["split"] == "test"
    assert 'url=page/index.html"' in (finished_run / "results/index.html").read_text()
    card = (finished_run / "results/models/all_tcn/0/README.md").read_text()
    assert "mean of tcn" in card
    assert (finished_run / "results/ro-crate-metadata.json").exists()


def test_animate_turns_a_recording_into_video_and_curves(finished_run, tmp_path):
    snakemake(finished_run, "wav")
    sound = next((finished_run / "results/wav/demo/Actor_03").glob("*.wav"))
    model = finished_run / "results/models/gru/0/model.ckpt"
    command = [sys.executable, "-m", "speechface", "animate", str(sound), "--model", str(model), "--out", str(tmp_path)]
    command += ["--formats", "mp4", "livelink", "parquet", "a2f_json", "--size", "160"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    written = {path.rsplit("/", 1)[1] for path in run.stdout.split()}
    stem = sound.stem
    assert written == {f"{stem}.mp4", f"{stem}_1_speechface_cal.csv", f"{stem}.parquet", f"{stem}.a2f.json"}
    content = json.loads((tmp_path / f"{stem}.a2f.json").read_text())
    assert content["numFrames"] == len(pd.read_parquet(tmp_path / f"{stem}.parquet"))


def test_threads_and_gpus_reach_training_without_training_again(finished_run):
    change = {"threads": 1, "gpus": 1}
    assert "train_model" not in planned(with_change(finished_run, training=change).stdout)
    forced = with_change(
        finished_run, "--forcerun", "train_model", "--printshellcmds", "--quiet", "host", training=change
    )
    commands = re.findall(r"--threads (\d+) --gpus (\d+)", forced.stdout + forced.stderr)
    assert commands
    assert set(commands) == {("1", "1")}


def test_a_mistyped_key_stops_the_run_in_one_line(finished_run):
    config = yaml.safe_load((finished_run / "config.yaml").read_text())
    config["spectrogramm"] = {}
    (finished_run / "bad.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "-n"]
    command += ["--directory", str(finished_run), "--configfile", str(finished_run / "bad.yaml")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert run.returncode != 0
    assert "unknown key 'spectrogramm'" in run.stdout + run.stderr
