"""What sections of the configuration must agree on, files that they name, and what the clips must allow.

Each check is a function that gives what is wrong, beginning with the key, or nothing; `CHECKS`, `FILE_CHECKS` and
`CLIP_CHECKS` list them. What concerns one section alone is checked by its class.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from speechface.audio.features import FEATURES
from speechface.errors import ConfigError

if TYPE_CHECKING:
    from speechface.config import Config
    from speechface.datasets.base import Clip

__all__ = ["CHECKS", "CLIP_CHECKS", "FILE_CHECKS", "check_clips", "check_files", "first_problem"]

Problems = Iterator[str]
#: Frames of the longest clip that a step of training may be thought to be made of: six minutes at 30 frames/s.
_LONG_CLIP = 10_000


def _features(config: "Config") -> Problems:
    """Features that are read, or whose section says anything, fit the sound."""
    used = {model.feature for model in config.models.values()} | {config.baselines.feature}
    for name, settings in config.features.items():
        if name in used or settings != type(settings)():
            problem = FEATURES[name].problem(settings, config.audio.sr)
            if problem:
                yield f"{name}.{problem}"


def _training(config: "Config") -> Problems:
    """Section training and each model's own keys fit together."""
    for name, model in config.models.items():
        try:
            model.training_with(config.training)
        except ConfigError as error:
            yield f"models.{name}.{error}"


def _shown(config: "Config") -> Problems:
    """Models that other sections name exist."""
    evaluated = [*config.models, *config.baselines.names]
    if not evaluated:
        yield "baselines.names is empty, and so is models; nothing can be judged or shown; name a baseline or a model"
    for section, key in (("rendering", "model"), ("evaluation", "reference")):
        chosen = getattr(config.section(section), key)
        if chosen and chosen not in evaluated:
            yield f"{section}.{key} is {chosen}; it must be one of {', '.join(evaluated)}"


def _groups(config: "Config") -> Problems:
    """Groups of the evaluation are columns of the clip table."""
    from speechface.datasets.base import CLIP_COLUMNS

    for name in config.evaluation.groups:
        if name not in CLIP_COLUMNS:
            yield f"evaluation.groups: '{name}' is no column of the clip table; known are {', '.join(CLIP_COLUMNS)}"


def _synthetic(config: "Config") -> Problems:
    """Clips of a synthetic actor are made by one job."""
    for name, dataset in config.datasets.items():
        together = getattr(dataset, "clips_per_actor", 0) if dataset.SYNTHETIC else 0
        if together > config.shard_clips:
            yield (
                f"shard_clips is {config.shard_clips}; the clips of a synthetic actor are made together, give at least"
                f" datasets.{name}.clips_per_actor ({together})"
            )


def _learners(config: "Config") -> Problems:
    """Where models are given, somebody trains."""
    if config.models and all(dataset.role == "predict" for dataset in config.datasets.values()):
        yield f"models: {', '.join(config.models)}: no dataset has role learn to train them; remove them, or give one"


def _schedules(config: "Config") -> Problems:
    from speechface.networks.schedules import schedule_of

    for name, model in config.models.items():
        try:
            schedule_of(getattr(model, "schedule", "one_cycle"))
        except ConfigError as error:
            yield f"models.{name}.schedule: {error}"


def _named_files(config: "Config") -> Problems:
    """Files that are named exist, but for those that the workflow fetches."""
    fetched = type(config.landmarks)().files()
    named = [("landmarks.model", file) for file in config.landmarks.files() if file not in fetched]
    if config.rig.source:
        named.append(("rig.source", config.rig.source))
    for key, path in named:
        if not os.path.exists(path):
            more = "" if os.path.isabs(path) else f" (relative to {os.getcwd()})"
            yield f"{key}: no such file: {path}{more}"


def _steps(config: "Config", clips: "Sequence[Clip]") -> Problems:
    """A step of training is not far above all that there is."""
    learnt = sum(clip.split == "train" for clip in clips)
    for name, model in config.models.items():
        wanted = model.training_with(config.training).frames_per_step
        if learnt and model.family != "ensemble" and wanted > _LONG_CLIP * learnt:
            yield (
                f"models.{name}: training.frames_per_step is {wanted:,}; the {learnt} train clips hold far fewer "
                "frames; lower it"
            )


def _left_out(config: "Config", clips: "Sequence[Clip]") -> Problems:
    """Where speakers are left out, there is one to leave out."""
    judged = [c for c in clips if c.split in ("test", "predict") and config.datasets[c.dataset].split.by == "actor"]
    for name, model in config.models.items():
        if model.leave_one_speaker_out and not judged:
            yield f"models.{name}.leave_one_speaker_out: all sets are split by clip, so nobody is; remove it"


def _rendered(config: "Config", clips: "Sequence[Clip]") -> Problems:
    evaluated = [clip.id for clip in clips if clip.split in ("test", "predict")]
    for name in config.rendering.clips:
        if name not in evaluated:
            yield (
                f"rendering.clips: {name} is not among the {len(evaluated)} test and predict clips, e.g. "
                f"{next(iter(evaluated), 'none')}"
            )


#: Of sections alone.
CHECKS: tuple[Callable[["Config"], Problems], ...] = (_shown, _synthetic, _features, _training, _groups, _learners)
#: Of files that the configuration names.
FILE_CHECKS: tuple[Callable[["Config"], Problems], ...] = (_schedules, _named_files)
#: Of the configuration and the clips that there are.
CLIP_CHECKS: tuple[Callable[["Config", "Sequence[Clip]"], Problems], ...] = (_steps, _left_out, _rendered)


def first_problem(checks: Sequence[Callable[..., Problems]], *given: object) -> str:
    """What the first check that finds something says, else ""."""
    return next((problem for check in checks for problem in check(*given)), "")


def check_files(config: "Config", source: str) -> None:
    """Refuse a configuration that names a file that is not there (ConfigError)."""
    if problem := first_problem(FILE_CHECKS, config):
        raise ConfigError(f"{source}: {problem}")


def check_clips(config: "Config", clips: "Sequence[Clip]", source: str) -> None:
    """Refuse a configuration that its clips do not allow (ConfigError)."""
    if problem := first_problem(CLIP_CHECKS, config, clips):
        raise ConfigError(f"{source}: {problem}")
