"""Train one network with one seed on a train table.

Writes the checkpoint (the epoch with the least validation loss), a JSON beside it with settings and provenance, and
a log with one row an epoch. Progress shows on a terminal. SIGTERM and SIGUSR1 save the state in --work-dir and end
with exit code 75 (try again); the same command then goes on, as it does after a crash (from the last whole epoch).
"""

import json
import logging
import sys
from pathlib import Path

from speechface.errors import ConfigError, ModelError, TableError
from speechface.launch import ALONE, launch, place

__all__ = ["add_arguments", "run", "REQUEUE_EXIT_CODE"]

#: EX_TEMPFAIL of sysexits.h: a temporary failure, run the command again.
REQUEUE_EXIT_CODE = 75
_STATS_KEYS = ("weight_mean", "weight_std", "rotation_mean", "rotation_std", "feature_mean", "feature_std", "observed")


def add_arguments(parser):
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
    parser.add_argument("--encoder-from", metavar="CKPT", help="trained model whose encoder is taken (encoder 3)")
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
    parser.add_argument("--out", required=True, metavar="CKPT", help="checkpoint to write")
    parser.add_argument("--log", required=True, metavar="CSV", help="log to write, one row an epoch")
    parser.add_argument("--work-dir", required=True, metavar="DIR", help="TensorBoard logs and the state of the run")


def _model_settings(text):
    from speechface.config import resolve_model

    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"--settings: not valid JSON: {error}") from None
    return resolve_model(value, "--settings (models)")


def _stats(path, feature):
    stats = json.loads(_text(path, "make it with 'speechface label-stats'"))
    missing = [key for key in _STATS_KEYS if key not in stats]
    if missing:
        raise TableError(f"{path}: '{missing[0]}' is missing; make it again with 'speechface label-stats'")
    if stats.get("feature", feature) != feature:
        raise ModelError(f"{path}: statistics of '{stats['feature']}', but the model takes '{feature}'")
    return {key: stats[key] for key in _STATS_KEYS}


def _text(path, advice):
    try:
        return Path(path).read_text()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {advice}") from None


def _schedule(name):
    from speechface.networks.schedules import ONE_CYCLE, SCHEDULES, parse_schedule

    if name == ONE_CYCLE:
        return ONE_CYCLE
    if name in SCHEDULES:
        return SCHEDULES[name]
    return parse_schedule(
        _text(name, f"schedule is a file or one of {', '.join([*SCHEDULES, ONE_CYCLE])}"), source=name
    )


def _landmark_basis(path):
    """Displacement of the 68 landmarks by weight, (46, 204), mm."""
    from speechface.rig.rig import Rig

    rig = Rig.load(path)
    return rig.shapes[:, rig.landmarks].reshape(len(rig.shapes), -1)


def _granted(args, training):
    """What the job got; the network does not depend on it."""
    granted = {key: getattr(args, key) for key in ("threads", "processes") if getattr(args, key) is not None}
    if args.gpus is not None:
        count = granted.get("processes", training["processes"])
        if args.gpus not in (0, count):
            raise ModelError(f"--gpus is {args.gpus} for {count} processes; each takes one GPU: give {count}, or 0")
        granted["gpus"] = args.gpus // count
    return granted


def _room(args, training):
    """Bytes of memory that the features may take in this process; None where there is no telling."""
    from speechface.networks.row_file import free_memory

    if args.table_gb is not None:
        return 1e9 * args.table_gb
    free = free_memory()
    return None if free is None else free / 2 / -(-training["processes"] // training["nodes"])


def run(args):
    from speechface.config import parse_settings

    settings = _model_settings(args.settings)
    training = parse_settings(args.training, "training") | settings.pop("training")
    training |= _granted(args, training)
    schedule = _schedule(settings["schedule"])
    stats = _stats(args.stats, settings["feature"])
    where = place()
    if where is None and training["processes"] > 1:
        command = [sys.executable, "-m", "speechface", *args.words]
        sys.exit(launch(command, processes=training["processes"], threads=training["threads"]))
    where = where or ALONE

    from speechface.commands.common import actor_of
    from speechface.networks import processes
    from speechface.networks.checkpoint import load, save
    from speechface.networks.split_table import read_split
    from speechface.networks.training import Interrupted, train
    from speechface.provenance import provenance

    source = None
    if settings["feature"] == "spectrogram" and settings["encoder"] == 3:
        if not args.encoder_from:
            raise ModelError(f"model '{args.name}' has encoder 3; give the trained model by --encoder-from")
        source = load(args.encoder_from)
    table = read_split(
        args.train, settings["feature"], without=actor_of(args.without) if args.without else None,
        most_bytes=_room(args, training), folder=args.work_dir,
    )  # fmt: skip
    try:
        with processes.join(where, gpu=training["gpus"] > 0):
            model = train(
                table, settings, training, stats, name=args.name, seed=args.seed, schedule=schedule, source=source,
                landmark_basis=_landmark_basis(args.rig) if args.rig else None, work_dir=args.work_dir, log=args.log,
                place=where,
            )  # fmt: skip
    except Interrupted as reason:
        logging.warning("%s: interrupted (%s); the same command goes on from there", args.name, reason)
        sys.exit(REQUEUE_EXIT_CODE)
    if model is None:  # the first process writes it
        return
    model.facts["provenance"] = provenance(train=str(args.train), stats=str(args.stats), seed=args.seed)
    model.facts["train_table"] = {key: v for key, v in table.meta.items() if not key.startswith("_")}
    model.facts["without"] = args.without
    save(args.out, model)
    _write_facts(Path(args.out).with_suffix(".json"), model)
    for name in ("last.pt", "best.pt"):
        # the run is over: a later one of this name must begin anew
        (Path(args.work_dir) / name).unlink(missing_ok=True)
    history = model.facts["history"]
    logging.info("%s seed %d: %d epochs of %d frames, %s; best validation loss %s", args.name, args.seed,
                 history["epochs"], history["frames"], history["stopped"], history["best_val_loss"])  # fmt: skip


def _write_facts(path, model):
    from speechface.files import written_whole

    facts = {"name": model.name, "seed": model.seed, "feature": model.feature,
             "feature_settings": model.feature_settings, "columns": list(model.columns),
             "observed": [bool(v) for v in model.observed], **model.facts}  # fmt: skip
    with written_whole(path) as temporary:
        Path(temporary).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
