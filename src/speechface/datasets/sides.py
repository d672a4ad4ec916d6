"""Which clips train and which test, as the configuration says."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from speechface.errors import ConfigError

if TYPE_CHECKING:
    from speechface.datasets.base import Clip, DatasetSettings

__all__ = ["check_split", "common", "member", "plan_splits", "require_actors"]

_SPAN = re.compile(r"(\d+)(?:-(\d+))?")


def _span(entry: str | int) -> tuple[int, int] | None:
    """First and last number of an entry such as 7 or "1-20"; None of a name.

    Raises
    ------
    ValueError
        If the range runs backwards.
    """
    found = _SPAN.fullmatch(str(entry))
    if not found:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        raise ValueError(f"'{entry}' runs backwards; write {last}-{first}")
    return first, last


def _number(text: str) -> int | None:
    digits = re.findall(r"\d+", text)
    return int(digits[-1]) if digits else None


def member(actor: str, wanted: Iterable[str | int]) -> bool:
    """Is `actor` named in `wanted`? Entries are names, numbers ("7" is Actor_07) or ranges ("1-20")."""
    for entry in wanted:
        if str(entry) == actor:
            return True
        span, number = _span(entry), _number(actor)
        if span and number is not None and span[0] <= number <= span[1]:
            return True
    return False


def common(one: Iterable[str | int], other: Iterable[str | int]) -> str:
    """An actor that two lists name, "" where there is none that the lists alone tell; ValueError of `_span`."""
    spans = [[(str(entry), _span(entry)) for entry in entries] for entries in (one, other)]
    for (name, first), (name_2, second) in product(*spans):
        if first and second and max(first[0], second[0]) <= min(first[1], second[1]):
            return str(max(first[0], second[0]))
        if name == name_2:
            return name
    return ""


def require_actors(clips: Sequence["Clip"], name: str, dataset: "DatasetSettings") -> None:
    """Refuse entries that name none of the data set's actors, and actors on both sides.

    Raises
    ------
    ConfigError
    """
    actors = sorted({clip.actor for clip in clips})
    split = dataset.split if dataset.role == "learn" else type(dataset.split)()
    for key, entries in (("actors", dataset.actors), ("split.train", split.train), ("split.test", split.test)):
        nobody = next((entry for entry in entries if not any(member(actor, [entry]) for actor in actors)), None)
        if nobody is not None:
            raise ConfigError(f"datasets.{name}.{key}: {nobody!r} is none of the {_listed(actors)}")
    both = [actor for actor in actors if member(actor, split.train) and member(actor, split.test)]
    if both:
        raise ConfigError(f"datasets.{name}.split: {both[0]} is in train and in test; take it from one of them")


def _listed(actors: Sequence[str]) -> str:
    shown = ", ".join(actors if len(actors) < 6 else (*actors[:3], "...", actors[-1]))
    return f"{len(actors)} actors: {shown}" if len(actors) != 1 else f"one actor there is: {shown}"


def _rank(seed_text: str) -> str:
    return hashlib.sha256(seed_text.encode()).hexdigest()


def plan_splits(clips: list["Clip"], dataset: "DatasetSettings") -> list["Clip"]:
    """Return `clips` (of one dataset) with `split` set to train, test, predict or unused."""
    if dataset.role == "predict":
        return [replace(c, split="predict") for c in clips]
    rule = dataset.split
    if rule.by == "actor":
        out = []
        for c in clips:
            if member(c.actor, rule.test):
                split = "test"
            elif not rule.train or member(c.actor, rule.train):
                split = "train"
            else:
                split = "unused"
            out.append(replace(c, split=split))
        return out
    chosen: set[str] = set()
    for actor in sorted({c.actor for c in clips}):
        ids = sorted((c.id for c in clips if c.actor == actor), key=_rank)
        wanted = rule.test_clips
        count = round(wanted * len(ids)) if wanted < 1 else int(wanted)
        chosen.update(ids[:count])
    return [replace(c, split="test" if c.id in chosen else "train") for c in clips]


def check_split(clips: Sequence["Clip"], name: str, dataset: "DatasetSettings") -> None:
    """Refuse a split that leaves a side without a clip.

    Raises
    ------
    ConfigError
    """
    if dataset.role == "predict":
        return
    sides = {clip.split for clip in clips}
    empty = next((side for side in ("train", "test") if side not in sides), None)
    if empty is None:
        return
    where, rule = f"datasets.{name}.split", dataset.split
    actors = sorted({clip.actor for clip in clips})
    if rule.by == "actor":
        verb = "trains" if empty == "train" else "tests"
        others = f"train {rule.train or 'empty'}, test {rule.test}"
        raise ConfigError(f"{where}: nobody {verb}: {others}, and there are {_listed(actors)}; give both sides one")
    most = max(sum(clip.actor == actor for clip in clips) for actor in actors)
    raise ConfigError(
        f"{where}: no clip is left to {empty} with by: clip and test_clips {rule.test_clips:g}: no actor has more than "
        f"{most} clips; set by: actor, or another test_clips"
    )
