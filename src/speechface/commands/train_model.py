"""Train one model with one seed on a train table.

Writes the model's file (a network: of the epoch with the least validation loss), a JSON beside it with settings and
provenance, and a log with one row an epoch. A line now and then tells how far it is. SIGTERM and SIGUSR1 end with exit
code 75 (try again); the same command then goes on after the last finished epoch, as it does after a crash: what is lost
is at most the epoch in work.
"""

import contextlib
import logging
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from speechface.errors import Interrupted, ModelError

if TYPE_CHECKING:
    from speechface.networks.families.base import Predictor

LOG = logging.getLogger(__name__)

__all__ = ["REQUEUE_EXIT_CODE", "add_arguments", "run", "write_facts"]

#: EX_TEMPFAIL of sysexits.h: a temporary failure, run the command again.
REQUEUE_EXIT_CODE = 75


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument("--settings", default="{}", metavar="JSON", help="one entry of the config section 'models'")
    parser.add_argument("--training", default="{}", metavar="JSON", help="keys of the config section 'training'")
    parser.add_argument("--train", required=True, metavar="PARQUET", help="train table (build-split)")
    parser.add_argument("--stats", required=True, metavar="JSON", help="its statistics (label-stats)")
    parser.add_argument(
        "--rig",
        metavar="NPZ",
        help="rig; with it the log tells the mouth's RMSE in mm, and the loss may be measured on it",
    )
    parser.add_argument("--encoder-from", metavar="CKPT", help="trained model whose encoder is taken")
    parser.add_argument("--without", metavar="DATASET/ACTOR", help="an actor of the table whose clips do not train")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, help="CPU threads; default: of --training")
    parser.add_argument("--gpus", type=int, help="GPUs of all processes, one each, or 0; default: of --training")
    parser.add_argument("--processes", type=int, help="processes that train together; default: of --training")
    parser.add_argument(
        "--table-gb", type=float,
        help="memory that the features of the train table may take in a process, GB; a larger table is read from a "
        "file in --work-dir as needed, to the same result; default: half of what is free",
    )  # fmt: skip
    parser.add_argument("--out", required=True, metavar="CKPT", help="model to write")
    parser.add_argument("--log", required=True, metavar="CSV", help="log to write, one row an epoch")
    parser.add_argument("--work-dir", required=True, metavar="DIR", help="logs and the state of the run")
    parser.add_argument("--logger", metavar="NAME", help="where the curves go; default: of --training")


def _granted(args, training):
    """Section training with what the job got; the network does not depend on it."""
    from speechface.sections import TrainingSettings

    granted = {key: getattr(args, key) for key in ("threads", "processes", "logger") if getattr(args, key) is not None}
    if args.gpus is not None:
        count = granted.get("processes", training.processes)
        if args.gpus not in (0, count):
            raise ModelError(f"--gpus is {args.gpus} for {count} processes; each takes one GPU: give {count}, or 0")
        granted["gpus"] = args.gpus // count
    return TrainingSettings.parse({**training.dump(), **granted}, "--threads, --gpus, --processes, --logger")


def _room(args, training):
    """Bytes of memory that the features may take in this process; None where there is no telling."""
    from speechface.networks.row_file import free_memory

    if args.table_gb is not None:
        return 1e9 * args.table_gb
    free = free_memory()
    return None if free is None else free / 2 / -(-training.processes // training.nodes)


def run(args: Namespace) -> None:
    from speechface.commands.common import actor_of
    from speechface.commands.label_stats import read_stats
    from speechface.config import model_settings
    from speechface.launch import ALONE, launch, place
    from speechface.networks.families import FAMILIES
    from speechface.networks.families.base import TrainingJob
    from speechface.sections import TrainingSettings

    settings = model_settings(args.settings, "--settings (models)")
    family = FAMILIES[settings.family]
    if family.train is None:
        raise ModelError(f"--settings: models of family {settings.family} are not trained")
    training = _granted(args, settings.training_with(TrainingSettings.parse(args.training, "--training")))
    stats = read_stats(args.stats)
    if stats["feature"] != settings.feature:
        raise ModelError(f"{args.stats}: statistics of '{stats['feature']}', but the model takes '{settings.feature}'")
    where = place()
    if where is None and training.processes > 1:
        command = [sys.executable, "-m", "speechface", *args.words]
        sys.exit(launch(command, processes=training.processes, threads=training.threads))

    from speechface.files import alone
    from speechface.networks.loading import save_model
    from speechface.provenance import provenance

    job = TrainingJob(
        name=args.name, seed=args.seed, settings=settings, training=training, train=args.train, stats=stats,
        log=args.log, work_dir=args.work_dir, rig=args.rig, encoder_from=args.encoder_from,
        without=actor_of(args.without) if args.without else None, most_bytes=_room(args, training),
        place=where or ALONE,
    )  # fmt: skip
    # who shares the folder of a run's state with another spoils both
    lock = contextlib.nullcontext() if job.place.rank else alone(Path(args.work_dir) / "last.ckpt")
    try:
        with lock:
            model = family.train(job)
    except Interrupted as reason:
        LOG.warning("%s: interrupted (%s); the same command goes on from the last finished epoch", args.name, reason)
        sys.exit(REQUEUE_EXIT_CODE)
    if model is None:  # the first process writes it
        return
    model.facts["provenance"] = provenance(train=str(args.train), stats=str(args.stats), seed=args.seed)
    model.facts["without"] = args.without
    save_model(args.out, model)
    write_facts(args.out, model)
    history = model.facts.get("history", {})
    LOG.info("%s seed %d: %s epochs of %s frames, %s; best validation loss %s", args.name, args.seed,
             *(history.get(key, "?") for key in ("epochs", "frames", "stopped", "best_val_loss")))  # fmt: skip


def write_facts(path: str, model: "Predictor") -> None:
    """Write what people and other commands want to know of a model as a JSON beside it."""
    from speechface.seals import write_json

    facts = {"name": model.name, "seed": model.seed, "family": model.family, "feature": model.feature,
             "feature_settings": model.feature_settings, "columns": list(model.columns),
             "observed": [bool(v) for v in model.observed], **model.facts}  # fmt: skip
    write_json(Path(path).with_suffix(".json"), facts, indent=1)
