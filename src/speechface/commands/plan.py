"""Tell what a run will cost before it is started: clips, frames, jobs, processor and GPU hours, and disk.

Frames are counted in a few clips of each dataset and scaled up; where no file can be opened yet, from what is known of
the dataset. Rates are measured ones (`speechface.planning.RATES`), or those of an earlier run by --benchmarks.
Training counts all epochs, even if it will stop earlier.
"""

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from speechface.errors import ConfigError, MediaError, TableError
from speechface.names import path_name
from speechface.seals import read_json

if TYPE_CHECKING:
    from speechface.config import Config
    from speechface.datasets.base import Clip
    from speechface.planning import Rate

__all__ = ["add_arguments", "run", "measured_rates", "measured_training"]

#: Clips of each dataset that are opened to count frames.
_SAMPLE = 16
#: Frames of a clip where none can be opened. RAVDESS: 245,000 in 2,452 clips; GRID: 3 s at 25 frames/s.
_TYPICAL_FRAMES = {"ravdess": 99.9, "grid": 75.0}
_DEMO_SECONDS = 2.4  # measured: six clips of three actors
_ASSUMED_FRAMES = 100.0
#: rule -> folder of its tables beside ``benchmarks``, where that has another name
_FOLDERS = {
    "make_demo_clips": "videos", "extract_audio": "audio", "detect_landmarks": "landmarks", "crop_faces": "crops",
    "estimate_delay": "delays",
    "fit_identity": "landmarks", "fit_labels": "labels", "predict": "predictions",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="config file (YAML)")
    parser.add_argument(
        "--benchmarks", metavar="DIR", help="results/benchmarks/jobs of a finished run: its times instead of the table"
    )


def _frames_of(source: str) -> int | None:
    from speechface.media import probe_video

    try:
        return len(probe_video(source).times)
    except MediaError:
        return None


def _frames_a_clip(config: "Config", name: str, clips: "Sequence[Clip]") -> tuple[float, str]:
    """Frames of a clip of one dataset on average, and where the number comes from."""
    dataset = config.datasets[name]
    if dataset.SYNTHETIC:
        return _DEMO_SECONDS * float(Fraction(str(getattr(dataset, "fps", 30)))), f"{_DEMO_SECONDS:g} s a clip"
    step = max(1, len(clips) // _SAMPLE)
    opened = [_frames_of(clip.path) for clip in clips[step // 2 :: step][:_SAMPLE]]
    counts = [count for count in opened if count]
    if counts:
        return sum(counts) / len(counts), f"{len(counts)} clips opened"
    if dataset.adapter in _TYPICAL_FRAMES:
        return _TYPICAL_FRAMES[dataset.adapter], "average of this dataset; no clip could be opened"
    return _ASSUMED_FRAMES, "assumed; no clip could be opened"


def _seconds_of(folder: Path) -> tuple[float, int]:
    """Wall seconds and number of jobs of every benchmark file under `folder`."""
    seconds, jobs = 0.0, 0
    for path in folder.rglob("*.tsv"):
        rows = path.read_text().splitlines()
        seconds += sum(float(row.split("\t")[0]) for row in rows[1:2])
        jobs += 1
    return seconds, jobs


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.parquet") if not path.name.startswith("."))


def _recorded_frames(results: Path) -> dict[str, int]:
    """Clip id -> frames, from the sound's tables of a run."""
    from speechface.clip_tables import ClipTables

    tables = ClipTables(_tables(results / "audio"))
    usable = [clip_id for clip_id in tables if tables.entry(clip_id)["status"] == "ok"]
    return {clip_id: len(tables.arrow(clip_id, ["times"])["times"][0]) for clip_id in usable}


def _work(results: Path, stage: str, frames: dict[str, int]) -> tuple[int, int]:
    """Frames that a step has worked on in a finished run, and bytes that it has written."""
    from speechface.clip_tables import ClipTable

    done, size = 0, 0
    if stage == "render_clip":
        places = {path_name(clip_id): count for clip_id, count in frames.items()}
        for path in (results / "renders").rglob("*.mp4"):
            done += places.get("/".join(path.with_suffix("").parts[-3:]), 0)
            size += path.stat().st_size
        return done, size
    for path in _tables(results / _FOLDERS.get(stage, stage)):
        try:
            done += sum(frames.get(clip_id, 0) for clip_id in ClipTable(path).entries)
        except TableError:  # a table of something else beside them
            continue
        size += path.stat().st_size
    return done, 0 if stage == "fit_identity" else size


def measured_rates(folder: str | os.PathLike) -> "dict[str, Rate]":
    """Return the rates of a finished run: rule -> `speechface.planning.Rate`.

    Parameters
    ----------
    folder : path-like
        ``results/benchmarks/jobs`` of the run, whose tables stand beside it.

    Notes
    -----
    Wall time of the jobs (they have one thread), less the start-up that `speechface.planning.RATES` knows.

    Raises
    ------
    ConfigError
        If the folder holds no benchmark or the run's tables of sound are gone.
    """
    from speechface.planning import RATES, Rate

    folder = Path(folder)
    results = folder.parent.parent
    frames = _recorded_frames(results)
    if not frames or not any(folder.rglob("*.tsv")):
        raise ConfigError(
            f"--benchmarks: {folder}: expected results/benchmarks/jobs of a finished run, beside results/audio; "
            f"found {sum(1 for _ in folder.rglob('*.tsv'))} benchmarks of {len(frames)} clips"
        )
    rates = {}
    for stage in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        seconds, jobs = _seconds_of(folder / stage)
        done, size = _work(results, stage, frames)
        if jobs and done:
            start_up = (RATES[stage].job_s if stage in RATES else None) or 0.5
            rates[stage] = Rate(max(0.0, seconds - jobs * start_up) * 1e3 / done, start_up, size / done)
    return rates


def measured_training(folder: str | os.PathLike) -> dict[str, float]:
    """Return wall milliseconds of training one frame, by model, from the ``model.json`` files of a finished run."""
    found: dict[str, list[float]] = {}
    models = Path(folder).parent.parent / "models"
    for path in sorted(models.glob("*/*/model.json")):
        facts = read_json(path)
        history = facts.get("history", {})  # ensembles are not trained
        frames = history.get("epochs", 0) * (
            facts.get("training", {}).get("frames_per_epoch") or history.get("frames", 0)
        )
        if frames and history["seconds"]:
            found.setdefault(facts["name"], []).append(1e3 * history["seconds"] / frames)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _text(value: float | None, scale: float, unit: str = "", digits: int = 2) -> str:
    return "?" if value is None else f"{value * scale:,.{digits}f}{unit}"


def run(args: argparse.Namespace) -> None:
    from speechface.config import load, plan_clips
    from speechface.planning import plan_lines, start_up_hours

    config = load(args.config)
    clips = [clip for clip in plan_clips(config, args.config) if clip.split in ("train", "test", "predict")]
    frames: dict[Clip, float] = {}
    for name in config.datasets:
        own = [clip for clip in clips if clip.dataset == name]
        average, origin = _frames_a_clip(config, name, own)
        frames |= dict.fromkeys(own, average)
        splits = ", ".join(f"{count:,} {split}" for split, count in sorted(Counter(c.split for c in own).items()))
        actors = len({clip.actor for clip in own})
        total = average * len(own)
        print(f"{name}: {len(own):,} clips ({splits}) of {actors} actors, about {total:,.0f} frames ({origin})")
    rates, training_ms = None, None
    if args.benchmarks:
        rates, training_ms = measured_rates(args.benchmarks), measured_training(args.benchmarks)
    gpu_ms = training_ms if config.training.gpus else None
    lines = plan_lines(config, frames, rates=rates, training_ms=training_ms, gpu_ms=gpu_ms)
    costs = [(line.core_hours or 0.0, line.gpu_hours or 0.0, line.disk_bytes or 0.0) for line in lines]
    core, gpu, disk = (sum(column) for column in zip(*costs))
    unit, scale = ("hours", 1) if max(core, gpu) >= 1 else ("minutes", 60)
    width = max(len("sum of what is known"), *(len(line.stage) for line in lines))
    print(f"\n{'step':{width}} {'jobs':>6} {'frames':>13} {f'core-{unit}':>12} {f'GPU-{unit}':>11} {'disk':>10}")
    for line in lines:
        print(
            f"{line.stage:{width}} {line.jobs:>6,} {line.frames:>13,} {_text(line.core_hours, scale):>12} "
            f"{_text(line.gpu_hours, scale):>11} {_text(line.disk_bytes, 1e-6, ' MB', 0):>10}"
        )
    jobs = sum(line.jobs for line in lines)
    print(
        f"{'sum of what is known':{width}} {jobs:>6,} {'':>13} {_text(core, scale):>12} {_text(gpu, scale):>11} "
        f"{_text(disk, 1e-6, ' MB', 0):>10}"
    )
    if any(line.core_hours is None or line.gpu_hours is None for line in lines):
        print("?: no rate known; --benchmarks of a run on your machines gives it")
    print(
        f"\n{jobs:,} jobs at shard_clips: {config.shard_clips}, and a few dozen for tables, baselines and figures; "
        f"on a cluster, starting them takes {_text(start_up_hours(lines, len(clips), rates=rates), scale)} core-{unit}"
    )
