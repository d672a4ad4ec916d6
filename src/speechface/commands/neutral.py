"""The speaker's face at rest, from label tables: for models that are told it (``speaker: given``)."""

import numpy as np

from speechface.errors import TableError

__all__ = ["neutral_of_table", "neutral_for_clip"]


def _used(path):
    """(weights (n, 46), frames (n,)) of the used rows of a label table, or None where it cannot be used."""
    from speechface.rig.channels import CHANNELS
    from speechface.tables import read_table

    table = read_table(path)
    if not table.usable or not table["used"].any():
        return None
    used = table["used"].astype(bool)
    return table.stack(CHANNELS)[used], table["frame"][used]


def neutral_of_table(path, *, frames):
    """Neutral weights (46,) of the clip whose label table is `path`; TableError where it has no usable frame."""
    from speechface.networks.speaker import neutral_of_clip

    found = _used(path)
    if found is None:
        raise TableError(f"{path}: no frame has labels that can be used; take another clip of the speaker")
    return neutral_of_clip(found[0], frames=frames)


def neutral_for_clip(row, clips, labels_dir, *, frames):
    """Neutral weights for one clip that is to be judged, from labels that are not judged with it.

    Parameters
    ----------
    row : int, of the clip in `clips`
    clips : Table, the clip table with its splits
    labels_dir : path-like
    frames : int, frames at the start of a clip that show the speaker at rest

    Returns
    -------
    weights : ndarray (46,), or None where no clip of the speaker has usable labels
    source : str, id of the clip they come from: another clip of the speaker, of neutral emotion where there is one; the
        clip itself where there is no other
    own : list of int, frames of the clip itself that were used and must not be judged
    """
    from speechface.networks.speaker import neutral_of_clip
    from speechface.tables import clip_path

    names = ("dataset", "actor", "clip")
    ids = list(zip(*(map(str, clips[name]) for name in names)))
    known = np.isin(clips["split"].astype(str), ("train", "test", "predict"))
    emotion = clips.columns.get("emotion", np.full(len(ids), None))
    others = [k for k, key in enumerate(ids) if k != row and known[k] and key[:2] == ids[row][:2]]
    others.sort(key=lambda k: (emotion[k] != "neutral", ids[k]))
    for k in [*others, row]:
        found = _used(clip_path(labels_dir, *ids[k]))
        if found is not None:
            own = found[1][:frames].tolist() if k == row else []
            return neutral_of_clip(found[0], frames=frames), "/".join(ids[k]), own
    return None, "", []
