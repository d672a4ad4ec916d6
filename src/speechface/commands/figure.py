"""Draw one figure of the paper as .pdf and .png, and where it is also a table, that as .csv and .tex.

Each figure reads only the inputs named for it:

  features     --clips and --spectrogram-dir, --acoustics-dir or both
  landmarks    --clips --labels-dir --predictions-dir --rig
  alignment    --clips --labels-dir --identity-dir --rig [--videos-root]
  labels_overview  --clips --quality --landmarks-dir --labels-dir --identity-dir --rig [--videos-root]
  training     --logs
  comparison   --metrics
  models       --models
  emotions     --metrics
  workflow     --graph

Inputs that hold nothing to show give a figure that says so in words.
"""

import logging

from speechface.commands.common import add_settings, settings_of
from speechface.errors import ConfigError
from speechface.figures.registry import FIGURES, module_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Add this command's options."""
    parser.add_argument("name", choices=FIGURES, metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--out-stem", required=True, help="path of the figure without .pdf and .png")
    parser.add_argument("--table-stem", help="path of its table without .csv and .tex (comparison, models, emotions)")
    parser.add_argument("--clips", metavar="PARQUET", help="clip table")
    for name, what in (("spectrogram", "spectrogram tables"), ("acoustics", "acoustic feature tables"),
                       ("landmarks", "landmark tables"), ("labels", "label tables"),
                       ("predictions", "prediction tables of one model and seed"),
                       ("identity", "identities of actors")):  # fmt: skip
        parser.add_argument(f"--{name}-dir", metavar="DIR", help=f"folder of the {what}")
    parser.add_argument(
        "--videos-root", metavar="DIR", help="folder that the clip table's paths start at; default: here"
    )
    parser.add_argument("--quality", metavar="PARQUET", help="table of label-report")
    parser.add_argument("--rig", metavar="NPZ", help="rig")
    parser.add_argument("--metrics", metavar="PARQUET", help="table of summarise-metrics")
    parser.add_argument("--models", metavar="PARQUET", help="table of compare-models")
    parser.add_argument(
        "--logs", nargs="+", metavar="CSV", help="training logs, .../MODEL/SEED/log.csv or MODEL/SEED=PATH"
    )
    parser.add_argument("--graph", metavar="DOT", help="text of 'snakemake --rulegraph dot'")
    add_settings(parser, "figures")


def run(args):
    """Run the command."""
    from speechface.figures.common import NothingToShow
    from speechface.figures.style import message, save, styled
    from speechface.figures.table_files import write_csv, write_tex

    dpi = settings_of(args)["dpi"]
    module = module_of(args.name)
    inputs = {name: getattr(args, name) for name in module.INPUTS}
    missing = [name for name, needed in module.INPUTS.items() if needed and not inputs[name]]
    if missing:
        raise ConfigError(f"figure '{args.name}' needs --{missing[0].replace('_', '-')}")
    if args.table_stem and not hasattr(module, "rows"):
        raise ConfigError(f"figure '{args.name}' has no table; leave out --table-stem")
    with styled():
        columns, rows, text = [("note", "note")], [], ""
        try:
            data = module.collect(inputs)
            figure = module.draw(data)
            columns, rows = module.rows(data) if args.table_stem else (columns, rows)
        except NothingToShow as reason:
            text, rows = str(reason), [{"note": str(reason)}]
            figure = message(f"{args.name}: {text}")
        save(figure, args.out_stem, dpi)
    if args.table_stem:
        write_csv(f"{args.table_stem}.csv", columns, rows)
        write_tex(f"{args.table_stem}.tex", columns, rows)
    logging.info("%s.pdf and .png%s", args.out_stem, f": nothing to show, {text}" if text else "")
