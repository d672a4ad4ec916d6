"""Tell what a run will cost before it is started: clips, frames, processor and GPU hours, disk, and cluster jobs.

Frames are counted in a few clips of each dataset and scaled up; where no file can be opened yet, from what is known of
the dataset. Rates are measured ones (`speechface.planning.RATES`), or those of an earlier run by --benchmarks.
Training counts all epochs, even if it will stop earlier.
"""

import json
from collections import Counter
from pathlib import Path

from speechface.errors import ConfigError, MediaError

__all__ = ["add_arguments", "run", "measured_rates", "measured_training"]

#: Clips of each dataset that are opened to count frames.
_SAMPLE = 16
#: Frames of a clip where none can be opened. RAVDESS: 245,000 in 2,452 clips; GRID: 3 s at 25 frames/s.
_TYPICAL_FRAMES = {"ravdess": 99.9, "grid": 75.0}
_DEMO_SECONDS = 2.4  # measured: six clips of three actors
_ASSUMED_FRAMES = 100.0
#: stage -> (folder of its output beside ``benchmarks``, what the file names end on)
_OUTPUTS = {
    "make_demo_clip": ("demo", ".mp4"),
    "extract_wav": ("audio", ".frames.parquet"),
    "detect_landmarks": ("landmarks", ".parquet"),
    "spectrogram": ("spectrogram", ".parquet"),
    "acoustic_features": ("acoustics", ".parquet"),
    "log_mel": ("log_mel", ".parquet"),
    "waveform": ("waveform", ".parquet"),
    "fit_identity": ("landmarks", ".parquet"),
    "fit_labels": ("labels", ".parquet"),
    "crop_face": ("crops", ".mp4"),
    "predict": ("predictions", ".parquet"),
    "render_clip": ("renders", ".mp4"),
}


def add_arguments(parser):
    parser.add_argument("config", help="config file (YAML)")
    parser.add_argument(
        "--benchmarks", metavar="DIR", help="results/benchmarks/jobs of a finished run: its times instead of the table"
    )


def _frames_of_file(path):
    from speechface.media.probe import probe_video

    try:
        return len(probe_video(path).times)
    except MediaError:
        return None


def _frames_a_clip(config, name, clips):
    """Return (frames of a clip on average, where the number comes from) of one dataset."""
    dataset = config["datasets"][name]
    if dataset["adapter"] == "demo":
        from fractions import Fraction

        return _DEMO_SECONDS * float(Fraction(str(config["demo"]["fps"]))), f"{_DEMO_SECONDS:g} s a clip"
    step = max(1, len(clips) // _SAMPLE)
    counts = [_frames_of_file(clip.path) for clip in clips[step // 2 :: step][:_SAMPLE]]
    counts = [count for count in counts if count]
    if counts:
        return sum(counts) / len(counts), f"{len(counts)} clips opened"
    if dataset["adapter"] in _TYPICAL_FRAMES:
        return _TYPICAL_FRAMES[dataset["adapter"]], "average of this dataset; no clip could be opened"
    return _ASSUMED_FRAMES, "assumed; no clip could be opened"


def _seconds_of(folder):
    """Return (wall seconds, number of jobs) of every benchmark file under `folder`."""
    seconds, jobs = 0.0, 0
    for path in folder.rglob("*.tsv"):
        rows = path.read_text().splitlines()
        seconds += sum(float(row.split("\t")[0]) for row in rows[1:2])
        jobs += 1
    return seconds, jobs


def _bytes_beside(path, ending):
    """Bytes of a clip's file and of those that are called the same but for what stands behind the dot."""
    stem = path.name.removesuffix(ending) + "."
    return sum(other.stat().st_size for other in path.parent.iterdir() if other.name.startswith(stem))


def _recorded_frames(results):
    """Clip id -> frames, from the frame tables of a run."""
    import pyarrow.parquet as pq

    root = results / "audio"
    tables = root.rglob("*.frames.parquet")
    return {
        str(path.relative_to(root)).removesuffix(".frames.parquet"): pq.read_metadata(path).num_rows for path in tables
    }


def measured_rates(folder):
    """Return the rates of a finished run: stage -> `speechface.planning.Rate`.

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
        If the folder holds no benchmark or the run's frame tables are gone.
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
    for stage, (place, ending) in _OUTPUTS.items():
        seconds, jobs = _seconds_of(folder / stage)
        files = [path for path in (results / place).rglob(f"*{ending}") if path.is_file()]
        done = 0
        for path in files:
            name = str(path.relative_to(results / place)).removesuffix(ending)
            # predictions and renders lie deeper, under model and seed; demo clips lack the dataset
            ids = [key for key in (name, f"demo/{name}", *_tails(name)) if key in frames]
            done += frames[ids[0]] if ids else 0
        if jobs and done:
            start_up = RATES[stage].job_s if stage in RATES else 0.5
            size = None if stage == "fit_identity" else sum(_bytes_beside(path, ending) for path in files) / done
            rates[stage] = Rate(max(0.0, seconds - jobs * start_up) * 1e3 / done, start_up, size)
    return rates


def _tails(name):
    parts = name.split("/")
    return ["/".join(parts[k:]) for k in range(1, len(parts))]


def measured_training(folder):
    """Return wall milliseconds of training one frame, by model, from the ``model.json`` files of a finished run."""
    found = {}
    models = Path(folder).parent.parent / "models"
    for path in sorted(models.glob("*/*/model.json")):
        facts = json.loads(path.read_text())
        history, training = facts["history"], facts["training"]
        frames = history["epochs"] * (training["epoch_samples"] or history["frames"])
        if frames and history["seconds"]:
            found.setdefault(facts["name"], []).append(1e3 * history["seconds"] / frames)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _text(value, unit="", digits=2):
    return "?" if value is None else f"{value:,.{digits}f}{unit}"


def run(args):
    from speechface.config import load
    from speechface.datasets.base import list_clips
    from speechface.planning import batch_lines, plan_lines

    config = load(args.config)
    clips = [clip for clip in list_clips(config) if clip.split in ("train", "test", "predict")]
    frames = {}
    for name in config["datasets"]:
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
    on_gpu = config["training"]["gpus"] > 0
    lines = plan_lines(
        config, frames, rates=rates, training_ms=training_ms, gpu_ms=training_ms if on_gpu else None
    )  # fmt: skip
    width = max(len(line.stage) for line in lines)
    print(f"\n{'stage':{width}} {'frames':>13} {'core-hours':>11} {'GPU-hours':>10} {'disk':>10}")
    for line in lines:
        disk = None if line.disk_bytes is None else line.disk_bytes / 1e6
        print(
            f"{line.stage:{width}} {line.frames:>13,} {_text(line.core_hours):>11} {_text(line.gpu_hours):>10} "
            f"{_text(disk, ' MB', 0):>10}"
        )
    known = [[value for value in column if value is not None] for column in zip(*map(_costs, lines))]
    core, gpu, disk = map(sum, known)
    print(f"{'sum of what is known':{width}} {'':>13} {core:>11,.2f} {gpu:>10,.2f} {disk / 1e6:>7,.0f} MB")
    if any(line.gpu_hours is None for line in lines):
        print("?: no rate known; --benchmarks of a run on your machines gives it")
    print(f"\n{'batch':>8} {'preparation jobs':>17} {'start-up, core-hours':>21}")
    sizes = list(dict.fromkeys(["clip", 10, "actor", config["batch"]]))
    for size, jobs, hours in batch_lines(config, clips, sizes=sizes, rates=rates):
        chosen = "  <- configured" if size == config["batch"] else ""
        print(f"{size!s:>8} {jobs:>17,} {hours:>21,.2f}{chosen}")
    actors = len({(clip.dataset, clip.actor) for clip in clips})
    trained = [model for model in config["models"].values() if model["family"] != "ensemble"]
    runs = sum(len(model["seeds"] or config["seeds"]) for model in trained)
    print(
        f"besides, at any batch: {actors:,} jobs of fit_identity, {runs} of train_model, and a few dozen for tables, "
        "baselines, predictions, scores, videos and figures"
    )


def _costs(line):
    return line.core_hours, line.gpu_hours, line.disk_bytes
