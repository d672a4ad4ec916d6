import inspect
import json
import re
from pathlib import Path

import pytest
import yaml

from speechface.audio.features import FEATURES
from speechface.cli import main
from speechface.commands.reference import PAGES
from speechface.config import Config, defaults, load, model_settings, parse_section, resolve
from speechface.datasets.base import ADAPTERS
from speechface.errors import ConfigError
from speechface.landmarks.detectors import DETECTORS
from speechface.networks.families import FAMILIES
from speechface.sections import SECTIONS
from speechface.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = [ROOT / "config.yaml", *sorted((ROOT / "tests/configs").glob("*.yaml"))]
MINIMAL = {"datasets": {"demo": {"adapter": "demo", "split": {"test": ["21-24"]}}}}


def section_classes():
    found = [*SECTIONS.values(), *(feature.settings for feature in FEATURES.values())]
    found += [family.settings for family in FAMILIES.values()]
    found += [detector.settings for detector in DETECTORS.values()]
    return found + [adapter.Settings for adapter in ADAPTERS.values()]


def test_every_key_has_a_description():
    for kind in section_classes():
        assert inspect.getdoc(kind), kind
        for name, field in kind.model_fields.items():
            inner = isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
            assert field.description or inner, (kind, name)


def test_every_old_key_is_unknown_now_and_told_its_new_name():
    for kind in section_classes():
        for old, new in kind.renamed().items():
            assert old not in kind.model_fields
            assert new.startswith("nothing: ") or new in kind.model_fields, (kind, old)


def test_defaults_are_valid_and_resolving_twice_changes_nothing():
    once = resolve(MINIMAL)
    assert resolve(once.dump()) == once
    assert once.section("spectrogram").hop_length == 128
    assert once.section("labels") is once.labels


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_shipped_configs_are_valid_and_come_back_from_what_check_config_prints(path, capsys):
    config = load(path)
    assert main(["check-config", str(path)]) == 0
    assert resolve(yaml.safe_load(capsys.readouterr().out)) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spectrogramm": {}}, "unknown key 'spectrogramm'; did you mean 'spectrogram'"),
        ({"spectrogram": {"hop": 64}}, "spectrogram: unknown key 'hop'"),
        ({"spectrogram": {"hop_length": "a"}}, "spectrogram.hop_length: found 'a', expected a whole number"),
        ({"spectrogram": {"hop_length": 512}}, "spectrogram: hop_length is 512"),
        ({"datasets": {}}, "datasets is missing"),
        ({"datasets": {"d": {}}}, "datasets.d: adapter is missing; known are demo, ravdess"),
        ({"datasets": {"d": {"adapter": "gird"}}}, "datasets.d.adapter: unknown dataset 'gird'; did you mean 'grid'?"),
        ({"datasets": {"d": {"adapter": "demo", "split": {"test": [1]}}}}, "must be named 'demo'"),
        ({"datasets": {"g": {"adapter": "grid"}}}, "datasets.g.root is missing"),
        ({"datasets": {"g": {"adapter": "grid", "root": "x"}}}, "datasets.g: split.test is empty"),
        ({"datasets": {"a b": {"adapter": "demo"}}}, "datasets: the name 'a b' may only have letters"),
        ({"models": ["cnn"]}, "models: found ['cnn'], expected entries by name"),
        ({"models": {"b": {"family": "reports"}}}, "models.b.family: unknown family 'reports'; did you mean 'report'?"),
        ({"models": {"b": {"family": "sequence"}, "labels": {}}}, "models: 'labels' is the name of a baseline"),
        ({"models": {"ridge": {}}}, "models: 'ridge' is the name of a baseline"),
        ({"models": {"b": {"family": "ridge"}}}, "models.b.family is ridge, a baseline; name it in baselines.names"),
        ({"baselines": {"names": ["ridges"]}}, "baselines.names: unknown baseline 'ridges'; did you mean 'ridge'?"),
        ({"models": {"b": {"feature": "log_mel"}}}, "models.b.feature is log_mel; family report reads spectrogram"),
        (
            {"models": {"b": {"training": {"epoch": 3}}}},
            "models.b.training: unknown key 'epoch'; did you mean 'epochs'?",
        ),
        (
            {"models": {"b": {"training": {"epochs": "3"}}}},
            "models.b.training.epochs: found '3', expected a",
        ),
        ({"models": {"b": {"training": {"gpus": 1}}}}, "models.b: training.gpus is 1; all models share it"),
        ({"models": {"b": {"encoder": "pretrained"}}}, "models.b.encoder_from is ''; encoder pretrained takes"),
        (
            {"models": {"a": {"leave_one_speaker_out": True}, "b": {"encoder": "pretrained", "encoder_from": "a"}}},
            "models.b.encoder_from is 'a'; that model hears every actor",
        ),
        (
            {"models": {"e": {"family": "ensemble", "members": ["x", "y"]}}},
            "models.e.members is 'x'; members",
        ),
        ({"rendering": {"model": "nobody"}}, "rendering.model is nobody"),
        ({"evaluation": {"reference": "nobody"}}, "evaluation.reference is nobody"),
        ({"rig": {"kind": "itc"}}, "rig.kind: unknown rig 'itc'; did you mean 'ict'?"),
        ({"figures": {"names": ["feature"]}}, "figures.names: unknown figure 'feature'; did you mean 'features'?"),
        (
            {"baselines": {"feature": "log_mels"}},
            "baselines.feature: unknown feature 'log_mels'; did you",
        ),
        ({"landmarks": {"detector": "dlip"}}, "landmarks.detector: unknown detector 'dlip'; did you mean 'dlib'?"),
        ({"landmarks": {"detect_evry": 2}}, "landmarks: unknown key 'detect_evry'; did you mean 'detect_every'?"),
        ({"seeds": []}, "seeds: found [], expected at least 1 entries"),
        ({"seeds": [0, -1]}, "seeds[1]: found -1, expected at least 0"),
        (
            {"shard_clips": 3},
            "shard_clips is 3; the clips of a synthetic actor are made together, give at least datasets",
        ),
        ({"shard_clips": 0}, "shard_clips: found 0, expected at least 1"),
        ({"seeds": [1, 2, 1]}, "seeds: found [1, 2, 1]; 1 stands there twice"),
        ({"seeds": [1.0]}, "seeds[0]: found 1.0, expected a whole number"),
        ({"seeds": [2**32]}, "seeds[0]: found 4294967296, expected at most 4294967295"),
        ({"models": {"m": {"seeds": [0, 0]}}}, "models.m.seeds: found [0, 0]; 0 stands there twice"),
        ({"baselines": {"names": ["mean", "mean"]}}, "baselines.names: found"),
        ({"baselines": {"neighbours": 30000}}, "baselines: neighbours is 30000; it must be at most knn_frames (20000)"),
        ({"audio": {"sr": 16000}, "log_mel": {"fmax": 9000}}, "log_mel.fmax is 9000 Hz; sound of audio.sr 16000 Hz"),
        (
            {"audio": {"sr": 8000}, "models": {"m": {"family": "sequence", "feature": "waveform"}}},
            "waveform.sr is 16000 Hz; it must be at most audio.sr (8000 Hz)",
        ),
        ({"log_mel": {"fmin": 8000, "fmax": 7000}}, "log_mel: fmin is 8000 Hz; it must be below fmax (7000 Hz)"),
        ({"acoustics": {"n_mfcc": 129}}, "acoustics: n_mfcc is 129; it must be at most n_mels (128)"),
        ({"acoustics": {"n_fft": 16384, "pad_mode": "reflect"}}, "acoustics.pad_mode is reflect; at 44100 Hz"),
        ({"spectrogram": {"n_hops": 4, "n_fft": 2048, "pad_mode": "reflect"}}, "spectrogram: pad_mode is reflect"),
        ({"rendering": {"median_frames": 4}}, "rendering: median_frames is 4; it must be odd"),
        ({"evaluation": {"groups": ["mood"]}}, "evaluation.groups: 'mood' is no column of the clip table"),
        ({"training": {"patience": 3, "validation_fraction": 0}}, "training: patience is 3; it needs validation"),
        (
            {"training": {"patience": 3}, "models": {"m": {"training": {"validation_fraction": 0}}}},
            "models.m.training: patience is 3; it needs validation",
        ),
        ({"training": {"epochs": 10**30}}, "training: epochs is 1000000000000000000000000000000; it must be below"),
        ({"training": [1]}, "training: found [1], expected keys and values"),
        ({"rig": {"kind": "npz"}}, "rig: source is empty; kind npz reads"),
        ({"rig": {"source": "x.npz"}}, "rig: source is 'x.npz'; kind builtin reads no file"),
        ({"baselines": {"names": []}}, "baselines.names is empty, and so is models"),
        (
            {"datasets": {"demo": {"adapter": "demo", "role": "predict"}}, "models": {"m": {}}},
            "models: m: no dataset has role learn to train them",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(change, message):
    with pytest.raises(ConfigError) as caught:
        resolve({**MINIMAL, **change}, "my.yaml")
    text = str(caught.value)
    assert text.startswith(f"my.yaml: {message}" if "must be named" not in message else "my.yaml: ")
    assert message in text
    assert "\n" not in text


GRID = {"adapter": "grid", "root": "x", "role": "predict"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"batch": "actor"}, "my.yaml: key 'batch' is of an older version; write now: shard_clips"),
        ({"demo": {"actors": 3}}, "my.yaml: key 'demo' is of an older version; write now: its keys in datasets.demo"),
        ({"audio": {"format": "wav"}}, "my.yaml: audio: key 'format' is of an older version; write now: nothing"),
        (
            {"datasets": {"g": {**GRID, "sound_late_ms": 70}}},
            "my.yaml: datasets.g: key 'sound_late_ms' {audio",
        ),
        ({"training": {"batch": 3}}, "my.yaml: training: key 'batch' {frames_per_step}"),
        ({"training": {"epoch_samples": 3}}, "my.yaml: training: key 'epoch_samples' {frames_per_epoch}"),
        ({"training": {"validation": 0.1}}, "my.yaml: training: key 'validation' {validation_fraction}"),
        ({"models": {"m": {"training": {"batch": 3}}}}, "my.yaml: models.m.training: key 'batch' {frames_per_step}"),
        ({"quality": {"min_used_share": 0.1}}, "my.yaml: quality: key 'min_used_share' {min_used_fraction}"),
        ({"models": {"m": {"encoder": 1}}}, "my.yaml: models.m: encoder is 1; write now: conv"),
        ({"models": {"m": {"encoder": 2}}}, "my.yaml: models.m: encoder is 2; write now: conv_pooled"),
        ({"models": {"m": {"encoder": 3}}}, "my.yaml: models.m: encoder is 3; write now: pretrained"),
        ({"models": {"m": {"speaker": "given"}}}, "my.yaml: models.m: key 'speaker' {rest}"),
        ({"models": {"m": {"neutral_frames": 2}}}, "my.yaml: models.m: key 'neutral_frames' {rest_frames}"),
        ({"models": {"m": {"leave_one_out": True}}}, "my.yaml: models.m: key 'leave_one_out' {leave_one_speaker_out}"),
        ({"acoustics": {"n_steps": 3}}, "my.yaml: acoustics: key 'n_steps' {n_hops}"),
        ({"waveform": {"rate": 16000}}, "my.yaml: waveform: key 'rate' {sr}"),
    ],
)
def test_an_old_key_is_told_its_new_name(old, new):
    with pytest.raises(ConfigError) as caught:
        resolve({**MINIMAL, **old}, "my.yaml")
    assert str(caught.value).startswith(new.replace("{", "is of an older version; write now: ").rstrip("}"))


def test_settings_of_a_command_fill_defaults_and_refuse_unknown_keys():
    assert parse_section("spectrogram", "") == defaults("spectrogram")
    assert parse_section("spectrogram", '{"n_fft": 512}').n_fft == 512
    with pytest.raises(ConfigError, match=r"^--settings \(spectrogram\): unknown key 'nfft'; did you mean 'n_fft'\?"):
        parse_section("spectrogram", '{"nfft": 512}')
    with pytest.raises(ConfigError, match="not valid JSON"):
        parse_section("landmarks", "{")


def test_a_model_entry_is_checked_on_its_own():
    assert model_settings({"head": "gru"}).encoder == "conv"
    assert model_settings('{"family": "sequence"}').training["epochs"] == 15
    with pytest.raises(ConfigError, match="model settings.head: found 'perceptron'"):
        model_settings({"head": "perceptron"})


def test_an_ensemble_takes_and_gives_what_its_members_do():
    member = {"family": "sequence", "outputs": "weights_rotation", "leave_one_speaker_out": True}
    models = {"a": member, "b": {**member, "head": "gru"}, "e": {"family": "ensemble", "members": ["a", "b"]}}
    found = resolve({**MINIMAL, "models": models}).models["e"]
    assert (found.feature, found.outputs, found.leave_one_speaker_out) == ("log_mel", "weights_rotation", True)
    models["b"] = {**models["b"], "outputs": "weights"}
    with pytest.raises(ConfigError, match="their outputs differ"):
        resolve({**MINIMAL, "models": models})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "kind", dict.fromkeys(section_classes()), ids=lambda kind: f"{kind.__module__}.{kind.__name__}"
)
def test_no_number_is_taken_that_is_none(kind, value):
    for name, field in kind.model_fields.items():
        if field.annotation in (int, float):
            with pytest.raises(ConfigError, match=rf"\.{name}: found .*expected a (finite|whole) number"):
                kind.parse({**required(kind), name: value}, "s")


def required(kind):
    """The keys that a class cannot do without."""
    texts = {"adapter": "any", "root": "x", "members": ["a", "b"], "role": "predict"}
    return {key: value for key, value in texts.items() if key in kind.model_fields}


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), ("1E-4", 1e-4), ("2.5e-3", 2.5e-3), ("+1e2", 100.0)])
def test_powers_are_numbers_though_yaml_takes_them_for_text(text, number, tmp_path):
    (tmp_path / "c.yaml").write_text(f"{yaml.safe_dump(MINIMAL)}training: {{weight_decay: {text}, epochs: 1e2}}")
    training = load(tmp_path / "c.yaml").training
    assert (training.weight_decay, training.epochs) == (number, 100)
    for wrong in ("1e", "e4", "1e400", "0x1e4"):
        with pytest.raises(ConfigError, match="training.weight_decay: found"):
            resolve({**MINIMAL, "training": {"weight_decay": wrong}})


def test_section_training_goes_before_a_familys_own_defaults_and_the_model_before_both():
    models = {"a": {"family": "sequence"}, "b": {"family": "sequence", "training": {"epochs": 3}}, "c": {}}
    found = resolve({**MINIMAL, "models": models, "training": {"epochs": 7}})
    epochs = {name: model.training_with(found.training).epochs for name, model in found.models.items()}
    assert epochs == {"a": 7, "b": 3, "c": 7}
    assert found.models["a"].training_with(found.training).weight_decay == 0.02  # the family's
    assert resolve(found.dump()) == found
    plain = resolve({**MINIMAL, "models": models})
    assert plain.models["a"].training_with(plain.training).epochs == 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": {"m": {"schedule": "gone.txt"}}}, "models.m.schedule: gone.txt: cannot be read"),
        ({"rig": {"kind": "npz", "source": "gone.npz"}}, r"rig.source: no such file: gone.npz \(relative to /"),
        ({"landmarks": {"detector": "mediapipe", "model": "/gone.task"}}, "landmarks.model: no such file: /gone.task"),
        ({"rendering": {"clips": ["demo/Actor_21/x"]}}, "rendering.clips: demo/Actor_21/x is not among the 16 test"),
        (
            {"models": {"m": {}}, "training": {"frames_per_step": 10**8}},
            "models.m: training.frames_per_step is 100,000,000; the 80 train clips hold far fewer frames",
        ),
        (
            {
                "datasets": {"demo": {"adapter": "demo", "split": {"by": "clip"}}},
                "models": {"m": {"leave_one_speaker_out": True}},
            },
            "models.m.leave_one_speaker_out: all sets are split by clip",
        ),
    ],
)
def test_what_files_and_clips_do_not_allow_is_found_before_any_work(change, message, tmp_path, capsys):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**MINIMAL, **change}))
    for command in (["check-config"], ["plan"], ["list-clips", "--out", str(tmp_path / "clips.parquet"), "--config"]):
        assert main([*command, str(tmp_path / "c.yaml")]) == 1
        said = capsys.readouterr().err
        assert re.search(message, said)
        assert said.count("\n") == 1


def test_the_configuration_of_another_machine_can_be_checked(tmp_path, caplog, capsys):
    (tmp_path / "c.yaml").write_text("datasets: {r: {adapter: ravdess, root: /not/here, split: {test: [1]}}}")
    assert main(["check-config", str(tmp_path / "c.yaml")]) == 0
    assert "datasets.r.root: no such folder: /not/here" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets:\n  a: {}\n  a: {}", "line 3: key 'a' stands twice, first in line 2; remove one"),
        ("seeds: [1]\nseeds: [2]", "line 2: key 'seeds' stands twice"),
        ("training: {epochs: 010}", "line 1: 010 is 8 to YAML"),
        ("training: {epochs: 1:30}", "line 1: 1:30 is 90 to YAML"),
        ("__use_yte__: true", "config files are plain YAML here"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
        ("[" * 5000, "not valid YAML"),
    ],
)
def test_what_yaml_would_take_in_silence_is_told(text, message, tmp_path):
    (tmp_path / "c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path / "c.yaml")
    assert str(caught.value).startswith(f"{tmp_path}/c.yaml: ")


def test_a_folder_is_no_config_file(tmp_path):
    with pytest.raises(ConfigError, match="the config file cannot be read"):
        load(tmp_path)


def test_numbers_that_look_like_what_they_are_stay(tmp_path):
    (tmp_path / "c.yaml").write_text("﻿" + yaml.safe_dump(MINIMAL) + "\nseeds: [0, 10, 1_000, 0x10]\n")
    assert load(tmp_path / "c.yaml").seeds == [0, 10, 1000, 16]


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no such config file"):
        load(tmp_path / "absent.yaml")
    for text, message in (("a: [1,\nb: }", "line 2: not valid YAML"), ("- 1", "found .1., expected keys and values")):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(ConfigError, match=message):
            load(tmp_path / "bad.yaml")


@pytest.mark.parametrize("page", ["config", "metrics"])
def test_reference_pages_are_up_to_date(page):
    assert (ROOT / f"docs/{page}.md").read_text() == PAGES[page](), "run 'make docs'"


def test_the_reference_has_every_key_of_every_section():
    page = PAGES["config"]()
    for kind in section_classes():
        for name in kind.model_fields:
            assert f"| `{name}`" in page or f"| `{name}." in page, (kind, name)


def test_the_schema_takes_what_the_classes_take_and_refuses_what_they_refuse():
    jsonschema = pytest.importorskip("jsonschema")  # Snakemake brings it
    schema = json.loads(PAGES["schema"]())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema).is_valid
    for path in CONFIGS:
        assert check(yaml.safe_load(path.read_text())), path
        assert check(load(path).dump()), path
    assert set(schema["properties"]) == {field for field in Config.__dataclass_fields__ if field != "features"} | set(
        FEATURES
    )
    for change in (
        {"spectrogram": {"hop": 1}}, {"models": {"m": {"family": "sequence", "encoder": "conv"}}}, {"batch": 1},
        {"datasets": {"g": {"adapter": "grid"}}}, {"training": {"epochs": 0}}, {"landmarks": {"detector": "none"}},
    ):  # fmt: skip
        assert not check({**MINIMAL, **change}), change
