"""What the documentation shows works: links and anchors lead somewhere, commands are taken, Python runs."""

import importlib
import re
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pytest
import yaml
from metric_inputs import Corpus, results_folder
from signals import speech_like

from speechface.audio.sound import write_wav
from speechface.cli import COMMANDS, build_parser
from speechface.config import resolve

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(path, kind):
    return [text for name, text in BLOCK.findall(path.read_text()) if name == kind]


def prose(path):
    return BLOCK.sub("", path.read_text())


def anchors(path):
    """Anchors of a page's headings, as GitHub and the site make them."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", prose(path), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        found.add(re.sub(r" +", "-", plain.strip()))
    return found


def test_links_and_anchors_of_the_documentation_lead_somewhere():
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            place, _, anchor = target.partition("#")
            file = page.parent / place if place else page
            if "://" not in target and not (file.exists() and (not anchor or anchor in anchors(file))):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def commands():
    """(page, words) of every command of ours in a page: lines of code, and code within a sentence."""
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        shown = [line for kind, block in BLOCK.findall(text) if kind in ("", "sh") for line in block.splitlines()]
        shown += prose(page).replace("\n", " ").split("`")[1::2]
        for line in shown:
            for found in re.findall(r"(?:^|[\s/])speechface ([a-z-]+[^<]*)", line.split(" #")[0]):
                yield page.name, shlex.split(re.split(r" \| ", found)[0])


def test_every_command_is_one_that_the_parser_takes(capsys):
    seen, refused = set(), []
    for page, words in commands():
        if words[0] not in COMMANDS:
            refused.append(f"{page}: {words}")
            continue
        seen.add(words[0])
        if "..." in words or "--help" in words:
            continue
        try:
            build_parser(words[0]).parse_args(words)
        except SystemExit:
            message = capsys.readouterr().err.strip().splitlines()[-1]
            if "arguments are required" not in message:  # a sentence may name a command alone
                refused.append(f"{page}: {' '.join(words)}: {message}")
    assert refused == []
    assert seen >= {"animate", "live", "view", "plan", "check-config", "evaluate", "inspect", "doctor", "fetch"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A recording and the results of a run."""
    write_wav(tmp_path / "speech.wav", speech_like(3 * 16000, 16000), 16000)
    results_folder(Corpus(tmp_path), tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_page_runs_from_top_to_bottom(folder, capsys):
    names = {}
    for text in blocks(ROOT / "docs/python.md", "python"):
        exec(compile(text, "docs/python.md", "exec"), names)
    assert (folder / "face.glb").read_bytes()[:4] == b"glTF"
    assert len(names["animation"]) == 90
    np.testing.assert_allclose(names["lips"][0], names["rig"].mesh(names["animation"].weights[0])[
        names["rig"].regions["lips"]] - names["rig"].neutral[names["rig"].regions["lips"]], atol=1e-3)  # fmt: skip
    assert names["outputs"].shape == (50, len(names["model"].columns))
    printed = capsys.readouterr().out
    assert "ms behind the sound" in printed
    assert "rmse_mouth_mm (mm)" in printed
    assert "unknown key 'rot'" in printed or "root is missing" in printed


def test_every_config_in_the_documentation_is_one():
    found = 0
    for page in PAGES:
        for text in blocks(page, "yaml") if page.name != "extend.md" else []:  # it names components that are not here
            config = yaml.safe_load(text)
            if not isinstance(config, dict) or "datasets" not in config and "models" not in config:
                continue
            config.setdefault("datasets", {"demo": {"adapter": "demo", "split": {"test": [1]}}})
            resolve(config, page.name)
            found += 1
    assert found >= 6


#: Kind of component -> the toy of its test that docs/extend.md shows, word for word.
EXAMPLES = {
    "dataset": "STILLS", "feature": "LOUDNESS", "detector": "BRIGHT", "family": "JAW", "metric": "TOY", "figure": "TOY",
    "format": "TOY", "rig": "TOY", "sender": "TOY",
}  # fmt: skip


def example(kind):
    module = importlib.import_module(f"test_component_{kind}")
    code = textwrap.dedent(getattr(module, EXAMPLES[kind])).strip() + "\n"
    if kind == "detector":
        code = code.replace("@NAME@", "bright").replace("@POINTS@", "[...]").replace("@PROFILE@", module.IBUG)
    return code


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_page_on_extending_shows_what_the_tests_of_components_add(kind):
    assert example(kind) in blocks(ROOT / "docs/extend.md", "python")
