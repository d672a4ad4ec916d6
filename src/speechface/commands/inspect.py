"""Take one clip through all steps up to its labels and tell what was read, used and masked, and why.

Without --picture nothing but a text comes out; with it a picture of the clip's frames beside the rig: the face rather
open, shut, and where the labels miss most, with the rig's points in the frames.
"""

import argparse
import contextlib
import logging
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechface.columns import ID_COLUMNS
from speechface.errors import ClipError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_arguments", "run"]

#: Under which the clip stands in the tables.
_KEY = ("inspected", "actor", "clip")
_ID = "/".join(_KEY)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", help="video file, or another source: FILE::audio=SOUND, FOLDER::audio=SOUND::fps=25")
    parser.add_argument("--config", metavar="YAML", help="take its settings (default: all defaults)")
    parser.add_argument("--rig", metavar="NPZ", help="rig built by build-rig (default: the builtin head)")
    parser.add_argument("--picture", metavar="PNG", help="picture to write")


def run(args: argparse.Namespace) -> None:
    from speechface.config import defaults, load

    settings: Any = load(args.config).section if args.config else defaults
    with tempfile.TemporaryDirectory(prefix="speechface-") as folder:
        with _quiet():
            _work(args, Path(folder), settings)
        for line in _report(args.clip, Path(folder)):
            print(line)
        if args.picture:
            _picture(args, Path(folder))
            print(f"picture    {args.picture}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let the steps say nothing: what they warn of is told in the report."""
    log = logging.getLogger("speechface")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _command(*words: str) -> None:
    from speechface.cli import build_parser

    args = build_parser(words[0]).parse_args(words)
    args.words = list(words)
    args.run(args)


def _work(args: argparse.Namespace, folder: Path, settings: Any) -> None:
    """Run the steps; their tables stand in `folder`."""
    import numpy as np

    from speechface.datasets.base import CLIP_COLUMNS
    from speechface.tables import write_table

    clip = f"{_ID}={args.clip}"
    tables = {name: str(folder / f"{name}.parquet") for name in ("audio", "landmarks", "labels", "own", "delays")}
    identity, rig = str(folder / "inspected" / "actor.npz"), args.rig or str(folder / "rig.npz")
    columns = {name: np.array([None], object) for name in CLIP_COLUMNS}
    columns |= {name: np.array([text], object) for name, text in zip(ID_COLUMNS, _KEY)}
    columns |= {"path": np.array([args.clip], object), "split": np.array(["predict"], object)}
    write_table(folder / "clips.parquet", columns, stage="clips")
    _command("extract-audio", "--clips", clip, "--settings", settings("audio").text(), "--out", tables["audio"])
    _command(
        "detect-landmarks", "--clips", clip, "--settings", settings("landmarks").text(), "--out", tables["landmarks"]
    )
    if not args.rig:
        _command("build-rig", "--settings", settings("rig").text(), "--out", rig)
    fit = settings("labels").text()
    _command("fit-identity", "--landmarks", tables["landmarks"], "--rig", rig, "--settings", fit, "--out", identity)
    _command("fit-labels", "--landmarks", tables["landmarks"], "--identity", identity, "--rig", rig, "--settings", fit,
             "--out", tables["labels"])  # fmt: skip
    _command("estimate-delay", "--landmarks", tables["landmarks"], "--audio", tables["audio"], "--out", tables["own"])
    _command("pool-delays", "--delays", tables["own"], "--audio-delay-ms", "auto", "--out", tables["delays"])
    _command("label-report", "--clips", str(folder / "clips.parquet"), "--landmarks", tables["landmarks"], "--labels",
             tables["labels"], "--rig", rig, "--delays", tables["delays"], "--settings", settings("quality").text(),
             "--out", str(folder / "quality.parquet"), "--flagged", str(folder / "flagged.csv"))  # fmt: skip


def _report(clip: str, folder: Path) -> Iterator[str]:
    """Lines: what there is to tell. ClipError at the first step that could not use the clip."""
    from speechface.clip_tables import ClipTable

    yield f"clip       {clip}"
    for name, tell in (("audio", _sound), ("landmarks", _faces), ("labels", _labels)):
        table = ClipTable(folder / f"{name}.parquet").read(_ID)
        if not table.usable:
            raise ClipError(f"{name}: {table.reason}")
        yield from tell(table)
    yield from _verdict(folder)


def _sound(table: Any) -> Iterator[str]:
    import numpy as np

    times, meta = table["times"][0], table.meta
    fps, steps = float(meta["fps"]), np.diff(times)
    uneven = (
        "" if not len(steps) or np.ptp(steps) < 1e-6 else f", uneven: {steps.min():.3f} to {steps.max():.3f} s apart"
    )
    yield f"image      {len(times)} frames of {meta['width']}x{meta['height']} at {meta['frame_rate']} a second{uneven}"
    seconds = meta["n_samples"] / meta["sr"]
    if not seconds:
        yield "sound      none"
        return
    short = len(times) / fps - seconds
    more = f", {short:.2f} s less than the image" if short > 0.1 else f", {-short:.2f} s more" if short < -0.1 else ""
    yield f"sound      {seconds:.2f} s at {meta['sr']} Hz{more}"


def _runs(frames: "np.ndarray") -> str:
    from speechface.splits import frame_ranges

    return frame_ranges(frames) or "none"


def _faces(table: Any) -> Iterator[str]:
    from speechface.fitting.report import MISSING_S
    from speechface.landmarks.faults import FAULTS

    meta, detected = table.meta, table["detected"].astype(bool)
    if meta.get("missing_s", 0.0) > MISSING_S:
        yield f"           the images end {meta['missing_s']:.1f} s before what the file announces: was it cut off?"
    yield (
        f"face       in {int(detected.sum())} of {len(detected)} frames by {meta['detector']}, eyes "
        f"{meta.get('eye_distance_px', float('nan')):.0f} pixels apart; without: {_runs(table['frame'][~detected])}"
    )
    if meta.get("faces", 1) > 1 or meta.get("losses"):
        yield f"           {meta.get('faces')} faces at once, lost {meta.get('losses')} times"
    fault = table["fault"]
    for number in sorted(set(fault.tolist()) - {0}):
        yield f"           {FAULTS[number]}: {_runs(table['frame'][fault == number])}"


def _labels(table: Any) -> Iterator[str]:
    meta, used = table.meta, table["used"].astype(bool)
    masked = [name for name, seen in zip(meta["channels"], meta["observed"]) if not seen]
    yield f"used       {int(used.sum())} of {len(used)} frames; not used: {_runs(table['frame'][~used])}"
    yield f"masked     {len(masked)} of {len(meta['channels'])} channels, which the points do not show:"
    yield from textwrap.wrap(", ".join(masked), 100, initial_indent=" " * 11, subsequent_indent=" " * 11)


#: Columns of the label report -> how they are told; nothing is said of what is not known.
_TOLD = (
    ("reprojection_pct_iod", "fit        misses the points by {:.2f} % of the distance of the eyes"),
    ("lip_gap_r", "lips       correlation of their gap, fit and points: {:.2f}"),
    ("shut_fraction", "closures   lips shut in {:.0%} of the frames"),
    ("shut_open_fraction", "           of these the fitted lips stand open in {:.0%}"),
    ("longest_gap_s", "gaps       the longest without a label: {:.2f} s"),
    ("delay_own_ms", "delay      sound late by {:.0f} ms"),
    ("delay_own_sigma_ms", "           give or take {:.0f} ms"),
    ("sound_agreement", "           probability that this sound belongs to these lips: {:.2f}"),
)


def _verdict(folder: Path) -> Iterator[str]:
    import csv
    import math

    from speechface.tables import read_table

    row = {name: values[0] for name, values in read_table(folder / "quality.parquet").columns.items()}
    for name, text in _TOLD:
        if name in row and math.isfinite(row[name]):
            yield text.format(float(row[name]))
    with open(folder / "flagged.csv", newline="") as file:
        for run in csv.DictReader(file):
            yield f"           frames {run['first_frame']} to {run['last_frame']}: {run['reason']}"
    yield "verdict    " + ("used" if row["used"] else f"not used: {row['reason']}")


def _picture(args: argparse.Namespace, folder: Path) -> None:
    """Draw frames of the clip beside the rig."""
    import numpy as np

    from speechface.clip_tables import ClipTables
    from speechface.figures import alignment
    from speechface.figures.style import save, styled
    from speechface.files import write_file
    from speechface.rig.rig import Rig

    rig, tables = Rig.load(args.rig or folder / "rig.npz"), ClipTables([folder / "labels.parquet"])
    labels = tables.read(_ID)
    seen = np.nonzero(labels["detected"])[0]
    gap = labels["jawOpen"][seen] - labels.columns.get("mouthClose", np.zeros(len(labels)))[seen]
    order, misses = seen[np.argsort(gap)], labels["reprojection_px"][seen]
    chosen = {order[-1 - len(order) // 20]: "open", order[len(order) // 20]: "shut", seen[misses.argmax()]: "worst"}
    inputs = {"identity": {_KEY[:2]: folder / "inspected" / "actor.npz"}}
    clip = {**dict(zip(ID_COLUMNS, _KEY)), "path": args.clip}
    found = []
    for row, name in sorted(chosen.items()):
        used = "" if labels["used"][row] else ", not used"
        title = f"{name}, frame {labels['frame'][row]}{used}"
        found.append(alignment.fitted_frame(clip, labels, int(row), rig, inputs, title))
    pairs = [pair for pair, _ in found]
    for pair, image in zip(pairs, alignment.draw_faces(rig, [face for _, face in found])):
        pair.face = image
    with styled():
        save(alignment.draw(pairs), folder / "picture", 160)
    write_file(args.picture, (folder / "picture.png").read_bytes())
