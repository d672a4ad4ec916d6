"""Batches for training, made of the rows that samplers choose."""

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from speechface.networks import processes
from speechface.networks.samplers import (
    ClipSampler,
    FrameSampler,
    SequenceSampler,
    balanced,
    contiguous_runs,
    held_out_clips,
    pieces,
)
from speechface.networks.split_table import SplitTable

__all__ = ["SpeechDataModule"]

#: Batches that a thread prepares while a GPU works on an earlier one.
AHEAD = 4
#: Fraction of a GPU's free memory that the features of a table may take.
RESIDENT_FRACTION = 0.5


def _share(batch, rank, size):
    """What process `rank` of `size` does of a batch; ``share``, the factor that makes the mean over processes that of
    the batch: its frames against the average process's."""
    if size == 1:
        return batch
    count, longest = batch["features"].shape[:2]
    lengths = torch.full((count,), longest) if batch["lengths"] is None else batch["lengths"]
    # where there are too few rows for all, one that does not count keeps the others company
    own = slice(rank, None, size) if rank < count else slice(0, 1)
    share = float(lengths[own].sum() / lengths.sum()) * size if rank < count else 0.0
    part = {key: None if value is None else value[own] for key, value in batch.items()}
    return {**part, "share": share}


class _Loader:
    """Batches by number from `first` to `last`, made when asked for, or by a thread `ahead` batches earlier."""

    def __init__(self, make, first, last, ahead=0):
        self.make, self.first, self.last, self.ahead = make, first, last, ahead

    def __len__(self):
        return self.last - self.first

    def __iter__(self):
        if not self.ahead:
            yield from map(self.make, range(self.first, self.last))
            return
        with ThreadPoolExecutor(1) as thread:
            waiting = deque()
            for k in range(self.first, self.last):
                waiting.append(thread.submit(self.make, k))
                if len(waiting) > self.ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def _on_device(features, device):
    """All rows of an array or `RowFile` as one tensor on a device, a few at a time."""
    out = torch.empty(features.shape, dtype=torch.from_numpy(features[:1]).dtype, device=device)
    for start in range(0, len(features), 4096):
        out[start : start + 4096] = torch.from_numpy(features[start : start + 4096])
    return out


def _actors(table: SplitTable) -> np.ndarray:
    """The actor of every row, as a number (n,)."""
    actors = sorted({key[:2] for key in table.clips})
    return np.array([actors.index(key[:2]) for key in table.clips], int)[table.clip]


class SpeechDataModule(pl.LightningDataModule):
    """Train and validation batches of one split table.

    A batch is a dict: ``features`` (B, T, ...) as stored (floats after the transfer to the device), ``targets``
    (B, T, n_out), ``lengths`` (B,) or None, ``offsets`` (B, T, C) or None and ``clip`` (B,), the table's. Each of
    several processes gets its share of the same batches; ``share`` is then what the batch counts for.

    Parameters
    ----------
    table : `SplitTable`
    recurrent : bool, sequences instead of single frames
    rotations : bool, the three head rotations are targets too, behind the weights
    frames_per_step, frames_per_epoch, sequence_frames : int; `frames_per_epoch` 0 is the whole table
    validation_fraction, validation_by : float and str, what is held out, see `held_out_clips`
    seed : int
    whole_clips : bool
        The sequences are whole clips, instead of `sequence_frames` drawn anywhere.
    augment : callable or None
        (features (B, T, ...), rng=...) -> changed features, for train batches.
    balanced_by : {"none", "actor"}, see `balanced`
    offsets : ndarray (n, C) or None
        What the weights of each row are relative to (`rest.train_rests`); it is subtracted from the targets.
    """

    def __init__(
        self,
        table: SplitTable,
        *,
        recurrent: bool,
        rotations: bool,
        frames_per_step: int,
        frames_per_epoch: int,
        sequence_frames: int,
        validation_fraction: float,
        validation_by: str,
        seed: int,
        whole_clips: bool = False,
        augment: Callable[..., np.ndarray] | None = None,
        balanced_by: str = "none",
        offsets: np.ndarray | None = None,
    ):
        super().__init__()
        self.table, self.seed = table, seed
        weights = table.weights if offsets is None else table.weights - offsets
        self.targets = np.concatenate([weights, table.rotations], 1) if rotations else weights
        self.offsets, self.augment = offsets, augment
        held_out = held_out_clips(table.clips, validation_fraction, by=validation_by)
        self.validation_clips = [key for key, out in zip(table.clips, held_out) if out]
        aside = held_out[table.clip]
        self.n_train, self.n_validation = int((~aside).sum()), int(aside.sum())
        # a larger step than all there is would only repeat it
        frames_per_step = min(frames_per_step, max(1, self.n_train))
        self.sampler: Any
        if recurrent:
            runs = contiguous_runs(table.clip, table.frame)
            run_aside = aside[runs[:, 0]]
            sizes = {"frames_per_step": frames_per_step, "sequence_frames": sequence_frames}
            kind = ClipSampler if whole_clips else SequenceSampler
            learnt = runs[~run_aside]
            if balanced_by == "actor":
                learnt = learnt[balanced(_actors(table)[learnt[:, 0]], learnt[:, 1] - learnt[:, 0])]
            self.sampler = kind(learnt, seed=seed, **sizes)
            self.validation_batches = list(pieces(runs[run_aside], **sizes))
        else:
            learnt = np.nonzero(~aside)[0]
            if balanced_by == "actor":
                learnt = learnt[balanced(_actors(table)[learnt], np.ones(len(learnt), int))]
            self.sampler = FrameSampler(learnt, frames_per_step=frames_per_step, seed=seed)
            rows = np.nonzero(aside)[0]
            self.validation_batches = [
                (rows[k : k + frames_per_step, None], None) for k in range(0, len(rows), frames_per_step)
            ]
        #: Frames of a step, on average.
        self.mean_frames = self.sampler.mean_frames
        # it may be a quotient: its rounding must not make one more step
        self.steps_per_epoch = max(1, math.ceil((frames_per_epoch or self.n_train) / self.mean_frames - 1e-9))
        self._ahead, self._resident = 0, None

    def feed_gpu(self) -> None:
        """Serve a GPU: prepare batches ahead of it; keep all features on it if they are used as stored and fit."""
        self._ahead = AHEAD
        if self.augment is None and self.table.features.nbytes < RESIDENT_FRACTION * torch.cuda.mem_get_info()[0]:
            self._resident = _on_device(self.table.features, "cuda")

    def collate(self, rows: np.ndarray, lengths: np.ndarray | None) -> dict[str, Any]:
        """Rows (B, T) of the table as one batch of tensors; ``features`` are their rows where the device holds them."""
        return {
            "features": torch.from_numpy(self.table.features[rows] if self._resident is None else rows),
            "targets": torch.from_numpy(self.targets[rows]),
            "lengths": None if lengths is None else torch.from_numpy(lengths),
            "offsets": None if self.offsets is None else torch.from_numpy(self.offsets[rows]),
            "clip": torch.from_numpy(self.table.clip[rows[:, 0]]),
        }

    def example(self) -> torch.Tensor:
        """Features of the first batch, in their own units."""
        return torch.from_numpy(self.table.features[self.sampler(0)[0]]).float() * self.table.step

    def _train_batch(self, step):
        return _share(self._whole_batch(step), processes.rank(), processes.size())

    def _whole_batch(self, step):
        rows, lengths = self.sampler(step)
        batch = self.collate(rows, lengths)
        if self.augment is not None:
            rng = np.random.default_rng([self.seed, step, 1])  # the 1 keeps these numbers apart from the sampler's
            batch["features"] = torch.from_numpy(self.augment(batch["features"].numpy(), rng=rng))
        return batch

    def train_dataloader(self) -> Any:
        """The steps of the current epoch."""
        first = self.steps_per_epoch * (0 if self.trainer is None else self.trainer.current_epoch)
        return _Loader(self._train_batch, first, first + self.steps_per_epoch, self._ahead)

    def val_dataloader(self) -> Any:
        batches = self.validation_batches
        if not batches:
            return []
        rank, size = processes.rank(), processes.size()

        def batch(k):
            # all processes go through as many: some do one more that does not count
            own = k * size + rank
            return self.collate(*batches[own]) if own < len(batches) else {**self.collate(*batches[0]), "share": 0.0}

        return _Loader(batch, 0, -(-len(batches) // size), self._ahead)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Stored numbers to the feature's own units, on the device."""
        features = batch["features"] if self._resident is None else self._resident[batch["features"]]
        return {**batch, "features": features.float() * self.table.step}
