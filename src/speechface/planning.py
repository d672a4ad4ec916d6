"""What a run will cost, before it is started: frames, processor time, disk and jobs, from measured rates."""

from dataclasses import dataclass


__all__ = [
    "Rate", "RATES", "TRAINING_CORE_MS", "TRAINING_GPU_MS", "JOB_OVERHEAD_S", "FEATURE_STAGES", "Line", "plan_lines",
    "batch_lines", "training_minutes",
]  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """Cost of one stage: processor milliseconds a frame, seconds of a process before its first frame, bytes a frame.

    None where nothing has been measured.
    """

    core_ms: float | None
    job_s: float | None
    frame_bytes: float | None


#: Preparation: what ``python benchmarks/stage_rates.py`` prints, on five RAVDESS clips (1280x720, 477 frames) taken
#: three times, one thread of a 2-core virtual machine with AVX2 at a load of 1.3 to 3.3. "crop_face" finds the images
#: that were cut with the landmarks; "crop_face alone" decodes the video for them (``crops.clips: shown``).
#: Make_demo_clip, evaluate and render_clip: processor time of single jobs of a small demo run (240x240 images).
#: Predict: the report's CNN on a clip of 250 frames, ``benchmarks/inference_speed.py``.
#: ``speechface plan --benchmarks`` puts the times of your own machine in their place.
RATES = {
    "extract_wav": Rate(0.72, 0.46, 586),
    "detect_landmarks": Rate(9.26, 0.68, 487),
    "crop_face": Rate(0.01, 0.27, 234),
    "crop_face alone": Rate(6.13, 0.32, 234),
    "spectrogram": Rate(0.30, 0.37, 3433),
    "acoustic_features": Rate(0.30, 0.36, 591),
    "log_mel": Rate(0.23, 0.36, 440),
    "waveform": Rate(0.55, 1.28, 598),
    "fit_identity": Rate(0.35, 1.41, 0),
    "fit_labels": Rate(2.11, 1.07, 346),
    "make_demo_clip": Rate(30.0, 1.5, 2200),
    "predict": Rate(5.7, 2.8, 360),
    "evaluate": Rate(1.0, 1.0, 150),
    "render_clip": Rate(40.0, 1.5, 2400),
}

#: Processor milliseconds that training spends on one frame, by input feature, one thread of the same machine: the
#: report's CNN at 36 windows/s in 32 bits, a `tcn` of family sequence at 1,880 frames/s. Others have not been measured.
TRAINING_CORE_MS = {"spectrogram": 27.5, "log_mel": 0.53}

#: The same on a GPU, GPU milliseconds: ``benchmarks/training_speed.py --gpu`` on one H100, the CNN at 30,000 windows/s,
#: the `tcn` at 64,000 frames/s. Neither is bound by the GPU, which rests half of the time; several may share one.
TRAINING_GPU_MS = {"spectrogram": 0.033, "log_mel": 0.016}

#: What Snakemake itself spends on one cluster job, processor seconds: it starts twice, once for the job and once for
#: its step, and every start lists the clips: (seconds, seconds a thousand clips). Origin: a dry run of one target with
#: 6 clips (2.8 s a start) and with 2,452 (5.5 s).
JOB_OVERHEAD_S = (5.6, 2.2)

#: input feature -> the stage that computes it
FEATURE_STAGES = {"acoustics": "acoustic_features"}


@dataclass(frozen=True)
class Line:
    """One stage of a plan. `core_hours`, `gpu_hours` and `disk_bytes` are None where no rate is known."""

    stage: str
    frames: int
    core_hours: float | None
    gpu_hours: float | None
    disk_bytes: float | None


def _hours(frames, core_ms):
    return None if core_ms is None else frames * core_ms / 3.6e6


def _line(stage, frames, rates):
    rate = rates.get(stage, Rate(None, None, None))
    disk = None if rate.frame_bytes is None else frames * rate.frame_bytes
    return Line(stage, round(frames), _hours(frames, rate.core_ms), 0.0, disk)


def _features(config):
    """Input features that some model or baseline reads, sorted."""
    used = {model["feature"] for model in config["models"].values()}
    if config["baselines"]["names"]:
        used.add(config["baselines"]["feature"])
    return sorted(used)


def _stage_of(feature):
    return FEATURE_STAGES.get(feature, feature)


def _clip_stages(config):
    crops = ["crop_face"] if config["crops"]["clips"] == "all" else []
    return ["extract_wav", "detect_landmarks", *crops, *map(_stage_of, _features(config)), "fit_labels"]


def _trained_frames(model, training, train_frames):
    """Frames that one training run goes through, at most: all epochs."""
    own = {**training.dump(), **getattr(model, "training", {})}
    learnt = train_frames * (1 - own["validation_fraction"])
    return own["epochs"] * (own["frames_per_epoch"] or learnt)


def training_minutes(model, training, *, train_frames):
    """Return wall minutes of training one network through all epochs, without a margin; None where no rate is known.

    Parameters
    ----------
    model : dict, an entry of the config's ``models``
    training : dict, the config's ``training``
    train_frames : float
    """
    ms = (TRAINING_GPU_MS if training.gpus else TRAINING_CORE_MS).get(model.feature)
    if ms is None:
        return None
    hours = _hours(_trained_frames(model, training, train_frames), ms)
    return 60 * hours / ((1 if training.gpus else training.threads) * training.processes)


def plan_lines(config, frames, *, rates=None, training_ms=None, gpu_ms=None):
    """Return the cost of every stage.

    Parameters
    ----------
    config : dict, resolved
    frames : dict of Clip -> float
        Video frames of each clip that gets tables.
    rates : dict of str -> Rate, optional
        In the place of `RATES`.
    training_ms : dict of str -> float, optional
        Processor milliseconds of training a frame, by feature or name of the model; in the place of `TRAINING_CORE_MS`.
    gpu_ms : dict of str -> float, optional
        The same on a GPU; in the place of `TRAINING_GPU_MS`.

    Returns
    -------
    list of Line
        In the order of the workflow, without the start-up of jobs (see `batch_lines`).
    """
    crops_alone = {"crop_face": RATES["crop_face alone"], **(rates or {})}
    rates = {**RATES, **(rates or {})}
    training_ms = {**TRAINING_CORE_MS, **(training_ms or {})}
    gpu_ms = {**TRAINING_GPU_MS, **(gpu_ms or {})}
    training = config["training"]
    total = sum(frames.values())
    demo = sum(n for clip, n in frames.items() if config["datasets"][clip.dataset]["adapter"] == "demo")
    learning = sum(n for clip, n in frames.items() if clip.split == "train")
    judged = {clip: n for clip, n in frames.items() if clip.split != "train"}
    shown = sum(judged.values()) / max(1, len(judged)) * min(config["rendering"]["max_clips"], len(judged))
    lines = [_line("make_demo_clip", demo, rates)] if demo else []
    lines += [_line(stage, total, rates) for stage in _clip_stages(config)]
    lines.append(_line("fit_identity", total, rates))
    seeds = {name: len(model["seeds"] or config["seeds"]) for name, model in config["models"].items()}
    runs = sum(seeds.values()) + len(config["baselines"]["names"])
    if not learning:
        return lines
    for name, model in config["models"].items():
        if model["family"] == "ensemble":
            continue
        seen = _trained_frames(model, training, learning) * seeds[name]
        table = gpu_ms if training["gpus"] else training_ms
        hours = _hours(seen, table.get(name, table.get(model["feature"])))
        core, gpu = (0.0, hours) if training["gpus"] else (hours, 0.0)
        lines.append(Line(f"train_model {name}", round(seen), core, gpu, 0.0))
    lines += [_line(stage, runs * sum(judged.values()), rates) for stage in ("predict", "evaluate")]
    if config["crops"]["clips"] == "shown":
        lines.append(_line("crop_face", shown, crops_alone))
    lines.append(_line("render_clip", shown, rates))
    return lines


def batch_lines(config, clips, *, sizes, rates=None):
    """Return what the preparation costs in jobs for each way to share clips out.

    Parameters
    ----------
    config : dict, resolved
    clips : list of Clip that get tables
    sizes : list
        Values of the config key ``batch``: "clip", "actor" or a number.
    rates : dict of str -> Rate, optional

    Returns
    -------
    list of (size, n_jobs, start_up_hours)
        `start_up_hours` are processor hours that go into starting Snakemake and the programs, not into frames.
    """
    rates = {**RATES, **(rates or {})}
    demo = [clip for clip in clips if config["datasets"][clip.dataset]["adapter"] == "demo"]
    fixed, each = JOB_OVERHEAD_S
    overhead = fixed + each * len(clips) / 1000
    lines = []
    for size in sizes:
        jobs, seconds = 0, 0.0
        for stage in (["make_demo_clip"] if demo else []) + _clip_stages(config):
            own = demo if stage == "make_demo_clip" else clips
            count = len(own) if size == "clip" else len(plan_batches(own, size))
            rate = rates.get(stage, Rate(None, None, None))
            jobs += count
            seconds += count * (overhead + (rate.job_s or 0.5))
        lines.append((size, jobs, seconds / 3600))
    return lines
