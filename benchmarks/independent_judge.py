"""Do the labels open mouth and eyes when another landmark model sees them open?

    python benchmarks/independent_judge.py --clips results/clips.parquet --labels results/labels/*/*.parquet \
        --rig results/rig/rig.npz [--csv judge.csv]

The judge is MediaPipe's face mesh with attention, whose model files come with its wheel up to version 0.10.21; nothing
is downloaded. It is no dependency of the project and wants an older numpy, so give it an environment of its own:
``python -m venv judge && judge/bin/pip install mediapipe==0.10.21 av pydantic "pyarrow<21" scipy`` and run this script
there with ``PYTHONPATH=src``. It shares neither images, training data nor method with dlib's landmarks, to which labels
are fitted.

Compared, frame by frame: the gap between the inner lips, of the rig moved by the labels' weights without the head's
motion against the judge's points in units of the eyes' distance; and the mean blink weight against the judge's closing
of the eyes. Printed: correlation per clip, mean and worst by dataset, and the three worst clips. The blink is judged
only in clips in which the judge sees one.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from speechface.clip_tables import ClipTables
from speechface.fitting.eyes import EYE_CHANNELS
from speechface.geometry.ibug import lip_gap
from speechface.metrics.correlation import correlation
from speechface.rig.channels import columns
from speechface.rig.rig import Rig
from speechface.tables import read_table

#: The judge's points: pairs of inner lips, outer corners of the eyes, and of each eye (upper, lower, outer, inner).
LIPS = ((82, 87), (13, 14), (312, 317))
CORNERS = (33, 263)
EYES = ((159, 145, 33, 133), (386, 374, 263, 362))
#: An eye that closes to less than this fraction of its median opening blinks; lips that move by less than this
#: (standard deviation, in units of the eyes' distance) are still.
BLINK, STILL = 0.5, 0.005


def open_judge():
    """MediaPipe's face mesh on single images."""
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh
    except ImportError as error:
        raise SystemExit(
            f"the judge is missing ({error}): it is optional; see the top of this file for an environment with "
            "mediapipe==0.10.21"
        ) from None
    return FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1, min_detection_confidence=0.3)


def judged(judge, path):
    """Lip gap and eye opening (T,) of a video, NaN where the judge sees no face."""
    import av

    gaps, eyes = [], []
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            image = frame.to_ndarray(format="rgb24")
            found = judge.process(image).multi_face_landmarks
            if not found:
                gaps.append(np.nan)
                eyes.append(np.nan)
                continue
            points = np.array([(p.x, p.y) for p in found[0].landmark]) * image.shape[1::-1]

            def apart(a, b, points=points):
                return np.linalg.norm(points[a] - points[b])

            gaps.append(np.mean([apart(*pair) for pair in LIPS]) / apart(*CORNERS))
            eyes.append(np.mean([apart(up, down) / apart(out, inner) for up, down, out, inner in EYES]))
    return np.array(gaps), np.array(eyes)


def labelled(table, rig):
    """Lip gap in mm and blink (T,) of the rig moved by labels."""
    weights = table.stack(rig.channels)
    points = rig.displacement(weights, rig.landmarks) + rig.neutral[rig.landmarks]
    return lip_gap(points), weights[:, columns(rig.channels, EYE_CHANNELS)].mean(1)


def together(a, b):
    """Pearson's r over frames where both are numbers; NaN where one stays the same or there are fewer than 10."""
    both = np.isfinite(a) & np.isfinite(b)
    return correlation(a[both], b[both], least=10)


def agreement(judge, clip, tables, args, rig):
    """The row of one clip; None without labels."""
    clip_id = "{dataset}/{actor}/{clip}".format(**clip)
    labels = tables.read(clip_id) if clip_id in tables else None
    if labels is None or not labels.usable:
        return None
    gap, opening = judged(judge, Path(args.videos_root) / clip["path"])
    ours, blink = labelled(labels, rig)
    unused = ~labels["used"].astype(bool)
    ours[unused], blink[unused] = np.nan, np.nan
    rows = labels["frame"]
    gap, opening = gap[rows], opening[rows]
    blinks = np.nanmin(opening) < BLINK * np.nanmedian(opening)
    return {
        "dataset": clip["dataset"], "actor": clip["actor"], "clip": clip["clip"],
        "judged": float(np.isfinite(gap).mean()),
        "lips_r": together(ours, gap) if np.nanstd(gap) > STILL else np.nan,
        "blink_r": together(blink, -opening) if blinks else np.nan,
    }  # fmt: skip


def summary(rows, name):
    """Mean, least and number of the finite values of a column, in words."""
    values = np.array([row[name] for row in rows])
    values = values[np.isfinite(values)]
    return f"{values.mean():.3f}, least {values.min():.3f} ({len(values)} clips)" if len(values) else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", required=True, help="clip table")
    parser.add_argument("--labels", required=True, nargs="+", help="tables of labels")
    parser.add_argument("--rig", required=True)
    parser.add_argument("--videos-root", default=".", help="folder that the clip table's paths start at")
    parser.add_argument("--csv", help="table to write")
    args = parser.parse_args()
    judge, rig, table = open_judge(), Rig.load(args.rig), read_table(args.clips)
    tables = ClipTables(args.labels)
    names = ("dataset", "actor", "clip", "path")
    clips = [dict(zip(names, map(str, row))) for row in zip(*(table[name] for name in names))]
    rows = []
    for clip in clips:
        row = agreement(judge, clip, tables, args, rig)
        if row is not None:
            rows.append(row)
            print("{dataset}/{actor}/{clip}: lips r {lips_r:.3f}, blink r {blink_r:.3f}".format(**row), flush=True)
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        own = [row for row in rows if row["dataset"] == dataset]
        print(f"{dataset}: lips r {summary(own, 'lips_r')}; blink r {summary(own, 'blink_r')}")
    worst = sorted((row for row in rows if np.isfinite(row["lips_r"])), key=lambda row: row["lips_r"])[:3]
    print("worst:", ", ".join(f"{row['dataset']}/{row['actor']}/{row['clip']} {row['lips_r']:.3f}" for row in worst))
    if args.csv and rows:
        with open(args.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
