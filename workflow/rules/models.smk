"""Inputs, settings and resources of models: networks, ensembles and baselines."""

import json
import shlex

from speechface.planning import training_minutes
from speechface.sections import MACHINE_KEYS


def feature_of(name):
    """The input feature of a model or baseline."""
    return CONFIG.models[name].feature if name in CONFIG.models else CONFIG.baselines.feature


def seeds_of(model):
    """The seeds that a model is trained with; an ensemble of all seeds is one."""
    entry = CONFIG.models[model]
    seeds = entry.seeds or CONFIG.seeds
    return seeds[:1] if getattr(entry, "member_seeds", "same") == "all" else seeds


def trained_runs():
    """(name, seed) of every model and baseline."""
    return [(model, seed) for model in MODELS for seed in seeds_of(model)] + [(name, 0) for name in BASELINES]


def network_runs():
    """(name, seed) of every model that is trained."""
    return [(name, seed) for name, seed in trained_runs() if name in NETWORKS]


def evaluated_runs():
    """(name, seed) of the labels and of every model and baseline."""
    return [("labels", 0), *trained_runs()]


def features_used():
    """Input features that some model or baseline reads."""
    return sorted({feature_of(name) for name, _ in trained_runs()})


def leaves_out(name):
    """Does the model of this name leave one speaker after the other out, and train on all the others?"""
    return name in MODELS and CONFIG.models[name].leave_one_speaker_out


def named_model(wildcards):
    """The model, baseline or "labels" in the wildcards."""
    kinds = ("model", "ensemble", "baseline", "predictor", "evaluated")
    return next(wildcards[kind] for kind in kinds if kind in wildcards.keys())


def model_settings(wildcards):
    """The settings of the model in the wildcards as JSON text."""
    chosen = {key: value for key, value in CONFIG.models[wildcards.model].dump().items() if key != "seeds"}
    return json.dumps(chosen, sort_keys=True)


def training_settings(wildcards):
    """Training settings of the model as JSON text, without those that do not change the result."""
    merged = CONFIG.training.dump() | CONFIG.models[wildcards.model].training
    return json.dumps({key: value for key, value in merged.items() if key not in MACHINE_KEYS}, sort_keys=True)


def training_tasks():
    """Resources of a training job of several processes: on Slurm, as many tasks, which the command starts by srun."""
    training = CONFIG.training
    if training.processes == 1:
        return {}
    per_gpu = {"tasks_per_gpu": 1} if training.gpus else {}  # the Slurm plugin would give each GPU all tasks
    return {"tasks": training.processes, "nodes": training.nodes, "mpi": "srun", **per_gpu}


def training_memory():
    """Memory of a training job on each of its machines, MB: every process holds the train table."""
    return mem_mb_per_attempt(6000 * -(-CONFIG.training.processes // CONFIG.training.nodes))


def training_need(model):
    """Minutes that one training of the model needs, with a margin: by the measured rate, else half a day."""
    frames = 100 * sum(clip.split == "train" for clip in USED)  # of a clip of 3 to 4 s
    minutes = training_minutes(CONFIG.models[model], CONFIG.training, train_frames=frames)
    margin = 8 if CONFIG.training.gpus else 1.5  # a GPU may be an eighth as fast as the one that was measured
    return 12 * 60 if minutes is None else int(30 + margin * minutes)


def training_runtime(wildcards, attempt):
    """Run time of a training job, minutes: what it needs, more in a second attempt, never more than allowed."""
    return min(int(60 * CONFIG.training.job_hours), training_need(wildcards.model) * attempt)


def training_retries():
    """Further attempts where a training needs more jobs than one; else what the profile or command line says."""
    most = 60 * CONFIG.training.job_hours
    needed = max(map(training_need, NETWORKS), default=0)
    return int(needed // most) + 1 if needed > most else None


def train_table(wildcards):
    """The table that the model or baseline in the wildcards trains on."""
    name = named_model(wildcards)
    return f"results/splits/{feature_of(name)}/{'pool' if leaves_out(name) else 'train'}.parquet"


def model_stats(wildcards):
    """The statistics of that table."""
    name = named_model(wildcards)
    table = f"{feature_of(name)}/pool" if leaves_out(name) else feature_of(name)
    return f"results/stats/{table}.json"


def stats_without(wildcards):
    """The statistics of the model's train table without the speaker in the wildcards."""
    return f"results/stats/{feature_of(wildcards.model)}/without/{wildcards.actor}.json"


def files_without(pattern):
    """Input function: what a model that leaves speakers out has for each of them; nothing for the others."""

    def files(wildcards):
        name = named_model(wildcards)
        facts = {"name": name, "seed": wildcards.seed, "feature": feature_of(name)} if leaves_out(name) else {}
        return [pattern.format(actor=actor, **facts) for actor in LEFT_OUT] if facts else []

    return files


def options_without(option):
    """Params function: these files as ``--option ACTOR=PATH ...``."""

    def options(wildcards, input):
        pairs = [shlex.quote(f"{ACTOR_AT[actor]}={path}") for actor, path in zip(LEFT_OUT, input.get("without") or [])]
        return " ".join([option, *pairs]) if pairs else ""

    return options


def pretrained(wildcards):
    """The checkpoint whose encoder a model with a pretrained encoder takes; nothing for the others."""
    source = getattr(CONFIG.models[wildcards.model], "encoder_from", "")
    return [f"results/models/{source}/{wildcards.seed}/model.ckpt"] if source else []


def member_files(wildcards):
    """The checkpoints of an ensemble's members; with an actor in the wildcards, those that never heard it."""
    entry = CONFIG.models[wildcards.ensemble]
    place = f"without/{wildcards.actor}/" if "actor" in wildcards.keys() else ""
    return [
        f"results/models/{name}/{seed}/{place}model.ckpt"
        for name in entry.members
        for seed in (seeds_of(name) if entry.member_seeds == "all" else [wildcards.seed])
    ]


def feature_tables(clips):
    """Input function: the tables of the feature in the wildcards that hold `clips`."""

    def found(wildcards):
        return tables(wildcards.feature, clips)

    return found


def model_file(wildcards):
    """The trained file of a model or baseline."""
    kind = "ckpt" if wildcards.predictor in MODELS else "npz"
    return f"results/models/{wildcards.predictor}/{wildcards.seed}/model.{kind}"


def features_of_dataset(wildcards):
    """The tables of the model's feature that hold the dataset's evaluated clips."""
    chosen = [clip for clip in EVALUATED if clip.dataset == wildcards.dataset]
    return tables(feature_of(wildcards.predictor), chosen)


def rest_labels(wildcards):
    """The labels that tell a model how speakers look at rest: nothing for models that are not told."""
    names = [wildcards.predictor, *getattr(CONFIG.models.get(wildcards.predictor), "members", [])]
    told = any(getattr(CONFIG.models.get(name), "rest", "none") == "given" for name in names)
    return tables("labels", [c for c in USED if c.dataset == wildcards.dataset]) if told else []


def predictions(name, seed, clips=None):
    """The prediction tables of a model that hold `clips`; of "labels", the labels themselves."""
    chosen = EVALUATED if clips is None else clips
    if name == "labels":
        return tables("labels", chosen)
    return [f"results/predictions/{name}/{seed}/{dataset}.parquet" for dataset in datasets_of(chosen)]


def evaluated_predictions(clips):
    """Input function: what is evaluated on `clips`, a model's predictions or the labels themselves."""

    def found(wildcards):
        return predictions(named_model(wildcards), wildcards.seed, clips)

    return found


def starter_files(wildcards):
    """The trained model and its card."""
    if "starter" not in NETWORKS:
        raise WorkflowError("no model is named starter; add --configfile workflow/starter.yaml")
    return {"model": "results/models/starter/0/model.ckpt", "card": "results/models/starter/0/README.md"}
