"""A speaker's face at rest: what stays of a face that is at rest differs from speaker to speaker.

Networks with ``rest: given`` or ``estimated`` learn how a face departs from its speaker's weights at rest. What they
predict is the motion of the train speakers' mean face; where a new speaker's face at rest is known, its difference to
that mean is added.
"""

from collections.abc import Sequence

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.errors import TableError
from speechface.tables import Table

__all__ = ["rest_for_clip", "rest_of_clip", "rest_of_labels", "rest_of_speaker", "rest_source", "train_rests"]


def rest_of_clip(weights: np.ndarray, *, frames: int) -> np.ndarray:
    """Return the mean weights of a clip's first `frames` rows: (n, C) -> (C,), float32.

    Recordings start before the speech does, so the first frames show the face at rest.
    """
    return weights[:frames].mean(0, dtype=np.float64).astype(np.float32)


def rest_of_speaker(clips: Sequence[np.ndarray], *, frames: int) -> np.ndarray:
    """Return the median over clips of their weights at rest: list of (n, C) -> (C,), float32."""
    return np.median([rest_of_clip(weights, frames=frames) for weights in clips], 0).astype(np.float32)


def train_rests(
    weights: np.ndarray, clip: np.ndarray, clips: Sequence[tuple[str, str, str]], *, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights at rest of the speakers of a train table.

    Parameters
    ----------
    weights : ndarray (n, C), used frames, those of a clip together and in order
    clip : ndarray (n,), int, index into `clips`
    clips : list of (dataset, actor, clip)
    frames : int, frames at the start of a clip that show the speaker at rest

    Returns
    -------
    mean : ndarray (C,), float32
        Over speakers, each counting once: what is taken for a speaker of whom nothing is known.
    offsets : ndarray (n, C), float32
        Rest of each row's speaker minus `mean`.
    """
    parts = [weights[clip == k] for k in range(len(clips))]
    speakers = sorted({key[:2] for key in clips})
    rest = {
        speaker: rest_of_speaker(
            [part for key, part in zip(clips, parts) if key[:2] == speaker and len(part)], frames=frames
        )
        for speaker in speakers
    }
    mean = np.asarray(np.mean([rest[speaker] for speaker in speakers], 0, dtype=np.float64), np.float32)
    by_clip = np.stack([rest[key[:2]] - mean for key in clips])
    return mean, by_clip[clip]


# ---- from tables of labels ----------------------------------------------------------------------------------------


def _used(labels: ClipTables, clip_id: str) -> tuple[np.ndarray, np.ndarray] | None:
    """(weights (n, C), frames (n,)) of the used rows of a clip's labels, or None where it has none."""
    if clip_id not in labels or labels.entry(clip_id)["status"] != "ok":
        return None
    channels = labels.channels(clip_id)
    table = labels.read(clip_id, ["frame", "used", *channels])
    used = table["used"].astype(bool)
    return (table.stack(channels)[used], table["frame"][used]) if used.any() else None


def rest_of_labels(labels: ClipTables, clip_id: str, *, frames: int) -> np.ndarray:
    """Weights at rest (C,) that a clip's labels show; TableError where it has no usable frame."""
    labels.entry(clip_id)
    found = _used(labels, clip_id)
    if found is None:
        raise TableError(f"{clip_id}: no frame has labels that can be used; take another clip of the speaker")
    return rest_of_clip(found[0], frames=frames)


def rest_source(clip_id: str, clips: Table, labels: ClipTables) -> str:
    """Which clip shows the rest of the speaker of `clip_id`, which is to be evaluated: its id, or "" if none does.

    Another clip of the speaker, of neutral emotion where there is one; the clip itself where there is no other.

    Parameters
    ----------
    clip_id : str
    clips : Table, the clip table with its splits
    labels : ClipTables of the speaker's clips
    """
    speaker = clip_id.split("/")[:2]
    emotion = clips.columns.get("emotion", np.full(len(clips), None))
    others = [
        (emotion[k] != "neutral", other.split("/"))
        for k, other in enumerate(clips.clip_ids())
        if other.split("/")[:2] == speaker and clips["split"][k] in ("train", "test", "predict")
    ]
    ids = ["/".join(key) for _, key in sorted(others)]
    candidates = [other for other in ids if other != clip_id] + [clip_id]
    return next((other for other in candidates if _used(labels, other) is not None), "")


def rest_for_clip(
    clip_id: str, clips: Table, labels: ClipTables, *, frames: int
) -> tuple[np.ndarray | None, str, list[int]]:
    """Weights at rest for one clip that is to be evaluated, from labels that are not evaluated with it.

    Parameters as of `rest_source`; `frames` at the start of a clip show the speaker at rest.

    Returns
    -------
    weights : ndarray (C,), or None where no clip of the speaker has usable labels
    source : str, id of the clip they come from, see `rest_source`
    own : list of int, frames of the clip itself that were used and must not be evaluated
    """
    source = rest_source(clip_id, clips, labels)
    found = _used(labels, source)
    if found is None:
        return None, "", []
    own = found[1][:frames].tolist() if source == clip_id else []
    return rest_of_clip(found[0], frames=frames), source, own
