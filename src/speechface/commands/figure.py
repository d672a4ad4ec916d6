"""Draw one figure of the paper as .pdf and .png, and where it is also a table, that as .csv and .tex.

Each figure reads only the inputs that are its own. Inputs with nothing to show give a figure that says so in words.
"""

import argparse
import logging
from typing import Any

from speechface.commands.common import add_settings, settings_of
from speechface.errors import ConfigError
from speechface.figures.inputs import add_inputs, inputs_of
from speechface.figures.registry import FIGURES

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("name", choices=FIGURES, metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--out-stem", required=True, help="path of the figure without .pdf and .png")
    parser.add_argument("--table-stem", help="path of its table without .csv and .tex, where it is one")
    parser.add_argument("--order", nargs="*", default=[], metavar="MODEL", help="all models of a run: a colour each")
    add_inputs(parser)
    add_settings(parser, "figures")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from speechface.figures.common import NothingToShow
    from speechface.figures.style import message, save, styled
    from speechface.figures.table_files import write_csv, write_tex
    from speechface.metrics.registry import METRICS

    dpi = settings_of(args).dpi
    figure = FIGURES[args.name]
    inputs = inputs_of(args, args.name, figure)
    if args.table_stem and not hasattr(figure, "rows"):
        raise ConfigError(f"figure '{args.name}' has no table; leave out --table-stem")
    with styled(args.order):
        columns, text = [("note", "note")], ""
        rows: list[dict[str, Any]] = []
        try:
            data = figure.collect(inputs)
            columns, rows = figure.rows(data) if args.table_stem else (columns, rows)
            drawn = figure.draw(data)
        except NothingToShow as reason:
            text, rows = str(reason), rows or [{"note": str(reason)}]
            drawn = message(f"{args.name}: {text}")
        save(drawn, args.out_stem, dpi, note=text)
    if args.table_stem:
        write_csv(f"{args.table_stem}.csv", columns, rows)
        paper = [column for column in columns if column[0] in getattr(figure, "PAPER", ())] or columns
        better = {name: metric.better for name, metric in METRICS.items()}
        write_tex(f"{args.table_stem}.tex", paper, rows, block="block", better=better)
    LOG.info("%s.pdf and .png%s", args.out_stem, f": nothing to show, {text}" if text else "")
