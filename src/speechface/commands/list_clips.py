"""List every clip of the configured datasets: one row a clip, with its planned split.

The datasets come from a config file or from the JSON text of one. `path` is where the clip's images and sound come from
(`speechface.sources`).
"""

import argparse
import json
import logging
from collections import Counter

from speechface.errors import ConfigError

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="config file (YAML), or its JSON text")
    parser.add_argument("--out", required=True, help="clip table to write (.parquet)")


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from speechface.config import load, plan_clips, resolve
    from speechface.datasets.base import CLIP_COLUMNS, list_clips
    from speechface.tables import write_table

    if args.config.lstrip().startswith("{"):
        try:
            config = resolve(json.loads(args.config), "--config")
            clips = list_clips(config.datasets)
        except json.JSONDecodeError as error:
            raise ConfigError(f"--config: not valid JSON: {error}") from None
    else:
        config = load(args.config)
        clips = plan_clips(config, args.config)
    columns = {name: np.array([getattr(clip, name) for clip in clips], object) for name in CLIP_COLUMNS}
    write_table(args.out, columns, stage="clips", settings={"datasets": config.dump()["datasets"]})
    counts = Counter(clip.split or "" for clip in clips)
    LOG.info("%d clips: %s", len(clips), ", ".join(f"{n} {split}" for split, n in sorted(counts.items())))
