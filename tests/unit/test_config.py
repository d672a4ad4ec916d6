import inspect
import json
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


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no such config file"):
        load(tmp_path / "absent.yaml")
    for text, message in (("a: [1,\nb: }", "not valid YAML"), ("- 1", "found .1., expected keys and values")):
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
