"""Compare the results of earlier runs with a config file, by what the results say about themselves.

Snakemake notices a changed parameter by its own records (`.snakemake`). Where those are lost, it takes every file for
up to date. Each table, identity and model also names its stage, stage version and settings: files that differ from the
config are listed, and removed with --remove, so that the next run makes them again and what follows from them.
"""

import contextlib
import json
import logging
from pathlib import Path

from speechface.errors import SpeechfaceError

__all__ = ["add_arguments", "run", "outdated", "told"]

#: What of the config each stage notes in its tables; stages that are not here note a version only.
_SECTIONS = ("audio", "landmarks", "crops", "spectrogram", "acoustics", "log_mel", "labels", "evaluation")
_SAME_SECTION = {"label_report": "labels", "identity": "labels"}
_KEPT = ".kept"
#: Stages whose files are named after clips, dataset/actor/clip.
_OF_CLIPS = ("demo", "audio", "landmarks", "crops", "spectrogram", "acoustics", "log_mel", "labels", "prediction")


def add_arguments(parser):
    parser.add_argument("config", help="config file (YAML)")
    parser.add_argument("--results", default="results", metavar="DIR", help="folder of results")
    parser.add_argument("--remove", action="store_true", help="remove the files that differ; the next run makes them")


def _expected(config):
    """stage -> settings that its files must have been made with."""
    found = {name: config[name] for name in _SECTIONS}
    found |= {stage: config[section] for stage, section in _SAME_SECTION.items()}
    demo = config["demo"]
    return found | {"demo": {key: demo[key] for key in ("width", "height", "fps", "seed")}}


def _difference(stage, version, settings, expected):
    """What differs, as text, or None."""
    from speechface.stages import STAGES

    if stage not in STAGES:
        return None
    if version is not None and version != STAGES[stage].version:
        return f"made by version {version} of the stage, this is {STAGES[stage].version}"
    for key, wanted in expected.get(stage, {}).items():
        # through JSON, as the file has it
        if key in settings and settings[key] != json.loads(json.dumps(wanted)):
            return f"{key} was {json.dumps(settings[key])}, the config says {json.dumps(wanted)}"
    return None


def _tables(results):
    """(path, stage, version, settings) of every table, identity and face video that tells them."""
    from speechface.tables import read_meta

    for path in sorted(results.rglob("*.parquet")):
        if _KEPT not in path.relative_to(results).parts:
            with contextlib.suppress(OSError, ValueError):
                meta = read_meta(path)
                yield path, meta.get("stage"), meta.get("stage_version"), meta.get("settings", {})
    from speechface.commands.fit_identity import read_identity

    for path in sorted((results / "identity").rglob("*.npz")):
        with contextlib.suppress(OSError, ValueError, KeyError, SpeechfaceError):
            facts = read_identity(path)
            yield path, "identity", facts["stage_version"], facts["settings"]
    for note in sorted((results / _KEPT / "crops").rglob("*.json")):
        path = results / note.relative_to(results / _KEPT).with_suffix("")
        if path.exists():
            basis = json.loads(note.read_text())["basis"]
            yield path, "crops", basis["version"], basis["settings"]


def _models(config, results):
    """(path, difference) of every network of the config that was trained with other settings."""
    from speechface.config import MACHINE_KEYS

    for name, model in config["models"].items():
        settings = {key: value for key, value in model.items() if key != "training"}
        training = config["training"] | model["training"]
        training = {key: value for key, value in training.items() if key not in MACHINE_KEYS}
        for path in sorted((results / "models" / name).rglob("model.json")):
            if not path.with_suffix(".ckpt").exists():
                continue
            try:
                facts = json.loads(path.read_text())
            except ValueError:  # whoever reads it next will say so
                continue
            for section, wanted in (("model", settings), ("training", training)):
                expected = {"training": wanted}
                difference = _difference("training", None, facts.get(section, {}), expected)
                if difference:
                    yield path.with_suffix(".ckpt"), difference
                    break


def outdated(config, results, *, clips=None):
    """Return what was made with other settings or by another version than now.

    Parameters
    ----------
    config : dict, resolved
    results : path-like
    clips : collection of str, optional
        Ids of the clips there are; tables of others do not matter.

    Returns
    -------
    list of (stage, path, difference as text)
    """
    results, expected, found = Path(results), _expected(config), []
    for path, stage, version, settings in _tables(results):
        clip = "/".join(path.relative_to(results).parts[-3:]).split(".")[0]
        if clips is not None and stage in _OF_CLIPS and clip not in clips:
            continue
        if stage == "audio":
            dataset = config["datasets"].get(clip.split("/")[0], {})
            expected["audio"] = {**config["audio"], "late_ms": dataset.get("sound_late_ms", 0)}
        difference = _difference(stage, version, settings, expected)
        if difference:
            found.append((stage, path, difference))
    return found + [("training", path, difference) for path, difference in _models(config, results)]


def told(found):
    """One line a stage and difference: how many files, and one of them."""
    groups = {}
    for stage, path, difference in found:
        groups.setdefault((stage, difference), []).append(path)
    return [f"{stage}: {len(paths)} files, e.g. {paths[0]}: {text}" for (stage, text), paths in groups.items()]


def run(args):
    from speechface.config import load
    from speechface.datasets.base import list_clips

    config = load(args.config)
    found = outdated(config, args.results, clips={clip.id for clip in list_clips(config)})
    for line in told(found):
        print(line)
    if not found:
        logging.info("%s: everything agrees with %s", args.results, args.config)
    elif args.remove:
        for _, path, _ in found:
            path.unlink(missing_ok=True)
        logging.info("%d files removed; the next run makes them again", len(found))
    else:
        raise SpeechfaceError(
            f"{len(found)} files were made with other settings or by other versions than {args.config} asks for; "
            "--remove removes them, and the next run makes them again"
        )
