"""Batches for training: single frames in random order, or sequences within clips.

Every batch is a function of the seed and the step alone, so that a run that was interrupted goes on exactly as it
would have gone without.
"""

import hashlib
import math
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytorch_lightning as pl
import torch

from speechface.errors import ModelError
from speechface.networks import processes

#: Batches that a thread prepares while a GPU works on an earlier one.
AHEAD = 4
#: Share of a GPU's free memory that the features of a table may take.
RESIDENT_SHARE = 0.5

__all__ = ["SpeechDataModule", "FrameSampler", "SequenceSampler", "ClipSampler", "held_out_clips", "contiguous_runs"]


def held_out_clips(clips, share, *, by):
    """Choose the clips for validation: whole actors or single clips.

    Parameters
    ----------
    clips : list of (dataset, actor, clip)
    share : float in [0, 0.5]
    by : {"auto", "actors", "clips"}
        actors, so many that they are `share` of all, at least one, and none whose clips would make it twice the
        share (the smallest if all would); auto, the same where `share` makes an actor and one is small enough, else
        clips.

    Returns
    -------
    held_out : bool ndarray (n_clips,)
        The same for every seed and order of clips: names are ranked by their hash. Never all clips.

    Raises
    ------
    ModelError
        If actors are to be held out of a table of one.
    """
    if not share:
        return np.zeros(len(clips), bool)
    actors = sorted({key[:2] for key in clips}, key=_rank)
    if by == "actors" and len(actors) == 1:
        raise ModelError(
            f"training.validation_by is actors, but all train clips are of {'/'.join(actors[0])}; set it to clips"
        )
    if by != "clips":
        chosen = _held_out_actors(actors, Counter(key[:2] for key in clips), share, forced=by == "actors")
        if chosen:
            return np.array([key[:2] in chosen for key in clips])
    count = min(max(1, round(share * len(clips))), len(clips) - 1)
    chosen = set(sorted(clips, key=_rank)[:count])
    return np.array([key in chosen for key in clips])


def _held_out_actors(actors, sizes, share, *, forced):
    """The actors to hold out (a set, empty where none fits); `sizes` counts their clips."""
    count = round(share * len(actors))
    if forced:
        count = max(1, count)
    chosen, left = set(), 2 * share * sum(sizes.values())
    for actor in actors:
        if len(chosen) < count and sizes[actor] <= left:
            chosen.add(actor)
            left -= sizes[actor]
    if forced and not chosen:
        chosen.add(min(actors, key=sizes.get))
    return chosen


def _rank(key):
    return hashlib.sha256("/".join(key).encode()).hexdigest()


def contiguous_runs(clip, frame):
    """Rows [start, stop) within which the clip stays and frames follow one another: int array (n_runs, 2)."""
    breaks = np.nonzero((np.diff(clip) != 0) | (np.diff(frame) != 1))[0] + 1
    edges = np.concatenate([[0], breaks, [len(clip)]])
    return np.stack([edges[:-1], edges[1:]], 1)


class FrameSampler:
    """Frames in random order, every frame once before any comes twice.

    Parameters
    ----------
    rows : int array (n,), rows to draw from
    batch : int, frames a step
    seed : int
    """

    def __init__(self, rows, *, batch, seed):
        self.rows, self.batch, self.seed = rows, batch, seed
        self._sweep = self._order = None

    def sweep_order(self, sweep):
        """Order in which sweep number `sweep` goes through the rows."""
        if sweep != self._sweep:
            self._sweep, self._order = sweep, np.random.default_rng([self.seed, sweep]).permutation(self.rows)
        return self._order

    def __call__(self, step):
        """Rows of step `step` as single frames: (rows (batch, 1), lengths None)."""
        n, taken, position = len(self.rows), [], step * self.batch
        left = self.batch
        while left:
            sweep, place = divmod(position, n)
            part = self.sweep_order(sweep)[place : place + left]
            taken.append(part)
            position, left = position + len(part), left - len(part)
        return np.concatenate(taken)[:, None], None


class SequenceSampler:
    """Sequences of consecutive frames of one clip; where no run of frames is long enough, shorter ones, padded.

    Parameters
    ----------
    runs : int array (n_runs, 2), from `contiguous_runs`; drawn in proportion to their length
    batch : int, frames a step, rounded down to whole sequences (at least one)
    sequence_frames : int
    seed : int
    """

    def __init__(self, runs, *, batch, sequence_frames, seed):
        self.runs, self.seed, self.sequence_frames = runs, seed, sequence_frames
        self.n_sequences = max(1, batch // sequence_frames)
        length = runs[:, 1] - runs[:, 0]
        self.chance = length / length.sum()

    def __call__(self, step):
        """Rows of step `step`: (rows (n_sequences, T), lengths (n_sequences,)); padding repeats the last row."""
        rng = np.random.default_rng([self.seed, step])
        chosen = self.runs[rng.choice(len(self.runs), self.n_sequences, p=self.chance)]
        length = np.minimum(chosen[:, 1] - chosen[:, 0], self.sequence_frames)
        start = rng.integers(chosen[:, 0], chosen[:, 1] - length + 1)
        return _padded(start, length)


class ClipSampler:
    """Whole clips, every one once before any comes twice; those of a step are about equally long.

    Parameters
    ----------
    runs : int array (n_runs, 2), from `contiguous_runs`
    batch : int, frames a step on average
    sequence_frames : int, longer runs are cut into pieces
    seed : int

    Notes
    -----
    Each sweep sorts the pieces by a length with up to a tenth of noise and deals them out in this order, so that
    padding stays small and yet the company of a clip changes; then the steps are shuffled.
    """

    def __init__(self, runs, *, batch, sequence_frames, seed):
        self.pieces, self.seed = np.array(list(_cut(runs, sequence_frames)), np.int64), seed
        frames = self.pieces[:, 1].sum()
        self.n_sequences = max(1, round(batch * len(self.pieces) / frames))
        self.n_steps = -(-len(self.pieces) // self.n_sequences)
        self.frames_per_step = frames / self.n_steps
        self._sweep = self._steps = None

    def __call__(self, step):
        """Rows of step `step`: (rows (n_sequences, T), lengths (n_sequences,)); padding repeats the last row."""
        sweep, place = divmod(step, self.n_steps)
        if sweep != self._sweep:
            rng = np.random.default_rng([self.seed, sweep])
            order = np.argsort(self.pieces[:, 1] * rng.uniform(0.9, 1, len(self.pieces)), kind="stable")
            starts = rng.permutation(self.n_steps) * self.n_sequences
            self._sweep, self._steps = sweep, [order[start : start + self.n_sequences] for start in starts]
        return _padded(*self.pieces[self._steps[place]].T)


def _cut(runs, sequence_frames):
    """(start, length) of pieces of at most `sequence_frames` frames of each run, as even as may be."""
    for start, stop in runs:
        count = -(-(stop - start) // sequence_frames)
        edges = start + (stop - start) * np.arange(count + 1) // count
        yield from zip(edges[:-1], np.diff(edges))


def _padded(start, length):
    """Rows (n, longest) from `start` on and their lengths; None for lengths where nothing is padding."""
    offsets = np.minimum(np.arange(length.max())[None], length[:, None] - 1)
    return start[:, None] + offsets, (None if (length == length.max()).all() else length)


def _pieces(runs, sequence_frames, batch):
    """Cut all runs into pieces and group them: what validation sees, batch by batch."""
    pieces = sorted(
        ((at, min(sequence_frames, stop - at)) for start, stop in runs for at in range(start, stop, sequence_frames)),
        key=lambda piece: piece[1],
    )
    count = max(1, batch // sequence_frames)
    for k in range(0, len(pieces), count):
        yield _padded(*np.array(pieces[k : k + count]).T)


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


class SpeechDataModule(pl.LightningDataModule):
    """Train and validation batches of one split table.

    A batch is a dict: ``features`` (B, T, ...) as stored (floats after the transfer to the device), ``targets``
    (B, T, n_out), ``lengths`` (B,) or None and ``offsets`` (B, T, 46) or None. Each of several processes gets its share
    of the same batches; ``share`` is then what the batch counts for.

    Parameters
    ----------
    table : `speechface.networks.split_table.SplitTable`
    recurrent : bool, sequences instead of single frames
    rotations : bool, the three head rotations are targets too, behind the weights
    batch, epoch_samples, sequence_frames : int, frames; `epoch_samples` 0 is the whole table
    validation, validation_by : float and str, share held out and how, see `held_out_clips`
    seed : int
    whole_clips : bool
        The sequences are whole clips, instead of `sequence_frames` drawn anywhere.
    augment : callable or None
        (features (B, T, ...), rng=...) -> changed features, for train batches.
    offsets : ndarray (n, 46) or None
        What the weights of each row are relative to (`speaker.train_neutrals`); it is subtracted from the targets.
    """

    def __init__(self, table, *, recurrent, rotations, batch, epoch_samples, sequence_frames, validation,
                 validation_by, seed, whole_clips=False, augment=None, offsets=None):  # fmt: skip
        super().__init__()
        self.table, self.batch, self.sequence_frames = table, batch, sequence_frames
        weights = table.weights if offsets is None else table.weights - offsets
        self.targets = np.concatenate([weights, table.rotations], 1) if rotations else weights
        self.offsets, self.augment = offsets, augment
        held_out = held_out_clips(table.clips, validation, by=validation_by)
        self.validation_clips = [key for key, out in zip(table.clips, held_out) if out]
        aside = held_out[table.clip]
        train_rows = np.nonzero(~aside)[0]
        runs = contiguous_runs(table.clip, table.frame)
        run_aside = aside[runs[:, 0]]
        self.seed = seed
        if recurrent and whole_clips:
            self.sampler = ClipSampler(runs[~run_aside], batch=batch, sequence_frames=sequence_frames, seed=seed)
            frames_a_step = self.sampler.frames_per_step
            self.validation_batches = list(_pieces(runs[run_aside], sequence_frames, batch))
        elif recurrent:
            self.sampler = SequenceSampler(runs[~run_aside], batch=batch, sequence_frames=sequence_frames, seed=seed)
            frames_a_step = self.sampler.n_sequences * sequence_frames
            self.validation_batches = list(_pieces(runs[run_aside], sequence_frames, batch))
        else:
            self.sampler = FrameSampler(train_rows, batch=batch, seed=seed)
            frames_a_step = batch
            rows = np.nonzero(aside)[0]
            self.validation_batches = [(rows[k : k + batch, None], None) for k in range(0, len(rows), batch)]
        self.n_train, self.n_validation = len(train_rows), int(aside.sum())
        # frames_a_step may be a quotient: its rounding must not make one more step
        self.steps_per_epoch = max(1, math.ceil((epoch_samples or self.n_train) / frames_a_step - 1e-9))
        self.frames_per_step = frames_a_step
        #: Steps already done; the next epoch starts behind them (a resumed run may start in mid-epoch).
        self.step = 0
        self._ahead, self._resident = 0, None

    def feed_gpu(self):
        """Serve a GPU: prepare batches ahead of it; keep all features on it if they are used as stored and fit."""
        self._ahead = AHEAD
        if self.augment is None and self.table.features.nbytes < RESIDENT_SHARE * torch.cuda.mem_get_info()[0]:
            self._resident = _on_device(self.table.features, "cuda")

    def collate(self, rows, lengths):
        """Rows (B, T) of the table as one batch of tensors; ``features`` are their rows where the device holds them."""
        return {
            "features": torch.from_numpy(self.table.features[rows] if self._resident is None else rows),
            "targets": torch.from_numpy(self.targets[rows]),
            "lengths": None if lengths is None else torch.from_numpy(lengths),
            "offsets": None if self.offsets is None else torch.from_numpy(self.offsets[rows]),
        }

    def example(self):
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

    def train_dataloader(self):
        """The steps left of the current epoch."""
        stop = (self.step // self.steps_per_epoch + 1) * self.steps_per_epoch
        return _Loader(self._train_batch, self.step, stop, self._ahead)

    def val_dataloader(self):
        batches = self.validation_batches
        if not batches:
            return []
        rank, size = processes.rank(), processes.size()

        def batch(k):
            # all processes go through as many: some do one more that does not count
            own = k * size + rank
            return self.collate(*batches[own]) if own < len(batches) else {**self.collate(*batches[0]), "share": 0.0}

        return _Loader(batch, 0, -(-len(batches) // size), self._ahead)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        """Stored numbers to the feature's own units, on the device."""
        features = batch["features"] if self._resident is None else self._resident[batch["features"]]
        return {**batch, "features": features.float() * self.table.step}
