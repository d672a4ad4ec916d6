"""The workflow files are formatted, linted, and every shipped config plans."""

import re
import subprocess
import sys

import pytest

from .conftest import ROOT

pytestmark = pytest.mark.workflow


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_snakefmt_has_nothing_to_change():
    code, output = run("snakefmt", "--check", "Snakefile", "workflow")
    assert code == 0, output


def test_snakemake_lint_is_clean():
    code, output = run("snakemake", "--lint", "--workflow-profile", "none")
    assert code == 0, output


def test_the_default_config_plans_every_actor():
    code, output = run("snakemake", "-n", "--forceall", "--cores", "2", "--quiet", "rules")
    assert code == 0, output
    for rule in ("make_demo_clips", "detect_landmarks", "fit_identity", "fit_labels", "log_mel"):
        assert re.search(rf"^{rule} +24$", output, re.M), rule


@pytest.mark.clips
def test_the_config_of_the_real_clips_plans(shared_clips):
    config = ("--configfile", "tests/configs/real_clips.yaml")
    code, output = run("snakemake", "-n", "--forceall", "--cores", "2", "--quiet", "rules", *config)
    assert code == 0, output
    assert re.search(r"^detect_landmarks +11$", output, re.M)  # s1 in two parts, nine others


def test_a_step_is_known_by_its_one_name():
    targets = ("--until", "fit_labels", "--set-resources", "detect_landmarks:mem_mb=4321", "--forceall")
    code, output = run("snakemake", "-n", "--cores", "2", "--quiet", "host", *targets)
    assert code == 0, output
    jobs = re.findall(r"rule (\w+):.*?resources: ([^\n]*)", output, re.S)
    assert {name for name, _ in jobs} >= {"detect_landmarks", "fit_identity", "fit_labels"}
    assert "train_model" not in {name for name, _ in jobs}
    asked = {"mem_mb=4321" in resources for name, resources in jobs if name == "detect_landmarks"}
    assert asked == {True}


def test_every_rule_has_docstring_log_benchmark_conda_and_resources():
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for block in re.split(r"^ *rule(?= \w+:|:$)", path.read_text(), flags=re.M)[1:]:
            name = block.split(":")[0].strip() or re.search(r"name:\s+(\S+)", block)[1]
            for part in ('"""', "log:", "conda:", "resources:", "shell:"):
                assert part in block, f"{path.name}: rule {name} has no {part}"
