"""A changed module is either behind a new stage version, or known to change no result."""

import ast
import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("stage_code", ROOT / "scripts/stage_code.py")
stage_code = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stage_code)


def test_no_stage_has_changed_without_a_word():
    found = stage_code.unnoticed(json.loads(stage_code.RECORD.read_text()))
    told = "\n".join(f"  {stage}: {', '.join(names)}" for stage, names in found.items())
    assert not found, (
        f"the code of these stages has changed:\n{told}\nraise the version in stages.py of those whose results change, "
        "then run 'make stage-code'"
    )


def test_every_stage_of_the_workflow_has_code():
    stages, _ = stage_code.stage_modules()
    assert {stage for stage, names in stages.items() if not names} == {"animation"}  # no rule makes it
    assert "landmarks.tracking" in stages["landmarks"]
    assert "fitting.labels" in stages["labels"]
    assert "fitting.labels" not in stages["spectrogram"]
    assert "networks.module" in stages["training"]


def hash_of(text):
    return stage_code.content(ast.parse(text))


def test_comments_docstrings_and_layout_do_not_count_and_all_else_does():
    before = hash_of('def f(x):\n    """Say x."""\n    return x + 1\n')
    assert hash_of("def f( x ):\n    # the next number\n    return (x +\n        1)\n") == before
    assert hash_of("def f(x):\n    return x + 2\n") != before


def test_a_changed_module_is_noticed_until_the_version_is_raised():
    record = stage_code.state()
    assert stage_code.unnoticed(record) == {}
    record["modules"]["audio.spectrogram"] = "another"
    assert "spectrogram" in stage_code.unnoticed(record)
    assert "landmarks" not in stage_code.unnoticed(record)
    record["versions"]["spectrogram"] -= 1  # the version has been raised since
    assert "spectrogram" not in stage_code.unnoticed(record)
