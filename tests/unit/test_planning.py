"""What `speechface plan` promises: counts that are exact, costs that follow the rates, unknowns that stay unknown."""

import dataclasses
import importlib.util
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from speechface import cli, planning
from speechface.clip_tables import ClipRows
from speechface.clip_updates import update_clip_tables
from speechface.commands.plan import measured_rates, measured_training
from speechface.config import parse_section, resolve
from speechface.datasets.base import Clip, list_clips
from speechface.errors import ClipError, ConfigError
from speechface.planning import RATES, TRAINING_CORE_MS, Rate, plan_lines, start_up_hours, training_minutes

ROOT = Path(__file__).resolve().parents[2]


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(config, **sections):
    """The config with other values in some sections."""
    plain = config.dump()
    for name, values in sections.items():
        if name == "models":
            plain["models"] = {key: {**entry, **values.get(key, {})} for key, entry in plain["models"].items()}
        else:
            plain[name] = {**plain[name], **values} if isinstance(values, dict) else values
    return resolve(plain)


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
    return config, list_clips(config.datasets)


def test_the_tree_has_ravdess_s_shape(ravdess):
    _, clips = ravdess
    assert len(clips) == 2452  # 24 x 60 spoken + 23 x 44 sung
    assert sum(clip.channel == "song" for clip in clips) == 23 * 44
    assert {clip.channel for clip in clips if clip.actor == "Actor_18"} == {"speech"}
    assert sum(clip.split == "test" for clip in clips) == 4 * 104


@pytest.mark.parametrize(("shard_clips", "jobs"), [(128, 24), (60, 23 * 2 + 1), (2000, 24)])
def test_jobs_are_the_shards(ravdess, shard_clips, jobs):
    config, clips = ravdess
    config = dataclasses.replace(config, shard_clips=shard_clips)
    count = {line.stage: line.jobs for line in plan_lines(config, dict.fromkeys(clips, 100))}
    for stage in ("extract_audio", "detect_landmarks", "spectrogram", "acoustics", "fit_labels"):
        assert count[stage] == jobs
    assert count["fit_identity"] == 24
    assert count["evaluate"] == 2 + 4  # two models and four baselines, of one dataset
    assert count["predict"] == 2 + 4
    assert count["crop_faces"] == count["render_clip"] == config.rendering.max_clips
    assert count["render_examples"] == 1


def test_start_up_follows_the_number_of_jobs_and_of_clips(ravdess):
    config, clips = ravdess
    lines = plan_lines(config, dict.fromkeys(clips, 100))
    rates = dict.fromkeys(RATES, Rate(None, 2.0, None)) | {
        f"train_model {name}": Rate(None, 2.0, None) for name in config.models
    }
    fixed, each = planning.JOB_OVERHEAD_S
    jobs = sum(line.jobs for line in lines)
    for n_clips in (1000, 2000):
        expected = jobs * (2.0 + fixed + each * n_clips / 1000) / 3600
        assert start_up_hours(lines, n_clips, rates=rates) == pytest.approx(expected)


def test_hours_and_bytes_follow_frames_and_rates(ravdess):
    config, clips = ravdess
    rates = {"detect_landmarks": Rate(10.0, 1.0, 1000.0)}
    line = {line.stage: line for line in plan_lines(config, dict.fromkeys(clips, 100), rates=rates)}
    found = line["detect_landmarks"]
    assert (found.frames, found.disk_bytes) == (245_200, 245_200_000)
    assert found.core_hours == pytest.approx(245_200 * 0.010 / 3600)
    assert line["predict"].frames == 416 * 100 * (2 + 4)  # two models and four baselines, test clips only
    assert line["render_examples"].frames == 3 * 100  # best, median, worst


def test_landmarks_and_labels_cost_what_they_do_with_the_detector(ravdess):
    config, clips = ravdess
    config = dataclasses.replace(config, landmarks=parse_section("landmarks", {"detector": "both"}))
    lines = {line.stage: line for line in plan_lines(config, dict.fromkeys(clips, 100))}
    for stage, rate in planning.DETECTOR_RATES["both"].items():
        assert lines[stage].core_hours == pytest.approx(245_200 * rate.core_ms / 3.6e6)
        assert rate.core_ms > RATES[stage].core_ms


def test_training_counts_all_epochs_of_every_seed_and_model(ravdess):
    config, clips = ravdess
    config = changed(config, seeds=[0, 1], training={"epochs": 7, "frames_per_epoch": 1000})
    lines = {line.stage: line for line in plan_lines(config, dict.fromkeys(clips, 100), training_ms={"cnn": 3.6})}
    assert lines["train_model cnn"].frames == 2 * 7 * 1000
    assert lines["train_model cnn"].core_hours == pytest.approx(14_000 * 3.6e-3 / 3600)


def test_an_ensemble_is_predicted_but_not_trained(ravdess):
    config, clips = ravdess
    models = {
        **config.dump()["models"],
        "both": {"family": "ensemble", "members": ["cnn", "cnn2"], "member_seeds": "all"},
    }
    models["cnn2"] = models["cnn"]
    config = resolve({**config.dump(), "models": models, "seeds": [0, 1, 2]})
    lines = {line.stage: line for line in plan_lines(config, dict.fromkeys(clips, 100))}
    assert "train_model both" not in lines
    assert lines["evaluate"].jobs == 3 * 3 + 1 + 4  # three models of three seeds, one of all of them, baselines


def test_time_of_a_training_is_shared_by_its_threads_and_processes(ravdess):
    model = ravdess[0].models["cnn"]

    def minutes(**values):
        training = changed(ravdess[0], training={"epochs": 300, "frames_per_epoch": 50_000, "threads": 1, **values})
        return training_minutes(model, training.training, train_frames=1)

    alone = minutes()
    assert alone == pytest.approx(300 * 50_000 * TRAINING_CORE_MS["spectrogram"] / 60e3)
    assert minutes(threads=2, processes=4) == pytest.approx(alone / 8)
    assert minutes(gpus=1) == pytest.approx(300 * 50_000 * planning.TRAINING_GPU_MS["spectrogram"] / 60e3)


def test_a_model_s_own_training_counts(ravdess):
    config = changed(ravdess[0], models={"cnn": {"training": {"epochs": 2, "frames_per_epoch": 10}}})
    found = training_minutes(config.models["cnn"], config.training, train_frames=1)
    assert found == pytest.approx(2 * 10 * TRAINING_CORE_MS["spectrogram"] / 60e3 / config.training.threads)


def test_gpu_hours_are_unknown_until_measured(ravdess, monkeypatch):
    monkeypatch.setattr(planning, "TRAINING_GPU_MS", {})
    config, clips = ravdess
    config = changed(config, training={"gpus": 1})
    frames = dict.fromkeys(clips, 100)
    unknown = {line.stage: line for line in plan_lines(config, frames)}["train_model cnn"]
    assert (unknown.core_hours, unknown.gpu_hours) == (0.0, None)
    assert training_minutes(config.models["cnn"], config.training, train_frames=1) is None
    known = {line.stage: line for line in plan_lines(config, frames, gpu_ms={"cnn": 0.1})}["train_model cnn"]
    assert known.gpu_hours == pytest.approx(known.frames * 0.1e-3 / 3600)
    monkeypatch.setattr(planning, "TRAINING_GPU_MS", {"spectrogram": 0.2})
    carried = {line.stage: line for line in plan_lines(config, frames)}["train_model cnn"]
    assert carried.gpu_hours == pytest.approx(2 * known.gpu_hours)


def test_face_images_are_of_all_clips_or_of_those_shown(ravdess):
    config, clips = ravdess
    lines = {}
    for which in ("all", "shown"):
        found = plan_lines(changed(config, crops={"clips": which}), dict.fromkeys(clips, 100))
        (lines[which],) = (line for line in found if line.stage == "crop_faces")
    assert (lines["all"].jobs, lines["all"].frames) == (24, 245_200)
    assert lines["all"].core_hours == pytest.approx(245_200 * RATES["crop_faces"].core_ms / 3.6e6)
    assert lines["shown"].frames == 100 * config.rendering.max_clips


def test_an_unknown_feature_has_unknown_cost(monkeypatch):
    monkeypatch.delitem(RATES, "waveform")
    clip = Clip("set", "a", "c", "c.mp4", split="train")
    config = resolve({
        "datasets": {"set": {"adapter": "folder", "root": ".", "split": {"by": "clip"}}},
        "baselines": {"feature": "waveform"},
    })  # fmt: skip
    line = {line.stage: line for line in plan_lines(config, {clip: 10})}["waveform"]
    assert (line.core_hours, line.disk_bytes) == (None, None)


def write_tables(folder, stage, shards):
    """Tables of many clips in `folder`: shard -> clip -> number of frames; an unusable clip has None."""
    frames = {f"{shard}/{clip}": count for shard, clips in shards.items() for clip, count in clips.items()}

    def make(clip_id):
        count = frames[clip_id]
        if count is None:
            raise ClipError("no sound")
        columns = {"times": pa.array([list(range(count))])} if stage == "audio" else {"frame": np.arange(count)}
        return ClipRows(columns)

    for shard, clips in shards.items():
        ids = [f"{shard}/{clip}" for clip in clips]
        path = {"table": folder / f"{shard}.parquet"}
        update_clip_tables(path, ids, make, stage=stage, settings={}, facts=lambda clip_id, known: {})


SHARDS = {"set/a": {"one": 100, "two": 300, "mute": None}, "set/b.1of2": {"three": 600}}


def finished_run(folder, rule, *, seconds):
    """Files of a run over two shards: tables of sound and of another step, benchmarks of that."""
    write_tables(folder / "audio", "audio", SHARDS)
    write_tables(folder / "landmarks", "landmarks", SHARDS)
    for shard in SHARDS:
        benchmark = folder / "benchmarks/jobs" / rule / f"{shard}.tsv"
        benchmark.parent.mkdir(parents=True, exist_ok=True)
        benchmark.write_text(f"s\th:m:s\n{seconds}\t0:00:01\n")
    return folder / "benchmarks/jobs"


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


@pytest.mark.parametrize(("rule", "folder"), [("detect_landmarks", "landmarks"), ("extract_audio", "audio")])
def test_rates_of_a_finished_run_are_its_seconds_over_its_frames(tmp_path, rule, folder):
    rates = measured_rates(finished_run(tmp_path, rule, seconds=RATES[rule].job_s + 5.0))
    assert set(rates) == {rule}
    assert rates[rule].core_ms == pytest.approx(10.0)  # 10 s for 1,000 frames
    assert rates[rule].frame_bytes == pytest.approx(size_of(tmp_path / folder) / 1000)


def test_identities_take_the_time_of_all_frames_and_no_room(tmp_path):
    rates = measured_rates(finished_run(tmp_path, "fit_identity", seconds=RATES["fit_identity"].job_s + 1.0))
    assert rates == {"fit_identity": Rate(pytest.approx(2.0), RATES["fit_identity"].job_s, 0)}


def test_videos_count_the_frames_of_their_clips(tmp_path):
    folder = finished_run(tmp_path, "render_clip", seconds=RATES["render_clip"].job_s + 1.5)
    video = tmp_path / "renders/net/set/a/two.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(bytes(600))
    assert measured_rates(folder)["render_clip"] == Rate(pytest.approx(10.0), RATES["render_clip"].job_s, 2.0)


def test_training_rates_come_from_the_models_own_record(tmp_path):
    for name, facts in {
        "net": {"history": {"epochs": 4, "frames": 999, "seconds": 8.0}, "training": {"frames_per_epoch": 500}},
        "ensemble": {"members": ["net"]},
    }.items():
        place = tmp_path / f"models/{name}/0"
        place.mkdir(parents=True)
        (place / "model.json").write_text(json.dumps({"name": name, **facts}))
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
    steps = {words[0]: words[1] for words in map(str.split, output.splitlines()) if len(words) > 4}
    assert steps["detect_landmarks"] == "1"
    assert "jobs at shard_clips: 128" in output
