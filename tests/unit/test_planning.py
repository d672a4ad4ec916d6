"""What `speechface plan` promises: counts that are exact, costs that follow the rates, unknowns that stay unknown."""

import importlib.util
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml

from speechface import cli, planning
from speechface.commands.plan import measured_rates, measured_training
from speechface.config import resolve
from speechface.datasets.base import Clip, list_clips
from speechface.errors import ConfigError
from speechface.planning import RATES, TRAINING_CORE_MS, Rate, batch_lines, plan_lines, training_minutes
from speechface.tables import write_table

ROOT = Path(__file__).resolve().parents[2]


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory):
    """Config and clips of an empty folder with RAVDESS's names."""
    root = tmp_path_factory.mktemp("ravdess")
    tree = load_script("ravdess_shaped_tree")
    for actor in range(1, 25):
        (root / f"Actor_{actor:02d}").mkdir()
        for name in tree.names(actor):
            (root / f"Actor_{actor:02d}" / name).touch()
    config = resolve(yaml.safe_load(tree.CONFIG.format(root=root)))
    return config, list_clips(config)


def test_the_tree_has_ravdess_s_shape(ravdess):
    _, clips = ravdess
    assert len(clips) == 2452  # 24 x 60 spoken + 23 x 44 sung
    assert sum(clip.channel == "song" for clip in clips) == 23 * 44
    assert {clip.channel for clip in clips if clip.actor == "Actor_18"} == {"speech"}
    assert sum(clip.split == "test" for clip in clips) == 4 * 104


def test_jobs_at_every_batch_are_counted_exactly(ravdess):
    config, clips = ravdess
    counts = {size: jobs for size, jobs, _ in batch_lines(config, clips, sizes=["clip", "actor", 10])}
    stages = 6  # sound, landmarks, face images, two features, labels
    assert counts == {"clip": 2452 * stages, "actor": 24 * stages, 10: (23 * 11 + 6) * stages}


def test_start_up_falls_with_the_number_of_jobs(ravdess):
    config, clips = ravdess
    (_, many, long), (_, few, short) = batch_lines(config, clips, sizes=["clip", "actor"])
    assert long / short == pytest.approx(many / few, rel=1e-9)  # every stage has the same ratio


def test_hours_and_bytes_follow_frames_and_rates(ravdess):
    config, clips = ravdess
    rates = {"detect_landmarks": Rate(10.0, 1.0, 1000.0)}
    line = {line.stage: line for line in plan_lines(config, dict.fromkeys(clips, 100), rates=rates)}
    found = line["detect_landmarks"]
    assert (found.frames, found.disk_bytes) == (245_200, 245_200_000)
    assert found.core_hours == pytest.approx(245_200 * 0.010 / 3600)
    assert line["predict"].frames == 416 * 100 * (2 + 4)  # two models and four baselines, test clips only


def test_training_counts_all_epochs_of_every_seed_and_model(ravdess):
    config, clips = ravdess
    config = {**config, "seeds": [0, 1], "training": {**config["training"], "epochs": 7, "epoch_samples": 1000}}
    lines = {line.stage: line for line in plan_lines(config, dict.fromkeys(clips, 100), training_ms={"cnn": 3.6})}
    assert lines["train_model cnn"].frames == 2 * 7 * 1000
    assert lines["train_model cnn"].core_hours == pytest.approx(14_000 * 3.6e-3 / 3600)


def test_time_of_a_training_is_shared_by_its_threads_and_processes(ravdess):
    model, training = ravdess[0]["models"]["cnn"], ravdess[0]["training"]
    training = {**training, "epochs": 300, "epoch_samples": 50_000, "threads": 1}
    alone = training_minutes(model, training, train_frames=1)
    assert alone == pytest.approx(300 * 50_000 * TRAINING_CORE_MS["spectrogram"] / 60e3)
    shared = training_minutes(model, {**training, "threads": 2, "processes": 4}, train_frames=1)
    assert shared == pytest.approx(alone / 8)
    on_gpu = training_minutes(model, {**training, "gpus": 1}, train_frames=1)
    assert on_gpu == pytest.approx(300 * 50_000 * planning.TRAINING_GPU_MS["spectrogram"] / 60e3)


def test_gpu_hours_are_unknown_until_measured(ravdess, monkeypatch):
    monkeypatch.setattr(planning, "TRAINING_GPU_MS", {})
    config, clips = ravdess
    config = {**config, "training": {**config["training"], "gpus": 1}}
    frames = dict.fromkeys(clips, 100)
    unknown = {line.stage: line for line in plan_lines(config, frames)}["train_model cnn"]
    assert (unknown.core_hours, unknown.gpu_hours) == (0.0, None)
    known = {line.stage: line for line in plan_lines(config, frames, gpu_ms={"cnn": 0.1})}["train_model cnn"]
    assert known.gpu_hours == pytest.approx(known.frames * 0.1e-3 / 3600)
    monkeypatch.setattr(planning, "TRAINING_GPU_MS", {"spectrogram": 0.2})
    carried = {line.stage: line for line in plan_lines(config, frames)}["train_model cnn"]
    assert carried.gpu_hours == pytest.approx(2 * known.gpu_hours)


def test_face_images_of_all_clips_come_with_the_landmarks_and_those_of_few_by_themselves(ravdess):
    config, clips = ravdess
    lines = {}
    for which in ("all", "shown"):
        changed = {**config, "crops": {**config["crops"], "clips": which}}
        found = [line for line in plan_lines(changed, dict.fromkeys(clips, 100)) if line.stage == "crop_face"]
        assert len(found) == 1
        lines[which] = found[0]
    assert lines["all"].frames == 245_200
    assert lines["all"].core_hours == pytest.approx(245_200 * RATES["crop_face"].core_ms / 3.6e6)
    assert lines["shown"].frames == 100 * config["rendering"]["max_clips"]
    alone = RATES["crop_face alone"].core_ms
    assert lines["shown"].core_hours == pytest.approx(lines["shown"].frames * alone / 3.6e6)
    assert alone > 5 * RATES["crop_face"].core_ms  # the video is decoded again


def test_an_unknown_feature_has_unknown_cost():
    clip = Clip("set", "a", "c", "c.mp4", split="train")
    config = resolve({"datasets": {"set": {"adapter": "folder", "root": ".", "split": {"by": "clip"}}}})
    config["baselines"]["feature"] = "new_feature"
    line = {line.stage: line for line in plan_lines(config, {clip: 10})}["new_feature"]
    assert (line.core_hours, line.disk_bytes) == (None, None)


def finished_run(folder, *, frames, seconds):
    """Files of a run over two clips in one job: frame tables, a benchmark, landmark tables."""
    names = ("set/a/one", "set/a/two")
    for name, count in zip(names, frames):
        path = folder / "audio" / f"{name}.frames.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(path, {"frame": np.arange(count, dtype=np.int32)}, stage="audio")
        table = folder / "landmarks" / f"{name}.parquet"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_bytes(bytes(50 * count))
        (path.parent / f"{name.rsplit('/', 1)[1]}.flac").write_bytes(bytes(70 * count))
    benchmark = folder / "benchmarks/jobs/detect_landmarks/set/a.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text(f"s\th:m:s\n{seconds}\t0:00:01\n")
    return folder / "benchmarks/jobs"


def test_rates_of_a_finished_run_are_its_seconds_over_its_frames(tmp_path):
    start_up = RATES["detect_landmarks"].job_s
    rates = measured_rates(finished_run(tmp_path, frames=(100, 300), seconds=start_up + 4.0))
    assert set(rates) == {"detect_landmarks"}
    assert rates["detect_landmarks"].core_ms == pytest.approx(10.0)
    assert rates["detect_landmarks"].frame_bytes == pytest.approx(50)


def test_bytes_of_a_step_are_those_of_all_its_files(tmp_path):
    folder = finished_run(tmp_path, frames=(100, 300), seconds=1.0)
    (folder / "detect_landmarks").rename(folder / "extract_wav")
    tables = sum(path.stat().st_size for path in (tmp_path / "audio").rglob("*.parquet"))
    assert measured_rates(folder)["extract_wav"].frame_bytes == pytest.approx(70 + tables / 400)


def test_training_rates_come_from_the_models_own_record(tmp_path):
    place = tmp_path / "models/net/0"
    place.mkdir(parents=True)
    facts = {"name": "net", "history": {"epochs": 4, "frames": 999, "seconds": 8.0}, "training": {"epoch_samples": 500}}
    (place / "model.json").write_text(json.dumps(facts))
    assert measured_training(tmp_path / "benchmarks/jobs") == {"net": pytest.approx(4.0)}  # 8 s over 2,000 frames


def test_a_folder_without_benchmarks_is_named(tmp_path):
    with pytest.raises(ConfigError, match="results/benchmarks/jobs"):
        measured_rates(tmp_path)


def test_the_command_counts_the_frames_of_files_that_can_be_opened(tmp_path, capsys):
    from speechface.media import VideoWriter

    (tmp_path / "a").mkdir()
    for name, count in (("one", 10), ("two", 30)):
        path = tmp_path / "a" / f"{name}.mp4"
        with VideoWriter(path, width=32, height=32, fps=Fraction(25), audio=None, sr=None, crf=30) as writer:
            for _ in range(count):
                writer.write(np.zeros((32, 32, 3), np.uint8))
    dataset = {"adapter": "folder", "root": str(tmp_path), "role": "predict"}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"datasets": {"mine": dataset}}))
    assert cli.main(["plan", str(tmp_path / "c.yaml")]) == 0
    output = capsys.readouterr().out
    assert "about 40 frames (2 clips opened)" in output
    assert "<- configured" in output
