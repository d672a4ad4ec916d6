"""Print a reference: all configuration keys (from their classes) or all metrics (from the registry), as Markdown.

`schema` prints the configuration as a JSON schema, which editors take to check and complete a config file.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from speechface.registry import Registry
from speechface.settings import Settings

__all__ = ["add_arguments", "run", "config_page", "metrics_page", "schema_page", "PAGES"]

_HEAD = """# Configuration

Every key of a config file, made from the classes of the settings by `make docs`. Check a file with
`speechface check-config FILE`: it prints the file with all defaults filled in. Unknown keys stop the run.
`speechface reference schema` prints the same as a JSON schema, for editors.
"""

_METRICS_HEAD = """# Metrics

Every metric of `results/evaluation/metrics.parquet`, made from the registry by `make docs`. Millimetres are measured on
the rig at mean identity without head motion. Channels that no landmark shows do not count. Values of groups follow from
sums over all their frames; intervals are 95 % percentile bootstrap intervals over actors and
their clips (over clips alone where there is one actor).

"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", choices=tuple(PAGES), help=" or ".join(PAGES))


#: Bound of a number, as pydantic keeps it -> how it reads.
_BOUNDS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}", "multiple_of": "multiple of {}"}
_KINDS = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null", Any: "anything"}


def _kind(annotation: Any) -> str:
    """What values a type allows, in words."""
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is list:
        return f"list of {_kind(get_args(annotation)[0])}"
    if get_origin(annotation) is dict:
        return "keys and values"
    if annotation in _KINDS:
        return _KINDS[annotation]
    return " or ".join(_kind(inner) for inner in get_args(annotation) if inner in _KINDS or get_args(inner))


def _rows(kind: type[Settings], names: list[str], prefix: str = "") -> list[str]:
    """A row of Markdown for every key."""
    from speechface.config import choices

    rows = []
    for name in names:
        field = kind.model_fields[name]
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            rows += _rows(field.annotation, list(field.annotation.model_fields), f"{prefix}{name}.")
            continue
        default = "required" if field.is_required() else f"`{json.dumps(field.default)}`"
        bounds = [
            text.format(getattr(limit, bound))
            for limit in field.metadata
            for bound, text in _BOUNDS.items()
            if getattr(limit, bound, None) is not None
        ]
        named = "list of " * (get_origin(field.annotation) is list) + " or ".join(f"`{x}`" for x in choices(kind, name))
        allowed = named if choices(kind, name) else _kind(field.annotation)
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{prefix}{name}` | {default} | {', '.join([allowed, *bounds])} | {meaning} |")
    return rows


def _table(kind: type[Settings], names: list[str]) -> str:
    return "\n".join(["| key | default | allowed | meaning |", "|---|---|---|---|", *_rows(kind, names)]) + "\n"


def _doc(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _own(kind: type[Settings]) -> list[str]:
    """Keys that a class adds to those above it, or for which it has another default."""
    return [name for name in vars(kind).get("__annotations__", {}) if name in kind.model_fields]


def _by_member(title: str, base: type[Settings], members: Mapping[str, type[Settings]], decides: str) -> list[str]:
    """Keys of entries whose key `decides` says which class they are of: first the common ones, then each member's."""
    parts = [f"## `{title}`\n\n{_doc(base)}\n", _table(base, list(base.model_fields))]
    holders: dict[type[Settings], list[str]] = {}
    for name, kind in members.items():
        for above in reversed(kind.__mro__):
            if issubclass(above, Settings) and not issubclass(base, above) and _own(above):
                holders.setdefault(above, []).append(f"`{decides}: {name}`")
    for kind in sorted(holders, key=lambda kind: -len(holders[kind])):
        training = ", ".join(f"`{key}: {value}`" for key, value in vars(kind).get("TRAINING", {}).items())
        text = _doc(kind) + (f" Trains with {training}, unless `training` here says otherwise." if training else "")
        parts.append(f"### `{title}` with {', '.join(holders[kind])}\n\n{text}\n\n{_table(kind, _own(kind))}")
    return parts


def _settings_of(registry: Registry, attribute: str) -> dict[str, type[Settings]]:
    return {name: getattr(registry[name], attribute) for name in registry}


def config_page() -> str:
    """All configuration keys as one Markdown text."""
    from speechface.audio.features import FEATURES
    from speechface.config import TopLevel, choices
    from speechface.datasets.base import ADAPTERS, DatasetSettings
    from speechface.landmarks.detector import DetectorSettings
    from speechface.landmarks.detectors import DETECTORS
    from speechface.networks.families import FAMILIES
    from speechface.networks.families.base import ModelSettings
    from speechface.sections import SECTIONS

    adapters, detectors = _settings_of(ADAPTERS, "Settings"), _settings_of(DETECTORS, "settings")
    parts = [_HEAD, *_by_member("datasets.<name>", DatasetSettings, adapters, "adapter")]
    parts.append(f"## Top level\n\n{_table(TopLevel, list(TopLevel.model_fields))}")
    sections: dict[str, type[Settings]] = dict(SECTIONS)
    for name in ("audio", *FEATURES, "landmarks", "crops", "rig", "labels", "quality", "models", *SECTIONS):
        if name == "landmarks":
            parts += _by_member(name, DetectorSettings, detectors, "detector")
        elif name == "models":
            families = {family: FAMILIES[family].settings for family in choices(ModelSettings, "family")}
            parts += _by_member("models.<name>", ModelSettings, families, "family")
        elif name in FEATURES or name in sections:
            kind = sections.pop(name) if name in sections else FEATURES[name].settings
            parts.append(f"## {name}\n\n{_doc(kind)}\n\n{_table(kind, list(kind.model_fields))}")
    return "\n".join(parts)


def schema_page() -> str:
    """The configuration as a JSON schema."""
    from pydantic.json_schema import models_json_schema

    from speechface.audio.features import FEATURES
    from speechface.config import TopLevel, choices
    from speechface.datasets.base import ADAPTERS
    from speechface.landmarks.detectors import DETECTORS
    from speechface.networks.families import FAMILIES
    from speechface.networks.families.base import ModelSettings
    from speechface.sections import SECTIONS

    adapters, detectors = _settings_of(ADAPTERS, "Settings"), _settings_of(DETECTORS, "settings")
    features = _settings_of(FEATURES, "settings")
    families = {family: FAMILIES[family].settings for family in choices(ModelSettings, "family")}
    groups = (adapters, detectors, families, features, SECTIONS, {"": TopLevel})
    kinds = [kind for group in groups for kind in group.values()]
    references, definitions = models_json_schema([(kind, "validation") for kind in kinds])

    def of(kind: type[Settings]) -> dict[str, Any]:
        return dict(references[(kind, "validation")])

    def chosen(members: Mapping[str, type[Settings]], key: str) -> dict[str, Any]:
        """An entry whose `key` says of which class it is; without it, of the one that has it as its default."""
        choices: list[dict[str, Any]] = []
        for name, kind in members.items():
            field = next(iter(members.values())).model_fields[key]
            needed = [] if field.default == name else [key]
            choices.append({"allOf": [of(kind), {"properties": {key: {"const": name}}, "required": needed}]})
        return {"anyOf": choices}

    top = definitions["$defs"][of(TopLevel)["$ref"].rsplit("/", 1)[1]]["properties"]
    properties = {
        "datasets": {"type": "object", "additionalProperties": chosen(adapters, "adapter"), "minProperties": 1},
        "models": {"type": "object", "additionalProperties": chosen(families, "family")},
        "landmarks": chosen(detectors, "detector"),
        **{name: of(kind) for name, kind in {**SECTIONS, **features}.items()},
    }
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of speechface",
        "type": "object",
        "properties": top | properties,
        "required": ["datasets"],
        "additionalProperties": False,
        "$defs": definitions["$defs"],
    }
    return json.dumps(found, indent=2) + "\n"


def metrics_page() -> str:
    """All metrics as one Markdown text."""
    from speechface.metrics.registry import METRICS

    rows = ["| metric | unit | better | meaning |", "|---|---|---|---|"]
    for name, metric in METRICS.items():
        meaning = metric.meaning.replace("|", "\\|")
        rows.append(f"| `{name}` | {metric.unit} | {metric.better} | {meaning} |")
    return _METRICS_HEAD + "\n".join(rows) + "\n"


PAGES = {"config": config_page, "metrics": metrics_page, "schema": schema_page}


def run(args: argparse.Namespace) -> None:
    sys.stdout.write(PAGES[args.page]())
