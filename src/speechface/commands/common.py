"""Options that several commands share."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from speechface.errors import ConfigError
from speechface.names import unescaped

__all__ = [
    "OPTION_HELP", "actor_of", "add_clips", "add_delay", "add_motion", "add_settings", "clips_of", "columns_of",
    "delay_of", "paths_of_actors", "settings_of", "write_csv",
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
    """Add ``--clips ID=SOURCE ...``: the clips of one shard and their media (`speechface.sources`)."""
    parser.add_argument(
        "--clips",
        required=True,
        nargs="+",
        metavar="ID=SOURCE",
        help="clips as DATASET/ACTOR/CLIP=FILE, e.g. ravdess/Actor_05/x=videos/x.mp4",
    )


def clips_of(args: argparse.Namespace) -> dict[str, str]:
    """Return clip id -> source of `add_clips`, in order; ids may be written as `speechface.names.escaped` does."""
    found: dict[str, str] = {}
    for pair in args.clips:
        clip_id, equals, source = pair.partition("=")
        if not equals or not source or clip_id.count("/") != 2:
            raise ConfigError(f"--clips: found '{pair}', expected DATASET/ACTOR/CLIP=FILE")
        clip_id = unescaped(clip_id)
        if clip_id in found:
            raise ConfigError(f"--clips names {clip_id} twice")
        found[clip_id] = source
    return found


def add_delay(parser: argparse.ArgumentParser) -> None:
    """Add ``--audio-delay-ms MS|PARQUET ...``: how much later than the images the sound of the clips stands."""
    parser.add_argument(
        "--audio-delay-ms",
        nargs="+",
        default=["0"],
        metavar="MS|PARQUET",
        help="how much later than the images the sound stands: a number, or tables of pool-delays (default 0)",
    )


def delay_of(args: argparse.Namespace) -> Callable[[str], float]:
    """Return the function clip id -> delay, ms, of `add_delay`.

    The function raises TableError for a clip that no table has.
    """
    from speechface.errors import TableError
    from speechface.tables import read_table

    try:
        (number,) = map(float, args.audio_delay_ms)
        return lambda clip_id: number
    except ValueError:
        pass
    delays: dict[str, float] = {}
    for path in args.audio_delay_ms:
        table = read_table(path)
        delays |= dict(zip(table.clip_ids(), table["audio_delay_ms"].tolist(), strict=True))

    def delay(clip_id: str) -> float:
        if clip_id not in delays:
            raise TableError(f"{', '.join(args.audio_delay_ms)}: no delay of the clip {clip_id}; run pool-delays again")
        return delays[clip_id]

    return delay


def add_motion(parser: argparse.ArgumentParser) -> None:
    """Add ``--fps``, ``--life`` and ``--seed`` of what makes an animation."""
    from speechface.liveliness.presets import PRESETS

    parser.add_argument("--fps", default="30", help="frames a second, a number or a fraction such as 30000/1001")
    parser.add_argument(
        "--life",
        default="natural",
        metavar="PRESET",
        help=f"blinks, gaze and motion of head and brows where the model gives none: {', '.join(PRESETS)}, or a .json "
        "file of settings (default: natural)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")


def actor_of(text: str) -> tuple[str, str]:
    """``dataset/actor``, which may be escaped, as a tuple."""
    dataset, slash, actor = text.partition("/")
    if not (slash and dataset and actor) or "/" in actor:
        raise ConfigError(f"'{text}' is not an actor; expected DATASET/ACTOR, e.g. grid/s1")
    return dataset, unescaped(actor)


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
