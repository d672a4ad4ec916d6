"""Write a card beside every trained network, and an RO-Crate of the run: what its files are and what made them.

Cards are README.md in the form of Hugging Face, the crate is ro-crate-metadata.json in the folder of results.
"""

import argparse
import json
import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from speechface.errors import ConfigError
from speechface.seals import read_json

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

#: What the crate lists, where it is there.
_FILES = {
    "page/index.html": "the page that shows the run",
    "clips.parquet": "all clips",
    "splits/clips.parquet": "all clips with the side they are on, and why some are not used",
    "labels/quality.parquet": "quality of the labels of every clip",
    "evaluation/metrics.parquet": "every metric of every model, with 95 % intervals",
    "evaluation/metrics.csv": "the same as text",
    "evaluation/models.parquet": "means over seeds and paired differences",
    "rig/rig.npz": "the face that labels and predictions move",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", required=True, metavar="PARQUET", help="clip table with the final split")
    parser.add_argument("--models", required=True, metavar="PARQUET", help="table of compare-models")
    parser.add_argument("--facts", nargs="+", required=True, metavar="JSON", help="model.json of every network")
    parser.add_argument("--adapters", default="{}", metavar="JSON", help="adapter of every dataset")
    parser.add_argument("--detector", default="dlib", help="landmark detector of the labels")
    parser.add_argument("--config", nargs="*", default=[], metavar="YAML", help="config files; copied beside the crate")
    parser.add_argument(
        "--out", required=True, metavar="JSON", help="ro-crate-metadata.json, in the folder it describes"
    )


def run(args: argparse.Namespace) -> None:
    from speechface.files import write_file
    from speechface.page.card import model_card
    from speechface.page.crate import crate
    from speechface.page.scores import Scores
    from speechface.provenance import provenance
    from speechface.tables import read_table

    if Path(args.out).name != "ro-crate-metadata.json":
        raise ConfigError(f"--out: {args.out}: an RO-Crate is found by the name ro-crate-metadata.json")
    root = Path(args.out).parent
    adapters = json.loads(args.adapters)
    clips, scores = read_table(args.clips).columns, Scores(read_table(args.models))
    files = {place: text for place, text in _FILES.items() if (root / place).exists()}
    config = []
    for path in map(Path, args.config):
        target = root / "config" / path.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
        config.append(target.relative_to(root).as_posix())
        files[config[-1]] = "config of the run"
    for path in map(Path, args.facts):
        facts = read_json(path)
        card = path.with_name("README.md")
        write_file(card, model_card(facts, clips, scores, adapters=adapters, detector=args.detector))
        for file, text in ((path.with_name("model.ckpt"), "network"), (card, "card"), (path, "settings and history")):
            files[os.path.relpath(file, root)] = f"{text} of {facts['name']}, seed {facts['seed']}"
    date = datetime.fromtimestamp(max((root / place).stat().st_mtime for place in files), UTC)
    content = crate(files, name=f"speechface: {', '.join(adapters)}", config=config, made=provenance(),
                    description="From videos of people speaking to trained networks, metrics, figures and clips.",
                    date=date.isoformat(timespec="seconds"))  # fmt: skip
    write_file(args.out, json.dumps(content, indent=1) + "\n")
    LOG.info("%d cards; %d files described in %s", len(args.facts), len(files), args.out)
