"""What the commands say of a folder of troublesome files: result or message, exit code, seconds, peak memory.

    python benchmarks/trouble.py FOLDER [--commands inspect animate ...] [--jobs 1] > table.md

Sound goes through ``extract-audio`` and ``animate``, everything else through ``detect-landmarks`` and ``inspect``, too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOUND = (".wav", ".flac", ".mp3", ".ogg", ".m4a")


def words_of(command: str, file: Path, folder: Path) -> list[str]:
    """Arguments of a command for one file."""
    clip = f"set/actor/clip={file}"
    return {
        "extract-audio": ["--clips", clip, "--out", str(folder / "audio.parquet")],
        "detect-landmarks": ["--clips", clip, "--out", str(folder / "landmarks.parquet")],
        "inspect": [str(file)],
        "animate": [str(file), "--out", str(folder / "animation"), "--formats", "livelink"],
    }[command]


def measured(command: str, file: Path, limit: float) -> tuple[int, float, float, str]:
    """Exit code, seconds, peak memory in MB and what is said in the end, of one command on one file."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile("w+") as log:
        folder, began = Path(name), time.monotonic()
        words = [sys.executable, "-m", "speechface", command, *words_of(command, file, folder)]
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - began > limit:
                process.kill()
            time.sleep(0.02)
        seconds = time.monotonic() - began
        log.seek(0)
        text = log.read()
        said = _said(command, text, file, folder)
    return os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / 1024, said.replace(str(file), file.name)


def _said(command: str, text: str, file: Path, folder: Path) -> str:
    """The reason of an unusable clip, the verdict or the error; what was warned of stands before it."""
    from speechface.clip_tables import ClipTable

    lines = [line for line in text.splitlines() if line.strip()]
    if "Traceback (most recent call last):" in text:
        return f"TRACEBACK {lines[-1]}"
    if command == "inspect":
        kept = [line for line in lines if line.startswith(("verdict", "used", "speechface inspect:"))]
        return "; ".join(" ".join(line.split()) for line in kept)
    warned = [line.split(f"{file}: ")[-1] for line in lines if " WARNING " in line and " unusable: " not in line]
    table = next(folder.glob("*.parquet"), None)
    if table is not None:
        clip = ClipTable(table).read("set/actor/clip")
        if not clip.usable:
            return f"unusable: {clip.reason}"
        found = (
            f"{clip.meta['n_samples'] / clip.meta['sr']:.2f} s" if command == "extract-audio" else f"{len(clip)} frames"
        )
        return "; ".join([found, *warned])
    if command == "animate" and list(folder.glob("animation/*")):
        return "; ".join(["written", *warned])
    return lines[-1] if lines else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commands", nargs="+", default=["extract-audio", "detect-landmarks", "inspect", "animate"])
    parser.add_argument("--limit", type=float, default=600, help="seconds that a command may take (default: 600)")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print("| file | command | exit | s | MB | says |\n|---|---|---|---|---|---|", flush=True)
    for file in sorted(path for path in args.folder.iterdir() if path.is_file()):
        for command in args.commands:
            if file.suffix in SOUND and command in ("detect-landmarks", "inspect"):
                continue
            code, seconds, memory, said = measured(command, file, args.limit)
            said = said.replace("|", "\\|")
            print(f"| {file.name} | {command} | {code} | {seconds:.1f} | {memory:.0f} | {said} |", flush=True)


if __name__ == "__main__":
    main()
