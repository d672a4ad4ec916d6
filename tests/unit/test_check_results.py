"""Results that differ from the config are found by what they say about themselves."""

import json

import numpy as np
import pytest

from speechface.cli import main
from speechface.commands.check_results import outdated, told
from speechface.config import resolve
from speechface.stages import STAGES, Stage
from speechface.tables import write_table, write_unusable

CONFIG = {
    "datasets": {"set": {"adapter": "folder", "root": "videos", "split": {"by": "clip"}}},
    "models": {"net": {"feature": "acoustics"}},
}


@pytest.fixture
def results(tmp_path):
    """Results of a run with CONFIG: tables of two clips, one of them unusable, and a network."""
    config = resolve(CONFIG)
    folder = tmp_path / "results"
    rows = {"frame": np.arange(3, dtype=np.int32)}
    for stage in ("landmarks", "spectrogram", "labels"):
        write_table(folder / f"{stage}/set/a/one.parquet", rows, stage=stage, settings=config[stage])
        write_unusable(folder / f"{stage}/set/a/two.parquet", "dark", stage=stage, settings=config[stage])
    write_table(folder / "predictions/net/0/set/a/one.parquet", rows, stage="prediction")
    place = folder / "models/net/0/model.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"model": config["models"]["net"], "training": config["training"]}))
    place.with_suffix(".ckpt").write_bytes(b"a network")
    return folder


def with_change(section, **values):
    return resolve({**CONFIG, section: {**CONFIG.get(section, {}), **values}})


def names(found):
    return sorted(f"{stage}:{path.name}" for stage, path, _ in found)


def test_nothing_differs_from_the_config_that_made_it(results):
    assert outdated(resolve(CONFIG), results) == []
    machine = with_change("training", threads=7, gpus=1, processes=2)
    assert outdated(machine, results) == []  # where a network was trained does not matter


def test_sound_of_another_offset_is_told(results):
    for dataset in ("set", "other"):
        settings = {**resolve(CONFIG)["audio"], "late_ms": 0}
        write_table(results / f"audio/{dataset}/a/one.frames.parquet", {"frame": np.arange(3)}, stage="audio",
                    settings=settings)  # fmt: skip
    assert outdated(resolve(CONFIG), results) == []
    moved = resolve({**CONFIG, "datasets": {"set": {**CONFIG["datasets"]["set"], "sound_late_ms": 80}}})
    assert told(outdated(moved, results)) == [
        f"audio: 1 files, e.g. {results}/audio/set/a/one.frames.parquet: late_ms was 0, the config says 80"
    ]


def test_a_changed_key_is_told_with_both_values(results):
    found = outdated(with_change("spectrogram", top_db=60), results)
    assert names(found) == ["spectrogram:one.parquet", "spectrogram:two.parquet"]
    path = results / "spectrogram/set/a/one.parquet"
    assert told(found) == [f"spectrogram: 2 files, e.g. {path}: top_db was 80, the config says 60"]
    assert names(outdated(with_change("training", epochs=9), results)) == ["training:model.ckpt"]
    assert names(outdated(with_change("models", net={"feature": "acoustics", "head": "gru"}), results)) == [
        "training:model.ckpt"
    ]
    (results / "models/net/0/model.ckpt").unlink()  # removed, so that it is made again
    assert outdated(with_change("training", epochs=9), results) == []


def test_another_version_of_a_stage_is_told(results, monkeypatch):
    monkeypatch.setitem(STAGES, "prediction", Stage(STAGES["prediction"].version + 1))
    ((stage, _, difference),) = outdated(resolve(CONFIG), results)
    assert stage == "prediction"
    assert "version" in difference


def test_tables_of_clips_that_are_no_more_do_not_matter(results):
    found = outdated(with_change("labels", noise_mm=2.0), results, clips={"set/a/two"})
    assert names(found) == ["labels:two.parquet"]


def test_the_command_lists_fails_and_removes(results, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos/a").mkdir(parents=True)
    for name in ("one", "two"):
        (tmp_path / f"videos/a/{name}.mp4").touch()
    (tmp_path / "config.yaml").write_text(json.dumps({**CONFIG, "landmarks": {"detect_every": 3}}))
    assert main(["check-results", "config.yaml"]) == 1
    output = capsys.readouterr()
    assert "landmarks: 2 files" in output.out
    assert "--remove" in output.err
    assert main(["check-results", "config.yaml", "--remove"]) == 0
    assert not list((results / "landmarks").rglob("*.parquet"))
    assert len(list((results / "labels").rglob("*.parquet"))) == 2
    assert main(["check-results", "config.yaml"]) == 0
