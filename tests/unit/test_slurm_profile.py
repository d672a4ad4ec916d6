"""The Slurm profile: what a user edits at its top reaches the right jobs, and nothing else changes."""

import re
from pathlib import Path

import pytest

yte = pytest.importorskip("yte")

PROFILE = Path(__file__).resolve().parents[2] / "profiles/slurm/config.yaml"


def profile(**edits):
    """The profile as Snakemake sees it, after a user's edits of its first lines."""
    text = PROFILE.read_text()
    for key, value in edits.items():
        text, count = re.subn(rf"^  {key}: \S+", f"  {key}: {value}", text, flags=re.M)
        assert count == 1, key
    return yte.process_yaml(text, require_use_yte=True)


def evaluated(resources):
    """Resources as Snakemake reads them: Python expressions, or plain words."""
    return {key: eval(value, {}) if isinstance(value, str) else value for key, value in resources.items()}


def test_untouched_it_leaves_partition_and_account_to_the_cluster():
    assert set(profile()["default-resources"]) == {"mem_mb", "runtime"}
    assert "set-resources" not in profile()


@pytest.mark.parametrize("name", ["cpu", "long-jobs", "2024"])
def test_partition_and_account_reach_every_job_as_they_are_written(name):
    found = evaluated(profile(partition=name, account=name)["default-resources"])
    assert str(found["slurm_partition"]) == name
    assert str(found["slurm_account"]) == name


def test_only_training_and_prediction_go_to_the_gpu_partition():
    found = profile(partition="cpu", gpu_partition="gpu-a100")["set-resources"]
    assert {rule: evaluated(own) for rule, own in found.items()} == {
        "train_model": {"slurm_partition": "gpu-a100"},
        "train_without_speaker": {"slurm_partition": "gpu-a100"},
        "predict": {"slurm_partition": "gpu-a100"},
    }


@pytest.mark.parametrize(("preemption", "requeue"), [("false", False), ("true", True)])
def test_slurm_queues_jobs_again_only_where_they_can_be_preempted(preemption, requeue):
    found = profile(preemption=preemption)
    assert found.get("slurm-requeue", False) is requeue
    assert found.get("slurm-no-requeue", False) is not requeue
