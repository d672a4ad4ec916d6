"""Results that differ from the config are found by what they say about themselves."""

import json

import numpy as np
import pytest

from speechface.cli import main
from speechface.clip_tables import ClipRows
from speechface.clip_updates import update_clip_tables
from speechface.commands.check_results import outdated, told
from speechface.config import resolve
from speechface.errors import ClipError
from speechface.stages import STAGES, Stage
from speechface.tables import write_table

CONFIG = {
    "datasets": {"set": {"adapter": "folder", "root": "videos", "split": {"by": "clip", "test_clips": 1}}},
    "models": {"net": {"feature": "acoustics", "training": {"epochs": 7}}},
}
CLIPS = ("set/a/one", "set/a/two")


def make(clip_id):
    if clip_id.endswith("two"):
        raise ClipError("dark")
    return ClipRows({"frame": np.arange(3, dtype=np.int32)})


def write(path, stage, settings, clips=CLIPS, **facts):
    update_clip_tables({"t": path}, clips, make, stage=stage, settings=settings, facts=lambda clip_id, known: facts)


@pytest.fixture
def results(tmp_path):
    """Results of a run with CONFIG: tables of two clips, one of them unusable, an identity and a network."""
    config = resolve(CONFIG)
    folder = tmp_path / "results"
    for stage in ("landmarks", "spectrogram", "labels"):
        write(folder / f"{stage}/set/a.parquet", stage, config.section(stage))
    write(folder / "audio/set/a.parquet", "audio", config.audio)
    write_table(folder / "delays/set.parquet", {"clip": ["x"]}, stage="delays", settings={"audio_delay_ms": "auto"})
    write(folder / "predictions/net/0/set.parquet", "prediction", {})
    settings = config.quality.dump()
    write_table(folder / "labels/quality.parquet", {"clip": ["x"]}, stage="label_report", settings=settings)
    header = {"settings": config.labels.dump(), "stage_version": STAGES["identity"].version, "clips": 2}
    (folder / "identity/set").mkdir(parents=True)
    np.savez(folder / "identity/set/a.npz", header=json.dumps(header))
    place = folder / "models/net/0/model.json"
    place.parent.mkdir(parents=True)
    model = config.models["net"]
    training = {**config.training.dump(), **model.training}
    place.write_text(json.dumps({"model": model.dump(), "training": training}))
    with open(place.with_suffix(".ckpt"), "wb") as file:
        np.savez(file, network=np.arange(3))
    return folder


def with_change(section, **values):
    return resolve({**CONFIG, section: {**CONFIG.get(section, {}), **values}})


def names(found, results):
    return sorted(f"{stage}:{path.relative_to(results)}" for stage, path, _ in found)


def test_nothing_differs_from_the_config_that_made_it(results):
    assert outdated(resolve(CONFIG), results) == []
    machine = with_change("training", threads=7, gpus=1, processes=2)
    assert outdated(machine, results) == []  # where a network was trained does not matter


@pytest.mark.parametrize(
    ("section", "values", "expected"),
    [
        ("spectrogram", {"top_db": 60.0}, ["spectrogram:spectrogram/set/a.parquet"]),
        ("labels", {"noise_mm": 2.0}, ["identity:identity/set/a.npz", "labels:labels/set/a.parquet"]),
        ("quality", {"max_jitter_mm": 3.0}, ["label_report:labels/quality.parquet"]),
        ("training", {"patience": 9}, ["training:models/net/0/model.ckpt"]),
        ("training", {"epochs": 9}, []),  # the model has its own
        ("models", {"net": {"feature": "acoustics", "training": {"epochs": 8}}}, ["training:models/net/0/model.ckpt"]),
        (
            "models",
            {"net": {"feature": "acoustics", "head": "gru", "training": {"epochs": 7}}},
            ["training:models/net/0/model.ckpt"],
        ),
    ],
)
def test_files_of_changed_settings_are_found(results, section, values, expected):
    assert names(outdated(with_change(section, **values), results), results) == expected


def test_a_changed_key_is_told_with_both_values(results):
    found = outdated(with_change("spectrogram", top_db=60), results)
    path = results / "spectrogram/set/a.parquet"
    assert told(found) == [f"spectrogram: 1 files, e.g. {path}: top_db was 80.0, the config says 60.0"]


def test_features_of_another_delay_are_told_for_their_dataset_alone(results):
    settings = resolve(CONFIG).section("log_mel")
    for name in ("set", "other"):
        write(results / f"log_mel/{name}/a.parquet", "log_mel", settings, [f"{name}/a/one"], audio_delay_ms=70.0)
    entry = CONFIG["datasets"]["set"]
    both = {"set": {**entry, "audio_delay_ms": 80.0}, "other": {**entry, "audio_delay_ms": 70.0}}
    found = outdated(resolve({**CONFIG, "datasets": both}), results)
    text = "1 files, e.g. {}: audio_delay_ms was {}, the config says 80.0"
    assert told(found) == [
        "delays: " + text.format(results / "delays/set.parquet", '"auto"'),
        "log_mel: " + text.format(results / "log_mel/set/a.parquet", "70.0"),
    ]
    assert outdated(resolve(CONFIG), results) == []  # features follow from the table of delays


def test_a_network_that_is_gone_does_not_matter(results):
    (results / "models/net/0/model.ckpt").unlink()  # removed, so that it is made again
    assert outdated(with_change("training", patience=9), results) == []


def test_another_version_of_a_stage_is_told(results, monkeypatch):
    monkeypatch.setitem(STAGES, "prediction", Stage(STAGES["prediction"].version + 1))
    ((stage, _, difference),) = outdated(resolve(CONFIG), results)
    assert stage == "prediction"
    assert "version" in difference


def test_tables_of_clips_that_are_no_more_do_not_matter(results):
    changed = with_change("spectrogram", top_db=60)
    assert outdated(changed, results, clips={"set/b/three"}) == []
    assert len(outdated(changed, results, clips={"set/a/two"})) == 1


def test_unfinished_files_are_passed_over(results):
    write(results / "labels/set/.tmp.parquet", "labels", {"noise_mm": 77.0})
    assert outdated(resolve(CONFIG), results) == []


def test_damaged_files_are_found(results):
    whole = ("labels/set/a.parquet", "identity/set/a.npz", "models/net/0/model.ckpt")
    for name in whole:
        content = bytearray((results / name).read_bytes())
        content[len(content) // 3] ^= 4
        (results / name).write_bytes(content)
    found = outdated(resolve(CONFIG), results)
    assert names(found, results) == sorted(f"damaged:{name}" for name in whole)
    assert all("damaged" in text for _, _, text in found)


def test_the_command_lists_fails_and_removes(results, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos/a").mkdir(parents=True)
    for name in ("one", "two"):
        (tmp_path / f"videos/a/{name}.mp4").touch()
    (tmp_path / "config.yaml").write_text(json.dumps({**CONFIG, "landmarks": {"detect_every": 3}}))
    assert main(["check-results", "config.yaml"]) == 1
    output = capsys.readouterr()
    assert "landmarks: 1 files" in output.out
    assert "--remove" in output.err
    assert main(["check-results", "config.yaml", "--remove"]) == 0
    assert not list((results / "landmarks").rglob("*.parquet"))
    assert (results / "labels/set/a.parquet").exists()
    assert main(["check-results", "config.yaml"]) == 0
