"""The workflow on a real Slurm: everything lands, GPUs are granted, and accidents cost what they must."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from tests.slurm.conftest import SMALL, wait_for
from tests.unit.training_tables import make_clips, write_split, write_stats
from tests.workflow.conftest import ROOT


def landed(folder, tables):
    return [table for table in tables if (folder / table).is_file()]


def test_every_step_of_a_whole_run_is_a_cluster_job(finished):
    folder, run, facts = finished
    assert (folder / "results/report.html").stat().st_size > 100_000
    assert (folder / "results/evaluation/metrics.parquet").is_file()
    clips = pd.read_parquet(folder / "results/splits/clips.parquet").set_index("clip")
    assert clips.reason["broken"]
    assert clips.reason["no_face"]
    steps = int(re.findall(r"(\d+) of \1 steps", run.text)[-1])
    assert facts["jobs"] == steps - 1  # `rule all` has nothing to do
    print(f"{facts['jobs']} sbatch calls, {facts['seconds']:.0f} s")


def test_a_second_run_has_nothing_to_do(finished, lab):
    folder, _, _ = finished
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "1", "--dry-run"]
    output = subprocess.run(command, capture_output=True, text=True, env=lab.environment, timeout=600)
    assert "Nothing to be done" in output.stdout + output.stderr


def test_a_failing_clip_is_named_the_others_land_and_a_second_run_completes(start):
    bad = start.folder / "results/spectrogram/talk/bob/second.parquet"
    (bad / "in the way").mkdir(parents=True)  # where a file must go
    run = start(*start.tables)
    assert run.end() != 0
    assert "Error in rule spectrogram__talk_bob" in run.text
    assert "results/spectrogram/talk/bob/second.parquet" in (start.folder / "logs/spectrogram/talk/bob.log").read_text()
    others = [table for table in start.files if "bob" not in table]
    assert landed(start.folder, others) == others
    assert sum(job["rule"].startswith("rule_spectrogram__talk_bob") for job in run.jobs()) == 2  # one retry
    shutil.rmtree(bad)
    again = start(*start.tables)
    again.end(code=0)
    assert landed(start.folder, start.files) == start.files
    assert {job["rule"].split("_wildcards")[0] for job in again.jobs()} == {"rule_spectrogram__talk_bob"}


def test_a_cancelled_job_is_reported_and_a_second_run_completes(start, lab):
    run = start("--retries", "0", *start.tables)
    job = run.running("spectrogram__talk_anna")
    lab.call("scancel", job["id"])
    assert run.end() != 0
    assert re.search(rf"SLURM-job '{job['id']}' failed, SLURM status is: 'CANCELLED'", run.text)
    assert "Error in rule spectrogram__talk_anna" in run.text
    again = start(*start.tables)
    again.end(code=0)
    assert landed(start.folder, start.files) == start.files
    assert len(again.jobs()) == 1


def test_the_jobs_of_a_lost_node_are_done_by_another(start, lab):
    run = start(*start.tables)
    job = run.running("spectrogram__talk_bob")
    lab.lose_node(job["node"], job["id"])
    try:
        run.end(code=0)
        assert landed(start.folder, start.files) == start.files
        tries = [j for j in run.jobs() if j["rule"].startswith("rule_spectrogram__talk_bob")]
        assert {j["state"] for j in tries if j["id"] == job["id"]} == {"NODE_FAIL"}
        assert [j["node"] for j in tries if j["state"] == "COMPLETED"] != [job["node"]]
        assert f"'{job['id']}' failed due to a node failure" in run.text
    finally:
        assert lab.control("up").returncode == 0


def test_after_a_killed_snakemake_its_jobs_end_by_themselves_and_the_next_one_goes_on(start, lab):
    run = start(*start.tables)
    run.running("spectrogram")
    run.process.kill()
    run.process.wait()
    locked = start(*start.tables)
    assert locked.end() != 0
    assert "--unlock" in locked.text
    wait_for(lambda: not run.jobs("pending,running"), seconds=900, what="end of the orphans")
    start("--unlock").end(code=0)
    again = start(*start.tables)
    again.end(code=0)
    assert landed(start.folder, start.files) == start.files


def prepare_training(start, *, names, epochs, gpus, n_frames=40):
    """Put what training reads in place and return the files to ask for, and options that allow nothing else."""
    folder, clips = start.folder, make_clips(3, n_clips=4, n_frames=n_frames, shape=(537,))
    config = json.loads(json.dumps(SMALL))
    config["models"] = {name: dict(SMALL["models"]["one"]) for name in names}
    config["training"] |= {"epochs": epochs, "epoch_samples": 0, "gpus": gpus}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    for place in ("splits/acoustics", "stats", "rig"):
        (folder / "results" / place).mkdir(parents=True)
    write_split(folder / "results/splits/acoustics/train.parquet", clips, feature="acoustics")
    write_stats(folder / "results/stats/acoustics.json", clips, feature="acoustics")
    rig = ["build-rig", "--settings", '{"identity_modes": 0}', "--out", str(folder / "results/rig/rig.npz")]
    subprocess.run([sys.executable, "-m", "speechface", *rig], check=True, cwd=ROOT, timeout=300)
    return [f"results/models/{name}/0/model.ckpt" for name in names], ("--allowed-rules", "train_model", "--")


def test_training_with_a_gpu_is_granted_one_of_its_own_on_the_gpu_partition(start, lab):
    models, options = prepare_training(start, names=("one", "two"), epochs=40, gpus=1)
    run = start(*options, *models)
    granted = set()
    for name in ("one", "two"):
        job = run.running(f"train_model_wildcards_{name}")
        assert job["partition"] == "gpu"
        assert re.search(r"TresPerJob=gres[:/]gpu:1\b", lab.call("scontrol", "show", "job", "-d", job["id"]))
        (device,) = wait_for(lambda job=job: lab.devices(job["id"]), seconds=900, what="processes of the job")
        granted.add((job["node"], device))
    assert len(granted) == 2  # side by side, not on one device
    # A GPU was granted; there is none in truth, so training either went on without or says so in one line.
    run.end()
    for model in models:
        log = start.folder / "logs/train_model" / Path(model).parts[2] / "0.log"
        assert (start.folder / model).is_file() or "PyTorch finds no GPU" in log.read_text()


def test_training_without_a_gpu_asks_for_none(start, lab):
    (model,), options = prepare_training(start, names=("one",), epochs=1, gpus=0)
    run = start(*options, model)
    run.end(code=0)
    (job,) = run.jobs()
    assert not re.search("gres[:/]gpu", lab.call("scontrol", "show", "job", "-d", job["id"]))


def test_interrupted_training_goes_on_in_the_second_attempt(start, lab):
    (model,), options = prepare_training(start, names=("one",), epochs=3000, gpus=0)
    run = start(*options, model)
    job = run.running("train_model")
    work = start.folder / "results/models/one/0/work/last.pt"
    wait_for(work.is_file, seconds=900, what="first saved state of training")
    lab.call("scancel", "--signal=USR1", job["id"])

    def second():
        return [j for j in run.jobs("running") if j["id"] != job["id"]]

    (again,) = wait_for(second, seconds=900, what="second attempt")
    log = start.folder / "logs/train_model/one/0.log"
    wait_for(lambda: "going on after step" in log.read_text(), seconds=900, what="resumed training")
    lab.call("scancel", again["id"])  # which saves, too
    assert run.end() != 0
    assert work.is_file()
