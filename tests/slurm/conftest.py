"""A Slurm of four nodes on this machine, and one finished run of the tiny dataset on it."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.workflow.conftest import CONFIG, ROOT, write_video

LAB = Path(__file__).with_name("lab.sh")
#: Seconds that anything may take before it is given up; a busy machine takes ten times as long as an idle one.
PATIENCE = 1800


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slurm)


def wait_for(condition, *, seconds, what):
    """Return the first true value of `condition()`; fail after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {seconds} s")


class Lab:
    """The cluster: its folder, its commands and its accidents."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "LAB_PORT": str(_free_ports(5)),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }

    def control(self, action):
        command = ["bash", str(LAB), action, str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=1800)

    def call(self, *command):
        run = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=600)
        return run.stdout

    def jobs(self, name, states="all"):
        """Jobs of one Snakemake run or of all ("*"): list of dicts id, state, node, partition, rule."""
        listing = self.call("squeue", "-h", f"--states={states}", "-o", "%i|%T|%N|%P|%j|%k")
        keys = ("id", "state", "node", "partition", "name", "rule")
        rows = [dict(zip(keys, line.split("|"))) for line in listing.splitlines()]
        return [row for row in rows if name in ("*", row["name"])]

    def state(self, job):
        """State of one job in Slurm's words."""
        return self.call("squeue", "-h", "--states=all", "-j", job, "-o", "%T").strip()

    def processes(self, job):
        """Process ids of a job: whoever carries its id in the environment."""
        wanted = f"SLURM_JOB_ID={job}".encode()
        return [pid for pid, environment in _environments() if wanted in environment]

    def devices(self, job):
        """CUDA_VISIBLE_DEVICES as the processes of a job see it."""
        wanted = f"SLURM_JOB_ID={job}".encode()
        found = {
            entry.partition(b"=")[2].decode()
            for _, environment in _environments()
            if wanted in environment
            for entry in environment
            if entry.startswith(b"CUDA_VISIBLE_DEVICES=")
        }
        return found

    def lose_node(self, node, job):
        """Let a node die: its daemon, the step managers and the processes of `job` are gone at once."""
        daemon = int((self.folder / f"run/slurmd-{node}.pid").read_text())
        managers = [pid for pid, words in _command_lines() if words[0].startswith(f"slurmstepd: [{job}.")]
        for pid in [daemon, *managers, *self.processes(job)]:
            _kill(pid)
        (self.folder / f"run/slurmd-{node}.pid").unlink()


def _free_ports(count):
    """Return the first of `count` successive ports that nobody listens on."""
    for first in range(36800, 60000, 20):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("", port))
            except OSError:
                continue
            return first
    raise RuntimeError("no free ports")


def _kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _environments():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield int(folder.name), (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue


def _command_lines():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words and words[0]:
            yield int(folder.name), words


class Run:
    """One start of Snakemake through the profile."""

    def __init__(self, lab, profile, folder, *options):
        self.lab, self.folder = lab, folder
        self.output = folder / f"snakemake-{time.monotonic_ns()}.txt"
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--workflow-profile", "none", "--profile", str(profile), "--directory", str(folder)]
        command += ["--configfile", str(folder / "config.yaml"), "--slurm-init-seconds-before-status-checks", "2"]
        with open(self.output, "w") as file:
            self.process = subprocess.Popen(
                [*command, *options], stdout=file, stderr=subprocess.STDOUT, cwd=folder, env=lab.environment
            )

    @property
    def text(self):
        return self.output.read_text()

    @property
    def name(self):
        """The Slurm job name that all jobs of this run share."""
        self._alive("it submitted anything", unless="SLURM run ID")
        return re.search(r"SLURM run ID: (\S+)", self.text)[1]

    def _alive(self, what, *, unless):
        def ready():
            if unless in self.text:
                return True
            if self.process.poll() is not None:
                pytest.fail(f"the run ended before {what}\n{self.text[-4000:]}")
            return False

        wait_for(ready, seconds=PATIENCE, what=what)

    def jobs(self, states="all"):
        return self.lab.jobs(self.name, states)

    def running(self, rule, shard=""):
        """The first job of `rule` that runs, of a shard if one is given."""

        def found():
            if self.process.poll() is not None:
                pytest.fail(f"the run ended before {rule} ran\n{self.text[-4000:]}")
            return [job for job in self.jobs("running") if is_of(job, rule, shard)]

        return wait_for(found, seconds=PATIENCE, what=f"a running job of {rule}")[0]

    def end(self, *, code=None, seconds=2 * PATIENCE):
        """Wait for the end; return the exit code, which must be `code` if one is given."""
        try:
            found = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"Snakemake did not end within {seconds} s\n{self.text[-6000:]}")
        if code is not None and found != code:
            pytest.fail(f"Snakemake ended with {found}, expected {code}\n{self.text[-8000:]}")
        return found


def is_of(job, rule, shard=""):
    """Is a Slurm job one of a rule and shard? Its comment says so: ``rule_NAME_wildcards_SHARD``."""
    return job["rule"].startswith(f"rule_{rule}") and job["rule"].replace("/", "_").endswith(shard.replace("/", "_"))


@pytest.fixture(scope="session")
def lab():
    folder = Path(tempfile.mkdtemp(prefix="lab"))
    cluster = Lab(folder)
    try:
        up = cluster.control("up")
        if up.returncode == 3:
            pytest.skip(f"no Slurm here: {up.stderr.strip()}")
        assert up.returncode == 0, up.stderr
        yield cluster
    finally:
        if shutil.which("scancel"):
            cluster.call("scancel", "--user", str(os.getuid()))
        cluster.control("down")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def profile(tmp_path_factory):
    """The project's profile with the partitions of this cluster, edited as a user would."""
    folder = tmp_path_factory.mktemp("profile") / "slurm"
    shutil.copytree(ROOT / "profiles/slurm", folder)
    edit(folder, partition="cpu", gpu_partition="gpu")
    return folder


@pytest.fixture(scope="session")
def scavenging(profile, tmp_path_factory):
    """That profile, on the partition whose jobs must make room for others."""
    folder = tmp_path_factory.mktemp("scavenging") / "slurm"
    shutil.copytree(profile, folder)
    edit(folder, partition="scavenge", gpu_partition="scavenge", preemption="true")
    return folder


def edit(folder, **values):
    """Edit the first lines of a profile as a user would."""
    text = (folder / "config.yaml").read_text()
    for key, value in values.items():
        text, count = re.subn(rf"^  {key}: [^ ]*", f"  {key}: {value}", text, flags=re.M)
        assert count == 1, key
    (folder / "config.yaml").write_text(text)


@pytest.fixture(scope="session")
def finished(lab, profile, tmp_path_factory):
    """A whole run on the cluster: folder, output and seconds. Two of its videos cannot be used."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    videos = folder / "videos" / "nobody"
    videos.mkdir(parents=True)
    (videos / "broken.mp4").write_bytes(b"this is not a video" * 100)
    write_video(videos / "no_face.mp4", image=lambda k: np.full((160, 160, 3), 20 + k, np.uint8))
    began = time.monotonic()
    run = Run(lab, profile, folder, "--report", "results/report.html", "--report-after-run")
    run.end(code=0, seconds=4 * PATIENCE)
    facts = {"seconds": time.monotonic() - began, "jobs": len(re.findall("has been submitted", run.text))}
    return folder, run, facts


ACTORS = ("anna", "bob")
SMALL = {
    "datasets": {"talk": {"adapter": "folder", "root": "videos", "split": {"by": "clip", "test_clips": 1}}},
    "models": {"one": {"feature": "acoustics", "head": "gru", "schedule": "recurrent", "sequence_frames": 20}},
    "training": {"frames_per_step": 32, "threads": 1, "validation_fraction": 0},
}


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """A folder with two short videos of each of two actors, and in results/audio their sound."""
    root = tmp_path_factory.mktemp("small")
    folder = root / "videos"
    for actor in ACTORS:
        (folder / actor).mkdir(parents=True)
        for number, name in enumerate(("first", "second")):
            write_video(folder / actor / f"{name}.mp4", image=lambda k, n=number: np.full((32, 32, 3), 9 * n, np.uint8))
    for actor in ACTORS:
        clips = [f"talk/{actor}/{path.stem}={path}" for path in sorted((folder / actor).glob("*.mp4"))]
        command = [sys.executable, "-m", "speechface", "extract-audio", "--clips", *clips]
        command += ["--out", str(root / f"results/audio/talk/{actor}.parquet")]
        subprocess.run(command, check=True, timeout=PATIENCE)
    return root


@pytest.fixture
def start(lab, profile, videos, tmp_path):
    """Function that begins a run over the small videos; `tables` asks for their spectrograms and nothing else."""
    folder = tmp_path / "run"
    shutil.copytree(videos, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(SMALL))
    runs = []

    def begin(*options, profile=profile):
        runs.append(Run(lab, profile, folder, *options))
        return runs[-1]

    begin.folder = folder
    begin.files = [f"results/spectrogram/talk/{actor}.parquet" for actor in ACTORS]
    begin.tables = ["--allowed-rules", "spectrogram", "--", *begin.files]
    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
    for job in lab.jobs("*", "pending,running"):
        lab.call("scancel", job["id"])
