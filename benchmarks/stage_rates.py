"""Rates that `speechface plan` carries: processor milliseconds a frame, seconds a job, bytes a frame, of preparation.

    python benchmarks/stage_rates.py [CLIP.mp4 CLIP.mp4 ...] [--repeats 2] [--copies 3]

Runs the commands as the workflow does, on all clips and on the first one alone, one thread each, and prints the lines of
`speechface.planning.RATES`, ready to paste. All clips are taken several times (`--copies`): the difference is the cost
of the other clips' frames; what is left of the single run is the fixed cost of a job. Processor time (user and system)
stays nearly the same on a machine that is busy otherwise; the load is told. The clips must show one actor; without
clips, the RAVDESS actor in ``../shared/clips``.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
CLIPS = Path("../shared/clips/ravdess")
#: Stages that write nothing of their own a frame.
NO_BYTES = ("fit_identity",)


def commands(videos, folder):
    """Return (stage, arguments) of every preparation command, in order, for `videos` into `folder`."""

    def files(pattern):
        return [str(folder / pattern.format(Path(video).stem)) for video in videos]

    wav, frames, landmarks = files("{}.flac"), files("{}.frames.parquet"), files("{}.landmarks.parquet")
    rig, identity, crops, kept = (
        str(folder / "rig.npz"),
        str(folder / "identity.npz"),
        files("{}.mp4"),
        folder / ".kept",
    )
    sound = ["--wav", *wav, "--frames", *frames, "--out"]
    keep, faces = ["--keep", str(kept)], ["--video", *videos, "--landmarks", *landmarks, "--out"]
    return [
        ("build_rig", ["build-rig", "--out", rig]),
        ("extract_wav", ["extract-wav", "--video", *videos, "--wav", *wav, "--frames", *frames]),
        ("detect_landmarks", ["detect-landmarks", "--video", *videos, "--out", *landmarks, "--crops", *crops, *keep]),
        ("crop_face", ["crop-face", *faces, *crops, *keep]),
        ("crop_face alone", ["crop-face", *faces, *files("{}.alone.mp4")]),
        ("spectrogram", ["spectrogram", *sound, *files("{}.spectrogram.parquet")]),
        ("acoustic_features", ["acoustic-features", *sound, *files("{}.acoustics.parquet")]),
        ("log_mel", ["log-mel", *sound, *files("{}.log_mel.parquet")]),
        ("waveform", ["waveform", *sound, *files("{}.waveform.parquet")]),
        ("fit_identity", ["fit-identity", "--landmarks", *landmarks, "--rig", rig, "--out", identity]),
        ("fit_labels", ["fit-labels", "--landmarks", *landmarks, "--identity", identity, "--rig", rig,
                        "--out", *files("{}.labels.parquet")]),
    ]  # fmt: skip


def processor_seconds(arguments):
    """Run one command; return its user and system seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "speechface", *arguments]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env={**os.environ, **ONE_THREAD})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(videos, repeats):
    """Return ({stage: least seconds}, frames, {stage: bytes written}) of all commands on `videos`."""
    least, written = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stage, arguments in commands(videos, folder):
            known = set(folder.iterdir())
            for _ in range(repeats):
                if stage == "detect_landmarks":
                    shutil.rmtree(folder / ".kept", ignore_errors=True)  # or the work would be found done
                least[stage] = min(least.get(stage, float("inf")), processor_seconds(arguments))
            new = (path for path in set(folder.iterdir()) - known if path.is_file())
            written[stage] = sum(path.stat().st_size for path in new)
        frames = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.frames.parquet"))
    return least, frames, written


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", help="two clips or more of one actor")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--copies", type=int, default=3)
    args = parser.parse_args()
    clips = args.clips or sorted(map(str, CLIPS.glob("*/*.mp4")))
    if len(clips) < 2:
        parser.error("two clips or more are needed")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        links = [Path(name) / f"{copy}_{Path(clip).name}" for copy in range(args.copies) for clip in clips]
        for link, clip in zip(links, clips * args.copies):
            link.symlink_to(Path(clip).resolve())
        measure([str(links[0])], 1)  # compiles what is compiled once
        whole, frames, written = measure(list(map(str, links)), args.repeats)
        one, first, _ = measure([str(links[0])], 2 * args.repeats)
    print(f"# {len(links)} clips, {frames} frames; load {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end")
    everything = 0.0
    for stage, seconds in whole.items():
        rate = max(0.0, seconds - one[stage]) / (frames - first)
        size = 0 if stage in NO_BYTES else written[stage] / frames
        if stage != "build_rig":
            print(f'    "{stage}": Rate({1e3 * rate:.2f}, {max(0.0, one[stage] - rate * first):.2f}, {size:.0f}),')
            everything += 1e3 * rate if stage != "crop_face alone" else 0
    print(f"# all of these but `crop_face alone`: {everything:.2f} ms a frame")


if __name__ == "__main__":
    main()
