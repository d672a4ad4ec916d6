"""Clips and the adapters that find them.

An adapter is a function ``clips(name, settings, config) -> list of Clip``: pure listing, no media opened. To add a
dataset, write one module with such a function and add one line to `ADAPTERS`.
"""

import hashlib
import importlib
import re
from dataclasses import asdict, dataclass, fields

from speechface.errors import ConfigError

__all__ = ["Clip", "ADAPTERS", "list_clips", "plan_splits", "CLIP_COLUMNS", "member"]

#: adapter name -> module with a function ``clips``
ADAPTERS = {
    "demo": "speechface.datasets.demo",
    "ravdess": "speechface.datasets.ravdess",
    "grid": "speechface.datasets.grid",
    "folder": "speechface.datasets.folder",
}


@dataclass(frozen=True)
class Clip:
    """One video clip. `path` is the media file; unknown facts are None."""

    dataset: str
    actor: str
    clip: str
    path: str
    sex: str | None = None
    channel: str | None = None
    emotion: str | None = None
    intensity: str | None = None
    statement: str | None = None
    repetition: str | None = None
    split: str | None = None

    @property
    def id(self):
        """``dataset/actor/clip``, unique in a run and the clip's place under every results folder."""
        return f"{self.dataset}/{self.actor}/{self.clip}"

    def as_dict(self):
        return asdict(self)


CLIP_COLUMNS = tuple(f.name for f in fields(Clip))


def _number(text):
    digits = re.findall(r"\d+", str(text))
    return int(digits[-1]) if digits else None


def member(actor, wanted):
    """Is `actor` named in `wanted`? Entries are names, numbers ("7" is Actor_07) or ranges ("1-20")."""
    for entry in wanted:
        entry = str(entry)
        if entry == actor:
            return True
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", entry)
        number = _number(actor)
        if span and number is not None and int(span[1]) <= number <= int(span[2] or span[1]):
            return True
    return False


def _rank(seed_text):
    return hashlib.sha256(seed_text.encode()).hexdigest()


def plan_splits(clips, dataset):
    """Return `clips` (of one dataset) with `split` set to train, test, predict or unused."""
    if dataset["role"] == "predict":
        return [_with_split(c, "predict") for c in clips]
    rule = dataset["split"]
    if rule["by"] == "actor":
        out = []
        for c in clips:
            if member(c.actor, rule["test"]):
                split = "test"
            elif not rule["train"] or member(c.actor, rule["train"]):
                split = "train"
            else:
                split = "unused"
            out.append(_with_split(c, split))
        return out
    chosen = set()
    for actor in sorted({c.actor for c in clips}):
        ids = sorted((c.id for c in clips if c.actor == actor), key=_rank)
        wanted = rule["test_clips"]
        count = round(wanted * len(ids)) if wanted < 1 else int(wanted)
        chosen.update(ids[:count])
    return [_with_split(c, "test" if c.id in chosen else "train") for c in clips]


def _with_split(clip, split):
    return Clip(**{**asdict(clip), "split": split})


def list_clips(config):
    """Return every clip of a resolved config, sorted by id, with its planned split.

    Raises
    ------
    ConfigError
        If a dataset holds no clip, a filter names an unknown column, or two clips share one id.
    """
    found = []
    for name, dataset in config["datasets"].items():
        adapter = importlib.import_module(ADAPTERS[dataset["adapter"]])
        clips = adapter.clips(name, dataset, config)
        if dataset["actors"]:
            clips = [c for c in clips if member(c.actor, dataset["actors"])]
        for column, values in dataset["where"].items():
            if column not in CLIP_COLUMNS:
                raise ConfigError(
                    f"datasets.{name}.where: unknown column '{column}'; known are {', '.join(CLIP_COLUMNS)}"
                )
            wanted = {str(v) for v in values}
            clips = [c for c in clips if str(getattr(c, column)) in wanted]
        if not clips:
            raise ConfigError(
                f"datasets.{name}: no clip found in '{dataset.get('root', '')}' (adapter {dataset['adapter']}); "
                "check root, actors and where"
            )
        found += plan_splits(clips, dataset)
    found.sort(key=lambda c: c.id)
    for a, b in zip(found, found[1:]):
        if a.id == b.id:
            raise ConfigError(f"two files give the clip {a.id}: {a.path} and {b.path}")
    return found
