"""Training of one network from one table, by Lightning.

A run goes on from the last finished epoch (``last.ckpt`` in its work folder) and then gives, to the last bit, what it
would have given without the interruption. What is lost is at most the epoch in work.
"""

import contextlib
import functools
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy

from speechface.audio.features import FEATURES
from speechface.audio.filters import mel_centres
from speechface.errors import ModelError
from speechface.launch import ALONE, Place
from speechface.networks import processes
from speechface.networks.augmentation import augment_log_mel, augment_waveform
from speechface.networks.callbacks import Progress, RunLog, StopOnSignal, WholeFiles, checkpoints
from speechface.networks.data import SpeechDataModule
from speechface.networks.loggers import training_logger
from speechface.networks.losses import output_scale
from speechface.networks.module import SpeechModule
from speechface.networks.precision import LIGHTNING_NAMES, choose_precision
from speechface.networks.predictor import TrainedModel
from speechface.networks.registry import build_network, is_recurrent, network_spec, output_columns
from speechface.networks.rest import train_rests
from speechface.networks.schedules import ONE_CYCLE, Schedule
from speechface.networks.split_table import SplitTable
from speechface.sections import MACHINE_KEYS, TrainingSettings
from speechface.stages import STAGES

LOG = logging.getLogger(__name__)

__all__ = ["PLAIN", "Kind", "train"]

#: Settings that say when and where to train, not what comes out; changing them does not begin anew.
_FREE_SETTINGS = ("epochs", "patience", "max_minutes", "precision", *MACHINE_KEYS)


@dataclass(frozen=True)
class Kind:
    """What is trained. The defaults: a `SpeechNetwork` that becomes a `TrainedModel`.

    Parameters
    ----------
    spec : function (settings, table) -> dict, JSON values, what the network's spec has beside `network_spec`
    build : as `build_network`
    module : as `SpeechModule`, with ``spec`` and ``table``
    model : as `TrainedModel`
    """

    spec: Callable[[Any, SplitTable], dict[str, Any]] = lambda settings, table: {}
    build: Callable[..., Any] = build_network
    module: Callable[..., SpeechModule] = lambda *, spec, table, **arguments: SpeechModule(**arguments)
    model: Callable[..., TrainedModel] = TrainedModel


PLAIN = Kind()


def _fingerprint(table, settings, training, stats, schedule, seed, width, work_dir):
    """Hash of everything that the state of a run depends on; large arrays by every 97th row.

    The folder is one of them: Lightning finds the best network only where it put it.
    """
    facts = {
        "settings": {k: v for k, v in settings.dump().items() if k not in ("training", "seeds")},
        "schedule": schedule, "seed": seed, "width": width, "version": STAGES["training"].version,
        "clips": table.clips, "folder": os.path.realpath(work_dir),
        "training": {k: v for k, v in training.dump().items() if k not in _FREE_SETTINGS},
        "observed": [bool(v) for v in stats["observed"]], "torch": torch.__version__,
    }  # fmt: skip
    if schedule == ONE_CYCLE:
        facts["epochs"] = training.epochs
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for array in (table.weights, table.rotations, table.features[::97]):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _augment(table, settings):
    """The random changes of a model's sound as `SpeechDataModule` takes them, or None."""
    sizes = getattr(settings, "augmentation", None)
    if sizes is None or not any(sizes.dump().values()):
        return None
    if FEATURES[settings.feature].kind == "samples":
        return functools.partial(augment_waveform, gain_db=sizes.gain_db, noise_db=sizes.noise_db)
    made_with = table.meta["feature_settings"]
    centres = mel_centres(n_mels=table.input_shape[1], fmin=made_with["fmin"], fmax=made_with["fmax"])
    return functools.partial(
        augment_log_mel, centres=centres, hop_s=made_with["hop_ms"] / 1000, floor_db=made_with["floor_db"],
        **sizes.dump(),
    )  # fmt: skip


def _device(training):
    if not training.gpus:
        return "cpu"
    if not torch.cuda.is_available():
        raise ModelError("training.gpus is 1, but PyTorch finds no GPU here; set training.gpus: 0, or train elsewhere")
    return "cuda"


def _where(device, place):
    """Lightning's options for the device of this process, and for its company.

    One process is one process whatever the cluster says: Lightning would else start one a Slurm task and requeue by
    itself.
    """
    if place.size == 1:
        return {"devices": 1}
    gpu = device == "cuda"
    # Slurm may show a process its own GPU only, or all of its node
    devices = [place.local_rank % torch.cuda.device_count()] if gpu else 1
    backend = "nccl" if gpu else "gloo"
    return {
        "devices": devices, "num_nodes": place.size,
        "strategy": DDPStrategy(process_group_backend=backend), "use_distributed_sampler": False,
        "sync_batchnorm": gpu,
    }  # fmt: skip


def _trainer(run, name, *, device, place, precision, validate, work_dir, logger):
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    keep = checkpoints(work_dir, monitor=run.monitor if validate else None)
    return pl.Trainer(
        accelerator="cpu" if device == "cpu" else "gpu",
        precision=LIGHTNING_NAMES[precision],
        max_epochs=run.epochs,
        callbacks=[run, Progress(name, run), StopOnSignal(), *keep],
        logger=logger,
        plugins=[LightningEnvironment(), WholeFiles()],
        **_where(device, place),
        default_root_dir=work_dir,
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=None if validate else 0,
        log_every_n_steps=1,
        deterministic=device == "cuda",  # a CPU's operations are
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextlib.contextmanager
def _one_line(name, training):
    """Tell what of training's errors is the data's fault."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # of PyTorch's batch normalisation
            raise
        raise ModelError(
            f"model '{name}': a step holds a single frame, whose spread no network can learn (training.frames_per_step "
            f"is {training.frames_per_step}); give more frames"
        ) from None


def _state_of_run(work_dir, fingerprint):
    """What `RunLog` kept of an earlier attempt at this very run, or None."""
    last = Path(work_dir) / "last.ckpt"
    if processes.rank() or not last.exists():
        return None
    state = torch.load(last, map_location="cpu", weights_only=True)["callbacks"][RunLog.__qualname__]
    return state if state["fingerprint"] == fingerprint else None


def train(
    table: SplitTable,
    settings: Any,
    training: TrainingSettings,
    stats: dict[str, Any],
    *,
    name: str,
    seed: int,
    schedule: Schedule,
    landmark_basis: np.ndarray | None,
    source: TrainedModel | None,
    work_dir: str | Path,
    log: str | Path,
    width: float = 1.0,
    place: Place = ALONE,
    kind: Kind = PLAIN,
) -> TrainedModel | None:
    """Train one network, or go on with a run that was interrupted.

    Parameters
    ----------
    table : `speechface.networks.split_table.SplitTable`
    settings : settings of a model that has a network
    training : section ``training`` as the model trains
    stats : dict
        ``channels``, ``weight_mean``, ``weight_std`` (C,), ``rotation_mean``, ``rotation_std`` (3,), ``observed`` (C,),
        for plain numbers as input also ``feature_mean`` and ``feature_std``.
    name : str
    seed : int
    schedule : tuple of (rate, epochs) or "one_cycle", see `schedules`
    landmark_basis : array (C, 204) or None, see `module.SpeechModule`
    source : `TrainedModel` or None, whose encoder is taken with encoder pretrained
    work_dir : path-like, for logs and the state of the run
    log : path-like, csv with one row an epoch
    width : float, factor on all layer widths; 1 but in tests
    place : `speechface.launch.Place`
        Which of how many processes this is. All call with the same other arguments, within `processes.join`; each takes
        its share of every batch.
    kind : `Kind`

    Returns
    -------
    model : `TrainedModel` or None
        The network of the epoch with the least validation loss; without validation that of the last epoch. None in all
        processes but the first, which alone writes files.

    Raises
    ------
    ModelError
        If the settings do not fit the table or the machine.
    Interrupted
        If SIGTERM or SIGUSR1 asked to stop; the same call goes on after the last finished epoch.
    """
    Path(work_dir).mkdir(parents=True, exist_ok=True)
    if not place.rank:
        for half_written in Path(work_dir).glob(".*.ckpt"):
            half_written.unlink()
    if landmark_basis is None and (settings.loss_rig or settings.loss_velocity):
        raise ModelError(
            f"model '{name}' measures its loss on the rig (loss_rig, loss_velocity); give the rig by --rig"
        )
    device = _device(training)
    parameters = {"model": settings.dump(), "training": training.dump(), "seed": seed}
    logger = not place.rank and training_logger(training.logger, work_dir, name=name, seed=seed, parameters=parameters)
    torch.set_num_threads(training.threads)
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before the first product, for equal numbers
    rotates = settings.outputs == "weights_rotation"
    neutral, offsets = None, None
    if settings.rest != "none":
        neutral, offsets = train_rests(table.weights, table.clip, table.clips, frames=settings.rest_frames)
        # where the output layer starts
        stats = {**stats, "weight_mean": (table.weights - offsets).mean(0, dtype=np.float64).tolist()}
    data = SpeechDataModule(
        table, recurrent=is_recurrent(settings), rotations=rotates, seed=seed,
        frames_per_step=training.frames_per_step, frames_per_epoch=training.frames_per_epoch,
        sequence_frames=settings.sequence_frames, validation_fraction=training.validation_fraction,
        validation_by=training.validation_by, whole_clips=settings.WHOLE_CLIPS, augment=_augment(table, settings),
        balanced_by=training.balanced_by, offsets=offsets,
    )  # fmt: skip
    spec = network_spec(
        settings, input_shape=table.input_shape, source=None if source is None else source.spec, width=width
    )
    spec |= kind.spec(settings, table)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = kind.build(spec, stats, encoder=None if source is None else source.network.encoder)
    observed = np.asarray(stats["observed"], bool)
    rotation_std = stats["rotation_std"] if rotates else []
    module = kind.module(
        network=network, spec=spec, table=table, channels=table.channels, observed=observed, settings=settings,
        schedule=schedule, seed=seed, landmark_basis=landmark_basis,
        weight_decay=training.weight_decay, gradient_clip=training.gradient_clip,
        steps_per_epoch=data.steps_per_epoch, epochs=training.epochs,
        scale=output_scale(settings.loss, weight_std=stats["weight_std"], rotation_std=rotation_std, observed=observed),
    )  # fmt: skip
    fingerprint = _fingerprint(table, settings, training, stats, schedule, seed, width, work_dir)
    state = processes.agreed(_state_of_run(work_dir, fingerprint))
    if device == "cuda":
        data.feed_gpu()
    if (
        state is None
    ):  # a run that goes on keeps its number format; each process measures, or those that wait would slow it
        with _one_line(name, training):
            chosen = choose_precision(training.precision, network, data.example(), device=device)
        precision = processes.agreed(chosen)
    else:
        precision = state["precision"]
    run = RunLog(
        log, fingerprint=fingerprint, precision=precision, epochs=training.epochs, patience=training.patience,
        max_minutes=training.max_minutes, best_by=settings.best_by if landmark_basis is not None else "loss",
    )  # fmt: skip
    if state is not None:
        run.load_state_dict(state)
        LOG.info("%s: going on after epoch %d", name, len(run.rows))
    folder = Path(work_dir)
    if processes.agreed(run.reason_to_stop) is None:
        with warnings.catch_warnings():
            # a frozen encoder is meant to be in eval mode; the folder holds the state of this run; `speechface.launch`
            # starts processes, where there are to be several; Lightning's own
            for text in (r"Found \d+ module\(s\) in eval", r"Checkpoint directory .* not empty", "The `srun` command",
                         r"`isinstance\(treespec, LeafSpec"):  # fmt: skip
                warnings.filterwarnings("ignore", message=text)
            trainer = _trainer(
                run, f"{name} seed {seed}", device=device, place=place, precision=precision,
                validate=bool(data.validation_batches), work_dir=folder, logger=logger,
            )  # fmt: skip
            with _one_line(name, training):
                trainer.fit(module, datamodule=data, ckpt_path=None if state is None else folder / "last.ckpt")
    else:
        run.write()
    if place.rank:
        return None
    kept = folder / ("last.ckpt" if run.best_epoch is None else "best.ckpt")
    parameters = torch.load(kept, map_location="cpu", weights_only=True)["state_dict"]
    network.load_state_dict({key.removeprefix("network."): value for key, value in parameters.items()})
    history = {
        "stopped": run.reason_to_stop, "epochs": len(run.rows), "best_epoch": run.best_epoch,
        "best_val_loss": run.of_best("val_loss"), "best_val_mouth_mm": run.of_best("val_mouth_mm"),
        "precision": precision, "seconds": run.seconds, "frames": data.n_train, "validation_frames": data.n_validation,
        "validation_clips": ["/".join(key) for key in data.validation_clips],
    }  # fmt: skip
    return kind.model(
        network=network.cpu().eval(), name=name, seed=seed, feature=settings.feature,
        feature_settings=table.meta.get("feature_settings", {}), columns=output_columns(settings, table.channels),
        observed=observed,
        spec=spec, stats=stats, neutral=neutral,
        facts={"model": settings.dump(), "training": training.dump(), "history": history},
    )  # fmt: skip
