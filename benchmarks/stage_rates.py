"""Rates that `speechface plan` carries: processor milliseconds a frame, seconds a job, bytes a frame, of preparation.

    python benchmarks/stage_rates.py [CLIP.mp4 CLIP.mp4 ...] [--repeats 2] [--copies 3] [--detector dlib [--model FILE]]

Runs the commands as the workflow does, on all clips and on the first one alone, one thread each, and prints the lines
of `speechface.planning.RATES` (or `DETECTOR_RATES`), ready to paste. All clips are taken several times (`--copies`):
the difference is the cost of the other clips' frames; what is left of the single run is the fixed cost of a job.
Processor time (user and system) stays nearly the same on a machine that is busy otherwise; the load is told. The
clips must show one actor; without clips, the RAVDESS actor in ``../shared/clips``.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from speechface.audio.features import FEATURES

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
CLIPS = Path("../shared/clips/ravdess")
#: Rules that write nothing of their own a frame.
NO_BYTES = ("fit_identity",)


def commands(videos, folder, landmark_settings):
    """Return (rule, arguments) of every preparation command, in order, for `videos` into `folder`."""

    def table(name):
        return str(folder / f"{name}.parquet")

    clips = ["--clips", *(f"data/actor/{Path(video).stem}={video}" for video in videos), "--out"]
    rig, identity = str(folder / "rig.npz"), str(folder / "identity.npz")
    landmarks = ["--landmarks", table("landmarks")]
    return [
        ("build_rig", ["build-rig", "--out", rig]),
        ("extract_audio", ["extract-audio", *clips, table("audio")]),
        ("detect_landmarks", ["detect-landmarks", "--settings", landmark_settings, *clips, table("landmarks")]),
        ("estimate_delay", ["estimate-delay", *landmarks, "--audio", table("audio"), "--out", table("delays")]),
        ("crop_faces", ["crop-faces", *landmarks, *clips, table("crops")]),
        *((name, ["features", name, "--audio", table("audio"), "--out", table(name)]) for name in FEATURES),
        ("fit_identity", ["fit-identity", *landmarks, "--rig", rig, "--out", identity]),
        ("fit_labels", ["fit-labels", *landmarks, "--identity", identity, "--rig", rig, "--out", table("labels")]),
    ]


def processor_seconds(arguments):
    """Run one command; return its user and system seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "speechface", *arguments]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env={**os.environ, **ONE_THREAD})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(videos, repeats, landmark_settings):
    """Return ({rule: least seconds}, frames, {rule: bytes written}) of all commands on `videos`."""
    least, written = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rule, arguments in commands(videos, folder, landmark_settings):
            out = Path(arguments[arguments.index("--out") + 1])
            for _ in range(repeats):
                out.unlink(missing_ok=True)  # or its clips would be kept
                least[rule] = min(least.get(rule, float("inf")), processor_seconds(arguments))
            written[rule] = out.stat().st_size
        frames = pq.read_metadata(folder / "landmarks.parquet").num_rows
    return least, frames, written


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", help="two clips or more of one actor")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--detector", default="dlib")
    parser.add_argument("--model", help="the model file of the detector, where it wants one")
    args = parser.parse_args()
    settings = json.dumps({"detector": args.detector, **({"model": os.path.abspath(args.model)} if args.model else {})})
    clips = args.clips or sorted(map(str, CLIPS.glob("*/*.mp4")))
    if len(clips) < 2:
        parser.error("two clips or more are needed")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        links = [Path(name) / f"{copy}_{Path(clip).name}" for copy in range(args.copies) for clip in clips]
        for link, clip in zip(links, clips * args.copies):
            link.symlink_to(Path(clip).resolve())
        measure([str(links[0])], 1, settings)  # compiles what is compiled once
        whole, frames, written = measure(list(map(str, links)), args.repeats, settings)
        one, first, _ = measure([str(links[0])], 2 * args.repeats, settings)
    print(f"# {len(links)} clips, {frames} frames; load {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")
    everything = 0.0
    for rule, seconds in whole.items():
        rate = max(0.0, seconds - one[rule]) / (frames - first)
        size = 0 if rule in NO_BYTES else written[rule] / frames
        if rule != "build_rig":
            print(f'    "{rule}": Rate({1e3 * rate:.2f}, {max(0.0, one[rule] - rate * first):.2f}, {size:.0f}),')
            everything += 1e3 * rate
    print(f"# all of these: {everything:.2f} ms a frame")


if __name__ == "__main__":
    main()
