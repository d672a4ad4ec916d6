"""How much of a workflow's wall time is Snakemake's own, on one core.

    python benchmarks/workflow_share.py CONFIG.yaml [TARGET ...]

Runs the targets (``prepare`` by default) with one core in an empty folder and compares the wall time with the sum of
the jobs' own, which Snakemake writes to their benchmark files. What is left is Snakemake: reading the rules, planning,
starting and recording jobs.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def jobs_of(folder):
    """{rule: (jobs, wall seconds, processor seconds)} of a run's benchmark files."""
    rules = {}
    for path in folder.rglob("*.tsv"):
        with open(path, newline="") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        rule = path.relative_to(folder).parts[0]
        jobs, wall, processor = rules.get(rule, (0, 0.0, 0.0))
        used = row.get("cpu_time")
        rules[rule] = (
            jobs + 1,
            wall + float(row["s"]),
            processor + (float(used) if used not in (None, "", "-", "NA") else 0),
        )
    return rules


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file; its relative paths are those of the repository")
    parser.add_argument("targets", nargs="*", default=["prepare"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        shared = ROOT.parent / "shared"
        if shared.exists():
            (folder.parent / shared.name).symlink_to(shared)  # what configs of this repository call ../shared
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1",
                   "--directory", str(folder), "--configfile", str(Path(args.config).resolve()),
                   *args.targets]  # fmt: skip
        start = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        rules = jobs_of(folder / "results/benchmarks/jobs")
    print(f"{'rule':24} {'jobs':>5} {'wall s':>8} {'core s':>8}")
    for rule, (jobs, seconds, processor) in sorted(rules.items(), key=lambda item: -item[1][1]):
        print(f"{rule:24} {jobs:5d} {seconds:8.1f} {processor:8.1f}")
    own = wall - sum(seconds for _, seconds, _ in rules.values())
    print(
        f"{'Snakemake':24} {'':5} {own:8.1f}\n{'everything':24} {'':5} {wall:8.1f}   Snakemake's own: {own / wall:.0%}"
    )


if __name__ == "__main__":
    main()
