"""Write the page that shows a run: faces that move, scores beside trivial references, labels, data, figures, costs.

The folder of --out is complete: index.html and media/ with the videos of render-examples, figures, and tables. It opens
offline and may be copied anywhere. --forward, if given, is a page elsewhere that leads there.
"""

import argparse
import json
import logging
import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from speechface.seals import read_json

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

_PACKAGES = ("torch", "numpy", "snakemake")
_TRUTH = (
    "The same models and the labels themselves against the exact motion of synthetic actors: the row labels is what "
    "the fit to the video misses, the others add what the prediction from sound misses."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table with the final split")
    parser.add_argument("--quality", required=True, metavar="PARQUET", help="table of label-report")
    parser.add_argument("--truth", metavar="PARQUET", help="table of label-truth, where there is one")
    parser.add_argument("--models", metavar="PARQUET", help="table of compare-models; none where nothing is trained")
    parser.add_argument("--facts", nargs="*", default=[], metavar="JSON", help="facts of trained models (model.json)")
    parser.add_argument("--examples", metavar="JSON", help="what render-examples wrote beside its videos")
    parser.add_argument("--figures", nargs="*", default=[], metavar="PNG", help="figures; their PDFs lie beside them")
    parser.add_argument("--tables", nargs="*", default=[], metavar="FILE", help="tables to go along")
    parser.add_argument("--benchmarks", metavar="DIR", help="benchmark files of the jobs")
    parser.add_argument("--config", nargs="*", default=[], metavar="YAML", help="config files of the run")
    parser.add_argument("--adapters", default="{}", metavar="JSON", help="adapter of every dataset")
    parser.add_argument("--forward", metavar="HTML", help="a page elsewhere that leads to this one")
    parser.add_argument("--out", required=True, metavar="HTML", help="page to write, e.g. results/page/index.html")


def _models(paths: list[str]) -> dict[str, dict[str, Any]]:
    """Facts of trained models by name, of the first seed."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        facts = read_json(path)
        found.setdefault(facts["name"], facts)
    return found


def _figures(paths: list[str], media: Path) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """Copy the figures; return the captions of those that show something, why the others show nothing, and which are
    wide."""
    from speechface.figures.registry import FIGURES
    from speechface.figures.style import is_wide, note_of

    captions, empty, wide = {}, {}, set()
    for path in map(Path, paths):
        if note := note_of(path):
            empty[path.stem] = note
            continue
        for file in (path, path.with_suffix(".pdf")):
            shutil.copyfile(file, media / file.name)
        wide |= {path.stem} if is_wide(path) else set()
        captions[path.stem] = _TRUTH if path.stem == "truth" else FIGURES[path.stem].CAPTION
    return captions, empty, wide


def run(args: argparse.Namespace) -> None:
    from speechface.commands.job_report import read_jobs
    from speechface.files import write_file
    from speechface.page import facts, scores
    from speechface.page.html import Section, document, escape
    from speechface.provenance import provenance
    from speechface.tables import read_table

    media = Path(args.out).parent / "media"
    media.mkdir(parents=True, exist_ok=True)
    for kind in ("png", "pdf", "csv", "tex"):  # of an earlier run
        for path in media.glob(f"*.{kind}"):
            path.unlink()
    clips, quality = (read_table(path).columns for path in (args.clips, args.quality))
    truth = read_table(args.truth).columns if args.truth else None
    adapters, made = json.loads(args.adapters), provenance()
    title = f"speechface: {', '.join(adapters) or 'a run'}"
    first, parts = [f"<h1>{escape(title)}</h1>"], []
    if args.models and args.examples:
        table, trained = scores.Scores(read_table(args.models)), _models(args.facts)
        example = json.loads(Path(args.examples).read_text())
        shown, split = example["model"], example["split"]
        words = scores.sentences(table, clips, shown, trained.get(shown, {}), split)
        paragraphs = "".join(f"<p>{sentence}</p>" for sentence in words)
        first += [scores.examples(example, clips), f'<div class="sentences">{paragraphs}</div>']
        parts += [
            Section("models", "Models", scores.models(table, trained, shown)),
            Section("report", "Beside the report of 2019", scores.report_numbers(table, trained, shown, split)),
        ]
    for path in args.tables:
        shutil.copyfile(path, media / Path(path).name)
    texts = {Path(path).name: Path(path).read_text() for path in args.config}
    versions = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    parts += [
        Section("figures", "Figures", facts.figures(*_figures(args.figures, media))),
        Section("labels", "Labels", facts.labels(quality, truth)),
        Section("data", "Data", facts.data(clips, adapters)),
        Section("costs", "Costs", facts.jobs(read_jobs(args.benchmarks)) if args.benchmarks else ""),
        Section("tables", "Tables", facts.files([Path(path).name for path in args.tables])),
        Section("made", "Config and commit", facts.config(texts, made, versions)),
        Section("cite", "How to cite", facts.cite(made, adapters)),
    ]
    write_file(args.out, document(title, "\n".join(first), parts))
    if args.forward:
        target = os.path.relpath(args.out, Path(args.forward).parent)
        write_file(args.forward, f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title>'
                             f'<meta http-equiv="refresh" content="0; url={escape(target)}">'
                             f'<a href="{escape(target)}">{escape(title)}</a>\n')  # fmt: skip
    LOG.info("%s: %s", args.out, ", ".join(part.heading for part in parts if part.markup))
