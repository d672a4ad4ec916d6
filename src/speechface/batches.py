"""Which clips share one job."""

import re
from dataclasses import dataclass

__all__ = ["Batch", "plan_batches", "rule_names", "MOST_CLIPS"]

#: Clips of one job at most: the files of so many fit into one command (128 kB on Linux).
MOST_CLIPS = 128


@dataclass(frozen=True)
class Batch:
    """`clips` of one actor, in order; `place`, ``dataset/actor`` or ``dataset/actor/002``, unlike any other's."""

    place: str
    clips: tuple

    @property
    def speaker(self):
        """``dataset/actor``."""
        return f"{self.clips[0].dataset}/{self.clips[0].actor}"


def plan_batches(clips, size):
    """Deal clips out to jobs, never clips of two actors to one.

    Parameters
    ----------
    clips : list of speechface.datasets.base.Clip
    size : int or "actor"
        Clips of a job at most; "actor", all of an actor's, but no more than `MOST_CLIPS`.

    Returns
    -------
    list of Batch
        In the order of the clips. Each clip is in one. An actor's batches differ by at most one clip in length.
    """
    most = MOST_CLIPS if size == "actor" else min(size, MOST_CLIPS)
    actors = {}
    for clip in clips:
        actors.setdefault((clip.dataset, clip.actor), []).append(clip)
    batches = []
    for (dataset, actor), own in actors.items():
        count = -(-len(own) // most)
        ends = [len(own) * k // count for k in range(count + 1)]
        for k in range(count):
            place = f"{dataset}/{actor}" + (f"/{k + 1:03d}" if count > 1 else "")
            batches.append(Batch(place, tuple(own[ends[k] : ends[k + 1]])))
    return batches


def rule_names(places):
    """Return a distinct name of letters, digits and underscores for each of `places`."""
    names = []
    for place in places:
        plain = name = re.sub(r"\W", "_", place, flags=re.ASCII)
        count = 1
        while name in names:
            count += 1
            name = f"{plain}_{count}"
        names.append(name)
    return names
