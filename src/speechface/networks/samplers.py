"""Which rows of a train table make a step: single frames in random order, or sequences within clips.

Every step is a function of the seed and its number alone, so that a run that was interrupted goes on exactly as it
would have gone without.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from speechface.errors import ModelError

__all__ = [
    "ClipSampler", "FrameSampler", "SequenceSampler", "balanced", "contiguous_runs", "held_out_clips", "pieces",
]  # fmt: skip

#: Rows (n, T) of the table, and frames of each sequence (n,), None where nothing is padding.
Rows = tuple[np.ndarray, np.ndarray | None]


def held_out_clips(clips: Sequence[tuple[str, str, str]], fraction: float, *, by: str) -> np.ndarray:
    """Choose the clips for validation: whole actors or single clips.

    Parameters
    ----------
    clips : list of (dataset, actor, clip)
    fraction : float in [0, 0.5]
    by : {"auto", "actors", "clips"}
        actors, so many that they are `fraction` of all, at least one, and none whose clips would make it twice the
        fraction (the smallest if all would); auto, the same where `fraction` makes an actor and one is small enough,
        else clips.

    Returns
    -------
    held_out : bool ndarray (n_clips,)
        The same for every seed and order of clips: names are ranked by their hash. Never all clips.

    Raises
    ------
    ModelError
        If actors are to be held out of a table of one.
    """
    if not fraction:
        return np.zeros(len(clips), bool)
    actors = sorted({key[:2] for key in clips}, key=_rank)
    if by == "actors" and len(actors) == 1:
        raise ModelError(
            f"training.validation_by is actors, but all train clips are of {'/'.join(actors[0])}; set it to clips"
        )
    if by != "clips":
        chosen = _held_out_actors(actors, Counter(key[:2] for key in clips), fraction, forced=by == "actors")
        if chosen:
            return np.array([key[:2] in chosen for key in clips])
    count = min(max(1, round(fraction * len(clips))), len(clips) - 1)
    chosen = set(sorted(clips, key=_rank)[:count])
    return np.array([key in chosen for key in clips])


def _held_out_actors(actors, sizes, fraction, *, forced):
    """The actors to hold out (a set, empty where none fits); `sizes` counts their clips."""
    count = round(fraction * len(actors))
    if forced:
        count = max(1, count)
    chosen, left = set(), 2 * fraction * sum(sizes.values())
    for actor in actors:
        if len(chosen) < count and sizes[actor] <= left:
            chosen.add(actor)
            left -= sizes[actor]
    if forced and not chosen:
        chosen.add(min(actors, key=sizes.get))
    return chosen


def _rank(key):
    return hashlib.sha256("/".join(key).encode()).hexdigest()


def contiguous_runs(clip: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Rows [start, stop) within which the clip stays and frames follow one another: int array (n_runs, 2)."""
    breaks = np.nonzero((np.diff(clip) != 0) | (np.diff(frame) != 1))[0] + 1
    edges = np.concatenate([[0], breaks, [len(clip)]])
    return np.stack([edges[:-1], edges[1:]], 1)


def balanced(actors: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Choose entries, some of them several times, so that every actor has as many frames as the one with most.

    Parameters
    ----------
    actors : int ndarray (n,), the actor of each entry (a frame or a run of frames)
    sizes : int ndarray (n,), its frames

    Returns
    -------
    int ndarray (m,), sorted
        All entries of an actor as often as it takes, and for what is then missing some more, evenly spread.
    """
    frames = np.bincount(actors, sizes)
    chosen = []
    for actor in np.unique(actors):
        own = np.nonzero(actors == actor)[0]
        whole, missing = divmod(int(frames.max()), int(frames[actor]))
        # how many entries more it should be by then
        more = np.floor(np.cumsum(sizes[own]) / frames[actor] * missing / sizes[own].mean() + 0.5)
        chosen.append(np.repeat(own, whole + np.diff(more, prepend=0).astype(int)))
    return np.sort(np.concatenate(chosen))


class FrameSampler:
    """Frames in random order, every frame once before any comes twice.

    Parameters
    ----------
    rows : int array (n,), rows to draw from
    frames_per_step : int
    seed : int
    """

    def __init__(self, rows: np.ndarray, *, frames_per_step: int, seed: int):
        self.rows, self.frames_per_step, self.seed = rows, frames_per_step, seed
        self.mean_frames: float = frames_per_step
        self._sweep, self._order = -1, rows

    def sweep_order(self, sweep: int) -> np.ndarray:
        """Order in which sweep number `sweep` goes through the rows."""
        if sweep != self._sweep:
            self._sweep, self._order = sweep, np.random.default_rng([self.seed, sweep]).permutation(self.rows)
        return self._order

    def __call__(self, step: int) -> Rows:
        """Rows of step `step` as single frames: (rows (frames_per_step, 1), lengths None)."""
        n, taken, position = len(self.rows), [], step * self.frames_per_step
        left = self.frames_per_step
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
    frames_per_step : int, rounded down to whole sequences (at least one)
    sequence_frames : int
    seed : int
    """

    def __init__(self, runs: np.ndarray, *, frames_per_step: int, sequence_frames: int, seed: int):
        self.runs, self.seed, self.sequence_frames = runs, seed, sequence_frames
        self.n_sequences = max(1, frames_per_step // sequence_frames)
        self.mean_frames: float = self.n_sequences * sequence_frames
        length = runs[:, 1] - runs[:, 0]
        self.chance = length / length.sum()

    def __call__(self, step: int) -> Rows:
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
    frames_per_step : int, on average
    sequence_frames : int, longer runs are cut into pieces
    seed : int

    Notes
    -----
    Each sweep sorts the pieces by a length with up to a tenth of noise and deals them out in this order, so that
    padding stays small and yet the company of a clip changes; then the steps are shuffled.
    """

    def __init__(self, runs: np.ndarray, *, frames_per_step: int, sequence_frames: int, seed: int):
        self.pieces, self.seed = np.array(list(_cut(runs, sequence_frames)), np.int64), seed
        frames = self.pieces[:, 1].sum()
        self.n_sequences = max(1, round(frames_per_step * len(self.pieces) / frames))
        self.n_steps = -(-len(self.pieces) // self.n_sequences)
        self.mean_frames = frames / self.n_steps
        self._sweep = -1
        self._steps: list[Any] = []

    def __call__(self, step: int) -> Rows:
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


def pieces(runs: np.ndarray, *, frames_per_step: int, sequence_frames: int) -> Iterator[Rows]:
    """Cut all runs into pieces and group them: what validation sees, batch by batch."""
    cut = sorted(
        ((at, min(sequence_frames, stop - at)) for start, stop in runs for at in range(start, stop, sequence_frames)),
        key=lambda piece: piece[1],
    )
    count = max(1, frames_per_step // sequence_frames)
    for k in range(0, len(cut), count):
        yield _padded(*np.array(cut[k : k + count]).T)
