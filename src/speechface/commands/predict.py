"""Predict the animation of the evaluated clips of one dataset with one model: one table, one row group a clip.

A model that is told its speaker's face at rest (rest: given) gets it from another clip of the speaker; where there is
none, from the clip's own first frames, which the table names as not to be evaluated. A clip that is excluded, or whose
features are unusable, stands in the table with the reason. Clips whose model and inputs are those of an earlier run are
kept.

A model that draws (family flow) gives the same answer for the same --seed and clip. With --samples, the first stands
in the columns as of any model, the others in column `samples` (samples - 1, outputs), in the order of the metadata's
`columns`.
"""

import logging
import zlib
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from speechface.commands.common import OPTION_HELP
from speechface.errors import ClipError, ModelError, TableError

LOG = logging.getLogger(__name__)

__all__ = ["add_arguments", "run"]

#: Settings of a feature table that change its file but not its meaning.
_STORAGE_KEYS = ("storage",)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="model.ckpt, or model.npz of a baseline")
    parser.add_argument(
        "--model-of",
        nargs="+",
        default=[],
        metavar="DATASET/ACTOR=PATH",
        help="models for the clips of these actors, in the place of --model",
    )
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table with its splits (split-clips)")
    parser.add_argument("--dataset", required=True, help="whose clips of split test and predict are predicted")
    parser.add_argument("--features", required=True, nargs="+", metavar="TABLE", help="tables of the model's feature")
    parser.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="TABLE",
        help="labels; models with 'rest: given' take the speaker's face at rest from another clip's",
    )
    parser.add_argument("--out", required=True, metavar="TABLE", help="table to write")
    parser.add_argument("--samples", type=int, default=1, help="answers a clip of models that draw (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    parser.add_argument("--option", nargs="+", default=[], metavar="KEY=VALUE", help=OPTION_HELP)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpus", type=int, choices=[0, 1], default=0, help="1: networks compute on the GPU")


class _Models:
    """The model of every actor: one for all, and those in the place of it, one of which is in memory."""

    def __init__(self, args):
        from speechface.commands.common import paths_of_actors

        self.options = args.option
        self.paths, self.path, self.device = paths_of_actors(args.model_of), args.model, _device(args)
        self.common = self._load(args.model)
        self._own = ("", self.common)

    def _load(self, path):
        from speechface.networks.loading import configured, load_model

        return configured(load_model(path), self.options).to(self.device)

    def path_of(self, clip_id):
        dataset, actor, _ = clip_id.split("/", 2)
        return self.paths.get((dataset, actor), self.path)

    def of(self, clip_id):
        path = self.path_of(clip_id)
        if path == self.path:
            return self.common
        if self._own[0] != path:
            self._own = (path, self._load(path))
        return self._own[1]


def _device(args):
    """Where models compute; PyTorch is asked only where a network is to use it."""
    if Path(args.model).suffix != ".ckpt":
        return "cpu"
    import torch

    torch.set_num_threads(args.threads)
    if args.gpus and not torch.cuda.is_available():
        raise ModelError("--gpus is 1, but PyTorch finds no GPU here; give 0 (config: training.gpus)")
    return "cuda" if args.gpus else "cpu"


def run(args: Namespace) -> None:
    import numpy as np

    from speechface.clip_tables import ClipRows, ClipTables, file_facts
    from speechface.clip_updates import update_clip_tables
    from speechface.networks.rest import rest_for_clip, rest_source
    from speechface.tables import read_table

    models = _Models(args)
    model, clips = models.common, read_table(args.clips)
    features, labels = ClipTables(args.features), ClipTables(args.labels)
    if model.rest == "given" and not args.labels:
        raise ModelError("the model is told the speaker's face at rest (rest: given); give --labels")
    labels.require_channels(model.columns[: len(model.observed)], f"model {args.model}")
    excluded = _clips(clips, args.dataset)
    if args.samples < 1:
        raise ModelError(f"--samples is {args.samples}; give 1 or more")
    common = {"model": model.name, "seed": int(model.seed), "feature": model.feature,
              "channels": list(model.columns[: len(model.observed)])}  # fmt: skip
    drawn = {}
    if model.draws:
        drawn = {"n_samples": args.samples, "drawn_with": args.seed, "options": args.option}
        common |= {"columns": list(model.columns), **drawn}

    def facts(clip_id: str, known: Any) -> dict[str, Any]:
        if excluded[clip_id]:
            return {"excluded": excluded[clip_id]}
        source = rest_source(clip_id, clips, labels) if model.rest == "given" else ""
        return {
            "model": file_facts(models.path_of(clip_id), known.get("model")),
            "features": features.content(clip_id),
            "rest_from": source,
            "rest": labels.content(source) if source else {},
            **drawn,
        }

    def make(clip_id: str) -> ClipRows:
        if excluded[clip_id]:
            raise ClipError(excluded[clip_id])
        table, heard = features.read(clip_id), models.of(clip_id)
        meta, neutral = dict(common), None
        if heard.rest == "given":
            neutral, meta["rest_from"], meta["not_evaluated"] = rest_for_clip(
                clip_id, clips, labels, frames=heard.rest_frames
            )
        rng = np.random.default_rng([args.seed, zlib.crc32(clip_id.encode())])
        return ClipRows(_predict(heard, table, neutral, rng, args.samples if model.draws else 1), meta)

    for clip_id, reason in excluded.items():
        if not reason and features.entry(clip_id)["status"] == "ok":
            _check_settings(models.of(clip_id), features.clip_meta(clip_id), clip_id)
    update_clip_tables(
        {"predictions": args.out}, list(excluded), make, stage="prediction", settings=common, facts=facts,
        shared=tuple(common),
    )  # fmt: skip


def _clips(clips, dataset):
    """Clip id -> why it is excluded, "" for those to predict: test and predict clips, and those planned for a split."""
    found = {}
    reasons = clips.columns.get("reason", [""] * len(clips))
    for clip_id, of, split, reason in zip(clips.clip_ids(), clips["dataset"], clips["split"], reasons):
        if of == dataset and split in ("test", "predict", "excluded"):
            # who waits for an excluded clip is told why it is empty
            found[clip_id] = (reason or "excluded") if split == "excluded" else ""
    if not found:
        raise TableError(f"--clips: no clip of dataset {dataset} is of split test or predict")
    return found


def _predict(model, table, neutral, rng, n_samples):
    """Columns of one clip's prediction."""
    import numpy as np

    if not table.usable:
        raise ClipError(table.reason)
    if not len(table):
        raise ClipError("no video frame")
    outputs = model.predict(table[model.feature], neutral=neutral, rng=rng, n_samples=n_samples)
    columns = {"frame": table["frame"], "time": table["time"]}
    columns.update({key: np.ascontiguousarray(outputs[0, :, k]) for k, key in enumerate(model.columns)})
    if n_samples > 1:
        columns["samples"] = np.ascontiguousarray(outputs[1:].swapaxes(0, 1))
    return columns


def _check_settings(model, meta, clip_id):
    """The features must have been computed with the settings that the model was trained on."""
    found = {**meta.get("settings", {}), "audio_sr": meta.get("audio_sr")}
    for key, wanted in model.feature_settings.items():
        if key in found and key not in _STORAGE_KEYS and found[key] != wanted:
            raise ModelError(
                f"{clip_id}: features were computed with {key} = {found[key]}, the model was trained with {wanted}; "
                "compute them again or train again"
            )
