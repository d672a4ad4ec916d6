"""What Lightning's own callbacks do not do: the log, lines of progress, when to stop, a clean end at a signal."""

import csv
import logging
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint

from speechface.errors import Interrupted
from speechface.files import written_whole
from speechface.networks import processes

LOG = logging.getLogger(__name__)

__all__ = ["LOG_COLUMNS", "Progress", "RunLog", "StopOnSignal", "WholeFiles", "checkpoints"]

LOG_COLUMNS = ("epoch", "step", "learning_rate", "train_loss", "val_loss", "val_mouth_mm", "windows_per_s", "seconds")


def checkpoints(work_dir: Path, *, monitor: str | None) -> list[ModelCheckpoint]:
    """Callbacks that keep ``best.ckpt``, the network of the epoch with the least `monitor`, and ``last.ckpt``, the
    state after the last finished epoch, from which a run goes on."""
    common: dict[str, Any] = {"dirpath": work_dir, "save_on_train_epoch_end": True, "enable_version_counter": False}
    last = ModelCheckpoint(filename="last", **common)
    if monitor is None:
        return [last]
    # the best stands first: the last state tells what the best is
    return [ModelCheckpoint(filename="best", monitor=monitor, save_weights_only=True, **common), last]


class WholeFiles(TorchCheckpointIO):
    """Checkpoints that are either whole or absent, on whatever disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | os.PathLike, storage_options: Any = None) -> None:
        with written_whole(path) as temporary:
            torch.save(checkpoint, temporary)


class RunLog(pl.Callback):
    """Writes the log after every epoch, tells Lightning's callbacks what is least, and says when training is over.

    Its state goes into the checkpoints. Patience and time are judged by the log's rows, not by Lightning's
    EarlyStopping and Timer: so a run that was over when its process ended stays over, and other limits hold for one
    that goes on.

    Parameters
    ----------
    path : path-like, csv
    fingerprint : str
        Of settings, seed and data. A state with another fingerprint is not resumed.
    precision : str, number format of the run
    epochs : int, at most
    best_by : {"loss", "mouth"}, what of the validation is to become least
    patience : int, epochs without a better validation; 0 never stops
    max_minutes : float, of training, interruptions not counted; 0 no limit
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fingerprint: str,
        precision: str,
        epochs: int,
        best_by: str,
        patience: int,
        max_minutes: float,
    ):
        self.path, self.fingerprint, self.precision = path, fingerprint, precision
        self.epochs, self.patience, self.max_minutes = epochs, patience, max_minutes
        self.best_by = best_by
        #: One list of numbers an epoch, see `LOG_COLUMNS`.
        self.rows: list[list[float]] = []
        self._before, self._began = 0.0, time.monotonic()
        self._epoch_began, self._train_seconds, self._steps = 0.0, 0.0, 0

    def state_dict(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "precision": self.precision,
            "rows": self.rows,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self._before = state_dict["rows"], state_dict["seconds"]
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training, those before an interruption included."""
        return self._before + time.monotonic() - self._began

    @property
    def monitor(self) -> str:
        """Column of the log that is to become least."""
        return "val_mouth_mm" if self.best_by == "mouth" else "val_loss"

    @property
    def best_epoch(self) -> int | None:
        """The first epoch of the least validation, None where there was none."""
        scores = [row[LOG_COLUMNS.index(self.monitor)] for row in self.rows]
        known = [score for score in scores if not math.isnan(score)]
        return scores.index(min(known)) if known else None

    def of_best(self, column: str) -> float | None:
        """A number of the best epoch, None where it is not known."""
        value = math.nan if self.best_epoch is None else self.rows[self.best_epoch][LOG_COLUMNS.index(column)]
        return None if math.isnan(value) else value

    @property
    def late(self) -> bool:
        return bool(self.max_minutes) and self.seconds > 60 * self.max_minutes

    @property
    def reason_to_stop(self) -> str | None:
        """Why training is over, or None."""
        done, best = len(self.rows), self.best_epoch
        if done >= self.epochs:
            return f"{done} epochs are done"
        if self.late:
            return f"{self.max_minutes:g} minutes are over"
        if self.patience and best is not None and done - 1 - best >= self.patience:
            measure = "mouth RMSE" if self.best_by == "mouth" else "loss"
            return f"the validation {measure} has not fallen for {self.patience} epochs"
        return None

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self._began = time.monotonic()

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self._epoch_began, self._steps = time.monotonic(), 0

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._steps += 1
        self._train_seconds = time.monotonic() - self._epoch_began
        if self.max_minutes and processes.highest(self.late):
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        train, val, mouth = module.losses_of_epoch()
        module.train_sums[:] = 0
        speed = self._steps * trainer.datamodule.mean_frames / max(self._train_seconds, 1e-9)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        values = (len(self.rows), module.step, rate, train, val, mouth, speed, self.seconds)
        self.rows.append([float(value) for value in values])
        self.write()
        known = {name: torch.tensor(value, dtype=torch.float64)
                 for name, value in zip(LOG_COLUMNS[2:], self.rows[-1][2:]) if not math.isnan(value)}  # fmt: skip
        module.log_dict(known, prog_bar=True, sync_dist=True)  # the same in all processes already
        trainer.should_stop = processes.agreed(self.reason_to_stop is not None)

    def write(self) -> None:
        """Write all epochs so far, whole or not at all."""
        if processes.rank():
            return
        with written_whole(self.path) as temporary, open(temporary, "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(LOG_COLUMNS)
            for row in self.rows:
                numbers = ["" if math.isnan(v) else f"{v:.6g}" for v in row[2:]]
                out.writerow([int(row[0]), int(row[1]), *numbers])


class Progress(pl.Callback):
    """Tells in a plain line now and then how far a training is: each half minute, later each time a tenth of the time
    so far is over, ten minutes at most. So a day of training tells about two hundred.

    The line goes to the log and, where that is a file of its own, to the standard output, too: a person's screen, or
    what a cluster keeps of a job.

    Parameters
    ----------
    name : str, whose training
    run : `RunLog`
    """

    def __init__(self, name: str, run: RunLog):
        self.name, self.run = name, run
        self._began = self._told = 0.0
        self._done_before = 0

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self._began = self._told = time.monotonic()
        self._done_before = len(self.run.rows)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        now = time.monotonic()
        if processes.rank() or now - self._told < min(max(30, (now - self._began) / 10), 600):
            return
        self._told = now
        line = self.line(module.step / module.steps_per_epoch, module.loss_so_far, now - self._began)
        LOG.info("%s", line)
        if _are_different(sys.stdout, sys.stderr):
            print(line, flush=True)

    def line(self, done: float, loss: float, seconds: float) -> str:
        """What is told when `done` epochs are done and this process has trained for `seconds`."""
        run = self.run
        left = (run.epochs - done) * seconds / max(done - self._done_before, 1e-9)
        if run.max_minutes:
            left = min(left, 60 * run.max_minutes - run.seconds)
        last = run.rows[-1][LOG_COLUMNS.index("val_loss")] if run.rows else math.nan
        validation = "" if math.isnan(last) else f", validation {last:.4g}"
        left_over = f"{_duration(max(left, 0))} left{' at most' if run.patience else ''}"
        place = f"epoch {math.ceil(done)} of {run.epochs}, {done / run.epochs:.0%}"
        return f"{self.name}: {place}, loss {loss:.4g}{validation}, {left_over}"


def _are_different(*streams):
    """Do two streams lead to different files?"""
    try:
        return not os.path.sameopenfile(*(stream.fileno() for stream in streams))
    except (AttributeError, OSError, ValueError):  # one of them is closed, or no file
        return False


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class StopOnSignal(pl.Callback):
    """Ends the run by `Interrupted` at the next step after SIGTERM or SIGUSR1, all processes at the same one.

    Lightning's own handlers know SIGUSR1 under Slurm alone, where they requeue the job by themselves. What the epoch in
    work has done is lost; a signal at its last step waits until its state is saved.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Any, module: Any) -> None:
        # here, not earlier: Lightning sets handlers of its own before
        for number in (signal.SIGTERM, signal.SIGUSR1):
            self._handlers[number] = signal.signal(number, self._note)

    def _note(self, number, frame):
        self._signal = number

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self._end_if_asked(module)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if module.step % module.steps_per_epoch:
            self._end_if_asked(module)

    def _end_if_asked(self, module):
        # a signal may reach the processes after different steps
        number = int(processes.highest(self._signal))
        if number:
            raise Interrupted(f"{signal.Signals(number).name} after step {module.step}")

    def teardown(self, trainer: Any, module: Any, stage: str) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
