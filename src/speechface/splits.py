"""Which clips train and which test, and the join of features and labels. Pure functions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from speechface.errors import TableError

__all__ = ["Labelled", "decide", "check_disjoint", "repeated", "sides_of", "join_frames", "Join", "frame_ranges"]

_LEARNING = ("train", "test", "predict")


@dataclass(frozen=True)
class Labelled:
    """What the labels of one clip offer: frames in the table, frames that may be used, and why none may."""

    n_frames: int = 0
    n_used: int = 0
    reason: str = ""


def decide(planned: str, labelled: Labelled | None, quality: tuple[bool, str] | None) -> tuple[str, str]:
    """Return (split, reason) of one clip.

    Parameters
    ----------
    planned : str, train, test, predict or unused, from the clip table
    labelled : Labelled or None where the clip has no label table
    quality : (used, reason) of the label report, or None where the report does not know the clip

    Returns
    -------
    split : str
        `planned`, or ``excluded`` where the clip's labels cannot be used.
    reason : str
        Why the clip is excluded or unused, else "".
    """
    if planned not in _LEARNING:
        return "unused", "its actor is in neither the train nor the test list"
    if labelled is None:
        return "excluded", "it has no label table"
    if labelled.reason:
        return "excluded", labelled.reason
    if quality is not None and not quality[0]:
        return "excluded", quality[1] or "the label report excludes it"
    if labelled.n_used == 0:
        return "excluded", "no frame has labels that can be used"
    return planned, ""


def repeated(contents: Sequence[str | None], splits: Sequence[str]) -> dict[int, int]:
    """Clips that learn or test and hold the same video as another: clip -> the one that is kept.

    Parameters
    ----------
    contents : sequence of str or None, one entry a clip
        Hash of the source; None where it is not known.
    splits : sequence of str

    Returns
    -------
    dict of int to int
        One of a test is kept before one that trains, else the first.
    """
    groups: dict[str, list[int]] = {}
    for k, (content, split) in enumerate(zip(contents, splits)):
        if content and split in ("train", "test"):
            groups.setdefault(content, []).append(k)
    kept = {content: min(own, key=lambda k: (splits[k] != "test", k)) for content, own in groups.items()}
    return {k: kept[content] for content, own in groups.items() for k in own if k != kept[content]}


def check_disjoint(
    datasets: Sequence[str], actors: Sequence[str], splits: Sequence[str], by_clip: Collection[str] = ()
) -> None:
    """Raise TableError if an actor is in train and in test, save in datasets split by clip.

    Parameters
    ----------
    datasets, actors, splits : sequences of str, one entry a clip
    by_clip : names of the datasets whose config says ``split.by: clip``
    """
    sides: dict[tuple[str, str], set[str]] = {}
    for dataset, actor, split in zip(datasets, actors, splits):
        if split in ("train", "test") and dataset not in by_clip:
            sides.setdefault((dataset, actor), set()).add(split)
    shared = sorted(f"{dataset}/{actor}" for (dataset, actor), found in sides.items() if len(found) == 2)
    if shared:
        raise TableError(
            f"{', '.join(shared[:5])}: in train and in test; an actor belongs to one side (or set split.by: clip)"
        )


def sides_of(split: str, by_clip: bool) -> tuple[str, ...]:
    """Names of the tables that a clip of `split` belongs to: train, test, pool.

    The pool serves to leave one actor after the other out: it holds the train clips and those of actors that are only
    tested or predicted. A test clip of a dataset that is split by clip (`by_clip`) never trains: its actor's others do.
    """
    sides = {"train": ("train", "pool"), "test": ("test",) if by_clip else ("test", "pool"), "predict": ("pool",)}
    return sides.get(split, ())


@dataclass(frozen=True)
class Join:
    """Rows of both tables that belong together, and the frames that do not.

    Parameters
    ----------
    labels, features : ndarray (n,), int, row numbers, in order of frames
    unused : ndarray, int, frames with labels that must not be used
    without_features, without_labels : ndarray, int, usable label frames and feature frames without partner
    """

    labels: np.ndarray
    features: np.ndarray
    unused: np.ndarray
    without_features: np.ndarray
    without_labels: np.ndarray


def join_frames(label_frames: np.ndarray, used: np.ndarray, feature_frames: np.ndarray) -> Join:
    """Join labels and features on the video frame.

    Parameters
    ----------
    label_frames : ndarray (n,), int
    used : ndarray (n,), bool
    feature_frames : ndarray (m,), int

    Raises
    ------
    TableError
        If a table holds a frame twice.
    """
    for name, frames in (("labels", label_frames), ("features", feature_frames)):
        if len(np.unique(frames)) != len(frames):
            raise TableError(f"a frame stands twice in the {name}")
    rows = np.nonzero(used)[0]
    _, mine, theirs = np.intersect1d(label_frames[rows], feature_frames, return_indices=True)
    return Join(
        labels=rows[mine],
        features=theirs,
        unused=np.sort(label_frames[~used]),
        without_features=np.setdiff1d(label_frames[rows], feature_frames),
        without_labels=np.setdiff1d(feature_frames, label_frames),
    )


def frame_ranges(frames: Sequence[int] | np.ndarray) -> str:
    """Name sorted frames in short: [0, 1, 2, 7] -> "0-2 7"."""
    frames = np.asarray(frames)
    if len(frames) == 0:
        return ""
    runs = np.split(frames, np.nonzero(np.diff(frames) > 1)[0] + 1)
    return " ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
