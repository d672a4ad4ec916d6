"""Every helper function of the rules. The configuration is checked here, once, before any job is planned."""

import hashlib
import json
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from snakemake.exceptions import WorkflowError

from speechface.batches import plan_batches, rule_names
from speechface.config import MACHINE_KEYS, resolve
from speechface.datasets.base import list_clips
from speechface.errors import SpeechfaceError
from speechface.kept import forget_failures, put_back
from speechface.planning import training_minutes
from speechface.stages import STAGES
from speechface.verbs.check_results import outdated, told

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
JUDGED = [clip for clip in USED if clip.split != "train"]
LEARNING = [clip for clip in USED if clip.split in ("train", "test")]
LEFT_OUT = sorted(
    {f"{clip.dataset}/{clip.actor}" for clip in JUDGED if CONFIG["datasets"][clip.dataset]["split"]["by"] == "actor"}
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


# ---- clips ----------------------------------------------------------------------------------------------------


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


# ---- jobs over clips ------------------------------------------------------------------------------------------


class Share:
    """The clips of one job: those of a batch, or the one that a wildcard names.

    What is done to clips stands in a loop over shares, written once for every value of ``batch``.
    """

    def __init__(self, wildcard, batch=None, name=""):
        self._wildcard, self._batch, self._name = wildcard, batch, name
        self.place = batch.place if batch else f"{{{wildcard}}}"  # of the log and the benchmark
        self.video = [clip.path for clip in batch.clips] if batch else clip_video
        self.identity = f"results/identity/{batch.speaker}.npz" if batch else speaker_identity

    def rule_name(self, stage):
        """The name of the stage's rule for this share; what stands behind the two underscores is the batch."""
        return f"{stage}__{self._name}" if self._batch else stage

    def files(self, pattern):
        """`pattern` for every clip of the share."""
        if not self._batch:
            return pattern
        if self._wildcard == "demo_clip":
            return [pattern.replace("{demo_clip}", f"{clip.actor}/{clip.clip}") for clip in self._batch.clips]
        return every_clip(pattern, self._batch.clips)

    def demo_names(self):
        """The names of the share's synthetic clips."""
        return self.files("{demo_clip}") if self._batch else (lambda wildcards: wildcards.demo_clip)

    def patient(self, minutes):
        """Run time in minutes: a quarter of an hour, and `minutes` for each clip; grows with every attempt."""
        return patient(15 + minutes * (len(self._batch.clips) if self._batch else 1))


def shares(clips, wildcard):
    """How the work on `clips` is shared out to jobs."""
    if CONFIG["batch"] == "clip":
        return [Share(wildcard)]
    batches = plan_batches(clips, CONFIG["batch"])
    return [Share(wildcard, *pair) for pair in zip(batches, rule_names(batch.place for batch in batches))]


def crop_settings():
    """What a face picture depends on, as JSON text."""
    return settings("crops", ("size", "margin"))


def crops_in_passing(wildcards, output):
    """Options of `detect-landmarks` that cut the face pictures as well, which saves decoding the video twice.

    They are set aside in the folder of kept work, and `crop_face` finds them there. Snakemake does not watch what a
    function of the output returns: other settings of face pictures do not make landmarks again.
    """
    if CONFIG["crops"]["clips"] == "shown":
        return ""
    tables = [output.table] if isinstance(output.table, str) else output.table
    clips = [Path(table).relative_to("results/landmarks").with_suffix("") for table in tables]
    places = " ".join(shlex.quote(f"results/crops/{clip}.mp4") for clip in clips)
    return f"--crops {places} --crop-settings {shlex.quote(crop_settings())}"


def put_back_finished():
    """Give the finished clips of failed jobs back, which Snakemake has removed with the others."""
    count = put_back("results/.kept")
    if count:
        logger.info(f"{count} finished files of failed jobs are back in place")


SHARES = shares(USED, "clip")
DEMO_SHARES = shares([clip for clip in USED if has_truth(clip)], "demo_clip")


# ---- rig ------------------------------------------------------------------------------------------------------


def rig_source():
    """The files the configured rig is built from: none for the builtin head."""
    rig = CONFIG["rig"]
    if rig["kind"] == "builtin":
        return []
    return rig["source"] or "resources/ict_facekit.tar.xz"


def rig_settings():
    """The rig section as JSON text, its source filled in."""
    return json.dumps({**CONFIG["rig"], "source": str(rig_source() or "")}, sort_keys=True)


# ---- truth of synthetic clips ---------------------------------------------------------------------------------


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


# ---- models ---------------------------------------------------------------------------------------------------


def model_settings(wildcards):
    """The settings of the model in the wildcards as JSON text."""
    chosen = {key: value for key, value in CONFIG["models"][wildcards.model].items() if key != "seeds"}
    return json.dumps(chosen, sort_keys=True)


def training_settings(wildcards):
    """Training settings of the model as JSON text, without those that do not change the result."""
    merged = CONFIG["training"] | CONFIG["models"][wildcards.model]["training"]
    kept = {k: v for k, v in merged.items() if k not in MACHINE_KEYS}
    return json.dumps(kept, sort_keys=True)


def training_company():
    """Resources of a training job of several processes: on Slurm, as many tasks, which the command starts by srun."""
    training = CONFIG["training"]
    if training["processes"] == 1:
        return {}
    per_gpu = {"tasks_per_gpu": 1} if training["gpus"] else {}  # the Slurm plugin would give each GPU all tasks
    return {"tasks": training["processes"], "nodes": training["nodes"], "mpi": "srun", **per_gpu}


def training_memory():
    """Memory of a training job on each of its machines, MB: every process holds the train table."""
    training = CONFIG["training"]
    return growing(6000 * -(-training["processes"] // training["nodes"]))


def training_need(model):
    """Minutes that one training of the model needs, with a margin: by the measured rate, else half a day."""
    frames = 100 * sum(clip.split == "train" for clip in USED)  # of a clip of 3 to 4 s
    minutes = training_minutes(CONFIG["models"][model], CONFIG["training"], train_frames=frames)
    return 12 * 60 if minutes is None else int(30 + 1.5 * minutes)


def training_runtime(wildcards, attempt):
    """Run time of a training job, minutes: what it needs, more in a second attempt, never more than allowed."""
    most = int(60 * CONFIG["training"]["job_hours"])
    return min(most, training_need(wildcards.model) * attempt)


def training_retries():
    """Further attempts where a training needs more jobs than one; else what the profile or command line says."""
    most = 60 * CONFIG["training"]["job_hours"]
    needs = [training_need(name) for name in MODELS if name not in ENSEMBLES]
    return int(max(needs, default=0) // most) + 1 if max(needs, default=0) > most else None


def feature_of(name):
    """The input feature of a model or baseline."""
    if name in CONFIG["models"]:
        return CONFIG["models"][name]["feature"]
    return CONFIG["baselines"]["feature"]


def leaves_out(name):
    """Does the model of this name leave one actor after the other out, and train on all the others?"""
    return name in MODELS and CONFIG["models"][name]["leave_one_out"]


def train_table(wildcards):
    """The table that the model or baseline in the wildcards trains on."""
    name = wildcards.get("model") or wildcards.get("baseline")
    part = "pool" if leaves_out(name) else "train"
    return f"results/splits/{feature_of(name)}/{part}.parquet"


def split_features(clips):
    """Input function: the feature tables of `clips`."""

    def tables(wildcards):
        return every_clip(FEATURE_TABLES[wildcards.feature], clips)

    return tables


def model_stats(wildcards):
    """The label statistics of the model's train table."""
    kinds = ("model", "baseline", "predictor", "judged")
    name = next(wildcards[kind] for kind in kinds if kind in wildcards.keys())
    table = Path("results/stats", feature_of(name))
    return f"{table / 'pool' if leaves_out(name) else table}.json"


def stats_without(wildcards):
    """The label statistics of the model's train table without the speaker in the wildcards."""
    return f"results/stats/{feature_of(wildcards.model)}/without/{wildcards.speaker}.json"


def own_files(pattern):
    """Input function: what a model that leaves actors out has for each of them; nothing for the others."""

    def files(wildcards):
        name = wildcards.get("predictor") or wildcards.get("judged")
        feature = feature_of(name) if leaves_out(name) else ""
        speakers = LEFT_OUT if leaves_out(name) else []
        return [
            pattern.format(name=name, seed=wildcards.seed, feature=feature, speaker=speaker) for speaker in speakers
        ]

    return files


def own_options(option, key):
    """Params function: these files as ``--option SPEAKER=PATH ...``."""

    def options(wildcards, input):
        paths = input.get(key) or []
        pairs = " ".join(f"{speaker}={path}" for speaker, path in zip(LEFT_OUT, paths))
        return f"{option} {pairs}" if pairs else ""

    return options


def pretrained(wildcards):
    """The checkpoint whose encoder a model with encoder 3 takes; nothing for the others."""
    model = CONFIG["models"][wildcards.model]
    return [f"results/models/{model['encoder_from']}/{wildcards.seed}/model.ckpt"] if model["encoder"] == 3 else []


def member_files(wildcards):
    """The checkpoints of an ensemble's members; with a speaker in the wildcards, those that never heard it."""
    model = CONFIG["models"][wildcards.ensemble]
    place = f"without/{wildcards.speaker}/" if "speaker" in wildcards.keys() else ""
    return [
        f"results/models/{name}/{seed}/{place}model.ckpt"
        for name in model["members"]
        for seed in (seeds_of(name) if model["member_seeds"] == "all" else [wildcards.seed])
    ]


def neutral_labels(wildcards):
    """The labels that tell a model how speakers look at rest: nothing for models that are not told."""
    if wildcards.predictor not in MODELS:
        return []
    model = CONFIG["models"][wildcards.predictor]
    told = any(CONFIG["models"][name]["speaker"] == "given" for name in [wildcards.predictor, *model["members"]])
    return every_clip("results/labels/{clip}.parquet") if told else []


def predictor_file(wildcards):
    """The trained file of a model or baseline."""
    name = "model.ckpt" if wildcards.predictor in CONFIG["models"] else "model.npz"
    return f"results/models/{wildcards.predictor}/{wildcards.seed}/{name}"


def predictor_features(wildcards):
    """The feature tables of every clip that is predicted."""
    return every_clip(FEATURE_TABLES[feature_of(wildcards.predictor)], JUDGED)


def predictor_features_dir(wildcards):
    """The folder of those tables."""
    return FEATURE_FOLDERS[feature_of(wildcards.predictor)]


def judged_tables(wildcards):
    """What is judged against exact truth: the labels themselves, or a model's predictions."""
    return every_clip(f"{judged_dir(wildcards)}/{{clip}}.parquet", JUDGED)


def judged_dir(wildcards):
    """The folder of those tables."""
    if wildcards.judged == "labels":
        return "results/labels"
    return f"results/predictions/{wildcards.judged}/{wildcards.seed}"


def judged_runs():
    """(name, seed) of the labels and of every model and baseline."""
    return [("labels", 0), *trained_runs()]


def trained_runs():
    """(name, seed) of every model and baseline."""
    return [(model, seed) for model in MODELS for seed in seeds_of(model)] + [(name, 0) for name in BASELINES]


def seeds_of(model):
    """The seeds that a model is trained with; an ensemble of all seeds is one."""
    settings = CONFIG["models"][model]
    seeds = settings["seeds"] or CONFIG["seeds"]
    return seeds[:1] if settings["member_seeds"] == "all" else seeds


def this_workflow():
    """Options that make another Snakemake see this workflow: the same files and config."""
    files = " ".join(shlex.quote(str(Path(path).resolve())) for path in workflow.configfiles)
    snakefile = shlex.quote(str(workflow.main_snakefile))
    return f"--snakefile {snakefile} --configfile {files} --workflow-profile none --nolock --quiet all"


def workflow_files():
    """The Snakefile and the rule files."""
    folder = Path(workflow.basedir) / "workflow" / "rules"
    return [str(workflow.main_snakefile), *sorted(str(path) for path in folder.glob("*.smk"))]


def config_names():
    """The config files by name, for the report."""
    return " ".join(shlex.quote(Path(path).name) for path in workflow.configfiles)


# ---- what is shown --------------------------------------------------------------------------------------------


def shown_model():
    """The model of the videos and of the figures that show one model."""
    return CONFIG["rendering"]["model"] or (MODELS + BASELINES)[0]


def shown_seed():
    """Its seed."""
    return seeds_of(shown_model())[0] if shown_model() in MODELS else 0


def shown_clips():
    """The clips of the videos: those configured, or some of the judged ones, spread evenly over the table."""
    wanted = CONFIG["rendering"]["clips"]
    judged = {clip.id: clip for clip in JUDGED}
    unknown = [name for name in wanted if name not in judged]
    if unknown:
        raise WorkflowError(
            f"rendering.clips: {unknown[0]} is not among the {len(judged)} test and predict clips, "
            f"e.g. {next(iter(judged), 'none')}"
        )
    if wanted:
        return [judged[name] for name in wanted]
    count = min(CONFIG["rendering"]["max_clips"], len(JUDGED))
    return [JUDGED[(2 * k + 1) * len(JUDGED) // (2 * count)] for k in range(count)]


def spoken_clips():
    """The clips of the features figure: the actor and sentence with most emotions, speech before song."""
    groups = {}
    for clip in USED:
        groups.setdefault((clip.dataset, clip.actor, clip.channel or "", clip.statement or ""), []).append(clip)
    ranked = sorted(groups.items(), key=lambda g: (-len({c.emotion for c in g[1]}), g[0][2] != "speech", g[0]))
    return ranked[0][1]


def every_video():
    """The media files of all clips that get tables."""
    return [clip.path for clip in USED]


def crops():
    """The face pictures of all clips, if all are wanted."""
    return every_clip("results/crops/{clip}.mp4") if CONFIG["crops"]["clips"] == "all" else []


def prepared_tables():
    """All per-clip tables, and face pictures."""
    tables = every_clip("results/labels/{clip}.parquet") + crops()
    for feature in features_used():
        tables += every_clip(FEATURE_TABLES[feature])
    return tables


def features_used():
    """Input features that some model or baseline reads."""
    names = [name for name, _ in trained_runs()]
    return sorted({feature_of(name) for name in names})


def label_targets():
    """Labels, their report and, where truth is known, their errors."""
    targets = ["results/labels/quality.parquet"]
    if HAS_TRUTH:
        targets.append("results/labels/truth.parquet")
    return targets


def final_targets():
    """What `rule all` asks for."""
    targets = ["results/splits/clips.parquet"] + label_targets() + crops()
    if not LEARNS:
        return targets
    targets += ["results/evaluation/metrics.parquet"]
    targets += [f"results/renders/{shown_model()}/{clip.id}.mp4" for clip in shown_clips()]
    targets += [f"results/figures/{name}.pdf" for name in CONFIG["figures"]["names"]]
    if any(map(has_truth, JUDGED)):
        targets.append("results/figures/truth.pdf")
    return targets


def metrics_where_learned():
    """The table of metrics, or nothing where no model is trained."""
    return ["results/evaluation/metrics.parquet"] if LEARNS else []


def workflow_picture():
    """The picture of the rules, where it is among the figures."""
    shown = LEARNS and "workflow" in CONFIG["figures"]["names"]
    return ["results/figures/workflow.png"] if shown else []
