"""What Lightning's own callbacks do not do: the log, when to stop, a clean end at a signal, the progress line."""

import csv
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

__all__ = ["LOG_COLUMNS", "ProgressLine", "RunLog", "StopOnSignal", "WholeFiles", "checkpoints"]

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

    def on_train_start(self, trainer, module):
        self._began = time.monotonic()

    def on_train_epoch_start(self, trainer, module):
        self._epoch_began, self._steps = time.monotonic(), 0

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self._steps += 1
        self._train_seconds = time.monotonic() - self._epoch_began
        if self.max_minutes and processes.highest(self.late):
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer, module):
        train, val, mouth = module.losses_of_epoch()
        module.train_sums[:] = 0
        speed = self._steps * trainer.datamodule.mean_frames / max(self._train_seconds, 1e-9)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        values = (len(self.rows), module.step, rate, train, val, mouth, speed, self.seconds)
        self.rows.append([float(value) for value in values])
        self.write()
        known = {name: torch.tensor(value, dtype=torch.float64)
                 for name, value in zip(LOG_COLUMNS[2:], self.rows[-1][2:]) if not math.isnan(value)}  # fmt: skip
        module.log_dict(known, sync_dist=True)  # the same in all processes already
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


class StopOnSignal(pl.Callback):
    """Ends the run by `Interrupted` at the next step after SIGTERM or SIGUSR1, all processes at the same one.

    Lightning's own handlers know SIGUSR1 under Slurm alone, where they requeue the job by themselves. What the epoch in
    work has done is lost; a signal at its last step waits until its state is saved.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer, module):
        # here, not earlier: Lightning sets handlers of its own before
        for number in (signal.SIGTERM, signal.SIGUSR1):
            self._handlers[number] = signal.signal(number, self._note)

    def _note(self, number, frame):
        self._signal = number

    def on_train_epoch_start(self, trainer, module):
        self._end_if_asked(module)

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if module.step % module.steps_per_epoch:
            self._end_if_asked(module)

    def _end_if_asked(self, module):
        # a signal may reach the processes after different steps
        number = int(processes.highest(self._signal))
        if number:
            raise Interrupted(f"{signal.Signals(number).name} after step {module.step}")

    def teardown(self, trainer, module, stage):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


class ProgressLine(pl.Callback):
    """One line on a terminal, written over at most five times a second."""

    def __init__(self, run: RunLog):
        self.run = run
        self._shown, self._began = 0.0, 0.0

    def on_train_epoch_start(self, trainer, module):
        self._began = time.monotonic()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        now = time.monotonic()
        if now - self._shown < 0.2:
            return
        self._shown = now
        ms = 1e3 * (now - self._began) / (batch_idx + 1)
        loss = module.train_sums[0] / max(module.train_sums[1], 1)
        text = f"epoch {trainer.current_epoch + 1}/{self.run.epochs} step {batch_idx + 1}/{module.steps_per_epoch}"
        text += f" loss {loss:.4f} {ms:.0f} ms/step"
        for value, words in zip(
            self.log.rows[-1][4:6] if self.log.rows else (), (" validation {:.4f}", " mouth {:.2f} mm")
        ):
            text += "" if math.isnan(value) else words.format(value)
        sys.stdout.write("\r" + text + "\x1b[K")
        sys.stdout.flush()

    def on_train_end(self, trainer, module):
        sys.stdout.write("\n")
