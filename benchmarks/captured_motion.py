"""The honest judge of labels: heads drawn with captured motion, labelled as the workflow does, against the exact truth.

The demo's motion comes from the tables that the fit's prior is made of, so that its truth flatters the labels. Here
heads (actors of the builtin rig, random identities of others) move by curves that a phone captured from a person (a CSV
of Live Link Face), and beside that by the demo's speech. The frames go through detect-landmarks, fit-identity and
fit-labels with each detector, and the labels are compared with the curves, beside the same fit on the exact points
(what the detector costs), MediaPipe's own scores on its points, and a face that never moves.

    python benchmarks/captured_motion.py --capture range_of_motion.csv --rig builtin ict=resources/ict_facekit.tar.xz \
        --detector dlib mediapipe --model resources/face_landmarker.task --out results/captured_motion

writes results/captured_motion.md and .csv. `--work FOLDER` keeps videos and tables, and makes again only what has
changed (after a change of the renderer, delete it). The capture is cut into clips of `--seconds`; every head takes
`--clips` others, spread over the capture. Where the capture has no head motion, a seeded one is added. Motions:
captured, as recorded; calibrated, relative to the person at rest, which is what closes lips; speech, the demo's.

- Channels: r, slope of the label over the truth, mean absolute error, over the frames of all clips together. Means and
  medians are over channels that move in the truth, without the gaze; a channel that stands still in the labels has r 0.
- mm: root mean square distance of the landmarks of mouth, eyes and brows on the rig of the labels at mean identity,
  raw, and centred: with each clip's mean removed on both sides.
- Shut lips: how far the lips stand apart on the mesh (`LipGap`): the drawn head's by the truth, the labels' on their
  rig. Found: of the frames in which lips touch, those in which the labels' do. Sealed: the same of the frames in which
  they stand apart.
- Gaze: angle between the eyes' directions; rotation: between head rotations, each relative to the clip's median.
All frames with a face count, also those that the labels' quality marks as not used.
"""

import argparse
import contextlib
import functools
import json
import tempfile
from pathlib import Path

import numpy as np
from driven_heads import (
    HEIGHT,
    MOVING,
    WIDTH,
    LipGap,
    Motion,
    calibrated,
    captured_clips,
    draw,
    exact_points,
    gaze_degrees,
    heads_of,
    read_live_link,
    spoken_clips,
)

from speechface.cli import main as speechface
from speechface.clip_tables import ClipRows, ClipTables
from speechface.clip_updates import update_clip_tables
from speechface.commands.common import write_csv
from speechface.errors import RigError
from speechface.fitting.labels import relative_rotation
from speechface.geometry import ibug, mesh478
from speechface.geometry.rotation import geodesic_angle, matrix_from_euler
from speechface.landmarks.detectors import DETECTORS
from speechface.landmarks.mesh.landmarker import FaceLandmarker
from speechface.metrics.bootstrap import interval, resample_counts, resampled_sums
from speechface.rig.channels import GAZE, ROTATIONS
from speechface.rig.rig import Rig

FLAT = "mouth in x and y"
PARTS = {"mouth": ibug.MOUTH, FLAT: ibug.MOUTH, "eyes": ibug.EYES, "brows": ibug.BROWS}
#: Lips touch up to the first and stand apart from the second distance on, mm; frames in between do not count.
TOUCH_MM, APART_MM = 0.5, 1.0
RESAMPLES = 2000
MOTIONS = ("captured", "calibrated", "speech")


# ---- labels -----------------------------------------------------------------------------------------------------


def command(*words):
    """Run one command of speechface; its message is on standard error."""
    if speechface([str(word) for word in words]):
        raise SystemExit(f"speechface {words[0]} failed")


def fitted(landmarks, rig_path, settings):
    """Path of the labels of a table of landmarks, made beside it as the workflow makes them."""
    identity, labels = landmarks.with_name("identity.npz"), landmarks.with_name("labels.parquet")
    both = ("--rig", rig_path, "--settings", settings)
    command("fit-identity", "--landmarks", landmarks, "--out", identity, *both)
    command("fit-labels", "--landmarks", landmarks, "--identity", identity, "--out", labels, *both)
    return labels


def exact_table(clips, detector, out):
    """Write a table of landmarks that holds the exact points of a detector."""
    profile = DETECTORS[detector].profile

    def make(clip_id):
        clip = clips[clip_id]
        points = exact_points(clip.rig, profile, clip.weights, clip.rotations, clip.scene)
        count = len(points)
        columns = {
            "frame": np.arange(count, dtype=np.int32), "time": np.arange(count) / float(clip.fps),
            "detected": np.ones(count, bool), "fault": np.zeros(count, np.int8), "landmarks": points.astype(np.float32),
        }  # fmt: skip
        meta = {"detector": detector, "width": WIDTH, "height": HEIGHT, "fps": float(clip.fps), "detection_rate": 1.0}
        return ClipRows(columns, meta)

    update_clip_tables({"landmarks": out}, list(clips), make, stage="landmarks", settings={"exact": detector},
                       facts=lambda clip_id, _: {"video": clips[clip_id].video.name}, shared=("detector",))  # fmt: skip


# ---- comparison -------------------------------------------------------------------------------------------------


class Judge:
    """Compares found with true weights on the rig of the labels."""

    def __init__(self, rig):
        self.rig, self.gap, self.turns = rig, LipGap(rig), gaze_degrees(rig)

    def sums(self, clip, true_gap, weights, rotation, seen, used):
        """Sums over the frames `seen` of one clip, dict of arrays.

        weights (T, n), rotation (T, 3, 3) or None; true_gap (T,), mm; used (T,), bool.
        """
        found, truth = weights[seen].astype(float), clip.weights[seen].astype(float)
        sums = {"frames": len(clip.weights), "seen": seen.sum(), "used": (seen & used).sum(),
                "x": truth.sum(0), "y": found.sum(0), "xx": (truth**2).sum(0), "yy": (found**2).sum(0),
                "xy": (truth * found).sum(0), "off": np.abs(found - truth).sum(0)}  # fmt: skip
        for name, part in PARTS.items():
            miss = self.rig.displacement(found - truth, self.rig.landmarks[part])
            miss = miss[..., :2] if name == FLAT else miss
            centred = miss - miss.mean(0) if len(miss) else miss
            sums[name] = (miss**2).sum(-1).mean(1).sum()
            sums[name + "_centred"] = (centred**2).sum(-1).mean(1).sum()
        shut, touch, apart = self.gap(found) <= TOUCH_MM, true_gap[seen] <= TOUCH_MM, true_gap[seen] > APART_MM
        sums |= {"touch": touch.sum(), "found": (touch & shut).sum(), "apart": apart.sum(),
                 "sealed": (apart & shut).sum()}  # fmt: skip
        gaze = np.tensordot(found - truth, self.turns, 1)
        sums["gaze"] = np.linalg.norm(gaze, axis=-1).mean(1).sum()
        sums["turn"] = np.nan
        if rotation is not None and seen.any():
            every = np.ones(seen.sum(), bool)
            pair = (rotation[seen], matrix_from_euler(clip.rotations[seen]))
            sums["turn"] = np.degrees(geodesic_angle(*(relative_rotation(r, every)[0] for r in pair))).sum()
        return {name: np.asarray(value, float) for name, value in sums.items()}


def moments(sums):
    """r and slope of found over true weights (..., n), and the truth's standard deviation; r of a still label is 0."""
    n = np.maximum(sums["seen"][..., None], 1)
    x, y = sums["x"] / n, sums["y"] / n
    xx, yy = np.maximum(sums["xx"] / n - x**2, 0), np.maximum(sums["yy"] / n - y**2, 0)
    xy = sums["xy"] / n - x * y
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(yy > 1e-10, xy / np.sqrt(xx * yy), 0.0)
        return np.where(xx > 1e-10, r, np.nan), np.where(xx > 1e-10, xy / xx, np.nan), np.sqrt(xx)


def scores(sums, counted):
    """Metrics of sums (leading axes are kept): name -> value; `counted` (n,), channels that count."""
    r, slope, _ = moments(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = sums["seen"]
        found = {
            "channels: mean r": np.nanmean(r[..., counted], -1),
            "channels: median slope": np.nanmedian(slope[..., counted], -1),
            "channels: mean error": (sums["off"][..., counted] / seen[..., None]).mean(-1),
        }
        for part in PARTS:
            found[f"{part}, mm"] = np.sqrt(sums[part] / seen)
            found[f"{part} centred, mm"] = np.sqrt(sums[part + "_centred"] / seen)
        found |= {
            "shut lips found": sums["found"] / sums["touch"], "open lips sealed": sums["sealed"] / sums["apart"],
            "gaze, degrees": sums["gaze"] / seen, "rotation, degrees": sums["turn"] / seen,
            "frames with a face": seen / sums["frames"], "frames used": sums["used"] / sums["frames"],
        }  # fmt: skip
    return found


def summary(clips, channels, seed):
    """Rows (metric, value, low, high) and rows of channels of one method from the sums of its clips."""
    stacked = {name: np.stack([sums[name] for sums in clips]) for name in clips[0]}
    total = {name: values.sum(0) for name, values in stacked.items()}
    moving = moments(total)[2] > MOVING
    counted = moving & ~np.isin(channels, GAZE)
    counts = resample_counts([0] * len(clips), resamples=RESAMPLES, rng=np.random.default_rng(seed))
    drawn = resampled_sums(stacked, counts)
    values, spread = scores(total, counted), scores(drawn, counted)
    rows = [(name, float(value), *map(float, interval(spread[name]))) for name, value in values.items()]
    for what, whole, parts in zip(("r", "slope"), moments(total), moments(drawn)):
        low, high = interval(parts)
        rows += [(f"{channels[k]}: {what}", *map(float, (whole[k], low[k], high[k]))) for k in np.flatnonzero(moving)]
    off, parts = total["off"] / total["seen"], drawn["off"] / np.maximum(drawn["seen"], 1)[:, None]
    low, high = interval(parts)
    rows += [(f"{channels[k]}: error", *map(float, (off[k], low[k], high[k]))) for k in np.flatnonzero(moving)]
    return rows


# ---- the run ----------------------------------------------------------------------------------------------------


def of_labels(judge, clip, true_gap, labels):
    """`Judge.sums` of one clip's label table."""
    count = len(clip.weights)
    if not labels.usable:
        return still(judge, clip, true_gap, seen=np.zeros(count, bool))
    channels = tuple(labels.meta["channels"])
    weights = Motion(channels, labels.stack(channels), None, clip.fps).on(judge.rig.channels)
    rotation = np.array(labels.meta["rotation_reference"]) @ matrix_from_euler(labels.stack(ROTATIONS))
    seen, used = (labels[name].astype(bool) for name in ("detected", "used"))
    return judge.sums(clip, true_gap, weights, rotation, seen, used)


def of_scores(judge, clip, true_gap, landmarks, model):
    """`Judge.sums` of MediaPipe's own scores on its points."""
    if not landmarks.usable:
        return still(judge, clip, true_gap, seen=np.zeros(len(clip.weights), bool))
    seen = landmarks["detected"].astype(bool)
    scores = np.zeros((len(seen), len(mesh478.BLENDSHAPES)), np.float32)
    for row in np.flatnonzero(seen):
        scores[row] = model.expression(landmarks["landmarks"][row])
    weights = Motion(tuple(mesh478.BLENDSHAPES), scores, None, clip.fps).on(judge.rig.channels)
    return judge.sums(clip, true_gap, weights, None, seen, seen)


def still(judge, clip, true_gap, seen=None):
    """`Judge.sums` of a face that never moves."""
    count = len(clip.weights)
    seen = np.ones(count, bool) if seen is None else seen
    return judge.sums(clip, true_gap, np.zeros_like(clip.weights), np.repeat(np.eye(3)[None], count, 0), seen, seen)


def drawn_clips(args, heads, motions, work):
    """{(motion, actor's number): {clip id: Drawn}}."""
    from speechface.render.renderer import Renderer

    clips = {}
    with contextlib.ExitStack() as stack:
        renderer = functools.cache(lambda: stack.enter_context(Renderer(WIDTH, HEIGHT)))
        for motion, clips_of in motions.items():
            for place, (number, rig) in enumerate(heads.items()):
                own = clips.setdefault((motion, number), {})
                for name, part in clips_of(place, number).items():
                    clip_id = f"{motion}/{number:02d}/{name}"
                    own[clip_id] = draw(clip_id, rig, number, part, work / "videos", renderer, args.seed)
    return clips


def judged(args, kind, source, motions, work):
    """{(motion, method): rows of `summary`} on one rig, and words about what was left out."""
    work.mkdir(parents=True, exist_ok=True)
    rig_path, words, found = work / "rig.npz", [], {}
    command("build-rig", "--settings", json.dumps({"kind": kind, "source": source}), "--out", rig_path)
    rig = Rig.load(rig_path)
    heads, judge = heads_of(kind, rig, args.actors, work), Judge(rig)
    clips = drawn_clips(args, heads, motions, work)
    gaps = {number: LipGap(head) for number, head in heads.items()}

    def add(motion, method, clip, number, sums, *given):
        found.setdefault((motion, method), []).append(sums(judge, clip, gaps[number](clip.weights), *given))

    for detector in args.detector:
        profile = DETECTORS[detector].profile
        methods = {"seen": detector, "exact": f"{detector}'s points, exact"}
        try:
            rig.points(profile.scheme)
        except RigError as error:
            methods = {}
            words.append(f"{detector}: no labels on {kind}: {error}")
        settings = {"detector": detector} | (
            {"model": args.model} if "model" in DETECTORS[detector].settings.model_fields else {}
        )
        for (motion, number), own in clips.items():
            tables = {
                name: work / detector / name / motion / f"{number:02d}/landmarks.parquet" for name in ("seen", "exact")
            }
            for table in tables.values():
                table.parent.mkdir(parents=True, exist_ok=True)
            pairs = [f"{clip_id}={clip.video}" for clip_id, clip in own.items()]
            command("detect-landmarks", "--clips", *pairs, "--settings", json.dumps(settings), "--out", tables["seen"])
            if methods:
                exact_table(own, detector, tables["exact"])
            for name, method in methods.items():
                labels = ClipTables([fitted(tables[name], rig_path, args.labels)])
                for clip_id, clip in own.items():
                    add(motion, method, clip, number, of_labels, labels.read(clip_id))
            if detector == "mediapipe":
                landmarks, model = ClipTables([tables["seen"]]), FaceLandmarker(args.model)
                for clip_id, clip in own.items():
                    add(motion, "mediapipe's scores", clip, number, of_scores, landmarks.read(clip_id), model)
    for (motion, number), own in clips.items():
        for clip in own.values():
            add(motion, "neutral face", clip, number, still)
    return {key: summary(sums, rig.channels, args.seed) for key, sums in found.items()}, words, rig.channels


def markdown(rows, channels):
    """One rig's results as text: for each motion a table of metrics, and one of channels, by method."""
    text = []
    for motion in dict.fromkeys(motion for motion, _ in rows):
        methods = {method: {name: rest for name, *rest in own} for (m, method), own in rows.items() if m == motion}
        whole = [name for name in next(iter(methods.values())) if name.split(":")[0] not in channels]
        moving = dict.fromkeys(name.split(":")[0] for name in next(iter(methods.values())) if name not in whole)
        text += ["", f"| {motion} | " + " | ".join(methods) + " |", "|---" * (1 + len(methods)) + "|"]
        for name in whole:
            text.append(f"| {name} | " + " | ".join(cell(method[name]) for method in methods.values()) + " |")
        methods.pop("neutral face")
        text += ["", f"| {motion}: r, slope, error | " + " | ".join(methods) + " |", "|---" * (1 + len(methods)) + "|"]
        for channel in moving:
            values = (
                ", ".join(f"{method[f'{channel}: {what}'][0]:.2f}" for what in ("r", "slope", "error"))
                for method in methods.values()
            )
            text.append(f"| {channel} | " + " | ".join(values) + " |")
    return text


def cell(values):
    """A value with its interval."""
    value, low, high = values
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if np.isfinite(value) else "-"


def main():
    """Read, draw, label, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", required=True, metavar="CSV", help="a recording of Live Link Face")
    parser.add_argument("--capture-fps", type=int, help="its frames/s; from its time codes where missing")
    parser.add_argument("--motion", nargs="+", default=list(MOTIONS), choices=MOTIONS)
    parser.add_argument("--rig", nargs="+", default=["builtin"], metavar="KIND[=SOURCE]")
    parser.add_argument("--detector", nargs="+", default=["dlib"], choices=tuple(DETECTORS))
    parser.add_argument("--model", default="resources/face_landmarker.task", help="of the detector mediapipe")
    parser.add_argument("--labels", default="", metavar="JSON", help="keys of the config section labels")
    parser.add_argument("--actors", nargs="+", type=int, default=[1, 2, 3], help="heads: numbers of demo actors")
    parser.add_argument("--clips", type=int, default=4, help="of each head and kind of motion")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip of the capture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", metavar="FOLDER", help="keep videos and tables there")
    parser.add_argument("--out", required=True, metavar="STEM", help="STEM.md and STEM.csv are written")
    args = parser.parse_args()
    capture = read_live_link(args.capture, args.capture_fps)
    how = {"clips": args.clips, "seed": args.seed}
    relative = calibrated(capture)
    motions = {
        "captured": lambda place, _: captured_clips(capture, place, seconds=args.seconds, **how),
        "calibrated": lambda place, _: captured_clips(relative, place, seconds=args.seconds, **how),
        "speech": lambda _, number: spoken_clips(number, **how),
    }
    motions = {name: motions[name] for name in args.motion}
    text = [
        f"Heads {', '.join(map(str, args.actors))}, {args.clips} clips of each; values with 95 % intervals over clips."
    ]
    table = []
    with contextlib.ExitStack() as stack:
        work = Path(args.work or stack.enter_context(tempfile.TemporaryDirectory()))
        for given in args.rig:
            kind, _, source = given.partition("=")
            rows, words, channels = judged(args, kind, source, motions, work / kind)
            missing = capture.left_out(channels)
            text += ["", f"## {kind}", "", *words]
            text += [f"Channels of the capture that the rig does not have: {', '.join(missing)}."] if missing else []
            text += markdown(rows, channels)
            table += [(kind, *key, *row) for key, own in rows.items() for row in own]
    stem = Path(args.out)
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".md").write_text("\n".join(text) + "\n", encoding="utf-8")
    write_csv(stem.with_suffix(".csv"), table, ("rig", "motion", "method", "metric", "value", "low", "high"))
    print("\n".join(text))


if __name__ == "__main__":
    main()
