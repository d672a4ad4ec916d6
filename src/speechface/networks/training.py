"""Training of one network from one table."""

import functools
import hashlib
import json
import logging
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy

from speechface.audio.filters import mel_centres
from speechface.config import MACHINE_KEYS
from speechface.errors import ModelError
from speechface.launch import ALONE
from speechface.networks import processes
from speechface.networks.augmentation import augment_log_mel, augment_waveform
from speechface.networks.callbacks import Interrupted, Keeper, ProgressLine
from speechface.networks.checkpoint import TrainedModel
from speechface.networks.data import SpeechDataModule
from speechface.networks.losses import output_scale
from speechface.networks.module import SpeechModule
from speechface.networks.precision import LIGHTNING_NAMES, choose_precision
from speechface.networks.registry import build_network, is_recurrent, network_spec, output_columns
from speechface.networks.schedules import ONE_CYCLE
from speechface.networks.speaker import train_neutrals
from speechface.stages import STAGES

__all__ = ["train", "Interrupted"]

#: Settings that say when and where to train, not what comes out; changing them does not begin anew.
_FREE_SETTINGS = ("epochs", "patience", "max_minutes", "precision", *MACHINE_KEYS)


def _fingerprint(table, settings, training, stats, schedule, seed, width):
    """Hash of everything that the state of a run depends on; large arrays by every 97th row."""
    facts = {
        "settings": settings, "schedule": schedule, "seed": seed, "width": width, "version": STAGES["training"].version,
        "training": {k: v for k, v in training.items() if k not in _FREE_SETTINGS}, "clips": table.clips,
        "observed": [bool(v) for v in stats["observed"]], "torch": torch.__version__,
    }  # fmt: skip
    if schedule == ONE_CYCLE:
        facts["epochs"] = training["epochs"]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for array in (table.weights, table.rotations, table.features[::97]):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _augment(table, settings):
    """The random changes of a model's sound as `SpeechDataModule` takes them, or None."""
    sizes = settings["augmentation"]
    if not any(sizes.values()):
        return None
    if settings["feature"] == "waveform":
        return functools.partial(augment_waveform, gain_db=sizes["gain_db"], noise_db=sizes["noise_db"])
    made_with = table.meta["feature_settings"]
    centres = mel_centres(n_mels=table.input_shape[1], fmin=made_with["fmin"], fmax=made_with["fmax"])
    return functools.partial(augment_log_mel, centres=centres, **sizes)


def _device(training):
    if not training["gpus"]:
        return "cpu"
    if training["gpus"] > 1:
        raise ModelError(
            f"training.gpus is {training['gpus']}; each process has one GPU. Set 1, and training.processes to the "
            "number of GPUs; or let the workflow train several models and seeds side by side"
        )
    if not torch.cuda.is_available():
        raise ModelError("training.gpus is 1, but PyTorch finds no GPU here; set training.gpus: 0, or train elsewhere")
    return "cuda"


def _where(device, place):
    """Lightning's options for the device of this process, and for its company.

    One process is one process whatever the cluster says: Lightning would else start one a Slurm task and requeue by
    itself.
    """
    if place.size == 1:
        return {"devices": 1, "plugins": [LightningEnvironment()]}
    gpu = device == "cuda"
    # Slurm may show a process its own GPU only, or all of its node
    devices = [place.local_rank % torch.cuda.device_count()] if gpu else 1
    backend = "nccl" if gpu else "gloo"
    return {
        "devices": devices, "num_nodes": place.size, "plugins": [processes.Environment(place)],
        "strategy": DDPStrategy(process_group_backend=backend), "use_distributed_sampler": False,
        "sync_batchnorm": gpu,
    }  # fmt: skip


def _trainer(keeper, *, device, place, precision, validate, work_dir):
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    callbacks = [keeper] + ([ProgressLine(keeper)] if sys.stdout.isatty() else [])
    return pl.Trainer(
        accelerator="cpu" if device == "cpu" else "gpu",
        precision=LIGHTNING_NAMES[precision],
        max_epochs=keeper.epochs - len(keeper.rows),
        callbacks=callbacks,
        logger=TensorBoardLogger(work_dir, name="", version="tensorboard"),
        **_where(device, place),
        default_root_dir=work_dir,
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=None if validate else 0,
        log_every_n_steps=1,
        deterministic=device == "cuda",  # a CPU's operations are
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def train(table, settings, training, stats, *, name, seed, schedule, landmark_basis, source, work_dir, log, width=1.0,
          place=ALONE):  # fmt: skip
    """Train one network, or go on with a run that was interrupted.

    Parameters
    ----------
    table : `speechface.networks.split_table.SplitTable`
    settings : dict, resolved entry of the config's ``models``
    training : dict, resolved ``training`` section
    stats : dict
        ``weight_mean``, ``weight_std`` (46,), ``rotation_mean``, ``rotation_std`` (3,), ``observed`` (46,), for plain
        numbers as input also ``feature_mean`` and ``feature_std``.
    name : str
    seed : int
    schedule : tuple of (rate, epochs) or "one_cycle", see `schedules`
    landmark_basis : array (46, 204) or None, see `module.SpeechModule`
    source : `TrainedModel` or None, whose encoder is taken with encoder 3
    work_dir : path-like, for TensorBoard logs and the state of the run
    log : path-like, csv with one row an epoch
    width : float, factor on all layer widths; 1 but in tests
    place : `speechface.launch.Place`
        Which of how many processes this is. All call with the same other arguments, within `processes.join`; each takes
        its share of every batch.

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
        If SIGTERM or SIGUSR1 asked to stop; the same call goes on where it stopped.
    """
    Path(work_dir).mkdir(parents=True, exist_ok=True)
    if not place.rank:
        for half_written in Path(work_dir).glob(".*.pt"):
            half_written.unlink()
    if landmark_basis is None and (settings["loss_rig"] or settings["loss_velocity"]):
        raise ModelError(
            f"model '{name}' measures its loss on the rig (loss_rig, loss_velocity); give the rig by --rig"
        )
    device = _device(training)
    torch.set_num_threads(training["threads"])
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before the first product, for equal numbers
    rotates = settings["outputs"] == "weights_rotation"
    neutral, offsets = None, None
    if settings["speaker"] != "none":
        neutral, offsets = train_neutrals(table.weights, table.clip, table.clips, frames=settings["neutral_frames"])
        # where the output layer starts
        stats = {**stats, "weight_mean": (table.weights - offsets).mean(0, dtype=np.float64).tolist()}
    data = SpeechDataModule(
        table, recurrent=is_recurrent(settings), rotations=rotates, seed=seed, batch=training["batch"],
        epoch_samples=training["epoch_samples"], sequence_frames=settings["sequence_frames"],
        validation=training["validation"], validation_by=training["validation_by"],
        whole_clips=settings["family"] == "sequence", augment=_augment(table, settings),
        offsets=offsets,
    )  # fmt: skip
    spec = network_spec(
        settings, input_shape=table.input_shape, source=None if source is None else source.spec, width=width
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(spec, stats, encoder=None if source is None else source.network.encoder)
    observed = np.asarray(stats["observed"], bool)
    rotation_std = stats["rotation_std"] if rotates else []
    module = SpeechModule(
        network, observed=observed, settings=settings, schedule=schedule, seed=seed, landmark_basis=landmark_basis,
        weight_decay=training["weight_decay"], gradient_clip=training["gradient_clip"],
        steps_per_epoch=data.steps_per_epoch, epochs=training["epochs"],
        scale=output_scale(settings["loss"], weight_std=stats["weight_std"], rotation_std=rotation_std,
                           observed=observed),
    )  # fmt: skip
    keeper = Keeper(
        work_dir=work_dir, log=log, epochs=training["epochs"], patience=training["patience"],
        max_minutes=training["max_minutes"], best_by=settings["best_by"] if landmark_basis is not None else "loss",
        fingerprint=_fingerprint(table, settings, training, stats, schedule, seed, width),
    )  # fmt: skip
    if keeper.resume(module):
        logging.info("%s: going on after step %d (epoch %d)", name, module.step, len(keeper.rows))
        data.step = module.step
    if device == "cuda":
        data.feed_gpu()
    if keeper.precision is None:
        example = data.example()
        # measured by each process, or those that wait would slow the measurement
        keeper.precision = processes.agreed(choose_precision(training["precision"], network, example, device=device))
    if processes.agreed(keeper.reason_to_stop) is None:
        trainer = _trainer(
            keeper, device=device, place=place, precision=keeper.precision,
            validate=bool(data.validation_batches), work_dir=work_dir,
        )  # fmt: skip
        with warnings.catch_warnings():
            # a frozen encoder is meant to be in eval mode
            warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode")
            trainer.fit(module, datamodule=data)
    else:
        keeper.write_log()
    if place.rank:
        return None
    if keeper.best_epoch is not None:
        network.load_state_dict(torch.load(keeper.best, map_location="cpu", weights_only=True))
    history = {
        "stopped": keeper.reason_to_stop, "epochs": len(keeper.rows), "best_epoch": keeper.best_epoch,
        "best_val_loss": keeper.best_loss, "best_val_mouth_mm": keeper.best_mouth,
        "precision": keeper.precision,
        "seconds": keeper.seconds, "frames": data.n_train, "validation_frames": data.n_validation,
        "validation_clips": ["/".join(key) for key in data.validation_clips],
    }  # fmt: skip
    return TrainedModel(
        network=network.cpu().eval(), name=name, seed=seed, feature=settings["feature"],
        feature_settings=table.meta.get("feature_settings", {}), columns=output_columns(settings), observed=observed,
        spec=spec, stats=stats, neutral=neutral, facts={"model": settings, "training": training, "history": history},
    )  # fmt: skip
