"""Every command that the documentation shows runs, in a sandbox with what it needs; those that cannot are listed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from avatars import avatar
from metric_inputs import Corpus, results_folder
from signals import speech_like
from synthetic import synthetic_rig
from test_docs import BLOCK, PAGES, blocks, prose
from tiny_sets import prepare, train_words

from speechface.audio.sound import write_wav
from speechface.cli import main
from speechface.media import VideoWriter
from speechface.reading import read

ROOT = Path(__file__).resolve().parents[2]

#: Command -> why it does not run here.
NOT_RUN = {
    "pip install .": "installs packages: tests/unit/test_packaging.py",
    "make install": "installs packages; CI does it",
    "make demo": "takes minutes; tests/workflow runs a smaller one",
    "make test": "this is it",
    "make test-all": "this and more",
    "make test-web": "needs npm; tests/unit/test_export*.py run where it has been",
    "make test-slurm": "starts a cluster; CI does a part",
    "make site": "CI does it; tests/unit/test_site.py",
    "make lint": "installs packages; its tools are run by tests/workflow/test_style.py",
    "make format": "changes the sources",
    "make docs": "changes the sources; tests/unit/test_config.py compares",
    "pip install speechface": "installs packages",
    "pip install usd-core": "installs packages",
    "pip install pyarrow": "installs packages",
    "pip install mlflow-skinny sqlalchemy alembic": "installs packages",
    "pip install wandb": "installs packages",
    "speechface fetch ravdess --actors 1-4 --channels speech --out /data/ravdess": "downloads; test_fetch.py",
    "speechface fetch-model --out resources/face_landmarker.task": "downloads; test_download.py",
    "speechface inspect videos/anna/one.mp4": "needs a face; test_inspect.py",
    "python benchmarks/inference_speed.py": "measures for minutes",
    "python benchmarks/calibrate_landmarks.py --write": "calibrates for an hour, changes the sources",
    "python benchmarks/head_gallery.py heads --out docs/images/heads.png": "draws what nobody here looks at",
    "python benchmarks/synchrony.py results": "measures on real clips",
    "snakemake --cores 2 --configfile tests/configs/study.yaml -- results/tables/models.csv": "needs the real clips",
    "snakemake --slurm-efficiency-report": "needs a cluster with accounting",
    "snakemake --unlock": "undoes a lock that is not there",
}

#: Programs of others, by what stands for them here: both give the recording.
STAND_INS = {"arecord": "tail -c +45 speech.wav", "ffmpeg": "cat speech.wav"}


def shown(page):
    """Commands of a page's blocks, as they stand there, without comments."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return list(filter(None, (re.sub(r"(^| +)# .*", "", line) for line in lines)))


def named(page):
    """Whole commands within sentences: with arguments, none of which is left for the reader to fill in."""
    for text in prose(page).replace("\n", " ").split("`")[1::2]:
        tool, *words = text.split() or [""]
        least = {"snakemake": 1, "make": 1, "speechface": 2, "pip": 2, "python": 1}.get(tool, 100)
        if len(words) >= least and not re.search(r"\b[A-Z]{3,}\b|\.\.\.|--help|<", text):
            yield text


def all_commands():
    return {command for page in PAGES for command in [*shown(page), *named(page)]}


def test_what_does_not_run_is_still_shown():
    assert set(NOT_RUN) - all_commands() == set()


def test_commands_stand_in_blocks_that_say_so():
    unmarked = [
        (page.name, line)
        for page in PAGES
        for kind, block in BLOCK.findall(page.read_text())
        for line in block.splitlines()
        if kind in ("", "bash", "shell", "console") and re.match(r"(\$ )?(speechface|snakemake|make|pip) ", line)
    ]
    assert unmarked == []


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the commands work on: recording, avatar, ten videos, configs, a network, results, predictions, a rig."""
    folder = tmp_path_factory.mktemp("made")
    write_wav(folder / "speech.wav", speech_like(2 * 16000, 16000), 16000)
    shutil.copy(avatar(folder), folder / "me.glb")
    (anna,) = blocks(ROOT / "docs/tutorial.md", "yaml")
    (folder / "anna.yaml").write_text(anna)
    videos = folder / "videos" / "anna"
    videos.mkdir(parents=True)
    for k, name in enumerate(["one.mp4", "two.mp4", "three.mov", *(f"{n}.mp4" for n in range(4, 11))]):
        with VideoWriter(videos / name, width=64, height=64, fps=Fraction(25), crf=23) as writer:
            for _ in range(3):
                writer.write(np.full((64, 64, 3), 20 * k, np.uint8))
    (folder / "my.yaml").write_text(anna.replace("root: videos", f"root: {folder}/videos"))
    prepare(folder, "one actor", "log_mel")
    assert main(train_words(folder, "tcn", folder, epochs=1)) == 0
    corpus = Corpus(folder / "corpus")
    results_folder(corpus, folder / "results")
    models = folder / "results/models/tcn/0"
    models.mkdir(parents=True)
    shutil.copy(folder / "tcn.ckpt", models / "model.ckpt")
    shutil.copy(folder / "tcn.ckpt", folder / "model.ckpt")
    read(corpus.root / "predictions.parquet").pandas().to_parquet(folder / "mine.parquet")
    synthetic_rig().save(folder / "facewarehouse.npz")
    return folder


@pytest.fixture
def sandbox(tmp_path, made):
    """A clone with an environment, and folders of one's own beside it. Returns the clone and variables of a shell.

    Snakemake plans only: a whole run takes minutes, and tests/workflow does it.
    """
    clone = tmp_path / "speechface"
    clone.mkdir()
    for path in [*ROOT.iterdir(), *made.iterdir()]:
        if not path.name.startswith(".") and path.name not in ("results", "resources", "logs", "build"):
            (clone / path.name).symlink_to(path)
    for own in (clone, tmp_path / "anna", tmp_path / "mine"):
        own.mkdir(exist_ok=True)
        shutil.copytree(made / "results", own / "results")
        for path in made.iterdir():
            if not (own / path.name).exists():
                (own / path.name).symlink_to(path)
    tools = {
        "speechface": f'exec {sys.executable} -m speechface "$@"',
        "snakemake": f"""
            case " $* " in *" --cores "* | *" --profile "*) ;; *) echo "neither cores nor profile" >&2; exit 1;; esac
            case " $* " in *" -s "*) s="";; *) s="-s {clone}/Snakefile";; esac
            exec {sys.executable} -m snakemake -n --quiet rules $s "$@"
        """,
        **STAND_INS,
    }
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/activate").write_text(f'PATH="{clone}/.venv/bin:$PATH"\n')
    for name, text in tools.items():
        tool = (tmp_path / "bin" if name in STAND_INS else clone / ".venv/bin") / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\n{text}\n")
        tool.chmod(0o755)
    variables = {
        **os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "EDITOR": "grep -c partition",
        "XDG_CONFIG_HOME": f"{tmp_path}/config", "XDG_CACHE_HOME": f"{tmp_path}/cache", "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")])),
    }  # fmt: skip
    return clone, variables


def run(commands, place, variables):
    """Run commands one after the other in one shell, as typed in, until one fails."""
    script = "set -eo pipefail\n" + "".join(f"echo {shlex.quote('> ' + text)} >&2\n{text}\n" for text in commands)
    script = script.replace("192.168.0.5", "127.0.0.1")  # nothing leaves this machine
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-1000:]}"
    return done.stdout


def to_run():
    """Pages with commands that no page before them has."""
    known = set(NOT_RUN)
    for page in [ROOT / "README.md", *PAGES]:
        if set(shown(page)) - known:
            yield page
        known |= set(shown(page))


@pytest.mark.parametrize("page", list(to_run()), ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_from_top_to_bottom(page, sandbox):
    clone, variables = sandbox
    if shown(page)[0].startswith("pip") or ". .venv" not in "".join(shown(page)):  # pip install puts it there
        variables["PATH"] = f"{clone}/.venv/bin:{variables['PATH']}"
    run([command for command in shown(page) if command not in NOT_RUN], clone, variables)


@pytest.mark.exhaustive
def test_commands_within_sentences_run(sandbox):
    clone, variables = sandbox
    variables["PATH"] = f"{clone}/.venv/bin:{variables['PATH']}"
    commands = {command for page in PAGES for command in named(page)} - set(NOT_RUN)
    commands -= {command for page in PAGES for command in shown(page)}
    run(sorted(commands), clone, variables)
