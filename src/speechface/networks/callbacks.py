"""What happens between the steps: log, best and last state, stopping, interruption, progress line."""

import csv
import math
import signal
import sys
import time
from pathlib import Path

import pytorch_lightning as pl
import torch

from speechface.files import written_whole
from speechface.networks import processes

__all__ = ["Keeper", "ProgressLine", "Interrupted", "LOG_COLUMNS"]

LOG_COLUMNS = ("epoch", "step", "learning_rate", "train_loss", "val_loss", "val_mouth_mm", "windows_per_s", "seconds")


class Interrupted(Exception):
    """A signal asked the run to end; the state is saved, the same command goes on from it."""


class Keeper(pl.Callback):
    """Writes the log and the resumable state after every epoch, keeps the best network and decides when to stop.

    Of several processes the first one writes and decides; they stop after the same step.

    Parameters
    ----------
    work_dir : path-like
        Holds ``last.pt`` (everything needed to go on) and ``best.pt`` (the network's state alone).
    log : path-like, csv
    fingerprint : str
        Of settings, seed and data. A state with another fingerprint is not resumed.
    epochs : int, at most
    best_by : {"loss", "mouth"}, what of the validation is to become least
    patience : int, epochs without a better validation; 0 never stops
    max_minutes : float, of training, interruptions not counted; 0 no limit
    """

    def __init__(self, *, work_dir, log, fingerprint, epochs, patience, max_minutes, best_by="loss"):
        self.last, self.best = Path(work_dir) / "last.pt", Path(work_dir) / "best.pt"
        self.log_path, self.fingerprint = Path(log), fingerprint
        self.epochs, self.patience, self.max_minutes = epochs, patience, max_minutes
        self.best_by = best_by
        self.rows, self.best_epoch = [], None
        #: Number format of this run; a resumed run keeps it.
        self.precision = None
        self.seconds_before = 0.0
        self._began = self._epoch_began = time.monotonic()
        self._steps_in_epoch, self._train_seconds = 0, 0.0
        self._optimizer_state = None
        self._signal = None
        self._handlers = {}

    def _of_best(self, column):
        value = math.nan if self.best_epoch is None else self.rows[self.best_epoch][LOG_COLUMNS.index(column)]
        return None if math.isnan(value) else value

    @property
    def best_loss(self):
        """Validation loss of the best epoch, or None."""
        return self._of_best("val_loss")

    @property
    def best_mouth(self):
        """Mouth RMSE of the best epoch, mm, or None."""
        return self._of_best("val_mouth_mm")

    @property
    def seconds(self):
        """Seconds of training, those before an interruption included."""
        return self.seconds_before + time.monotonic() - self._began

    @property
    def reason_to_stop(self):
        """Why training is over, or None."""
        done = len(self.rows)
        if done >= self.epochs:
            return f"{done} epochs are done"
        if self.max_minutes and self.seconds > 60 * self.max_minutes:
            return f"{self.max_minutes:g} minutes are over"
        if self.patience and self.best_epoch is not None and done - 1 - self.best_epoch >= self.patience:
            measure = "mouth RMSE" if self.best_by == "mouth" else "loss"
            return f"the validation {measure} has not fallen for {self.patience} epochs"
        return None

    def resume(self, module):
        """Take over ``last.pt`` if there is one of this very run. Returns True if so. Call before `fit`."""
        found = not processes.rank() and self.last.exists()
        state = processes.agreed(torch.load(self.last, map_location="cpu", weights_only=True) if found else None)
        if state is None or state["fingerprint"] != self.fingerprint:
            return False
        module.network.load_state_dict(state["network"])
        module.step = state["step"]
        if not processes.rank():  # they are of all processes
            module.train_sums[:] = state["train_sums"]
        self._optimizer_state = state["optimizer"]
        self.rows, self.seconds_before = state["rows"], state["seconds"]
        self.best_epoch = state["best_epoch"]
        self.precision = state["precision"]
        return True

    def save_last(self, trainer, module):
        train_sums = processes.summed(module.train_sums).tolist()
        if processes.rank():
            return
        state = {
            "fingerprint": self.fingerprint, "network": module.network.state_dict(), "step": module.step,
            "train_sums": train_sums, "optimizer": trainer.optimizers[0].state_dict(),
            "rows": self.rows, "seconds": self.seconds, "best_epoch": self.best_epoch,
            "precision": self.precision,
        }  # fmt: skip
        with written_whole(self.last) as temporary:
            torch.save(state, temporary)

    def on_fit_start(self, trainer, module):
        if self._optimizer_state is not None:
            trainer.optimizers[0].load_state_dict(self._optimizer_state)
            self._optimizer_state = None

    def on_train_start(self, trainer, module):
        self._began = time.monotonic()
        # here, not earlier: Lightning sets its own handlers, which would end the run without saving
        for number in (signal.SIGTERM, signal.SIGUSR1):
            self._handlers[number] = signal.signal(number, self._note_signal)

    def _note_signal(self, number, frame):
        self._signal = number

    def teardown(self, trainer, module, stage):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def on_train_epoch_start(self, trainer, module):
        self._epoch_began, self._steps_in_epoch = time.monotonic(), 0

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        self._steps_in_epoch += 1
        self._train_seconds = time.monotonic() - self._epoch_began
        late = bool(self.max_minutes) and self.seconds > 60 * self.max_minutes
        # a signal may reach the processes after different steps
        number, late = processes.highest([self._signal or 0, late])
        if late:
            trainer.should_stop = True
        # at the end of an epoch its validation and log row come first
        if module.step % module.steps_per_epoch:
            self._end_if_asked(trainer, module, number)

    def _end_if_asked(self, trainer, module, number):
        if number:
            self.save_last(trainer, module)
            processes.wait_for_all()  # until the state is written
            raise Interrupted(f"{signal.Signals(int(number)).name} after step {module.step}")

    def on_train_epoch_end(self, trainer, module):
        train, val, mouth = module.losses_of_epoch()
        epoch = len(self.rows)
        speed = self._steps_in_epoch * trainer.datamodule.frames_per_step / max(self._train_seconds, 1e-9)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        values = (epoch, module.step, rate, train, val, mouth, speed, self.seconds)
        self.rows.append([float(v) for v in values])
        module.train_sums[:] = 0
        score, best = (mouth, self.best_mouth) if self.best_by == "mouth" else (val, self.best_loss)
        if not math.isnan(score) and (best is None or score < best):
            self.best_epoch = epoch
            if not processes.rank():
                with written_whole(self.best) as temporary:
                    torch.save(module.network.state_dict(), temporary)
        self.write_log()
        if trainer.logger is not None:
            metrics = {name: v for name, v in zip(LOG_COLUMNS[2:], values[2:]) if not math.isnan(v)}
            trainer.logger.log_metrics(metrics, step=epoch)
        self.save_last(trainer, module)
        trainer.should_stop = processes.agreed(self.reason_to_stop is not None)
        if not trainer.should_stop:
            self._end_if_asked(trainer, module, processes.highest(self._signal or 0))

    def write_log(self):
        """Write all epochs so far, whole or not at all."""
        if processes.rank():
            return
        with written_whole(self.log_path) as temporary, open(temporary, "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(LOG_COLUMNS)
            for row in self.rows:
                numbers = ["" if math.isnan(v) else f"{v:.6g}" for v in row[2:]]
                out.writerow([int(row[0]), int(row[1]), *numbers])


class ProgressLine(pl.Callback):
    """One line on a terminal, written over at most five times a second."""

    def __init__(self, keeper):
        self.keeper = keeper
        self._shown, self._began, self._first = 0.0, 0.0, 0

    def on_train_epoch_start(self, trainer, module):
        self._began, self._first = time.monotonic(), module.step

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        now = time.monotonic()
        if now - self._shown < 0.2:
            return
        self._shown = now
        epoch, place = divmod(module.step - 1, module.steps_per_epoch)
        ms = 1e3 * (now - self._began) / max(module.step - self._first, 1)
        loss = module.train_sums[0] / max(module.train_sums[1], 1)
        text = f"epoch {epoch + 1}/{self.keeper.epochs} step {place + 1}/{module.steps_per_epoch}"
        text += f" loss {loss:.4f} {ms:.0f} ms/step"
        if self.keeper.rows and not math.isnan(self.keeper.rows[-1][4]):
            text += f" validation {self.keeper.rows[-1][4]:.4f}"
            if not math.isnan(self.keeper.rows[-1][5]):
                text += f" mouth {self.keeper.rows[-1][5]:.2f} mm"
        sys.stdout.write("\r" + text + "\x1b[K")
        sys.stdout.flush()

    def on_train_end(self, trainer, module):
        sys.stdout.write("\n")
