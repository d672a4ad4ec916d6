"""Do labels close lips that are shut in the picture, and leave open ones open?

    python benchmarks/mouths.py --rig results/rig/rig.npz --labels dlib=results/labels \
        --landmarks dlib=results/landmarks [--csv mouths.csv]

`mouths.csv` beside this file holds frames of real clips (clip, frame, answer) of which detectors are unsure, judged by
eye: shut, where the lips touch along nearly their whole width, or open. Clips are named by their place in the folder of
clips; in the tables they are found by actor and clip, whatever the data set is called there. A table is one file or a
folder, whose folders' tables are all taken (results/labels). Clips and frames without a face are left out: n tells how
many are left, mouths or (amplitude) clips.

Gaps, of the rig at mean identity moved by the weights, in mm beyond the neutral rig's:

- labels: distance of the inner lips (`speechface.geometry.ibug.lip_gap`), as label reports and fits measure it; lips
  that are pressed or rolled have one, too.
- mesh: the height between the lips seen from the front (`driven_heads.LipGap`), as `captured_motion.py` judges.
- points: distance of the inner lips of the detector's own points in units of the eyes' distance.

Told, with 95 % intervals (bootstrap over clips):

- AUC: how often an open mouth's gap is larger than a shut one's, of all pairs; 1 tells them apart, .5 does not.
- shut, apart: shut mouths with a gap of more than 1 mm beyond neutral. open, sealed: open ones of at most 0.5 mm.
- amplitude: standard deviation of the labels' gap over that of a detector's points, both in units of the eyes' distance
  (the rig's own), over all frames of a clip with a face; median over the clips of the list. Clips with still lips are
  left out.
"""

import argparse
import csv
import functools
from pathlib import Path

import numpy as np
from driven_heads import LipGap

from speechface.clip_tables import ClipTables
from speechface.commands.common import write_csv
from speechface.errors import TableError
from speechface.geometry import ibug
from speechface.landmarks.detectors import DETECTORS
from speechface.metrics.bootstrap import interval, resample_counts
from speechface.rig.rig import Rig

LIST = Path(__file__).with_suffix(".csv")
APART_MM, SEALED_MM = 1.0, 0.5
#: Lips whose gap varies less (standard deviation, of the eyes' distance) are still.
STILL = 0.005
RESAMPLES = 2000


# ---- the numbers ------------------------------------------------------------------------------------------------


def area_under_curve(gaps, shut, weights):
    """Chance that an open mouth's gap is larger than a shut one's, ties half: gaps (n,), shut (n,) -> (b,).

    `weights` (b, n) says how often each counts.
    """
    larger = gaps[~shut][:, None] > gaps[shut]
    larger = larger + 0.5 * (gaps[~shut][:, None] == gaps[shut])
    pairs = weights[:, ~shut].sum(1) * weights[:, shut].sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((weights[:, ~shut] @ larger) * weights[:, shut]).sum(1) / pairs


def share(true, weights):
    """Weighted share of what is true: (n,), (b, n) -> (b,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return weights @ true / weights.sum(1)


def weighted_median(values, counts):
    """Median of values (n,) that occur `counts` (b, n) times each -> (b,)."""
    return np.array([np.median(np.repeat(values, row)) if row.any() else np.nan for row in counts.astype(int)])


def with_interval(metric, clips, rng):
    """(value, low, high) of `metric`, a function of weights (b, n) of items that belong to `clips` (n,)."""
    names, owner = np.unique(np.asarray(clips), return_inverse=True)
    counts = resample_counts([0] * len(names), resamples=RESAMPLES, rng=rng)
    low, high = interval(metric(counts[:, owner]))
    return float(metric(np.ones((1, len(owner))))[0]), float(low), float(high)


def judged(gaps, shut, clips, rng, *, millimetres):
    """{metric: (value, low, high)} of gaps (n,) of mouths known to be `shut` (n,) or open."""
    found = {"AUC": with_interval(functools.partial(area_under_curve, gaps, shut), clips, rng)}
    if millimetres:
        apart = functools.partial(share, gaps[shut] > APART_MM)
        sealed = functools.partial(share, gaps[~shut] <= SEALED_MM)
        found["shut, apart"] = with_interval(apart, clips[shut], rng)
        found["open, sealed"] = with_interval(sealed, clips[~shut], rng)
    return found


def amplitudes(fitted, points, seen):
    """Spread of fitted gaps over that of points, {clip: ratio} of {clip: (frames,)}; `seen` says which frames count."""
    found = {}
    for clip in fitted.keys() & points.keys():
        spread = points[clip][seen[clip]].std()
        if spread > STILL:
            found[clip] = fitted[clip][seen[clip]].std() / spread
    return dict(sorted(found.items()))


# ---- tables -----------------------------------------------------------------------------------------------------


def named_tables(given):
    """{name: ClipTables} of NAME=TABLE; a name may come up again."""
    paths = {}
    for item in given:
        name, _, path = item.partition("=")
        if not path:
            raise TableError(f"{item}: expected NAME=TABLE, e.g. dlib=results/labels")
        found = sorted(Path(path).glob("*/*.parquet")) if Path(path).is_dir() else [Path(path)]
        paths.setdefault(name, []).extend(found)
    return {name: ClipTables(found) for name, found in paths.items()}


def read_mouths(path):
    """Rows (clip, frame, shut) of the list."""
    with open(path, newline="") as file:
        return [(row["clip"], int(row["frame"]), row["answer"] == "shut") for row in csv.DictReader(file)]


def of_list(tables, clips):
    """{clip of the list: usable Table} by actor and clip."""
    ids = {tuple(clip_id.split("/")[1:]): clip_id for clip_id in tables}
    found = {clip: ids.get(tuple(clip.split("/")[-2:])) for clip in clips}
    read = {clip: tables.read(clip_id) for clip, clip_id in found.items() if clip_id is not None}
    return {clip: table for clip, table in read.items() if table.usable}


def fitted_gap(table, rig):
    """Gaps of the lips (T,) of the rig moved by labels, mm beyond neutral."""
    neutral = rig.neutral[rig.landmarks]
    moved = neutral + rig.displacement(table.stack(rig.channels), rig.landmarks)
    return ibug.lip_gap(moved) - ibug.lip_gap(neutral)


def point_gap(table):
    """Gaps of the lips (T,) of a detector's points in units of the eyes' distance."""
    profile, points = DETECTORS[table.meta["detector"]].profile, table["landmarks"]
    return profile.lip_gap(points) / np.maximum(profile.interocular(points), 1e-6)


def at_frames(gaps, seen, mouths):
    """Gaps, `shut` and clips of the mouths whose frames have one."""
    rows = [row for row in mouths if row[0] in gaps and row[1] < len(gaps[row[0]]) and seen[row[0]][row[1]]]
    return (
        np.array([gaps[clip][frame] for clip, frame, _ in rows]),
        np.array([shut for *_, shut in rows], bool),
        np.array([clip for clip, *_ in rows]),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rig", required=True, metavar="NPZ", help="the rig that the labels were fitted on")
    parser.add_argument("--labels", nargs="*", default=[], metavar="NAME=TABLE", help="label tables")
    parser.add_argument("--landmarks", nargs="*", default=[], metavar="NAME=TABLE", help="landmark tables")
    parser.add_argument("--mouths", default=LIST, metavar="CSV", help="the list of judged frames")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", metavar="CSV", help="table to write")
    args = parser.parse_args()
    rig, rng = Rig.load(args.rig), np.random.default_rng(args.seed)
    mouths = read_mouths(args.mouths)
    clips = dict.fromkeys(clip for clip, *_ in mouths)
    eyes = ibug.interocular(rig.neutral[rig.landmarks])
    landmarks = {name: of_list(tables, clips) for name, tables in named_tables(args.landmarks).items()}
    points = {name: {clip: point_gap(table) for clip, table in own.items()} for name, own in landmarks.items()}
    seen = {name: {clip: table["detected"].astype(bool) for clip, table in own.items()}
            for name, own in landmarks.items()}  # fmt: skip
    rows, mesh = [], LipGap(rig)

    def add(name, what, found, count):
        rows.extend((name, what, metric, *values, count) for metric, values in found.items())

    for name, tables in named_tables(args.labels).items():
        own = of_list(tables, clips)
        known = {clip: table["detected"].astype(bool) for clip, table in own.items()}
        gaps = {clip: fitted_gap(table, rig) for clip, table in own.items()}
        heights = {clip: mesh(table.stack(rig.channels)) for clip, table in own.items()}
        for what, measured in (("labels", gaps), ("mesh", heights)):
            picked = at_frames(measured, known, mouths)
            add(name, what, judged(*picked, rng, millimetres=True), len(picked[0]))
        relative = {clip: gap / eyes for clip, gap in gaps.items()}
        for other, theirs in points.items():
            ratios = amplitudes(relative, theirs, seen[other])
            median = with_interval(functools.partial(weighted_median, np.array([*ratios.values()])), [*ratios], rng)
            add(name, "labels", {f"amplitude / {other}'s points": median}, len(ratios))
    for name, gaps in points.items():
        picked = at_frames(gaps, seen[name], mouths)
        add(name, "points", judged(*picked, rng, millimetres=False), len(picked[0]))
    print(f"{len(mouths)} mouths, {sum(shut for *_, shut in mouths)} shut; {len(clips)} clips")
    for name, what, metric, value, low, high, frames in rows:
        print(f"{name:12} {what:7} {metric:30} {value:.3f} ({low:.3f} to {high:.3f})  n {frames}")
    if args.csv:
        write_csv(args.csv, rows, ("name", "of", "metric", "value", "low", "high", "n"))


if __name__ == "__main__":
    main()
