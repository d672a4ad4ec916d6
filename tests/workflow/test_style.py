"""The workflow files are formatted, linted, and every shipped config plans."""

import re
import subprocess
import sys

import pytest
import yaml

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
    assert len(set(re.findall(r"^make_demo_clip__\w+ +1$", output, re.M))) == 24
    assert re.search(r"fit_identity +24", output)


def test_every_clip_can_be_a_job_of_its_own():
    code, output = run(
        "snakemake", "-n", "--forceall", "--cores", "2", "--quiet", "rules", "--configfile", "config.yaml",
        "--config", "batch=clip",
    )  # fmt: skip
    assert code == 0, output
    count = 24 * yaml.safe_load((ROOT / "config.yaml").read_text())["demo"]["clips"]
    for step in ("make_demo_clip", "detect_landmarks", "fit_labels"):
        assert re.search(rf"^{step} +{count}$", output, re.M), step


@pytest.mark.clips
def test_the_config_of_the_real_clips_plans(shared_clips):
    code, output = run(
        "snakemake",
        "-n",
        "--forceall",
        "--cores",
        "2",
        "--quiet",
        "rules",
        "--configfile",
        "tests/configs/real_clips.yaml",
        "--config",
        "batch=clip",
    )
    assert code == 0, output
    assert re.search(r"detect_landmarks +194", output)


def test_every_rule_has_docstring_log_benchmark_conda_and_resources():
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for block in re.split(r"^ *rule(?= \w+:|:$)", path.read_text(), flags=re.M)[1:]:
            name = block.split(":")[0] or re.search(r'rule_name\("(\w+)"\)', block)[1]
            for part in ('"""', "log:", "conda:", "resources:", "shell:"):
                assert part in block, f"{path.name}: rule {name} has no {part}"
