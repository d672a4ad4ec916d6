import copy
from pathlib import Path

import pytest

from speechface.config import defaults, load, parse_settings, resolve, resolve_model, schema
from speechface.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = {"datasets": {"demo": {"adapter": "demo", "split": {"test": ["21-24"]}}}}


def leaves(node, path=()):
    """Every key of the schema that is not itself a section."""
    for key, child in node.get("properties", {}).items():
        yield from leaves(child, (*path, key))
    extra = node.get("additionalProperties")
    if isinstance(extra, dict) and "properties" in extra:
        yield from leaves(extra, (*path, "*"))
    if path and "properties" not in node and not (isinstance(extra, dict) and "properties" in extra):
        yield path, node


def sections(node, path=()):
    if node.get("type") == "object":
        yield path, node
    for key, child in node.get("properties", {}).items():
        yield from sections(child, (*path, key))
    if isinstance(node.get("additionalProperties"), dict):
        yield from sections(node["additionalProperties"], (*path, "*"))


def test_every_key_has_a_description_and_a_type():
    for path, node in leaves(schema()):
        assert node.get("description"), path
        assert {"type", "enum"} & set(node), path


def test_every_section_refuses_unknown_keys():
    for path, node in sections(schema()):
        assert "additionalProperties" in node, path
        assert node["additionalProperties"] is not True, path


def test_defaults_are_valid_and_resolving_twice_changes_nothing():
    once = resolve(MINIMAL)
    assert resolve(once) == once
    assert once["spectrogram"]["hop_length"] == 128


@pytest.mark.parametrize("path", [ROOT / "config.yaml", *sorted((ROOT / "tests/configs").glob("*.yaml"))])
def test_shipped_configs_are_valid(path):
    load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spectrogramm": {}}, "unknown key 'spectrogramm' in the top level; did you mean 'spectrogram'"),
        ({"spectrogram": {"hop": 64}}, "unknown key 'hop' in spectrogram"),
        ({"spectrogram": {"hop_length": "a"}}, "spectrogram.hop_length: 'a' is not of type 'integer'"),
        ({"spectrogram": {"hop_length": 512}}, "spectrogram.hop_length is 512"),
        ({"datasets": {"d": {"adapter": "demo", "split": {"test": [1]}}}}, "must be named 'demo'"),
        ({"datasets": {"g": {"adapter": "grid"}}}, "datasets.g.root is missing"),
        ({"datasets": {"g": {"adapter": "grid", "root": "x"}}}, "datasets.g.split.test is empty"),
        ({"models": {"b": {"encoder": 3}}}, "models.b.encoder_from"),
        ({"models": {"ridge": {}}}, "ridge"),
        ({"rendering": {"model": "nobody"}}, "rendering.model is nobody"),
    ],
)
def test_a_mistake_is_named_in_one_line(change, message):
    with pytest.raises(ConfigError) as caught:
        resolve({**copy.deepcopy(MINIMAL), **change}, "my.yaml")
    text = str(caught.value)
    assert text.startswith("my.yaml: ")
    assert message in text
    assert "\n" not in text


def test_settings_of_a_command_fill_defaults_and_refuse_unknown_keys():
    assert parse_settings("", "spectrogram") == defaults("spectrogram")
    assert parse_settings('{"n_fft": 512}', "spectrogram")["n_fft"] == 512
    with pytest.raises(ConfigError, match="unknown key 'nfft'"):
        parse_settings('{"nfft": 512}', "spectrogram")
    with pytest.raises(ConfigError, match="not valid JSON"):
        parse_settings("{", "spectrogram")


def test_a_model_entry_is_checked_on_its_own():
    assert resolve_model({"head": "gru"})["encoder"] == 1
    with pytest.raises(ConfigError, match="head"):
        resolve_model({"head": "perceptron"})


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no such config file"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1,\nb: }")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(tmp_path / "bad.yaml")


@pytest.mark.parametrize("page", ["config", "metrics"])
def test_reference_pages_are_up_to_date(page):
    from speechface.commands.reference import PAGES

    assert (ROOT / f"docs/{page}.md").read_text() == PAGES[page](), "run 'make docs'"
