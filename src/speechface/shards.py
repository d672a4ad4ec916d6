"""Shards: the clips that one job works on. One actor's, or a stable part of them where an actor has many."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from speechface.datasets.base import Clip
from speechface.errors import ConfigError
from speechface.names import path_name

__all__ = ["Shard", "plan_shards", "shard_ids"]


@dataclass(frozen=True)
class Shard:
    """`clips` of one actor, sorted; `id` is `actor`, with a suffix ``.2of4`` only where there are parts."""

    id: str
    clips: tuple[Clip, ...]

    @property
    def dataset(self) -> str:
        return self.clips[0].dataset

    @property
    def actor(self) -> str:
        """``dataset/actor`` as part of a path (`speechface.names`)."""
        return path_name(f"{self.clips[0].dataset}/{self.clips[0].actor}")


def _part(name: str, count: int) -> int:
    """Which of `count` parts, a power of two, a clip's name belongs to."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count


def plan_shards(clips: Iterable[Clip], *, most: int) -> list[Shard]:
    """Deal clips out to shards, never clips of two actors to one.

    Parameters
    ----------
    clips : iterable of Clip
    most : int
        An actor with more clips is divided: into the smallest power of two of parts that have no more than `most` clips
        on average, by a hash of the clip's name, so that a clip that comes or goes touches one part. Where an actor
        outgrows a power of two, every clip of the actor moves and is made once more.

    Returns
    -------
    list of Shard
        Sorted by id.

    Raises
    ------
    ConfigError
        If two shards would have one id.
    """
    actors: dict[str, list[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.id):
        actors.setdefault(path_name(f"{clip.dataset}/{clip.actor}"), []).append(clip)
    shards: dict[str, Shard] = {}
    for actor, own in actors.items():
        count = 1
        while count * most < len(own):
            count *= 2
        parts: dict[int, list[Clip]] = {}
        for clip in own:
            parts.setdefault(_part(clip.clip, count), []).append(clip)
        for part, chosen in sorted(parts.items()):
            name = actor if count == 1 else f"{actor}.{part + 1}of{count}"
            if name in shards:
                raise ConfigError(f"two actors give the shard {name}; rename one, or change shard_clips")
            shards[name] = Shard(name, tuple(chosen))
    return [shards[name] for name in sorted(shards)]


def shard_ids(shards: Iterable[Shard]) -> dict[str, str]:
    """Return clip id -> shard id."""
    return {clip.id: shard.id for shard in shards for clip in shard.clips}
