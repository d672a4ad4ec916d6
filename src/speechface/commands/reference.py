"""Print a reference page as Markdown: all configuration keys (from the schema) or all metrics (from the registry)."""

import json
import sys

__all__ = ["add_arguments", "run", "config_page", "metrics_page", "PAGES"]

_HEAD = """# Configuration

Every key of a config file, made from the schema by `make docs`. Check a file with `speechface check-config FILE`: it
prints the file with all defaults filled in. Unknown keys stop the run.
"""

_METRICS_HEAD = """# Metrics

Every metric of `results/evaluation/metrics.parquet`, made from the registry by `make docs`. Millimetres are measured on
the rig at mean identity without head motion. Channels that no landmark shows do not count. Values of groups follow from
sums over all their frames; intervals are 95 % percentile bootstrap intervals over actors and
their clips (over clips alone where there is one actor).

"""


def add_arguments(parser):
    parser.add_argument("page", choices=("config", "metrics"), help="config or metrics")


def _kind(node):
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    kind = node.get("type", "")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if kind == "array":
        kind = "list"
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum")
    if low is not None and high is not None:
        return f"{kind}, {low} to {high}"
    if low is not None:
        return f"{kind}, {'above' if 'exclusiveMinimum' in node else 'at least'} {low}"
    return kind


def _rows(node):
    rows = ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    for key, child in node["properties"].items():
        if child.get("type") == "object" and "properties" in child:
            for inner, grandchild in child["properties"].items():
                rows.append(_row(f"{key}.{inner}", grandchild))
        else:
            rows.append(_row(key, child))
    return rows


def _row(key, node):
    default = f"`{json.dumps(node['default'])}`" if "default" in node else "required"
    meaning = node["description"].replace("|", "\\|")
    return f"| `{key}` | {default} | {_kind(node)} | {meaning} |"


def config_page():
    """All configuration keys as one Markdown text."""
    from speechface.config import schema

    parts = [_HEAD]
    for name, node in schema()["properties"].items():
        named = node.get("additionalProperties")
        inner = named if isinstance(named, dict) and "properties" in named else node
        title = f"{name}.<name>" if inner is named else name
        parts.append(f"## {title}\n\n{node['description']}\n")
        if "properties" in inner:
            parts.append("\n".join(_rows(inner)) + "\n")
        elif "default" in node:
            parts.append(f"Default: `{json.dumps(node['default'])}`\n")
    return "\n".join(parts)


def metrics_page():
    """All metrics as one Markdown text."""
    from speechface.metrics.registry import METRICS

    rows = ["| metric | unit | better | meaning |", "|---|---|---|---|"]
    for name, metric in METRICS.items():
        meaning = metric.meaning.replace("|", "\\|")
        rows.append(f"| `{name}` | {metric.unit} | {metric.better} | {meaning} |")
    return _METRICS_HEAD + "\n".join(rows) + "\n"


PAGES = {"config": config_page, "metrics": metrics_page}


def run(args):
    sys.stdout.write(PAGES[args.page]())
