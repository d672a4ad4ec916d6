"""What figures may read: the inputs by name, as options of the command and as values."""

import argparse
from pathlib import Path
from types import ModuleType
from typing import Any

from speechface.errors import ConfigError

__all__ = ["FILES", "LISTS", "TABLES", "VIDEOS", "add_inputs", "inputs_of"]

#: Single files: name -> what it is.
FILES = {
    "clips": "clip table",
    "quality": "table of label-report",
    "rig": "rig (.npz)",
    "metrics": "table of summarise-metrics",
    "models": "table of compare-models",
    "graph": "text of 'snakemake --rulegraph dot'",
}
#: Tables of many clips; a figure gets them as `ClipTables`.
TABLES = {
    "spectrogram": "spectrogram tables",
    "acoustics": "acoustic feature tables",
    "landmarks": "landmark tables",
    "labels": "label tables",
    "delays": "delay tables",
    "predictions": "prediction tables of one model and seed",
    "audio": "tables of sound",
    "truth": "tables of the exact motion of synthetic clips",
}
#: Lists of other things: name -> (of what, what it is).
LISTS = {
    "identity": ("NPZ", "identities of actors, .../DATASET/ACTOR.npz"),
    "all_predictions": ("TABLE", "prediction tables of several models, one seed each"),
    "evaluations": ("TABLE", "tables of 'evaluate' of the same models"),
    "logs": ("CSV", "training logs, .../MODEL/SEED/file.csv or MODEL/SEED=PATH"),
}
#: The clips' videos: no option, the clip table says where they are; the workflow makes them first.
VIDEOS = "videos"


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add an option for every input."""
    for name, text in FILES.items():
        parser.add_argument(f"--{name}", metavar="FILE", help=text)
    for name, text in TABLES.items():
        parser.add_argument(f"--{name}", nargs="*", metavar="TABLE", help=text)
    for name, (kind, text) in LISTS.items():
        parser.add_argument(f"--{name}", nargs="*", metavar=kind, help=text)


def inputs_of(args: argparse.Namespace, name: str, figure: ModuleType) -> dict[str, Any]:
    """Return the inputs of a figure: paths, ClipTables, ``identity`` as dict of (dataset, actor) in paths to path."""
    from speechface.clip_tables import ClipTables

    found: dict[str, Any] = {}
    for key, needed in figure.INPUTS.items():
        if key == VIDEOS:
            continue
        if key not in {**FILES, **TABLES, **LISTS}:
            known = ", ".join([*FILES, *TABLES, *LISTS, VIDEOS])
            raise ConfigError(f"figure '{name}' reads '{key}'; known inputs are {known}")
        value = getattr(args, key)
        if needed and not value:
            raise ConfigError(f"figure '{name}' needs --{key}")
        if value and key in TABLES:
            value = ClipTables(value)
        if value and key == "identity":
            value = {(Path(path).parent.name, Path(path).stem): path for path in value}
        found[key] = value or None
    return found
