"""List every clip of the configured datasets: one row a clip, with its planned split.

The datasets come from a config file or from a JSON text with the keys ``datasets`` and ``demo``.
"""

import json
import logging
from collections import Counter

import numpy as np

from speechface.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    parser.add_argument("--config", required=True, help="config file (YAML), or its JSON text")
    parser.add_argument("--out", required=True, help="clip table to write (.parquet)")


def run(args):
    from speechface.config import load, resolve
    from speechface.datasets.base import CLIP_COLUMNS, list_clips
    from speechface.tables import write_table

    if args.config.lstrip().startswith("{"):
        try:
            config = resolve(json.loads(args.config), "--config")
        except json.JSONDecodeError as error:
            raise ConfigError(f"--config: not valid JSON: {error}") from None
    else:
        config = load(args.config)
    clips = list_clips(config)
    columns = {name: np.array([getattr(clip, name) for clip in clips], object) for name in CLIP_COLUMNS}
    write_table(args.out, columns, stage="clips", settings={"datasets": config["datasets"]})
    counts = Counter(clip.split for clip in clips)
    logging.info("%d clips: %s", len(clips), ", ".join(f"{n} {split}" for split, n in sorted(counts.items())))
