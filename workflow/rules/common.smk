"""What all rules need: the configuration, checked once before any job is planned, clips, shards and helpers."""

import hashlib
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard

from speechface.audio.features import FEATURES
from speechface.config import plan_clips, resolve
from speechface.config_file import read_config
from speechface.errors import SpeechfaceError
from speechface.files import failed_attempts, made_folder
from speechface.names import escaped
from speechface.shards import plan_shards, shard_ids
from speechface.stages import STAGES

LEARNT_SPLITS = ("train", "test", "predict")  # planned splits that get tables

try:
    made_folder(Path.cwd())
    for file in workflow.configfiles:
        read_config(file)  # Snakemake's reader says nothing of a key that stands twice
    CONFIG_FILES = " ".join(map(str, workflow.configfiles)) or "config"
    CONFIG = resolve(config, CONFIG_FILES)
    CLIPS = {clip.id: clip for clip in plan_clips(CONFIG, CONFIG_FILES)}
    USED = [clip for clip in CLIPS.values() if clip.split in LEARNT_SPLITS]
    SHARDS = {shard.id: shard for shard in plan_shards(USED, most=CONFIG.shard_clips)}
except SpeechfaceError as error:
    raise WorkflowError(str(error)) from None

SHARD_OF = shard_ids(SHARDS.values())
BASELINES = list(CONFIG.baselines.names)
MODELS = list(CONFIG.models)
ENSEMBLES = [name for name in MODELS if CONFIG.models[name].family == "ensemble"]
NETWORKS = [name for name in MODELS if name not in ENSEMBLES]  # what is trained
EVALUATED = [clip for clip in USED if clip.split != "train"]
LEARNING = [clip for clip in USED if clip.split in ("train", "test")]
CLIP_AT = {clip.place: clip for clip in CLIPS.values()}  # what a wildcard says of a clip
ACTOR_AT = {shard.actor: escaped(f"{shard.dataset}/{shard.clips[0].actor}") for shard in SHARDS.values()}
LEFT_OUT = sorted(
    {SHARDS[SHARD_OF[clip.id]].actor for clip in EVALUATED if CONFIG.datasets[clip.dataset].split.by == "actor"}
)  # speakers that models with leave_one_speaker_out leave out, one after the other
SYNTHETIC = [clip for clip in USED if CONFIG.datasets[clip.dataset].SYNTHETIC]  # their exact motion is known
EVALUATED_SYNTHETIC = [clip for clip in EVALUATED if clip in SYNTHETIC]


def names(found):
    """A wildcard's constraint: one of these names."""
    return "|".join(map(re.escape, found)) or "none"


wildcard_constraints:
    shard=names(SHARDS),
    dataset=names(CONFIG.datasets),
    actor=names(sorted({shard.actor for shard in SHARDS.values()})),
    model=names(NETWORKS),
    ensemble=names(ENSEMBLES),
    baseline=names(BASELINES),
    predictor=names([*MODELS, *BASELINES]),
    evaluated=names(["labels", *MODELS, *BASELINES]),
    feature=names(FEATURES),
    seed=r"\d+",


# The package and interpreter that planned the workflow also run its jobs, whatever PATH says.
_package = Path(workflow.basedir) / "src"
_interpreter = "" if workflow.deployment_settings.deployment_method else f"{Path(sys.executable).parent}:"
shell.prefix(
    "set -euo pipefail; "
    f'export PYTHONUTF8=1 PYTHONPATH="{_package}${{{{PYTHONPATH:+:$PYTHONPATH}}}}" PATH="{_interpreter}$PATH"; '
)


# ---- params and resources -------------------------------------------------------------------------------------------


def settings(section):
    """Params function: the settings of a config section as JSON text, for ``--settings``; a change reruns the rule.

    A function, here and elsewhere: Snakemake takes braces in texts for wildcards, and names may have them.
    """
    return lambda wildcards: CONFIG.section(section).text()


def stage_version(stage):
    """The version of a stage's code: Snakemake cannot see edits inside the package."""
    return STAGES[stage].version


def mem_mb_per_attempt(base_mb):
    """Memory that grows with every attempt."""

    def memory(wildcards, attempt):
        return base_mb * attempt

    return memory


def runtime_per_attempt(minutes):
    """Run time in minutes that grows with every attempt."""

    def runtime(wildcards, attempt):
        return minutes * attempt

    return runtime


def shard_runtime(minutes_per_clip):
    """Run time of a shard: a quarter of an hour, and `minutes_per_clip` for each clip; grows with every attempt."""

    def runtime(wildcards, attempt):
        return int(15 + minutes_per_clip * len(SHARDS[wildcards.shard].clips)) * attempt

    return runtime


def failed_attempts_of(stage):
    """Params function: how many attempts to update the stage's table have failed; a new failure reruns the job.

    Snakemake puts the old table back after a failed job and takes it for a new one (`speechface.files.attempt`).
    """

    def count(wildcards):
        return failed_attempts(f"results/{stage}/{wildcards.shard}.parquet")

    return count


# ---- clips and shards -----------------------------------------------------------------------------------------------


def sources(clips):
    """The files that the clips' videos and sound lie in (`speechface.sources`).

    Without those that are gone, of which the jobs tell, and those that Snakemake cannot name (`unnamed_sources`).
    """
    found = {file for clip in clips for file in clip.files() if clip in SYNTHETIC or Path(file).exists()}
    return sorted(file for file in found if not unnamed(file))


def unnamed(file):
    """Has the path of a file braces, which are wildcards to Snakemake, or a line break?"""
    return contains_wildcard(file) or "\n" in file


def unnamed_sources(wildcards):
    """Files of a shard that Snakemake cannot name, and when they changed."""
    found = sorted(file for clip in SHARDS[wildcards.shard].clips for file in clip.files() if unnamed(file))
    return [[file, Path(file).stat().st_mtime_ns] for file in found if Path(file).exists()]


def shard_sources(wildcards):
    """The files that the videos of a shard's clips lie in."""
    return sources(SHARDS[wildcards.shard].clips)


def named_clips(clips):
    """Clips as ``ID=SOURCE``, for ``--clips``."""
    return [f"{escaped(clip.id)}={clip.path}" for clip in clips]


def shard_clips(wildcards):
    """A shard's clips as ``ID=SOURCE``."""
    return named_clips(SHARDS[wildcards.shard].clips)


def tables(stage, clips=None):
    """The tables of a stage that hold `clips` (default: all that get tables)."""
    chosen = USED if clips is None else clips
    return [f"results/{stage}/{shard}.parquet" for shard in sorted({SHARD_OF[clip.id] for clip in chosen})]


def tables_of_actor(stage):
    """Input function: the tables of a stage that hold the clips of the actor in the wildcards."""

    def found(wildcards):
        return [f"results/{stage}/{shard.id}.parquet" for shard in SHARDS.values() if shard.actor == wildcards.actor]

    return found


def dataset_tables(stage):
    """Input function: the tables of a stage that hold the clips of the dataset in the wildcards."""

    def found(wildcards):
        return [
            f"results/{stage}/{shard.id}.parquet" for shard in SHARDS.values() if shard.dataset == wildcards.dataset
        ]

    return found


def delay_tables(datasets):
    """The tables of the delays of datasets."""
    return [f"results/delays/{dataset}.parquet" for dataset in datasets]


def shard_delays(wildcards):
    """The table of delays of a shard's dataset, nothing where its delay is given."""
    dataset = SHARDS[wildcards.shard].dataset
    return delay_tables([dataset] if CONFIG.datasets[dataset].audio_delay_ms == "auto" else [])


def shard_delay(wildcards):
    """The delay of the sound of a shard's clips, ms, or the table of delays."""
    return shard_delays(wildcards) or CONFIG.datasets[SHARDS[wildcards.shard].dataset].audio_delay_ms


def shard_identity(wildcards):
    """The identity file of a shard's actor."""
    return f"results/identity/{SHARDS[wildcards.shard].actor}.npz"


def table_of_clip(stage):
    """Input function: the table of a stage that holds the clip in the wildcards."""

    def table(wildcards):
        return f"results/{stage}/{SHARD_OF[CLIP_AT[wildcards.clip].id]}.parquet"

    return table


def datasets_of(clips):
    """Names of the datasets of `clips`."""
    return sorted({clip.dataset for clip in clips})


def clip_config(wildcards):
    """Params function: the part of the configuration that decides which clips there are, as JSON text."""
    return json.dumps({"datasets": CONFIG.dump()["datasets"]}, sort_keys=True)


def clip_digest():
    """A hash of the clip table: a clip that comes, goes or moves reruns what lists clips, and only that."""
    listing = json.dumps([clip.as_dict() for clip in CLIPS.values()], sort_keys=True)
    return hashlib.sha256(listing.encode()).hexdigest()


def demo_settings():
    """What changes a synthetic clip, as JSON text; how many actors and clips there are does not."""
    demo = CONFIG.dump()["datasets"].get("demo", {})
    return json.dumps({key: demo.get(key) for key in ("width", "height", "fps", "seed", "sentences")}, sort_keys=True)


def detector_files():
    """The files that the configured landmark detector needs."""
    return CONFIG.landmarks.files()


def rig_source():
    """The files the configured rig is built from: none for the builtin head."""
    return CONFIG.rig.source or ("resources/ict_facekit.tar.xz" if CONFIG.rig.kind == "ict" else [])


def rig_settings(wildcards):
    """Params function: the rig section as JSON text, its source filled in."""
    return json.dumps({**CONFIG.rig.dump(), "source": str(rig_source() or "")}, sort_keys=True)
