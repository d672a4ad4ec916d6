"""Processor time of every preparation stage: milliseconds a frame, and seconds a job needs before its first frame.

    python benchmarks/stage_rates.py CLIP.mp4 CLIP.mp4 ... [--repeats 2]

Runs the verbs on all clips and on the first one alone, one thread each. The difference is the cost of the other clips'
frames; what is left of the single run is the fixed cost of a job. Processor time (user and system) stays nearly the
same on a machine that is busy otherwise. The clips must show one actor. `speechface plan` carries these numbers.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def commands(videos, folder):
    """Return (stage, arguments) of every preparation verb, in order, for `videos` into `folder`."""

    def files(pattern):
        return [str(folder / pattern.format(Path(video).stem)) for video in videos]

    wav, frames, landmarks = files("{}.flac"), files("{}.frames.parquet"), files("{}.landmarks.parquet")
    rig, identity = str(folder / "rig.npz"), str(folder / "identity.npz")
    sound = ["--wav", *wav, "--frames", *frames, "--out"]
    return [
        ("build_rig", ["build-rig", "--out", rig]),
        ("extract_wav", ["extract-wav", "--video", *videos, "--wav", *wav, "--frames", *frames]),
        ("detect_landmarks", ["detect-landmarks", "--video", *videos, "--out", *landmarks]),
        ("crop_face", ["crop-face", "--video", *videos, "--landmarks", *landmarks, "--out", *files("{}.mp4")]),
        ("spectrogram", ["spectrogram", *sound, *files("{}.spectrogram.parquet")]),
        ("acoustic_features", ["acoustic-features", *sound, *files("{}.acoustics.parquet")]),
        ("fit_identity", ["fit-identity", "--landmarks", *landmarks, "--rig", rig, "--out", identity]),
        ("fit_labels", ["fit-labels", "--landmarks", *landmarks, "--identity", identity, "--rig", rig,
                        "--out", *files("{}.labels.parquet")]),
    ]  # fmt: skip


def processor_seconds(arguments):
    """Run one verb; return its user and system seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "speechface", *arguments]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env={**os.environ, **ONE_THREAD})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(videos, repeats):
    """Return ({stage: least seconds}, frames, {stage: bytes written}) of all verbs on `videos`."""
    least, written = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stage, arguments in commands(videos, folder):
            known = set(folder.iterdir())
            for _ in range(repeats):
                least[stage] = min(least.get(stage, float("inf")), processor_seconds(arguments))
            written[stage] = sum(path.stat().st_size for path in set(folder.iterdir()) - known)
        frames = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.frames.parquet"))
    return least, frames, written


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", help="two clips or more of one actor")
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    if len(args.clips) < 2:
        parser.error("two clips or more are needed")
    whole, frames, written = measure(args.clips, args.repeats)
    one, first, _ = measure(args.clips[:1], args.repeats)
    print(f"{frames} frames\n{'stage':18} {'ms/frame':>9} {'s/job':>6} {'bytes/frame':>12}")
    for stage, seconds in whole.items():
        rate = max(0.0, seconds - one[stage]) / (frames - first)
        print(f"{stage:18} {1e3 * rate:9.3f} {one[stage] - rate * first:6.2f} {written[stage] / frames:12.0f}")


if __name__ == "__main__":
    main()
