"""Predict the animation of every clip of some splits with one model.

Writes one table a clip. A model that is told its speaker's face at rest (speaker: given) gets it from another clip of
the speaker; where there is none, from the clip's own first frames, which the table names as not to be judged.
A clip that is excluded, or whose features are unusable, gets an unusable table that says why.
"""

import logging
from pathlib import Path

from speechface.errors import ClipError, ModelError, TableError

__all__ = ["add_arguments", "run"]

#: Settings of a feature table that change its file but not its meaning.
_STORAGE_KEYS = ("storage",)


def add_arguments(parser):
    parser.add_argument("--model", required=True, help="model.ckpt, or model.npz of a baseline")
    parser.add_argument(
        "--model-of",
        nargs="+",
        default=[],
        metavar="DATASET/ACTOR=PATH",
        help="models for the clips of these actors, in the place of --model",
    )
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table with its splits")
    parser.add_argument("--features-dir", required=True, metavar="DIR", help="tables of the model's feature")
    parser.add_argument(
        "--labels-dir",
        metavar="DIR",
        help="label tables; models with 'speaker: given' take the speaker's face at rest from another clip's",
    )
    parser.add_argument("--splits", nargs="+", default=["test", "predict"], help="which clips, by their split")
    parser.add_argument("--out-dir", required=True, metavar="DIR", help="DIR/dataset/actor/clip.parquet are written")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpus", type=int, choices=[0, 1], default=0, help="1: networks compute on the GPU")


def run(args):
    from speechface.commands.common import paths_of_actors
    from speechface.networks.loading import load_model
    from speechface.tables import clip_path, read_table, write_table, write_unusable

    place = _place(args)
    model, own_paths, own = place(load_model(args.model)), paths_of_actors(args.model_of), {}
    name, seed = getattr(model, "name", Path(args.model).parent.parent.name), getattr(model, "seed", 0)
    clips = read_table(args.clips)
    meta = {"model": name, "seed": int(seed), "feature": model.feature}
    counts = {"predicted": 0, "unusable": 0, "frames": 0}
    for row in range(len(clips)):
        dataset, actor, clip, split = (clips[key][row] for key in ("dataset", "actor", "clip", "split"))
        # an excluded clip was planned for some split; whoever waits for its table is told why it is empty
        if split not in args.splits and split != "excluded":
            continue
        path = clip_path(args.out_dir, dataset, actor, clip)
        try:
            if split == "excluded":
                raise ClipError(str(clips.columns["reason"][row]) if "reason" in clips.columns else "excluded")
            table = read_table(clip_path(args.features_dir, dataset, actor, clip))
            actor_key = (str(dataset), str(actor))
            if actor_key in own_paths and actor_key not in own:
                own = {
                    actor_key: place(load_model(own_paths[actor_key]))
                }  # clips stand by actor: one of them in memory
            heard = own.get(actor_key, model)
            neutral, told = _neutral(heard, row, clips, args.labels_dir)
            columns = _predict(heard, table, neutral)
        except ClipError as reason:
            write_unusable(path, reason, stage="prediction", meta=meta)
            counts["unusable"] += 1
            continue
        except (ModelError, TableError) as error:
            raise type(error)(f"{dataset}/{actor}/{clip}: {error}") from None
        write_table(path, columns, stage="prediction", meta={**meta, **told})
        counts["predicted"] += 1
        counts["frames"] += len(table)
    if not counts["predicted"] and not counts["unusable"]:
        raise TableError(f"{args.clips}: no clip of split {', '.join(args.splits)}")
    logging.info("%s seed %s: %d clips (%d frames) predicted, %d unusable", name, seed, counts["predicted"],
                 counts["frames"], counts["unusable"])  # fmt: skip


def _place(args):
    """What puts a loaded model where it is to compute. Baselines compute on the CPU, in numpy."""
    if Path(args.model).suffix != ".ckpt":
        return lambda model: model
    import torch

    torch.set_num_threads(args.threads)
    if args.gpus and not torch.cuda.is_available():
        raise ModelError("--gpus is 1, but PyTorch finds no GPU here; give 0 (config: training.gpus)")
    device = "cuda" if args.gpus else "cpu"
    return lambda model: model.to(device)


def _neutral(model, row, clips, labels_dir):
    """The speaker's neutral weights for a model that is told them, else None; and what the metadata say of it."""
    from speechface.commands.neutral import neutral_for_clip

    if not getattr(model, "wants_neutral", False):
        return None, {}
    if labels_dir is None:
        raise ModelError("the model is told the speaker's face at rest (speaker: given); give --labels-dir")
    weights, source, own = neutral_for_clip(row, clips, labels_dir, frames=model.neutral_frames)
    return weights, {"neutral_from": source, "not_evaluated": own}


def _predict(model, table, neutral):
    """Columns of one clip's prediction."""
    import numpy as np

    if not table.usable:
        raise ClipError(table.reason)
    if not len(table):
        raise ClipError("no video frame")
    _check_settings(model, table)
    told = () if neutral is None else (neutral,)
    outputs = model.predict(table[model.feature], *told)
    columns = {"frame": table["frame"], "time": table["time"]}
    columns.update({key: np.ascontiguousarray(outputs[:, k]) for k, key in enumerate(model.columns)})
    return columns


def _check_settings(model, table):
    """The features must have been computed with the settings that the model was trained on."""
    found = {**table.meta.get("settings", {}), "sr": table.meta.get("sr")}
    for key, wanted in model.feature_settings.items():
        if key in found and key not in _STORAGE_KEYS and found[key] != wanted:
            raise ModelError(
                f"features were computed with {key} = {found[key]}, the model was trained with {wanted}; "
                "compute them again or train again"
            )
