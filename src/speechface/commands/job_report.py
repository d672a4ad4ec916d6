"""Compare the memory and time that the jobs of a finished run asked for with what they used.

Reads the benchmark file of every job (results/benchmarks/jobs). Asked is what the rule, its batch and --set-resources
came to; runs without `benchmark-extended` (both profiles set it) did not record it, it is then left open. Memory is the
largest resident set that Snakemake saw, which samples a job after 5 s and then every 30 s: jobs shorter than that have
none. On clusters with accounting, `snakemake --slurm-efficiency-report` tells the same from Slurm's side.
"""

import ast
import csv
import statistics
from dataclasses import dataclass
from pathlib import Path

from speechface.errors import ConfigError

__all__ = ["add_arguments", "run", "Usage", "read_jobs", "usage_lines"]

#: Above this share of what was asked, a larger clip or a slower node may be too much; below the other, it is waste.
CROWDED, IDLE = 0.8, 0.25
#: Nobody waits longer for less than this.
LITTLE_MB, LITTLE_MIN = 1000, 30


def add_arguments(parser):
    parser.add_argument(
        "--benchmarks", default="results/benchmarks/jobs", metavar="DIR", help="benchmark files of a finished run"
    )


@dataclass(frozen=True)
class Usage:
    """One job: `used_mb`, `asked_mb`, `asked_min` are None where nothing was recorded."""

    stage: str
    minutes: float
    used_mb: float | None
    asked_mb: float | None
    asked_min: float | None


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def read_jobs(folder):
    """Return a `Usage` for every benchmark file under `folder`; the first folder in a file's path names its stage.

    Raises
    ------
    ConfigError
        If there is none.
    """
    jobs = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        with open(path, newline="") as file:
            row = next(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE), None)
        if row is None:
            continue
        asked = ast.literal_eval(row["resources"]) if row.get("resources") else {}
        stage = path.relative_to(folder).parts[0].removesuffix(".tsv")
        jobs.append(
            Usage(
                stage,
                float(row["s"]) / 60,
                _number(row["max_rss"]),
                _number(asked.get("mem_mb")),
                _number(asked.get("runtime")),
            )  # fmt: skip
        )
    if not jobs:
        raise ConfigError(f"--benchmarks: {folder}: expected the benchmark files of a finished run; found none")
    return jobs


def _column(jobs, used, asked):
    """(median asked, median used, most used, largest share used) of one resource; None where unknown."""
    pairs = [(getattr(job, used), getattr(job, asked)) for job in jobs]
    amounts, wanted = [a for a, _ in pairs if a is not None], [w for _, w in pairs if w]
    share = max((a / w for a, w in pairs if a is not None and w), default=None)
    return (
        statistics.median(wanted) if wanted else None,
        statistics.median(amounts) if amounts else None,
        max(amounts, default=None),
        share,
    )


def _advice(name, asked, share, little):
    if share is None:
        return ""
    if share > CROWDED:
        return f"more {name}"
    return f"less {name} would do" if share < IDLE and asked > little else ""


def usage_lines(jobs):
    """Return one line a stage.

    Parameters
    ----------
    jobs : list of Usage

    Returns
    -------
    list of (stage, number of jobs, memory, time, advice)
        Memory (MB) and time (minutes) as (median asked, median used, most used, largest share of what was asked).
    """
    stages = {}
    for job in jobs:
        stages.setdefault(job.stage, []).append(job)
    lines = []
    for stage, own in stages.items():
        memory, time = _column(own, "used_mb", "asked_mb"), _column(own, "minutes", "asked_min")
        advice = [_advice("memory", memory[0], memory[3], LITTLE_MB), _advice("time", time[0], time[3], LITTLE_MIN)]
        lines.append((stage, len(own), memory, time, ", ".join(filter(None, advice))))
    return lines


def _text(value, digits):
    return "?" if value is None else f"{value:,.{digits}f}"


def run(args):
    lines = usage_lines(read_jobs(args.benchmarks))
    width = max(len(line[0]) for line in lines)
    print(f"{'':{width}} {'':>6} {'memory, MB':>26}   {'time, minutes':>26}")
    print(
        f"{'stage':{width}} {'jobs':>6} {'asked':>8} {'median':>8} {'most':>8}   {'asked':>8} {'median':>8} {'most':>8}"
    )
    for stage, count, memory, time, advice in lines:
        numbers = [f"{_text(value, 0):>8}" for value in memory[:3]] + [" "]
        numbers += [f"{_text(value, 0 if k == 0 else 2):>8}" for k, value in enumerate(time[:3])]
        print(f"{stage:{width}} {count:>6,} {' '.join(numbers)}  {advice}".rstrip())
