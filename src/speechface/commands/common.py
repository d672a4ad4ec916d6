"""Options that several commands share."""

import argparse
from collections.abc import Sequence
from typing import Any

from speechface.errors import ConfigError

__all__ = [
    "OPTION_HELP", "actor_of", "add_clips", "add_settings", "clips_of", "columns_of", "paths_of_actors", "settings_of",
    "write_csv",
]  # fmt: skip

#: Of ``--option``, which several commands have.
OPTION_HELP = "of models that draw: emotion=happy:0.7, speaker=grid/s1, guidance=2, temperature=0.5, steps=4, ..."


def add_settings(parser: argparse.ArgumentParser, section: str) -> None:
    """Add ``--settings JSON``: keys of config section `section`; missing keys take their defaults."""
    parser.add_argument(
        "--settings",
        default="",
        metavar="JSON",
        help=f"keys of the config section '{section}', e.g. '{{}}'; defaults where missing (docs/config.md)",
    )
    parser.set_defaults(section=section)


def settings_of(args: argparse.Namespace) -> Any:
    """Return the settings of the command's section."""
    from speechface.config import parse_section

    return parse_section(args.section, args.settings)


def add_clips(parser: argparse.ArgumentParser) -> None:
    """Add ``--clips ID=SOURCE ...``: the clips of one shard and their media (`speechface.media.source`)."""
    parser.add_argument(
        "--clips",
        required=True,
        nargs="+",
        metavar="ID=SOURCE",
        help="clips as DATASET/ACTOR/CLIP=FILE, e.g. ravdess/Actor_05/x=videos/x.mp4",
    )


def clips_of(args: argparse.Namespace) -> dict[str, str]:
    """Return clip id -> source of `add_clips`, in order."""
    found: dict[str, str] = {}
    for pair in args.clips:
        clip_id, equals, source = pair.partition("=")
        if not equals or not source or clip_id.count("/") != 2:
            raise ConfigError(f"--clips: found '{pair}', expected DATASET/ACTOR/CLIP=FILE")
        if clip_id in found:
            raise ConfigError(f"--clips names {clip_id} twice")
        found[clip_id] = source
    return found


def actor_of(text: str) -> tuple[str, str]:
    """``dataset/actor`` as a tuple."""
    dataset, slash, actor = text.partition("/")
    if not (slash and dataset and actor) or "/" in actor:
        raise ConfigError(f"'{text}' is not an actor; expected DATASET/ACTOR, e.g. grid/s1")
    return dataset, actor


def paths_of_actors(pairs: list[str]) -> dict[tuple[str, str], str]:
    """``["dataset/actor=path", ...]`` as a dict of (dataset, actor) to path."""
    found = {}
    for pair in pairs:
        actor, equals, path = pair.partition("=")
        if not equals or not path:
            raise ConfigError(f"'{pair}': expected DATASET/ACTOR=PATH")
        found[actor_of(actor)] = path
    return found


def columns_of(rows: list[dict[str, Any]], dtypes: dict[str, str], texts: Sequence[str]) -> dict[str, Any]:
    """Rows (dicts of equal keys) -> columns; text columns stay lists, numbers are float32 unless named."""
    import numpy as np

    return {
        name: [row[name] for row in rows] if name in texts
        else np.array([row[name] for row in rows], dtypes.get(name, "float32"))
        for name in rows[0]
    }  # fmt: skip


def write_csv(path: str | None, rows: Any, names: Sequence[str] | None = None) -> None:
    if path:
        import pandas as pd

        from speechface.files import written_whole

        with written_whole(path) as temporary:
            pd.DataFrame(rows, columns=None if names is None else list(names)).to_csv(
                temporary, index=False, float_format="%.4g"
            )
