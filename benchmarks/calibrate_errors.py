"""Measure how the landmark detector errs on synthetic actors: the largest common motions of its errors.

Compares the landmark tables of the synthetic actors with the exact landmarks of their truth tables. A clip's constant
error is taken out, left and right are pooled, and vertical errors of the inner lips' gap too are taken out: on
recordings the detector follows that gap better than on rendered lips, and the fit shall follow it. What is left is
split into a few common modes and independent noise (factor analysis). Actors that test models are left out.
It writes the table that `speechface.fitting.detector_errors` reads.

    python benchmarks/calibrate_errors.py --results results [--write]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from speechface.fitting import detector_errors
from speechface.rig.builtin.landmarks import MIRROR
from speechface.tables import read_table

#: Upper and lower points of the inner lips.
GAPS = ((61, 67), (62, 66), (63, 65))
GROUPS = {
    "brow": slice(17, 27),
    "nose": slice(27, 36),
    "eye": slice(36, 48),
    "outer lips": slice(48, 60),
    "inner lips": slice(60, 68),
}


def clip_errors(landmarks, truth):
    """Errors (T, 68, 2), mm, x right, y up, of one clip without their mean; the jaw's are 0, since it slides."""
    table, exact = read_table(landmarks), read_table(truth)
    seen = table["detected"]
    mm_per_px = -exact.meta["translation_mm"][2] / exact.meta["focal_px"]
    error = (table["landmarks"].astype(float) - exact["landmarks"][table["frame"]]) * mm_per_px * [1, -1]
    error = error[seen] - error[seen].mean(0)
    error[:, :17] = 0
    return error


def without_gaps(covariance):
    """Covariance (136, 136) of errors that leave the gaps of the inner lips alone."""
    rows = np.zeros((len(GAPS), 68, 2))
    for k, (upper, lower) in enumerate(GAPS):
        rows[k, upper, 1], rows[k, lower, 1] = 1, -1
    rows = rows.reshape(len(GAPS), -1)
    keep = np.eye(rows.shape[1]) - np.linalg.pinv(rows) @ rows
    return keep @ covariance @ keep


def factors(covariance, n, iterations=50):
    """Modes (136, n) of ``covariance = modes modes' + diagonal``, by iterated principal factors; largest first."""
    noise = np.maximum(np.diag(covariance) / 2, 1e-6)
    for _ in range(iterations):
        root = 1 / np.sqrt(noise)
        values, vectors = np.linalg.eigh(covariance * root[:, None] * root)
        values, vectors = values[::-1][:n], vectors[:, ::-1][:, :n]
        modes = vectors * np.sqrt(np.maximum(values - 1, 0)) / root[:, None]
        noise = np.maximum(np.diag(covariance - modes @ modes.T), 1e-2)
    return modes * np.where(modes[np.abs(modes).argmax(0), np.arange(n)] < 0, -1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results", help="folder with landmarks/demo and demo")
    parser.add_argument("--leave-out", nargs="*", default=["Actor_21", "Actor_22", "Actor_23", "Actor_24"])
    parser.add_argument("--modes", type=int, default=6)
    parser.add_argument("--write", action="store_true", help="write the table into the package")
    args = parser.parse_args()
    results = Path(args.results)
    errors, actors = [], set()
    for path in sorted((results / "landmarks" / "demo").glob("*/*.parquet")):
        actor = path.parent.name
        if actor not in args.leave_out:
            errors.append(clip_errors(path, results / "demo" / actor / f"{path.stem}.truth.parquet"))
            actors.add(actor)
    together = np.concatenate(errors)
    together = np.concatenate([together, together[:, MIRROR] * [-1, 1]]).reshape(-1, 136)
    covariance = together.T @ together / len(together)
    modes = factors(without_gaps(covariance), args.modes)
    print(f"{len(actors)} actors, {len(errors)} clips, {len(together) // 2} frames")
    for name, part in GROUPS.items():
        rows = np.arange(136).reshape(68, 2)[part].ravel()
        whole, common = np.diag(covariance)[rows], (modes[rows] ** 2).sum(1)
        print(
            f"{name:10s} {np.sqrt(2 * whole.mean()):.2f} mm within a clip, common {np.sqrt(2 * common.mean()):.2f} mm"
        )
    if args.write:
        content = {"origin": "benchmarks/calibrate_errors.py: dlib's points on renders of the synthetic actors",
                   "actors": sorted(actors), "frames": len(together) // 2,
                   "modes_mm": np.round(modes.T.reshape(args.modes, 68, 2), 2).tolist()}  # fmt: skip
        path = Path(detector_errors.__file__).with_name(detector_errors.TABLE)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
