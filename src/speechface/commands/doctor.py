"""Look at this machine: what speechface needs of it, what is there, and what to do about the rest.

Ends with 1 where something that every run needs is missing; what only some steps need is told as a note.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from speechface.errors import SpeechfaceError

__all__ = ["CHECKS", "add_arguments", "run"]

#: name, state (ok, note or missing) and what was found or is to be done
Finding = tuple[str, str, str]
#: Free space that a demo and its packages take, and memory that training's processes share, bytes.
_DISK, _SHM = 3e9, 64e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", default=".", metavar="DIR", help="folder in which runs will work (default: .)")


def _python(folder: str) -> Iterator[Finding]:
    found = f"{sys.version.split()[0]} in {sys.executable}"
    yield ("Python", "ok", found) if sys.version_info >= (3, 11) else (
        "Python", "missing", f"{found}; 3.11 or newer is needed"
    )  # fmt: skip
    if sys.getfilesystemencoding().lower() != "utf-8":
        yield (
            "file names",
            "note",
            f"are {sys.getfilesystemencoding()} here; set LC_ALL=C.UTF-8 for names of all scripts",
        )


#: Packages by what needs them: title -> (extra of pip install, state where one is missing, packages by import's name).
_PACKAGES = {
    "packages, all": ("", "missing", {"av": "av", "numpy": "numpy", "pydantic": "pydantic"}),
    "packages, workflow": ("workflow", "note", {
        "cv2": "opencv-python-headless", "dlib": "dlib-bin", "espeakng_loader": "espeakng-loader", "pandas": "pandas",
        "face_recognition_models": "face_recognition_models", "matplotlib": "matplotlib", "moderngl": "moderngl",
        "numba": "numba", "pyarrow": "pyarrow", "scipy": "scipy", "sklearn": "scikit-learn", "snakemake": "snakemake",
        "soundfile": "soundfile", "yaml": "pyyaml",
    }),
    "packages, networks": ("train", "note", {"torch": "torch", "pytorch_lightning": "pytorch-lightning"}),
}  # fmt: skip


def _packages(folder: str) -> Iterator[Finding]:
    for title, (extra, state, names) in _PACKAGES.items():
        absent = [package for module, package in names.items() if importlib.util.find_spec(module) is None]
        if absent:
            what = f"'speechface[{extra}]'" if extra else "speechface"
            yield title, state, f"{', '.join(absent)} not installed; pip install {what}, or make install"
        else:
            yield title, "ok", f"{len(names)} installed"


#: Packages of compiled code, which may be installed and yet not start.
_COMPILED = {
    "cv2": "pip install --force-reinstall opencv-python-headless",
    "dlib": "pip install --force-reinstall dlib-bin",
}


def _compiled(folder: str) -> Iterator[Finding]:
    for module, remedy in _COMPILED.items():
        if importlib.util.find_spec(module) is None:
            continue
        done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True, timeout=120)
        if done.returncode < 0:  # by a signal
            why = "it ends by signal SIGILL: this processor lacks instructions that it was built for"
            yield module, "note", why if done.returncode == -4 else f"it ends by signal {-done.returncode}; {remedy}"
        elif done.returncode:
            yield module, "note", f"cannot be loaded ({done.stderr.strip().splitlines()[-1]}); {remedy}"


def _media(folder: str) -> Iterator[Finding]:
    try:
        import av
    except ImportError as error:
        yield "FFmpeg (PyAV)", "missing", f"cannot be loaded ({error}); pip install --force-reinstall av"
        return
    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    absent = [name for name in ("h264", "mpeg1video", "flv", "aac", "pcm_s16le") if name not in av.codecs_available]
    if absent:
        yield (
            "FFmpeg (PyAV)",
            "note",
            f"without {', '.join(absent)}; install the wheel: pip install --only-binary :all: av",
        )
    else:
        yield "FFmpeg (PyAV)", "ok", f"{av.__version__}, libavcodec {libraries.get('libavcodec', '?')}"


def _drawing(folder: str) -> Iterator[Finding]:
    from speechface.render.renderer import Renderer

    try:
        with Renderer(32, 32) as renderer:
            yield "drawing (EGL)", "ok", getattr(renderer, "driver", "works")
    except SpeechfaceError as error:
        yield "drawing (EGL)", "note", f"{error} (demo, videos and two figures need it)"


def _speech(folder: str) -> Iterator[Finding]:
    from speechface.synthesis.espeak import EspeakError, speak

    try:
        speak("a", voice="en-us", rate=150, pitch=50, pitch_range=50)
        yield "espeak-ng", "ok", "speaks"
    except EspeakError as error:
        yield "espeak-ng", "note", f"{error} (only the demo needs it)"


def _disk(folder: str) -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield "disk", "missing", f"{folder}: {error.strerror}; choose a folder that you may write to"
        return
    text = f"{free / 1e9:.1f} GB free in {os.path.abspath(folder)}"
    yield "disk", *(("ok", text) if free > _DISK else ("note", f"{text}; the demo and its packages take 3 GB"))


def _shared_memory(folder: str) -> Iterator[Finding]:
    shm = Path("/dev/shm")
    if not shm.is_dir():
        yield "/dev/shm", "note", "absent; networks of several processes train without it, slower"
        return
    free = shutil.disk_usage(shm).free
    text = f"{free / 1e6:,.0f} MB free"
    more = "; in a container start it with --shm-size=1g" if free < _SHM else ""
    yield "/dev/shm", "note" if more else "ok", text + more


def _gpu(folder: str) -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        yield "GPU", "ok", f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
    else:
        built = f"this PyTorch ({torch.__version__}) is built for CPUs" if torch.version.cuda is None else "no device"
        yield "GPU", "ok", f"none ({built}); training runs on the CPU"


def _cluster(folder: str) -> Iterator[Finding]:
    if shutil.which("sbatch") is None:
        yield "Slurm", "ok", "not here (only clusters need it)"
        return
    try:
        run = subprocess.run(["sbatch", "--version"], capture_output=True, text=True, timeout=20)
        version = " ".join(run.stdout.split()) or f"sbatch says {' '.join(run.stderr.split()) or 'nothing'}"
    except (OSError, subprocess.SubprocessError) as error:
        yield "Slurm", "note", f"sbatch is there, but does not answer ({error}); ask the cluster's people"
        return
    home = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "snakemake" / "slurm"
    plugin = importlib.util.find_spec("snakemake_executor_plugin_slurm") is not None
    if not plugin:
        yield "Slurm", "note", f"{version}, but no snakemake-executor-plugin-slurm; pip install 'speechface[workflow]'"
    elif not (home / "config.yaml").exists():
        yield "Slurm", "note", f"{version}; no profile in {home}: make slurm-profile (docs/cluster.md)"
    else:
        yield "Slurm", "ok", f"{version}, profile {home}"


#: What is looked at, in order.
CHECKS: dict[str, Callable[[str], Iterator[Finding]]] = {
    "python": _python, "packages": _packages, "compiled": _compiled, "media": _media, "drawing": _drawing,
    "speech": _speech, "disk": _disk, "shared_memory": _shared_memory, "gpu": _gpu, "cluster": _cluster,
}  # fmt: skip


def run(args: argparse.Namespace) -> None:
    print(f"speechface {importlib.metadata.version('speechface')}")
    missing = []
    for name, check in CHECKS.items():
        try:
            findings = list(check(args.dir))
        except Exception as error:  # a broken library must not hide what the other checks find
            findings = [(name, "note", f"cannot be looked at: {type(error).__name__}: {error}")]
        for title, state, text in findings:
            print(f"{state:8}{title:20} {' '.join(text.split())}")
            missing += [title] if state == "missing" else []
    if missing:
        raise SpeechfaceError(f"missing: {', '.join(missing)}; see above for what to do")
