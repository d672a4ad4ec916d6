"""Inputs, settings and resources of networks and baselines."""

import json
from pathlib import Path

from speechface.config import MACHINE_KEYS
from speechface.planning import training_minutes


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
    margin = 8 if CONFIG["training"]["gpus"] else 1.5  # a GPU may be an eighth as fast as the one that was measured
    return 12 * 60 if minutes is None else int(30 + margin * minutes)


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
    return every_clip(FEATURE_TABLES[feature_of(wildcards.predictor)], EVALUATED)


def predictor_features_dir(wildcards):
    """The folder of those tables."""
    return FEATURE_FOLDERS[feature_of(wildcards.predictor)]


def evaluated_tables(wildcards):
    """What is judged against exact truth: the labels themselves, or a model's predictions."""
    return every_clip(f"{evaluated_dir(wildcards)}/{{clip}}.parquet", EVALUATED)


def evaluated_dir(wildcards):
    """The folder of those tables."""
    if wildcards.judged == "labels":
        return "results/labels"
    return f"results/predictions/{wildcards.judged}/{wildcards.seed}"


def evaluated_runs():
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
