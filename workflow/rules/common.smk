"""What all rules need: the configuration, checked once before any job is planned, and the clips."""

import hashlib
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from snakemake.exceptions import WorkflowError

from speechface.config import resolve
from speechface.datasets.base import list_clips
from speechface.errors import SpeechfaceError
from speechface.stages import STAGES
from speechface.commands.check_results import outdated, told

try:
    CONFIG = resolve(config, " ".join(map(str, workflow.configfiles)) or "config")
    CLIPS = {clip.id: clip for clip in list_clips(CONFIG)}
except SpeechfaceError as error:
    raise WorkflowError(str(error)) from None

BASELINES = CONFIG["baselines"]["names"]
MODELS = list(CONFIG["models"])
ENSEMBLES = [name for name in MODELS if CONFIG["models"][name]["family"] == "ensemble"]
NETWORKS = [name for name in MODELS if name not in ENSEMBLES]  # what is trained
RECORDED = ("train", "test", "predict")  # planned splits that get tables
USED = [clip for clip in CLIPS.values() if clip.split in RECORDED]
EVALUATED = [clip for clip in USED if clip.split != "train"]
LEARNING = [clip for clip in USED if clip.split in ("train", "test")]
LEFT_OUT = sorted(
    {f"{clip.dataset}/{clip.actor}" for clip in EVALUATED if CONFIG["datasets"][clip.dataset]["split"]["by"] == "actor"}
)  # speakers that models with leave_one_out leave out, one after the other
LEARNS = bool(LEARNING)
FEATURE_TABLES = {
    "spectrogram": "results/spectrogram/{clip}.parquet",
    "acoustics": "results/acoustics/{clip}.parquet",
    "log_mel": "results/log_mel/{clip}.parquet",
    "waveform": "results/waveform/{clip}.parquet",
}
SOUND = f"results/audio/{{clip}}.{CONFIG['audio']['format']}"
FEATURE_FOLDERS = {name: str(Path(table).parent) for name, table in FEATURE_TABLES.items()}


def has_truth(clip):
    """Is the clip synthetic, so that its exact motion is known?"""
    return CONFIG["datasets"][clip.dataset]["adapter"] == "demo"


HAS_TRUTH = any(map(has_truth, USED))


def refuse_outdated():
    """Where Snakemake's records are lost but results are there, let them speak for themselves.

    Without records Snakemake takes every file for up to date, whatever the config says.
    """
    records = Path(".snakemake")
    if any(records.glob("metadata/*")) or any(records.glob("metadata.db*")) or not Path("results").is_dir():
        return
    found = outdated(CONFIG, "results", clips=set(CLIPS))
    if found:
        config_file = " ".join(map(str, workflow.configfiles)) or "CONFIG"
        raise WorkflowError(
            f"the records of earlier runs (.snakemake) are lost, and {len(found)} results differ from the config:\n"
            + "\n".join(told(found))
            + f"\n`speechface check-results {config_file} --remove` removes them; then start again"
        )


refuse_outdated()


wildcard_constraints:
    clip="|".join(re.escape(clip.id) for clip in USED),
    demo_clip="|".join(re.escape(f"{clip.actor}/{clip.clip}") for clip in USED if has_truth(clip)) or "none",
    speaker="|".join(sorted({re.escape(f"{clip.dataset}/{clip.actor}") for clip in USED})),
    model="|".join(map(re.escape, NETWORKS)) or "none",
    ensemble="|".join(map(re.escape, ENSEMBLES)) or "none",
    baseline="|".join(BASELINES) or "none",
    judged="|".join(map(re.escape, ["labels", *MODELS, *BASELINES])),
    predictor="|".join(map(re.escape, [*MODELS, *BASELINES])) or "none",
    feature="|".join(FEATURE_TABLES),
    seed=r"\d+",


# The package and interpreter that planned the workflow also run its jobs, whatever PATH says; they need not check the
# settings again.
_package = Path(workflow.basedir) / "src"
_interpreter = "" if workflow.deployment_settings.deployment_method else f"{Path(sys.executable).parent}:"
shell.prefix(
    "set -euo pipefail; "
    f'export PYTHONPATH="{_package}${{{{PYTHONPATH:+:$PYTHONPATH}}}}" PATH="{_interpreter}$PATH" SPEECHFACE_SETTINGS=resolved; '
)


def settings(section, keys=None):
    """The settings of a config section (or its `keys`) as JSON text, for ``--settings``; a change reruns the rule."""
    chosen = CONFIG[section] if keys is None else {key: CONFIG[section][key] for key in keys}
    return json.dumps(chosen, sort_keys=True)


def stage_version(stage):
    """The version of a stage's code: Snakemake cannot see edits inside the package."""
    return STAGES[stage].version


def growing(base_mb):
    """Memory that grows with every attempt."""

    def memory(wildcards, attempt):
        return base_mb * attempt

    return memory


def patient(minutes):
    """Run time in minutes that grows with every attempt."""

    def runtime(wildcards, attempt):
        return minutes * attempt

    return runtime


# ---- clips ----------------------------------------------------------------------------------------------------------


def clip_video(wildcards):
    """The media file of a clip."""
    return CLIPS[wildcards.clip].path


def every_clip(pattern, clips=None):
    """`pattern` with ``{clip}`` filled by the ids of `clips` (default: all clips that get tables)."""
    return [pattern.replace("{clip}", clip.id) for clip in (USED if clips is None else clips)]


def clips_of_speaker(pattern):
    """Input function: `pattern` for every clip of the speaker in the wildcards."""

    def files(wildcards):
        own = [clip for clip in USED if f"{clip.dataset}/{clip.actor}" == wildcards.speaker]
        return every_clip(pattern, own)

    return files


def speaker_identity(wildcards):
    """The identity file of a clip's speaker."""
    clip = CLIPS[wildcards.clip]
    return f"results/identity/{clip.dataset}/{clip.actor}.npz"


def clip_config():
    """The part of the configuration that decides which clips there are, as JSON text."""
    return json.dumps({key: CONFIG[key] for key in ("datasets", "demo")}, sort_keys=True)


def clip_digest():
    """A hash of the clip table: a clip that comes, goes or moves reruns what lists clips, and only that."""
    listing = json.dumps([clip.as_dict() for clip in CLIPS.values()], sort_keys=True)
    return hashlib.sha256(listing.encode()).hexdigest()


# ---- rig ------------------------------------------------------------------------------------------------------------


def rig_source():
    """The files the configured rig is built from: none for the builtin head."""
    rig = CONFIG["rig"]
    if rig["kind"] == "builtin":
        return []
    return rig["source"] or "resources/ict_facekit.tar.xz"


def rig_settings():
    """The rig section as JSON text, its source filled in."""
    return json.dumps({**CONFIG["rig"], "source": str(rig_source() or "")}, sort_keys=True)


# ---- truth of synthetic clips ---------------------------------------------------------------------------------------


def truth_tables():
    """The exact truth of every synthetic clip."""
    return every_clip("results/{clip}.truth.parquet", [clip for clip in USED if has_truth(clip)])


def truth_reports():
    """What the comparison of labels with truth writes: nothing where no truth is known."""
    if not HAS_TRUTH:
        return []
    text = report(
        "results/labels/truth.csv",
        caption="../report/truth.rst",
        category="Labels",
        labels={"table": "labels against exact truth"},
    )
    return ["results/labels/truth.parquet", text]


def truth_options():
    """Options of `label-report` where truth is known."""
    if not HAS_TRUTH:
        return ""
    return (
        "--truth-dir results/demo --truth-out results/labels/truth.parquet --truth-csv results/labels/truth.csv "
        "--rig results/rig/rig.npz"
    )
