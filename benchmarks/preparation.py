"""What preparation costs and yields, ours beside the report's code on the same clips in one run.

    python benchmarks/preparation.py [FOLDER or CLIP ...] [--frames 40] [--workers 1 2] [--out results/benchmarks]

Without clips: the RAVDESS actor and one clip each of seven GRID speakers in ``../shared/clips``. On every clip ours
runs, then the reference, then ours again, so that a machine that is busy otherwise slows both alike. The reference
runs over the first frames of a clip (`--frames`); agreement is judged on all. Times are processor milliseconds of one
thread a frame, start-up of a job apart. Written: ``preparation.csv`` (the table),
``preparation.json`` (all that is printed).

Agreement: landmarks against a detection at full resolution in every frame, mean and worst frame in per cent of the eye
distance (`landmark_agreement.py`, which also gives the floor that the detector's own arbitrariness sets); spectrograms
against librosa window by window, largest difference in units of the range; log-mel against librosa, largest, dB.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ONE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")}
os.environ.update(ONE)  # before any library reads them

import numpy as np  # noqa: E402
from landmark_agreement import distance, reference  # noqa: E402
from report_loops import PAD, load  # noqa: E402

from speechface.audio.features import compute  # noqa: E402
from speechface.audio.windows import frame_end_samples, windows  # noqa: E402
from speechface.cli import main as speechface  # noqa: E402
from speechface.clip_tables import ClipTable  # noqa: E402
from speechface.config import defaults  # noqa: E402
from speechface.landmarks.model import predictor_path  # noqa: E402
from speechface.sound_tables import read_sound, read_times  # noqa: E402

SHARED = Path("../shared")
ENDINGS = {".mp4", ".mpg", ".mov", ".avi", ".mkv"}
#: RAVDESS: frames, and jobs of one actor each.
RAVDESS_FRAMES, RAVDESS_JOBS = 245_000, 24
COLUMNS = ("stage", "clips", "reference_ms", "ours_ms", "ratio", "agreement", "unit")
FEATURES = ("spectrogram", "acoustics", "log_mel")
COMMANDS = ("extract-audio", "detect-landmarks", "crop-faces", *FEATURES)


def default_sets():
    """{name: clips} of the real clips that lie beside the repository."""
    speakers = sorted(SHARED.glob("clips/grid/*"))
    sets = {"ravdess": sorted(SHARED.glob("clips/ravdess/*/*.mp4")),
            "grid": [sorted(folder.glob("*.mpg"))[0] for folder in speakers if list(folder.glob("*.mpg"))]}  # fmt: skip
    return {name: clips for name, clips in sets.items() if clips}


def given_sets(paths):
    """{folder's name: clips} of files and folders named on the command line."""
    sets = {}
    for path in map(Path, paths):
        clips = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS) if path.is_dir() else [path]
        sets.setdefault(path.name if path.is_dir() else path.parent.name, []).extend(clips)
    return {name: clips for name, clips in sets.items() if clips}


# ---- ours -------------------------------------------------------------------------------------------------------


def clip_id(clip):
    return f"data/actor/{clip.parent.name}_{clip.stem}"


def arguments(command, clips, folder):
    """Command line of a command, or of a feature by its name, for clips, as the workflow gives it."""
    audio, landmarks, out = (str(folder / f"{name}.parquet") for name in ("extract-audio", "detect-landmarks", command))
    if command in FEATURES:
        return ["features", command, "--audio", audio, "--out", out]
    more = ["--landmarks", landmarks] if command == "crop-faces" else []
    return [command, "--clips", *(f"{clip_id(clip)}={clip}" for clip in clips), *more, "--out", out]


def fresh(folder):
    """Remove tables, or their clips would be kept."""
    for path in folder.glob("*.parquet"):
        path.unlink()


def in_process(command, clip, folder):
    """Run a command on one clip in this process: (processor, wall) seconds."""
    start = time.process_time(), time.perf_counter()
    if speechface(arguments(command, [clip], folder)):
        raise SystemExit(f"{command} failed on {clip}")
    return time.process_time() - start[0], time.perf_counter() - start[1]


def ours(clip, folder):
    """{command: (processor, wall) seconds} of everything on one clip, and bytes written."""
    fresh(folder)
    times = {command: in_process(command, clip, folder) for command in COMMANDS}
    return times, sum(path.stat().st_size for path in folder.glob("*.parquet"))


def as_process(commands, clips, folder):
    """Run commands one after the other, each as a process over all clips; processor and wall seconds by command."""
    times = {}
    for command in commands:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        words = [sys.executable, "-m", "speechface", *arguments(command, clips, folder)]
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        times[command] = (processor, time.perf_counter() - start)
    return times


# ---- one clip, both ---------------------------------------------------------------------------------------------


def feature_ms(name, sound, times, fps, sr):
    """Processor seconds of a feature of the whole clip, without reading and writing."""
    start = time.process_time()
    compute(name, sound, times, fps=fps, sr=sr, settings=defaults(name))
    return time.process_time() - start


def measure(clip, loops, n_frames, scratch):
    """Both on one clip: {"frames", "ours", "reference": ms a frame by stage, "bytes", "agreement"}."""
    ours_folder, report_folder = scratch / "ours", scratch / "report"
    for folder in (ours_folder, report_folder):
        folder.mkdir(exist_ok=True)
    for path in report_folder.iterdir():
        path.unlink()
    first, written = ours(clip, ours_folder)
    audio = ClipTable(ours_folder / "extract-audio.parquet")
    whole = read_sound(audio, clip_id(clip))
    sound, sr = whole.since(0.0), whole.sr
    times, fps = read_times(audio, clip_id(clip))
    count = len(times)
    few = min(n_frames, count)
    features = {name: [feature_ms(name, sound, times, fps, sr)] for name in FEATURES}

    faces, face_s = loops.landmarks(clip, few)
    images, image_s = loops.spectrograms(sound, few, fps, sr)
    (mfcc, mel, chroma), acoustic_s = loops.acoustics(sound, few, fps, sr)
    columns = {"mfcc": mfcc, "mel": mel, "chroma": chroma, "spectrogram": images,
               "landmarks": [np.ravel(face).tolist() for face in faces if face is not None]}  # fmt: skip
    report_bytes, table_s = loops.tables(columns, images, report_folder)

    for name, seconds in features.items():
        seconds.append(feature_ms(name, sound, times, fps, sr))
    second, _ = ours(clip, ours_folder)
    ms = {command: [1e3 * (a + b) / 2 / count for a, b in zip(first[command], second[command])] for command in COMMANDS}
    report = {**face_s, **image_s, **acoustic_s}
    report["lists"] = image_s["lists"] + acoustic_s["lists"]
    rates = {stage: 1e3 * seconds / few for stage, seconds in report.items()}
    rates["tables"] = 1e3 * table_s / few
    return {
        "clip": str(clip), "frames": count, "reference_frames": few,
        "ours": {command: cpu for command, (cpu, _) in ms.items()},
        "ours_wall": {command: wall for command, (_, wall) in ms.items()},
        "compute": {name: 1e3 * float(np.mean(seconds)) / count for name, seconds in features.items()},
        "reference": rates,
        "bytes": written / count, "reference_bytes": report_bytes / few,
        "agreement": agreement(clip, ours_folder / "detect-landmarks.parquet", loops, sound, times, fps, sr),
    }  # fmt: skip


def agreement(clip, table, loops, sound, times, fps, sr):
    """How far ours is from the reference on one clip."""
    found = ClipTable(table).read(clip_id(clip))
    every, shifted, _ = reference(str(clip), defaults("landmarks").clahe_clip)
    both = found["detected"] & np.isfinite(every[:, 0, 0])
    gaps = distance(found["landmarks"][both], every[both])
    floor = distance(shifted[both], every[both])
    ends = frame_end_samples(times, fps=fps, sr=sr)[::7]
    settings = defaults("spectrogram")
    mine = compute("spectrogram", sound, times, fps=fps, sr=sr, settings=settings)[::7]
    size = (settings.n_hops - 1) * settings.hop_length
    wanted = windows(sound, ends, size).astype(float)  # librosa in double precision
    theirs = np.array([loops.spectrogram(window, settings.pad_mode) for window in wanted])
    sounding = theirs.any((1, 2))  # of silence the report's code makes 0, the loudest value; ours is 1
    return {"landmarks": gaps.tolist(), "floor": floor.tolist(), "missed": int((~found["detected"]).sum()),
            "spectrogram": float(np.abs(mine - theirs)[sounding].max()),
            "log_mel": log_mel_gap(sound, times, fps, sr)}  # fmt: skip


def log_mel_gap(sound, times, fps, sr):
    """Largest difference, dB, of the log-mel of mirrored windows from librosa's of the same windows."""
    import librosa

    settings = defaults("acoustics").model_copy(update={"pad_mode": PAD})
    count, steps = settings.n_mels, settings.n_hops
    mine = compute("acoustics", sound, times, fps=fps, sr=sr, settings=settings)[::7, : count * steps]
    size = (steps - 1) * settings.hop_length + math.ceil(0.025 * sr)
    sizes = {"n_fft": settings.n_fft, "hop_length": settings.hop_length, "n_mels": count}
    rows = []
    for window in windows(sound, frame_end_samples(times, fps=fps, sr=sr)[::7], size):
        padded = np.pad(window, settings.n_fft // 2, mode="reflect")
        mel = librosa.feature.melspectrogram(y=padded, sr=sr, center=False, **sizes)[:, :steps]
        rows.append(librosa.power_to_db(mel, top_db=None))
    theirs = np.array(rows).reshape(len(mine), -1)
    floor = mine.min()  # 80 dB below the clip's loudest band
    return float(np.abs(mine - np.maximum(theirs, floor)).max())


# ---- a set of clips ---------------------------------------------------------------------------------------------


def mean(results, *keys):
    """Mean of a number over clips, weighted by their frames."""
    values = []
    for result in results:
        value = result
        for key in keys:
            value = value[key]
        values.append(value)
    return float(np.average(values, weights=[result["frames"] for result in results]))


def table(name, results):
    """Rows of the table of one set of clips."""
    label = f"{name}: {len(results)} clips, {sum(result['frames'] for result in results)} frames"
    gaps, floor = (np.concatenate([result["agreement"][key] for result in results]) for key in ("landmarks", "floor"))
    r = {stage: mean(results, "reference", stage) for stage in results[0]["reference"]}
    o = {command: mean(results, "ours", command) for command in COMMANDS}
    c = {feature: mean(results, "compute", feature) for feature in results[0]["compute"]}
    worst = {key: max(result["agreement"][key] for result in results) for key in ("spectrogram", "log_mel")}
    features = sum(o[name] for name in FEATURES)
    rows = [
        ("landmarks and face images", r["landmarks"], o["detect-landmarks"] + o["crop-faces"], gaps.mean(),
         f"% of eye distance, mean; floor {floor.mean():.2f}"),
        ("landmarks, worst frame", None, None, gaps.max(), f"% of eye distance; floor {floor.max():.2f}"),
        ("sound and frame times", None, o["extract-audio"], None, ""),
        ("spectrogram, computed", r["spectrogram"], c["spectrogram"], worst["spectrogram"], "of 1, largest"),
        ("mel, MFCC, delta; ours with chroma", r["mel, MFCC, delta"], c["acoustics"], worst["log_mel"],
         "dB of log-mel, largest"),
        ("chroma", r["chroma"], None, None, ""),
        ("log-mel of sequence networks, computed", None, c["log_mel"], None, ""),
        ("features from sound to tables", sum(v for k, v in r.items() if k != "landmarks"), features, None, ""),
        ("everything", sum(r.values()), sum(o.values()), None, ""),
    ]  # fmt: skip
    return [
        dict(zip(COLUMNS, (stage, label, ref, own, ref / own if ref and own else None, agrees, unit)))
        for stage, ref, own, agrees, unit in rows
    ]


def start_up(clip, result, scratch):
    """Processor seconds of every command's process over one clip, beyond those of its frames; the least of two."""
    folder = scratch / "start"
    folder.mkdir(exist_ok=True)
    as_process(COMMANDS, [clip], folder)  # compiles and fills caches
    least = {}
    for _ in range(2):
        fresh(folder)
        for command, (processor, _) in as_process(COMMANDS, [clip], folder).items():
            own = processor - 1e-3 * result["ours"][command] * result["frames"]
            least[command] = min(least.get(command, own), own)
    return {command: max(0.0, seconds) for command, seconds in least.items()}


def together(clips, workers, scratch):
    """Wall seconds of as many workers at once, each with all clips of its own."""
    folders = [scratch / f"worker{k}" for k in range(workers)]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        fresh(folder)
    chain = (
        "import sys, subprocess, json\nfor command in json.loads(sys.argv[1]):\n    subprocess.run(command, check=True)"
    )
    start = time.perf_counter()
    running = []
    for folder in folders:
        commands = [[sys.executable, "-m", "speechface", *arguments(command, clips, folder)] for command in COMMANDS]
        command = [sys.executable, "-c", chain, json.dumps(commands)]
        running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    if any([process.wait() for process in running]):
        raise SystemExit("a worker failed")
    return time.perf_counter() - start


def report(rows, facts):
    """Print everything."""
    for name, own in facts.items():
        print(f"\n{rows[name][0]['clips']}; reference: {own['reference']}, {own['reference_frames']} frames a clip")
        print(f"{'stage':40} {'reference':>10} {'ours':>8} {'ratio':>7}   agreement")
        for row in rows[name]:
            ref, own_ms, ratio = ("" if row[key] is None else f"{row[key]:.3f}" for key in COLUMNS[2:5])
            agrees = "" if row["agreement"] is None else f"{row['agreement']:.2g} {row['unit']}"
            print(f"{row['stage']:40} {ref:>10} {own_ms:>8} {ratio[:-2]:>7}   {agrees}")
        print("commands, ms a frame: " + ", ".join(f"{command} {ms:.3f}" for command, ms in own["ours"].items()))
        print(f"bytes a frame: reference {own['reference_bytes']:.0f}, ours {own['bytes']:.0f}")
        print("start of a job, processor s: " + ", ".join(f"{v} {s:.2f}" for v, s in own["start_up"].items()))
        print("workers: " + ", ".join(f"{n}: {s:.2f} s" for n, s in own["workers"].items()))
        if own["ravdess"]:
            p = own["ravdess"]
            print(f"whole RAVDESS ({RAVDESS_FRAMES} frames): reference {p['reference_core_hours']:.1f} core-hours and "
                  f"{p['reference_gb']:.1f} GB; ours {p['core_hours']:.2f} and {p['gb']:.2f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", help="clips, or folders of clips")
    parser.add_argument("--frames", type=int, default=40, help="frames of a clip that the reference is timed on")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2], help="numbers of processes at once to time")
    parser.add_argument("--reference", default=str(SHARED / "reference/report_port.py"), help="port of the listings")
    parser.add_argument("--out", default="results/benchmarks", help="folder for the results")
    args = parser.parse_args()
    sets = given_sets(args.clips) if args.clips else default_sets()
    if not sets:
        parser.error(f"no clips: name some, or put real clips into {SHARED / 'clips'}")
    warnings.simplefilter("ignore")
    import cv2

    cv2.setNumThreads(1)
    rows, facts = {}, {}
    with tempfile.TemporaryDirectory() as name, open(os.devnull, "w") as quiet, contextlib.redirect_stderr(quiet):
        scratch = Path(name)
        loops = load(args.reference, model=predictor_path(), folder=scratch)
        for set_name, clips in sets.items():
            measure(clips[0], loops, 2, scratch)  # loads and compiles everything
            results = [measure(clip, loops, args.frames, scratch) for clip in clips]
            rows[set_name] = table(set_name, results)
            total, starts = rows[set_name][-1], start_up(clips[0], results[0], scratch)
            own = {
                "reference": loops.name,
                "reference_frames": args.frames,
                "ours": {command: mean(results, "ours", command) for command in COMMANDS},
                "ours_wall": {command: mean(results, "ours_wall", command) for command in COMMANDS},
                "bytes": mean(results, "bytes"),
                "reference_bytes": mean(results, "reference_bytes"),
                "start_up": starts,
                "workers": {n: together(clips, n, scratch) for n in args.workers},
                "missed_frames": sum(result["agreement"]["missed"] for result in results),
                "ravdess": {},
                "clips": results,
            }
            if "ravdess" in str(clips[0]).lower():
                hours = RAVDESS_FRAMES / 3.6e6
                own["ravdess"] = {
                    "reference_core_hours": total["reference_ms"] * hours,
                    "core_hours": total["ours_ms"] * hours + RAVDESS_JOBS * sum(starts.values()) / 3600,
                    "reference_gb": own["reference_bytes"] * RAVDESS_FRAMES / 1e9,
                    "gb": own["bytes"] * RAVDESS_FRAMES / 1e9,
                }
            facts[set_name] = own
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "preparation.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in (row for part in rows.values() for row in part):
            writer.writerow({key: f"{v:.4g}" if isinstance(v, float) else v for key, v in row.items()})
    (out / "preparation.json").write_text(json.dumps(facts, indent=1))
    report(rows, facts)


if __name__ == "__main__":
    main()
