"""Compare the memory and time that the jobs of a finished run asked for with what they used.

Reads the benchmark file of every job (results/benchmarks/jobs). Asked is what the rule and --set-resources came to;
runs without `benchmark-extended` (both profiles set it) did not record it, it is then left open. Memory is the largest
resident set that Snakemake saw, which samples a job after 5 s and then every 30 s: jobs shorter than that have none. On
clusters with accounting, `snakemake --slurm-efficiency-report` tells the same from Slurm's side.
"""

import argparse
import ast
import csv
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechface.errors import ConfigError

__all__ = ["add_arguments", "run", "Usage", "read_jobs", "usage_lines"]

#: Above this fraction of what was asked, a larger clip or a slower node may be too much; below the other, it is waste.
CROWDED, IDLE = 0.8, 0.25
#: Nobody waits longer for less than this.
LITTLE_MB, LITTLE_MIN = 1000, 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--benchmarks", default="results/benchmarks/jobs", metavar="DIR", help="benchmark files of a finished run"
    )


@dataclass(frozen=True)
class Usage:
    """One job: `used_mb`, `asked_mb`, `asked_min` are None where nothing was recorded."""

    rule: str
    minutes: float
    used_mb: float | None
    asked_mb: float | None
    asked_min: float | None


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def read_jobs(folder: str | os.PathLike) -> list[Usage]:
    """Return a `Usage` for every benchmark file under `folder`; the first folder in a file's path names its rule.

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
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        used, wanted = _number(row["max_rss"]), (_number(asked.get("mem_mb")), _number(asked.get("runtime")))
        jobs.append(Usage(rule, float(row["s"]) / 60, used, *wanted))
    if not jobs:
        raise ConfigError(f"--benchmarks: {folder}: expected the benchmark files of a finished run; found none")
    return jobs


#: Median asked, median used, most used and largest fraction used of one resource; None where unknown.
_Column = tuple[float | None, float | None, float | None, float | None]


def _column(jobs: Sequence[Usage], used: str, asked: str) -> _Column:
    pairs = [(getattr(job, used), getattr(job, asked)) for job in jobs]
    amounts, wanted = [a for a, _ in pairs if a is not None], [w for _, w in pairs if w]
    fraction = max((a / w for a, w in pairs if a is not None and w), default=None)
    return (
        statistics.median(wanted) if wanted else None,
        statistics.median(amounts) if amounts else None,
        max(amounts, default=None),
        fraction,
    )


def _advice(name: str, column: _Column, little: float) -> str:
    asked, _, _, fraction = column
    if fraction is None:
        return ""
    if fraction > CROWDED:
        return f"more {name}"
    return f"less {name} would do" if fraction < IDLE and (asked or 0) > little else ""


def usage_lines(jobs: Sequence[Usage]) -> list[tuple[str, int, _Column, _Column, str]]:
    """Return one line a rule.

    Parameters
    ----------
    jobs : list of Usage

    Returns
    -------
    list of (rule, number of jobs, memory, time, advice)
        Memory (MB) and time (minutes) as (median asked, median used, most used, largest fraction of what was asked).
    """
    rules: dict[str, list[Usage]] = {}
    for job in jobs:
        rules.setdefault(job.rule, []).append(job)
    lines = []
    for rule, own in rules.items():
        memory, time = _column(own, "used_mb", "asked_mb"), _column(own, "minutes", "asked_min")
        advice = [_advice("memory", memory, LITTLE_MB), _advice("time", time, LITTLE_MIN)]
        lines.append((rule, len(own), memory, time, ", ".join(filter(None, advice))))
    return lines


def _text(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:,.{digits}f}"


def run(args: argparse.Namespace) -> None:
    lines = usage_lines(read_jobs(args.benchmarks))
    width = max(len("rule"), *(len(line[0]) for line in lines))
    print(f"{'':{width}} {'':>6} {'memory, MB':>26}   {'time, minutes':>26}")
    print(
        f"{'rule':{width}} {'jobs':>6} {'asked':>8} {'median':>8} {'most':>8}   {'asked':>8} {'median':>8} {'most':>8}"
    )
    for rule, count, memory, time, advice in lines:
        numbers = [f"{_text(value, 0):>8}" for value in memory[:3]] + [" "]
        numbers += [f"{_text(value, 0 if k == 0 else 2):>8}" for k, value in enumerate(time[:3])]
        print(f"{rule:{width}} {count:>6,} {' '.join(numbers)}  {advice}".rstrip())
