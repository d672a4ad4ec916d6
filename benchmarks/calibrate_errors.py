"""Measure how the landmark detector errs on synthetic actors: the largest common motions of its errors.

Compares the landmark tables of the synthetic actors with the exact landmarks of their truth tables. A clip's constant
error is taken out, left and right are pooled, and vertical errors of the inner lips' gap too are taken out: on
recordings the detector follows that gap better than on rendered lips, and the fit shall follow it. What is left is
split into a few common modes and independent noise (factor analysis). Actors that test models are left out.
It writes the table that `speechface.landmarks.detectors.dlib` reads.

    python benchmarks/calibrate_errors.py --results results [--write]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.geometry import ibug
from speechface.landmarks.detectors import dlib

GROUPS = {
    "brow": ibug.BROWS,
    "nose": ibug.NOSE,
    "eye": ibug.EYES,
    "outer lips": ibug.OUTER_LIPS,
    "inner lips": ibug.INNER_LIPS,
}


def clip_errors(table, exact):
    """Errors (T, 68, 2), mm, x right, y up, of one clip without their mean; the jaw's are 0, since it slides."""
    seen = table["detected"]
    mm_per_px = -exact.meta["translation_mm"][2] / exact.meta["focal_px"]
    error = (table["landmarks"].astype(float) - exact["landmarks"][table["frame"]]) * mm_per_px * [1, -1]
    error = error[seen] - error[seen].mean(0)
    error[:, ibug.JAW] = 0
    return error


def without_gaps(covariance):
    """Covariance (136, 136) of errors that leave the gaps of the inner lips alone."""
    rows = np.zeros((len(ibug.INNER_LIP_PAIRS), ibug.N_POINTS, 2))
    for k, (upper, lower) in enumerate(ibug.INNER_LIP_PAIRS):
        rows[k, upper, 1], rows[k, lower, 1] = 1, -1
    rows = rows.reshape(len(rows), -1)
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
    parser.add_argument("--results", default="results", help="folder with landmarks/demo and truth/demo")
    parser.add_argument("--leave-out", nargs="*", default=["Actor_21", "Actor_22", "Actor_23", "Actor_24"])
    parser.add_argument("--modes", type=int, default=6)
    parser.add_argument("--write", action="store_true", help="write the table into the package")
    args = parser.parse_args()
    landmarks, truth = (
        ClipTables(sorted((Path(args.results) / name / "demo").glob("*.parquet"))) for name in ("landmarks", "truth")
    )
    errors, actors = [], set()
    for clip_id in sorted(landmarks):
        actor, table = clip_id.split("/")[1], landmarks.read(clip_id)
        if actor not in args.leave_out and table.usable:
            errors.append(clip_errors(table, truth.read(clip_id)))
            actors.add(actor)
    together = np.concatenate(errors)
    together = np.concatenate([together, together[:, ibug.MIRROR] * [-1, 1]]).reshape(-1, 136)
    covariance = together.T @ together / len(together)
    modes = factors(without_gaps(covariance), args.modes)
    print(f"{len(actors)} actors, {len(errors)} clips, {len(together) // 2} frames")
    for name, part in GROUPS.items():
        rows = np.arange(2 * ibug.N_POINTS).reshape(-1, 2)[part].ravel()
        whole, common = np.diag(covariance)[rows], (modes[rows] ** 2).sum(1)
        print(
            f"{name:10s} {np.sqrt(2 * whole.mean()):.2f} mm within a clip, common {np.sqrt(2 * common.mean()):.2f} mm"
        )
    if args.write:
        content = {"origin": "benchmarks/calibrate_errors.py: dlib's points on renders of the synthetic actors",
                   "actors": sorted(actors), "frames": len(together) // 2,
                   "modes_mm": np.round(modes.T.reshape(args.modes, ibug.N_POINTS, 2), 2).tolist()}  # fmt: skip
        path = Path(dlib.__file__).with_name(dlib.ERRORS)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
