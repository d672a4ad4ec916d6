"""Write the first page of the report: what was learned from, how well, where to look, and what made it.

Snakemake's report opens on the workflow's description beside the graph of all jobs, which nobody can read here.
The page is that description (`report:` in the Snakefile); the style sheet, for `--report-stylesheet`, shows the
image of the rules in place of that graph.
"""

import argparse
import base64
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["add_arguments", "run", "data_lines", "scores_as_rst"]

LOG = logging.getLogger(__name__)

_SPLITS = {"train": "for training", "test": "for testing", "predict": "for prediction only", "excluded": "left out"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table with splits")
    parser.add_argument(
        "--metrics", metavar="PARQUET", help="table of summarise-metrics; none where nothing is trained"
    )
    parser.add_argument("--figure", metavar="PNG", help="image of the workflow")
    parser.add_argument("--config", nargs="*", default=[], metavar="YAML", help="config files, to be named")
    parser.add_argument("--out", required=True, metavar="RST", help="page to write")
    parser.add_argument("--style-out", required=True, metavar="CSS", help="style sheet to write")


def _count(number: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def data_lines(clips: Mapping[str, Any]) -> list[str]:
    """One line a dataset: speakers, clips and frames of each use. `clips`: the table of splits, columns by name."""
    import pandas as pd

    frame = pd.DataFrame({name: clips[name] for name in ("dataset", "actor", "split", "n_frames")})
    lines = []
    for dataset, rows in frame.groupby("dataset", sort=False):
        uses = [
            f"{_count(len(part), 'clip')} {text}"
            for split, text in _SPLITS.items()
            if len(part := rows[rows.split == split])
        ]
        speakers, frames = _count(rows.actor.nunique(), "speaker"), _count(int(rows.n_frames.sum()), "frame")
        lines.append(f"**{dataset}**: {speakers}, {frames}; {', '.join(uses)}")
    return lines


def _two(number: float) -> str:
    """Two decimals, and no minus before a zero."""
    return f"{round(number, 2) + 0.0:.2f}"


def scores_as_rst(path: str | Path) -> str:
    """The table of models as reStructuredText: one row a model and seed, values with 95 % intervals."""
    from speechface.figures.common import NothingToShow
    from speechface.figures.scores import ordered_models, read_scores

    metrics = ("rmse_mouth_mm", "lip_gap_r", "r2_mouth")
    try:
        scores = read_scores(path, group="all", metrics=list(metrics))
    except NothingToShow as reason:
        return str(reason)
    head = ["model", "seed", "mouth RMSE, mm", "lip-gap r", "mouth R2"]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    rows = [head]
    for model in ordered_models(scores, "rmse_mouth_mm"):
        for seed in sorted({s.seed for s in scores.of(model=model)}):
            row = [model, str(seed)]
            for metric in metrics:
                found = scores.of(model=model, seed=seed, metric=metric)
                row.append(
                    "{} [{}, {}]".format(*map(_two, (found[0].value, found[0].low, found[0].high))) if found else "-"
                )
            rows.append(row)
    for row in rows:
        lines += [f"   {'* ' if k == 0 else '  '}- {cell}" for k, cell in enumerate(row)]
    count = max(s.n_clips for s in scores.scores)
    return "\n".join(
        [*lines, "", f"Evaluated on {count} {scores.place}; least mouth error first. Brackets: 95 % intervals."]
    )


def _style(figure: str | None) -> str:
    """Style sheet: readable tables, and the image of the rules in place of the graph of jobs."""
    rules = [
        "#rulegraph > * { display: none; }",
        "#app nav, #app nav li { color: white; font-size: 0.875rem; }",
        "#app .grow.flex { align-items: flex-start; justify-content: flex-start; min-width: 0; }",
        "#app .prose { max-width: none; font-size: 0.85rem; line-height: 1.4; }",
        "#app .prose p { margin: 0.6em 0; }",
        "#app .prose .rubric { font-size: 1.05rem; font-weight: 600; margin: 1.2em 0 0.2em; }",
        "#app .prose table { width: auto; margin: 0.4em 0; border-collapse: collapse; }",
        "#app .prose th, #app .prose td { padding: 0.1em 1.2em 0.1em 0; text-align: left; white-space: nowrap; }",
        "#app .prose th p, #app .prose td p { margin: 0.1em 0; }",
    ]
    if figure:
        text = base64.b64encode(Path(figure).read_bytes()).decode()
        rules.append(
            "#rulegraph { flex: 1; width: 36rem; height: 95vh; background: "
            f"url(data:image/png;base64,{text}) no-repeat top left / contain; }}"
        )
    return "\n".join(rules) + "\n"


def run(args: argparse.Namespace) -> None:
    from speechface.files import written_whole
    from speechface.provenance import provenance
    from speechface.tables import read_table

    clips = read_table(args.clips)
    made = provenance()
    commit = f", commit {made['commit'][:12]}{' with changes' if made['dirty'] else ''}" if made["commit"] else ""
    page = {"Data": "\n\n".join(data_lines(clips.columns))}
    if args.metrics:
        page["Models"] = scores_as_rst(args.metrics)
    page["Where to look"] = (
        "In the menu on the left:\n\n"
        "- **Videos**: face, labels and prediction side by side\n"
        "- **Figures**, **Results**: figures, tables and scores\n"
        "- **Labels**: how good the labels of every clip are\n"
        "- **Statistics**: what the jobs cost"
    )
    page["Made by"] = f"speechface {made['speechface']}{commit}; config: {', '.join(args.config) or 'defaults'}"
    front = "\n\n".join(f".. rubric:: {head}\n\n{body}" for head, body in page.items()) + "\n"
    for path, text in ((args.out, front), (args.style_out, _style(args.figure))):
        with written_whole(path) as temporary:
            Path(temporary).write_text(text)
    LOG.info("%s: %s", args.out, ", ".join(page))
