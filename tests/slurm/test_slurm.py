"""The workflow on a real Slurm: everything lands, GPUs are granted, and accidents cost what they must."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from tests.slurm.conftest import PATIENCE, SMALL, is_of, wait_for
from tests.unit.training_tables import make_clips, write_split, write_stats
from tests.workflow.conftest import ROOT


def landed(folder, tables):
    return [table for table in tables if (folder / table).is_file()]


def test_a_failing_job_is_named_the_others_land_and_a_second_run_completes(start):
    bad = start.folder / "results/spectrogram/talk/.bob.finished.arrows"
    (bad / "in the way").mkdir(parents=True)  # where finished clips must go
    run = start(*start.tables)
    assert run.end() != 0
    assert "Error in rule spectrogram" in run.text
    assert ".bob.finished.arrows" in (start.folder / "logs/spectrogram/talk/bob.log").read_text()
    others = [table for table in start.files if "bob" not in table]
    assert landed(start.folder, others) == others
    assert sum(is_of(job, "spectrogram", "talk/bob") for job in run.jobs()) == 2  # one retry
    shutil.rmtree(bad)
    again = start(*start.tables)
    again.end(code=0)
    assert landed(start.folder, start.files) == start.files
    assert [is_of(job, "spectrogram", "talk/bob") for job in again.jobs()] == [True]


def test_a_cancelled_job_is_reported_and_a_second_run_completes(start, lab):
    run = start("--retries", "0", *start.tables)
    job = run.running("spectrogram", "talk/anna")
    lab.call("scancel", job["id"])
    assert run.end() != 0
    assert re.search(rf"SLURM-job '{job['id']}' failed, SLURM status is: 'CANCELLED'", run.text)
    assert "Error in rule spectrogram" in run.text
    again = start(*start.tables)
    again.end(code=0)
    assert landed(start.folder, start.files) == start.files
    assert len(again.jobs()) == 1


def test_resources_given_by_the_name_of_a_rule_reach_slurm(start, lab):
    run = start("--set-resources", "spectrogram:mem_mb=432", *start.tables)
    run.end(code=0)
    for job in run.jobs():
        assert re.search(r"MinMemoryNode=432M|mem=432M", lab.call("scontrol", "show", "job", "-d", job["id"]))


def test_the_jobs_of_a_lost_node_are_done_by_another(start, lab):
    run = start(*start.tables)
    job = run.running("spectrogram", "talk/bob")
    lab.lose_node(job["node"], job["id"])
    try:
        run.end(code=0)
        assert landed(start.folder, start.files) == start.files
        tries = [j for j in run.jobs() if is_of(j, "spectrogram", "talk/bob")]
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
    # forced: the orphans may already have made everything, and then there is nothing to be locked out of
    locked = start("--forceall", *start.tables)
    assert locked.end() != 0
    assert "--unlock" in locked.text
    wait_for(lambda: not run.jobs("pending,running"), seconds=PATIENCE, what="end of the orphans")
    start("--unlock").end(code=0)
    again = start(*start.tables)
    again.end(code=0)
    assert landed(start.folder, start.files) == start.files


def prepare_training(start, *, names, epochs, gpus=0, seeds=(0,), n_frames=40, **training):
    """Put what training reads in place and return the files to ask for, and options that allow nothing else."""
    folder, clips = start.folder, make_clips(3, n_clips=4, n_frames=n_frames, shape=(537,))
    config = json.loads(json.dumps(SMALL))
    config["models"] = {name: dict(SMALL["models"]["one"]) for name in names}
    config["seeds"] = list(seeds)
    config["training"] |= {"epochs": epochs, "frames_per_epoch": 0, "gpus": gpus, **training}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    for place in ("splits/acoustics", "stats", "rig"):
        (folder / "results" / place).mkdir(parents=True)
    write_split(folder / "results/splits/acoustics/train.parquet", clips, feature="acoustics")
    write_stats(folder / "results/stats/acoustics.json", clips, feature="acoustics")
    rig = ["build-rig", "--settings", '{"identity_modes": 0}', "--out", str(folder / "results/rig/rig.npz")]
    subprocess.run([sys.executable, "-m", "speechface", *rig], check=True, cwd=ROOT, timeout=PATIENCE)
    models = [f"results/models/{name}/{seed}/model.ckpt" for name in names for seed in seeds]
    return models, ("--allowed-rules", "train_model", "--")


def test_models_and_seeds_train_side_by_side_each_on_a_gpu_of_its_own(start, lab):
    models, options = prepare_training(start, names=("one", "two"), seeds=(0, 1), epochs=3000, gpus=1)
    run = start("--retries", "0", *options, *models)

    places = {}  # id of a job -> (node, device), seen while it runs

    def all_seen():
        for job in run.jobs("running"):
            for device in lab.devices(job["id"]):
                places[job["id"]] = (job["node"], device)
        return len(places) == 4 or run.process.poll() is not None

    wait_for(all_seen, seconds=PATIENCE, what="four jobs with a GPU each")
    run.end()
    assert len(set(places.values())) == 4  # none shares a GPU
    starts, ends = [], []
    for job in run.jobs():
        assert job["partition"] == "gpu"
        facts = lab.call("scontrol", "show", "job", "-d", job["id"])
        assert re.search(r"TresPerJob=gres[:/]gpu:1\b", facts)
        starts.append(re.search(r"StartTime=(\S+)", facts)[1])
        ends.append(re.search(r"EndTime=(\S+)", facts)[1])
    assert len(starts) == 4
    assert max(starts) <= min(ends)  # all at once
    # A GPU was granted; there is none in truth, so training says so in one line.
    for model in models:
        log = start.folder / "logs/train_model" / Path(model).parts[2] / f"{Path(model).parts[3]}.log"
        assert (start.folder / model).is_file() or "PyTorch finds no GPU here" in log.read_text().splitlines()[-1]


def test_two_tasks_on_two_nodes_train_one_network(start, lab):
    (model,), options = prepare_training(start, names=("one",), epochs=2, processes=2, nodes=2)
    run = start(*options, model)
    run.end(code=0)
    (job,) = run.jobs()
    facts = lab.call("scontrol", "show", "job", "-d", job["id"])
    assert re.search(r"NumNodes=2 .*NumTasks=2 ", facts)
    log = (start.folder / "logs/train_model/one/0.log").read_text()
    assert log.count("epochs of") == 1  # one of the two writes
    alone = start.folder / "alone.ckpt"
    train = ["train-model", "--name", "one", "--settings", json.dumps(SMALL["models"]["one"]), "--training",
             json.dumps({**SMALL["training"], "epochs": 2, "frames_per_epoch": 0}), "--train",
             "results/splits/acoustics/train.parquet", "--stats", "results/stats/acoustics.json", "--rig",
             "results/rig/rig.npz", "--seed", "0", "--work-dir", "alone", "--log", "alone.csv", "--out",
             str(alone)]  # fmt: skip
    subprocess.run([sys.executable, "-m", "speechface", *train], check=True, cwd=start.folder, timeout=PATIENCE)
    rows = [pd.read_csv(start.folder / path) for path in ("alone.csv", "results/models/one/0/metrics.csv")]
    assert (rows[0].step == rows[1].step).all()
    # the same batches; what dropout leaves out differs
    assert ((rows[0].train_loss - rows[1].train_loss).abs() < 0.1 * rows[0].train_loss).all()


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
    work = start.folder / "results/models/one/0/work/last.ckpt"
    wait_for(work.is_file, seconds=PATIENCE, what="first saved state of training")
    lab.call("scancel", "--signal=USR1", job["id"])

    def second():
        return [j for j in run.jobs("running") if j["id"] != job["id"]]

    (again,) = wait_for(second, seconds=PATIENCE, what="second attempt")
    log = start.folder / "logs/train_model/one/0.log"

    def resumed():  # Snakemake takes the first attempt's log away
        return log.is_file() and "going on after epoch" in log.read_text()

    wait_for(resumed, seconds=PATIENCE, what="resumed training")
    lab.call("scancel", again["id"])  # which ends it cleanly, too
    assert run.end() != 0
    assert work.is_file()


def test_a_preempted_training_makes_room_is_sent_again_and_goes_on(start, lab, scavenging):
    (model,), options = prepare_training(start, names=("one",), epochs=100_000)
    run = start(*options, model, profile=scavenging)
    job = run.running("train_model")
    wait_for((start.folder / "results/models/one/0/work/last.ckpt").is_file, seconds=PATIENCE, what="first saved state")
    # a job that needs all of the node
    room = ["sbatch", "--parsable", "-p", "cpu", "-w", job["node"], "--exclusive", "-o", "/dev/null", "--wrap", "true"]
    other = lab.call(*room).strip()
    wait_for(lambda: lab.state(other) == "COMPLETED", seconds=PATIENCE, what="end of the job that needed the node")
    log = start.folder / "logs/train_model/one/0.log"
    wait_for(lambda: log.is_file() and "going on after epoch" in log.read_text(), seconds=PATIENCE, what="going on")
    assert run.process.poll() is None
    for job in run.jobs("running"):
        lab.call("scancel", job["id"])
    run.end()


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
    output = subprocess.run(command, capture_output=True, text=True, env=lab.environment, timeout=PATIENCE)
    assert "Nothing to be done" in output.stdout + output.stderr
