"""What a run will cost, before it is started: frames, processor time, disk and jobs, from measured rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from speechface.config import Config
from speechface.datasets.base import Clip
from speechface.networks.families.base import ModelSettings
from speechface.sections import TrainingSettings
from speechface.shards import plan_shards

__all__ = [
    "DETECTOR_RATES", "JOB_OVERHEAD_S", "Line", "RATES", "Rate", "TRAINING_CORE_MS", "TRAINING_GPU_MS", "plan_lines",
    "seeds_of", "start_up_hours", "training_minutes",
]  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """Cost of one step: processor milliseconds a frame, seconds of a process before its first frame, bytes a frame.

    None where nothing has been measured.
    """

    core_ms: float | None
    job_s: float | None
    frame_bytes: float | None


_UNKNOWN = Rate(None, None, None)
#: Clips that the page shows: the best, the median and the worst.
_EXAMPLES = 3

#: rule -> its rate. Preparation: what ``python benchmarks/stage_rates.py`` prints, on five RAVDESS clips (1280x720, 477
#: frames) taken three times, one thread of a 2-core virtual machine with AVX2 at a load of 1.3 to 3.3; bytes as of now.
#: Make_demo_clips, evaluate and render_clip: processor time of single jobs of a small demo run (240x240 images).
#: Render_examples: face images and videos together, the rates of crop_faces and render_clip.
#: Predict: the report's CNN on a clip of 250 frames, ``benchmarks/inference_speed.py``.
#: ``speechface plan --benchmarks`` puts the times of your own machine in their place.
RATES = {
    "extract_audio": Rate(0.72, 0.46, 551),
    "detect_landmarks": Rate(9.26, 0.68, 480),
    "estimate_delay": Rate(0.32, 0.57, 33),
    "crop_faces": Rate(6.13, 0.32, 246),
    "spectrogram": Rate(0.30, 0.37, 3259),
    "acoustics": Rate(0.30, 0.36, 586),
    "log_mel": Rate(0.23, 0.36, 439),
    "waveform": Rate(0.55, 1.28, 596),
    "fit_identity": Rate(0.65, 2.26, 0),
    "fit_labels": Rate(2.82, 1.44, 281),
    "make_demo_clips": Rate(30.0, 1.5, 2200),
    "predict": Rate(5.7, 2.8, 360),
    "evaluate": Rate(1.0, 1.0, 150),
    "render_clip": Rate(40.0, 1.5, 2400),
    "render_examples": Rate(46.1, 3.0, 2400),
}

#: detector -> the rates that differ with it, of the same clips taken twice, at a load of 10 to 14.
DETECTOR_RATES = {
    "mediapipe": {
        "detect_landmarks": Rate(14.33, 0.80, 1320),
        "fit_identity": Rate(0.65, 3.30, 0),
        "fit_labels": Rate(3.15, 0.97, 297),
    },
    "both": {
        "detect_landmarks": Rate(15.96, 1.45, 1505),
        "fit_identity": Rate(1.23, 4.34, 0),
        "fit_labels": Rate(3.51, 1.40, 298),
    },
}

#: Processor milliseconds that training spends on one frame, by input feature, one thread of the same machine: the
#: report's CNN at 36 windows/s in 32 bits, a `tcn` of family sequence at 1,880 frames/s. Others have not been measured.
TRAINING_CORE_MS = {"spectrogram": 27.5, "log_mel": 0.53}

#: The same on a GPU, GPU milliseconds: ``benchmarks/training_speed.py --gpu`` on one H100, the CNN at 30,000 windows/s,
#: the `tcn` at 64,000 frames/s. Neither is bound by the GPU, which rests half of the time; several may share one.
TRAINING_GPU_MS = {"spectrogram": 0.033, "log_mel": 0.016}

#: What Snakemake itself spends on one cluster job, processor seconds: it starts twice, once for the job and once for
#: its step, and every start lists the clips: (seconds, seconds a thousand clips). Origin: a dry run of one target with
#: 6 clips (1.9 s a start) and with 2,452 (2.1 s).
JOB_OVERHEAD_S = (3.8, 0.15)


@dataclass(frozen=True)
class Line:
    """One step of a plan. `core_hours`, `gpu_hours` and `disk_bytes` are None where no rate is known."""

    stage: str
    jobs: int
    frames: int
    core_hours: float | None
    gpu_hours: float | None
    disk_bytes: float | None


def _hours(frames: float, core_ms: float | None) -> float | None:
    return None if core_ms is None else frames * core_ms / 3.6e6


def seeds_of(config: Config, model: str) -> list[int]:
    """Seeds that a model is trained with; an ensemble of all seeds is one."""
    entry = config.models[model]
    seeds = entry.seeds or config.seeds
    return seeds[:1] if getattr(entry, "member_seeds", "same") == "all" else seeds


def _trained_frames(model: ModelSettings, training: TrainingSettings, train_frames: float) -> float:
    """Frames that one training run goes through, at most: all epochs."""
    own = model.training_with(training)
    return own.epochs * (own.frames_per_epoch or train_frames * (1 - own.validation_fraction))


def training_minutes(model: ModelSettings, training: TrainingSettings, *, train_frames: float) -> float | None:
    """Return wall minutes of training one network through all epochs, without a margin; None where no rate is known.

    Parameters
    ----------
    model : an entry of the config's ``models``
    training : the config's ``training``
    train_frames : float
    """
    ms = (TRAINING_GPU_MS if training.gpus else TRAINING_CORE_MS).get(model.feature)
    hours = _hours(_trained_frames(model, training, train_frames), ms)
    if hours is None:
        return None
    return 60 * hours / ((1 if training.gpus else training.threads) * training.processes)


def plan_lines(
    config: Config,
    frames: Mapping[Clip, float],
    *,
    rates: Mapping[str, Rate] | None = None,
    training_ms: Mapping[str, float] | None = None,
    gpu_ms: Mapping[str, float] | None = None,
) -> list[Line]:
    """Return the cost of every step.

    Parameters
    ----------
    config : Config
    frames : dict of Clip -> float
        Video frames of each clip that gets tables.
    rates : dict of rule -> Rate, optional
        In the place of `RATES` and `DETECTOR_RATES`.
    training_ms : dict of str -> float, optional
        Processor milliseconds of training a frame, by feature or name of the model; in the place of `TRAINING_CORE_MS`.
    gpu_ms : dict of str -> float, optional
        The same on a GPU; in the place of `TRAINING_GPU_MS`.

    Returns
    -------
    list of Line
        In the order of the workflow, without the start-up of jobs (see `start_up_hours`).
    """
    rates = {**RATES, **DETECTOR_RATES.get(config.landmarks.detector, {}), **(rates or {})}
    training = config.training
    lines: list[Line] = []

    def add(stage: str, jobs: int, seen: float) -> None:
        rate = rates.get(stage, _UNKNOWN)
        disk = None if rate.frame_bytes is None else seen * rate.frame_bytes
        lines.append(Line(stage, jobs, round(seen), _hours(seen, rate.core_ms), 0.0, disk))

    def shards(clips: Sequence[Clip]) -> int:
        return len(plan_shards(clips, most=config.shard_clips))

    clips, total = list(frames), sum(frames.values())
    synthetic = [clip for clip in clips if config.datasets[clip.dataset].SYNTHETIC]
    evaluated = [clip for clip in clips if clip.split != "train"]
    learning = sum(frames[clip] for clip in clips if clip.split == "train")
    tested = sum(frames[clip] for clip in evaluated)
    n_shown = min(len(config.rendering.clips) or config.rendering.max_clips, len(evaluated))
    shown = tested / max(1, len(evaluated)) * n_shown
    features = {model.feature for model in config.models.values()}
    if config.baselines.names:
        features.add(config.baselines.feature)
    if synthetic:
        add("make_demo_clips", shards(synthetic), sum(frames[clip] for clip in synthetic))
    for stage in ("extract_audio", "detect_landmarks", "estimate_delay", *sorted(features)):
        add(stage, shards(clips), total)
    if config.crops.clips == "all":
        add("crop_faces", shards(clips), total)
    elif learning:
        add("crop_faces", min(n_shown, shards(evaluated)), shown)
    add("fit_identity", len({(clip.dataset, clip.actor) for clip in clips}), total)
    add("fit_labels", shards(clips), total)
    if not learning:
        return lines
    table = {**TRAINING_GPU_MS, **(gpu_ms or {})} if training.gpus else {**TRAINING_CORE_MS, **(training_ms or {})}
    for name, model in config.models.items():
        if model.family != "ensemble":
            runs = len(seeds_of(config, name))
            seen = _trained_frames(model, training, learning) * runs
            hours = _hours(seen, table.get(name, table.get(model.feature)))
            core, gpu = (0.0, hours) if training.gpus else (hours, 0.0)
            lines.append(Line(f"train_model {name}", runs, round(seen), core, gpu, 0.0))
    runs = sum(len(seeds_of(config, name)) for name in config.models) + len(config.baselines.names)
    add("predict", runs * len({clip.dataset for clip in evaluated}), runs * tested)
    add("evaluate", runs, runs * tested)
    add("render_clip", n_shown, shown)
    add("render_examples", 1, tested / max(1, len(evaluated)) * min(_EXAMPLES, len(evaluated)))
    return lines


def start_up_hours(lines: Sequence[Line], n_clips: int, *, rates: Mapping[str, Rate] | None = None) -> float:
    """Return processor hours that go into starting Snakemake and the programs of cluster jobs, not into frames.

    Parameters
    ----------
    lines : of `plan_lines`
    n_clips : int
        Clips of the config, which every start of Snakemake lists.
    rates : dict of rule -> Rate, optional
        In the place of `RATES`.
    """
    rates = {**RATES, **(rates or {})}
    fixed, each = JOB_OVERHEAD_S
    snakemake = fixed + each * n_clips / 1000
    own = sum(line.jobs * (rates.get(line.stage, _UNKNOWN).job_s or 0.5) for line in lines)
    return (snakemake * sum(line.jobs for line in lines) + own) / 3600
