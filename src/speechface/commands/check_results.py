"""Compare the results of earlier runs with a config file, by what the results say about themselves.

Snakemake notices a changed parameter by its own records (`.snakemake`). Where those are lost, it takes every file for
up to date. Each table, identity and model also names its stage, stage version and settings: files that differ from the
config are listed, and so are those whose checksum does not hold; --remove removes them, so that the next run makes them
again and what follows from them.
"""

import argparse
import contextlib
import json
import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechface.errors import SpeechfaceError, TableError
from speechface.seals import check_table, check_zip, read_json

if TYPE_CHECKING:
    from speechface.config import Config

__all__ = ["add_arguments", "run", "outdated", "told"]

LOG = logging.getLogger(__name__)

#: stage, file, difference as text
Found = list[tuple[str, Path, str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="config file (YAML)")
    parser.add_argument("--results", default="results", metavar="DIR", help="folder of results")
    parser.add_argument("--remove", action="store_true", help="remove the files that differ; the next run makes them")


def _expected(config: "Config") -> dict[str, dict[str, Any]]:
    """stage -> settings that its files must have been made with; stages that are not here note a version only."""
    sections = {name: name for name in ("audio", *config.features, "landmarks", "crops", "labels", "evaluation")}
    sections |= {"identity": "labels", "label_report": "quality"}
    found = {stage: config.section(section).dump() for stage, section in sections.items()}
    if "demo" in config.datasets:
        found["demo"] = config.datasets["demo"].dump()
    return found


def _differing(settings: dict[str, Any], expected: dict[str, Any]) -> str:
    """The first setting that differs, as text; "" where none does."""
    for key, wanted in expected.items():
        if key in settings and settings[key] != wanted:
            return f"{key} was {json.dumps(settings[key])}, the config says {json.dumps(wanted)}"
    return ""


def _moved(config: "Config", stage: str, path: Path, facts: dict[str, Any]) -> str:
    """How the delay of the sound that a table was made with differs from the config's, as text; else "".

    Features of a dataset whose delay is estimated follow from the table of its delays.
    """
    dataset, known, clips = path.stem, {facts.get("settings", {}).get("audio_delay_ms")}, facts.get("clips")
    if clips:
        dataset, known = clips[0]["id"].split("/")[0], {clip["facts"].get("audio_delay_ms") for clip in clips}
    wanted = config.datasets[dataset].audio_delay_ms if dataset in config.datasets else None
    if stage not in ("delays", *config.features) or wanted is None or (clips and wanted == "auto"):
        return ""
    other = known - {wanted, None}
    return f"audio_delay_ms was {json.dumps(other.pop())}, the config says {json.dumps(wanted)}" if other else ""


def _whole(results: Path) -> Iterator[tuple[Path, str]]:
    """Every file of the run that has checksums, and what is wrong with it ("" if nothing is)."""
    for path in sorted(results.rglob("*")):
        if path.suffix in (".parquet", ".npz", ".ckpt") and not path.name.startswith(".") and "work" not in path.parts:
            try:
                check_table(path) if path.suffix == ".parquet" else check_zip(path, TableError)
                yield path, ""
            except TableError as error:
                yield path, str(error).removeprefix(f"{path}: ")


def _facts(path: Path) -> dict[str, Any]:
    """What a table or identity tells of what it is made with; {} of other files."""
    import numpy as np

    from speechface.tables import read_meta

    if path.suffix == ".parquet":
        return read_meta(path)
    if path.suffix == ".npz" and "identity" in path.parts:
        with contextlib.suppress(KeyError, ValueError), np.load(path, allow_pickle=False) as archive:
            return {"stage": "identity", **json.loads(str(archive["header"]))}
    return {}


def _models(config: "Config", results: Path) -> Found:
    """Every network of the config that was trained with other settings."""
    from speechface.sections import MACHINE_KEYS

    found = []
    for name, model in config.models.items():
        own = {key: value for key, value in model.dump().items() if key not in ("training", "seeds")}
        training = model.training_with(config.training).dump()
        training = {key: value for key, value in training.items() if key not in MACHINE_KEYS}
        for path in sorted((results / "models" / name).rglob("model.json")):
            if not path.with_suffix(".ckpt").exists():
                continue
            with contextlib.suppress(TableError):  # whoever reads it next will say so
                facts = read_json(path)
                text = _differing(facts.get("model", {}), own) or _differing(facts.get("training", {}), training)
                if text:
                    found.append(("training", path.with_suffix(".ckpt"), text))
    return found


def outdated(config: "Config", results: str | os.PathLike, *, clips: Collection[str] | None = None) -> Found:
    """Return what was made with other settings or by another version than now, or is damaged.

    Parameters
    ----------
    config : Config
    results : path-like
    clips : collection of str, optional
        Ids of the clips there are; tables that hold only others do not matter.

    Returns
    -------
    list of (stage, path, difference as text)
    """
    from speechface.stages import STAGES

    results, found = Path(results), []
    for path, damage in _whole(results):
        if damage:
            found.append(("damaged", path, damage))
            continue
        facts = _facts(path)
        if not isinstance(facts.get("clips", []), list):  # a number of clips, not a table of them
            facts = {key: value for key, value in facts.items() if key != "clips"}
        stage, own = (
            facts.get("stage", ""),
            [entry["id"] for entry in facts.get("clips", []) if isinstance(entry, dict)],
        )
        if stage not in STAGES or (clips is not None and own and not any(clip in clips for clip in own)):
            continue
        version, current = facts.get("stage_version", STAGES[stage].version), STAGES[stage].version
        expected = _expected(config).get(stage, {})
        if version != current:
            found.append((stage, path, f"made by version {version} of the stage, this is {current}"))
        elif text := _differing(facts.get("settings", {}), expected) or _moved(config, stage, path, facts):
            found.append((stage, path, text))
    return found + _models(config, results)


def told(found: Found) -> list[str]:
    """One line a stage and difference: how many files, and one of them."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for stage, path, difference in found:
        groups.setdefault((stage, difference), []).append(path)
    return [f"{stage}: {len(paths)} files, e.g. {paths[0]}: {text}" for (stage, text), paths in groups.items()]


def run(args: argparse.Namespace) -> None:
    from speechface.config import load
    from speechface.datasets.base import list_clips

    config = load(args.config)
    found = outdated(config, args.results, clips={clip.id for clip in list_clips(config.datasets)})
    for line in told(found):
        print(line)
    if not found:
        LOG.info("%s: everything agrees with %s", args.results, args.config)
    elif args.remove:
        for _, path, _ in found:
            path.unlink(missing_ok=True)
        LOG.info("%d files removed; the next run makes them again", len(found))
    else:
        raise SpeechfaceError(
            f"{len(found)} files are damaged, or made with other settings or by other versions than {args.config} asks "
            "for; --remove removes them, and the next run makes them again"
        )
