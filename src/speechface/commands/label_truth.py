"""Compare the labels of synthetic clips with their exact truth.

Writes one row a channel of every clip that both have rows of: correlation, slope and mean absolute error of the weight,
and the clip's errors in mm and degrees.
"""

import argparse
import logging
from typing import TYPE_CHECKING, Any

from speechface.columns import ID_COLUMNS
from speechface.commands.common import columns_of, write_csv

if TYPE_CHECKING:
    from speechface.clip_tables import ClipTables
    from speechface.rig.rig import Rig

__all__ = ["add_arguments", "run"]

LOG = logging.getLogger(__name__)

_ERRORS = ("mouth_mm", "inner_mm", "rotation_deg", "rotation_absolute_deg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--labels", required=True, nargs="+", metavar="PARQUET", help="label tables of the clips")
    parser.add_argument("--truth", required=True, nargs="+", metavar="PARQUET", help="tables of exact truth")
    parser.add_argument("--rig", required=True, metavar="NPZ", help="rig of the labels")
    parser.add_argument("--out", required=True, metavar="PARQUET", help="table of errors to write")
    parser.add_argument("--csv", metavar="CSV", help="the table of errors as text, too")


def run(args: argparse.Namespace) -> None:
    from speechface.clip_tables import ClipTables
    from speechface.errors import TableError
    from speechface.rig.rig import Rig
    from speechface.tables import write_table

    rig = Rig.load(args.rig)
    truth, labels = ClipTables(args.truth), ClipTables(args.labels)
    labels.require_channels(rig.channels, f"rig {args.rig}")
    compared = [_compare(clip_id, truth, labels, rig) for clip_id in labels if clip_id in truth]
    rows = [row for found in compared for row in found]
    if not rows:
        raise TableError(f"{' '.join(args.truth)}: no truth of any usable clip")
    columns = columns_of(rows, {}, (*ID_COLUMNS, "channel"))
    write_table(args.out, columns, stage="label_report", meta={"rig": rig.name})
    write_csv(args.csv, columns)
    mean = {name: float(columns[name].mean()) for name in _ERRORS}
    clips = sum(map(bool, compared))
    LOG.info("%s: %d clips, %s", args.out, clips, ", ".join(f"{k} {v:.2f}" for k, v in mean.items()))


def _compare(clip_id: str, truths: "ClipTables", tables: "ClipTables", rig: "Rig") -> list[dict[str, Any]]:
    """The truth rows of one clip: one a channel, none without truth or labels."""
    import numpy as np

    from speechface.errors import TableError
    from speechface.fitting.quality import compare_with_truth
    from speechface.geometry.rotation import matrix_from_euler
    from speechface.rig.channels import ROTATIONS, on_channels

    if any(table.entry(clip_id)["status"] != "ok" for table in (truths, tables)):
        return []
    known = truths.channels(clip_id)
    truth = truths.read(clip_id, ("frame", *ROTATIONS, *known))
    labels = tables.read(clip_id, ("used", "frame", *ROTATIONS, *rig.channels))
    used = np.flatnonzero(labels["used"])
    common, at_label, at_truth = np.intersect1d(labels["frame"][used], truth["frame"], return_indices=True)
    if not len(common):
        raise TableError(f"{clip_id}: no frame in common of labels and truth")
    chosen = used[at_label]
    rotation = np.array(labels.meta["rotation_reference"]) @ matrix_from_euler(labels.stack(ROTATIONS)[chosen])
    channels, whole = compare_with_truth(
        labels.stack(rig.channels)[chosen], on_channels(truth.stack(known)[at_truth], known, rig.channels), rotation,
        matrix_from_euler(truth.stack(ROTATIONS)[at_truth]), rig.shapes[:, rig.landmarks].astype(float),
    )  # fmt: skip
    start = dict(zip(ID_COLUMNS, clip_id.split("/"), strict=True))
    return [
        {**start, "channel": name, **{key: values[k] for key, values in channels.items()}, **whole}
        for k, name in enumerate(rig.channels)
    ]
