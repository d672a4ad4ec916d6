"""Record which code each stage's results were made by, so that an edit without a new stage version is noticed.

    python scripts/stage_code.py             # tell which stages' code has changed since it was recorded
    python scripts/stage_code.py --record    # write tests/stage_code.json anew (`make stage-code`)

Recorded is a hash of every module that some stage imports, without comments, docstrings and layout, and the version of
every stage. Who changes a module raises the version of the stages whose results change, and records.
"""

import argparse
import ast
import functools
import hashlib
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "speechface"
RECORD = ROOT / "tests" / "stage_code.json"
sys.path.insert(0, str(ROOT / "src"))

from speechface.stages import STAGES  # noqa: E402

#: What carries results, but does not make them.
PLUMBING = (
    "batches", "cli", "config", "errors", "files", "kept", "launch", "provenance", "stages", "tables", "commands.batches",
    "commands.common",
)  # fmt: skip


def modules():
    """name within the package -> file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path
    return found


def imports(tree, known):
    """Modules of the package that a module names in its imports, wherever they stand."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("speechface"):
            base = node.module.removeprefix("speechface").lstrip(".")
            names |= {base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name.removeprefix("speechface.") for alias in node.names}
    return names & known


def content(tree):
    """Hash of what a module does: without docstrings; comments and layout are not in the tree."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = body[1:] or [ast.Pass()]
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()[:16]


def _plain(node):
    """A syntax tree as nested tuples, the same for every version of Python: what is empty or None is left out, since
    newer versions add such fields."""
    if isinstance(node, ast.AST):
        fields = (
            (name, _plain(value)) for name, value in ast.iter_fields(node) if name not in ("kind", "type_comment")
        )
        return type(node).__name__, *((name, value) for name, value in fields if value not in (None, ()))
    if isinstance(node, list):
        return tuple(map(_plain, node))
    return node


def stage_commands():
    """stage -> commands of the rules that carry its version."""
    found = {stage: set() for stage in STAGES}
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for block in re.split(r"^ *(?:use )?rule\b", path.read_text(), flags=re.M):
            commands = {command.replace("-", "_") for command in re.findall(r"python -m speechface ([a-z-]+)", block)}
            for stage in re.findall(r'stage_version\("(\w+)"\)', block):
                found[stage] |= commands
    return found


@functools.cache
def stage_modules():
    """(stage -> modules that its commands import, module -> hash)."""
    files = modules()
    trees = {name: ast.parse(path.read_text()) for name, path in files.items()}
    uses = {name: imports(tree, files.keys()) - set(PLUMBING) for name, tree in trees.items()}
    stages = {}
    for stage, commands in stage_commands().items():
        reached, left = set(), {f"commands.{command}" for command in commands}
        while left:
            name = left.pop()
            reached.add(name)
            left |= uses[name] - reached
        stages[stage] = sorted(reached)
    wanted = {name for names in stages.values() for name in names}
    return stages, {name: content(trees[name]) for name in sorted(wanted)}


def state():
    """What is recorded: versions of stages, hashes of modules."""
    versions = {name: stage.version for name, stage in STAGES.items()}
    return {"versions": versions, "modules": dict(stage_modules()[1])}


def unnoticed(record):
    """stage -> modules that changed since `record` while the stage's version did not."""
    stages, hashes = stage_modules()
    changed = {name for name in hashes if record["modules"].get(name) != hashes[name]}
    found = {}
    for stage, names in stages.items():
        if record["versions"].get(stage) == STAGES[stage].version and changed & set(names):
            found[stage] = sorted(changed & set(names))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write tests/stage_code.json")
    if parser.parse_args().record:
        RECORD.write_text(json.dumps(state(), indent=1, sort_keys=True) + "\n")
    else:
        for stage, names in unnoticed(json.loads(RECORD.read_text())).items():
            print(f"{stage} (version {STAGES[stage].version}): {', '.join(names)}")
