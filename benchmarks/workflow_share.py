"""How much of a workflow's wall time is Snakemake's own, on one core, with one clip a job and with one actor a job.

    python benchmarks/workflow_share.py [CONFIG.yaml] [--targets prepare] [--batches clip actor] [--grid 6]

Runs the targets with one core, each time in an empty folder, and compares the wall time with the sum of the jobs' own,
which Snakemake writes to their benchmark files. What is left is Snakemake: reading the rules, planning, starting and
recording jobs. Beside it stands the processor time of all processes together (user and system), and the machine's load
before each run: on a busy machine wall times are upper bounds.

Without a config: the first clips of the RAVDESS actor and of one GRID speaker in ``../shared/clips``, with the tables
that a CNN and a sequence network read.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def few_clips(folder, grid, ravdess):
    """Config of a few real clips, which get second names in `folder`."""
    sources = {"grid": (SHARED / "clips/grid/s1", ".mpg", grid), "ravdess": (SHARED / "clips/ravdess", ".mp4", ravdess)}
    datasets = {}
    for name, (source, suffix, count) in sources.items():
        clips = sorted(source.rglob(f"*{suffix}"))[:count]
        if clips:
            datasets[name] = {"adapter": name, "root": str(folder / name), "role": "predict"}
        for clip in clips:
            link = folder / name / clip.parent.name / clip.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(clip)
    if "grid" in datasets:
        datasets["grid"] = {**datasets["grid"], "role": "learn", "split": {"by": "clip", "test_clips": 1}}
    models = {"cnn": {}, "tcn": {"family": "sequence"}}
    return {"datasets": datasets, "models": models}


def jobs_of(folder):
    """{step: (jobs, wall seconds)} of a run's benchmark files."""
    steps = {}
    for path in folder.rglob("*.tsv"):
        with open(path, newline="") as file:
            seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
        step = path.relative_to(folder).parts[0].removesuffix(".tsv")
        jobs, wall = steps.get(step, (0, 0.0))
        steps[step] = (jobs + 1, wall + seconds)
    return steps


def run(config, batch, targets):
    """Run the workflow in an empty folder: ({step: (jobs, wall s)}, wall s, processor s)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        if SHARED.exists():
            (folder.parent / SHARED.name).symlink_to(SHARED)  # what configs of this repository call ../shared
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1",
                   "--directory", str(folder), "--configfile", str(config), "--config", f"batch={batch}", "--",
                   *targets]  # fmt: skip
        log = folder.parent / "log"
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with open(log, "w") as out:
            failed = subprocess.run(
                command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, **ONE_THREAD}
            ).returncode
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if failed:
            sys.exit("".join(log.read_text().splitlines(keepends=True)[-25:]) + "the workflow failed")
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return jobs_of(folder / "results/benchmarks/jobs"), wall, processor


def report(batch, load, steps, wall, processor):
    """Print one run."""
    print(f"\nbatch: {batch}; load {load:.2f} before the run\n{'step':24} {'jobs':>5} {'wall s':>8}")
    for step, (jobs, seconds) in sorted(steps.items(), key=lambda item: -item[1][1]):
        print(f"{step:24} {jobs:5d} {seconds:8.1f}")
    count, work = (sum(values) for values in zip(*steps.values()))
    print(f"{'all jobs':24} {count:5d} {work:8.1f}\n{'Snakemake':24} {'':5} {wall - work:8.1f}")
    print(f"{'everything':24} {'':5} {wall:8.1f}   processor {processor:.1f} s")
    print(f"Snakemake's own: {(wall - work) / wall:.0%} of the wall time, {1e3 * (wall - work) / count:.0f} ms a job",
          flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", help="config file; its relative paths are those of the repository")
    parser.add_argument("--targets", nargs="+", default=["prepare"])
    parser.add_argument("--batches", nargs="+", default=["clip", "actor"], help="values of the config key batch")
    parser.add_argument("--grid", type=int, default=6, help="GRID clips, where no config is given")
    parser.add_argument("--ravdess", type=int, default=5, help="RAVDESS clips, where no config is given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = args.config and Path(args.config).resolve()
        if not config:
            settings = few_clips(Path(name), args.grid, args.ravdess)
            if not settings["datasets"]:
                parser.error(f"no clips in {SHARED / 'clips'}: name a config file")
            config = Path(name) / "config.yaml"
            config.write_text(json.dumps(settings))
        for batch in args.batches:
            report(batch, os.getloadavg()[0], *run(config, batch, args.targets))


if __name__ == "__main__":
    main()
