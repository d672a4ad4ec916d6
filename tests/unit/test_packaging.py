"""pyproject.toml, constraints.txt and envs/*.yaml name the same packages; what animates needs few of them."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from speechface.rig.channels import ARKIT52, ROTATIONS

ROOT = Path(__file__).resolve().parents[2]
#: names that differ between PyPI and conda
CONDA_NAMES = {
    "dlib-bin": "dlib",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "py-opencv",
    "snakemake": "snakemake-minimal",
    "soundfile": "pysoundfile",
    "soxr": "soxr-python",
    "torch": "pytorch",
}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    """(name, bound) of what the package itself and these extras need."""
    found = [*project()["dependencies"]]
    for extra in extras:
        found += project()["optional-dependencies"][extra]
    return [re.match(r"([A-Za-z0-9_.-]+)\s*(>=[0-9.]+)", text.split(";")[0]).groups() for text in found]


def conda():
    found = {}
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text())["dependencies"]:
            for text in entry["pip"] if isinstance(entry, dict) else [entry]:
                name, _, bound = text.partition(" ")
                found.setdefault(canonical(name), {})[path.name] = bound
    return found


def test_every_runtime_package_is_in_some_environment_with_the_same_bound():
    environments = conda()
    for name, bound in requirements("workflow", "train"):
        bounds = environments.get(canonical(CONDA_NAMES.get(name, name)))
        assert bounds, f"{name} is in pyproject.toml but in no envs/*.yaml"
        assert set(bounds.values()) == {bound}, f"{name}: pyproject {bound}, envs {bounds}"


def test_environments_name_nothing_that_pyproject_lacks():
    named = requirements("workflow", "train")
    assert set(conda()) <= {canonical(CONDA_NAMES.get(name, name)) for name, _ in named} | {"python", "pip"}


def test_every_package_is_pinned_by_plain_version():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().split():
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([0-9][A-Za-z0-9.]*)", line)
        assert match, f"constraints.txt: '{line}' is not name==version"
        pins[canonical(match[1])] = match[2]
    named = requirements(*project()["optional-dependencies"])
    assert not [name for name, _ in named if canonical(name) not in pins]


def imported(path):
    """Names of the packages that a module imports, at its head or within functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


#: package as it is imported -> as it is installed, where the names differ
INSTALLED_AS = {
    "PIL": "pillow", "cv2": "opencv-python-headless", "dlib": "dlib-bin", "lightning_fabric": "pytorch-lightning",
    "pytorch_lightning": "pytorch-lightning", "pxr": "usd-core", "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}  # fmt: skip


def test_every_package_that_is_imported_is_declared():
    declared = {canonical(name) for name, _ in requirements("workflow", "train", "usd")}
    used = {name for path in (ROOT / "src").rglob("*.py") for name in imported(path)}
    used -= set(sys.stdlib_module_names) | {"speechface"}
    assert used > {"numpy", "torch", "cv2"}
    assert not {name for name in used if canonical(INSTALLED_AS.get(name, name)) not in declared}


def test_make_install_takes_all_extras_that_tests_need():
    install = re.search(r"-e '\.\[([a-z,]+)\]'", (ROOT / "Makefile").read_text())[1]
    assert set(install.split(",")) == set(project()["optional-dependencies"]) - {"usd"}


@pytest.mark.parametrize("folder", ["src", "workflow", "tests", "docs", "benchmarks"])
def test_no_file_carries_a_path_of_one_machine(folder):
    pattern = re.compile(r"(/home|/root|/Users)/\w+")
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".smk", ".md", ".yaml", ".rst", ".txt"} and path.is_file():
            assert not pattern.search(path.read_text()), path


def test_the_container_installs_what_the_project_names():
    text = (ROOT / "envs/speechface.def").read_text()
    sections = dict(re.findall(r"^%(\w+)\n(.*?)(?=^%|\Z)", text, flags=re.M | re.S))
    copied = [line.split() for line in sections["files"].splitlines() if line.strip()]
    for source, target in copied:
        assert (ROOT / source).exists(), source
        assert target == f"/opt/speechface/{source}"
    used = set(re.findall(r"/opt/speechface/(\S+)", sections["post"]))
    assert used <= {source for source, _ in copied}
    assert project()["readme"] in {source for source, _ in copied}  # pip reads it
    lowest = project()["requires-python"].removeprefix(">=")
    version = re.search(r"^From: python:([0-9.]+)-", text, flags=re.M)[1]
    assert tuple(map(int, version.split("."))) >= tuple(map(int, lowest.split(".")))
    script = (ROOT / "scripts/system-packages.sh").read_text()
    for package in set(re.findall(r"\blib[a-z0-9-]+\b", sections["post"])) - {"lib"}:
        assert package in script, package


#: What is not installed with the package alone.
EXTRA = (
    "torch", "pytorch_lightning", "snakemake", "cv2", "dlib", "pandas", "matplotlib", "sklearn", "numba", "soundfile",
    "PIL", "yaml", "networkx", "librosa", "onnx", "pyarrow", "scipy",
)  # fmt: skip


def run_without(packages, folder, *commands):
    """Run commands in one process, in which these packages cannot be imported."""
    code = (
        "import sys\n"
        f"for name in {tuple(packages)!r}: sys.modules[name] = None\n"
        "from speechface.cli import main\n"
        f"sys.exit(max(main(command.split()) for command in {commands!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def animations(tmp_path_factory):
    """feature -> weights animated with the package alone, and with everything that is installed."""
    from speechface.audio.sound import write_wav
    from speechface.config import defaults
    from speechface.networks.baselines import Baseline
    from speechface.networks.loading import save_model

    folder = tmp_path_factory.mktemp("animate")
    rng = np.random.default_rng(0)
    write_wav(folder / "hello.wav", (rng.standard_normal(16000) / 20).astype(np.float32), 16000)
    sizes = {"spectrogram": 128 * 32, "log_mel": 8 * 80, "acoustics": 537, "waveform": 1280}
    for feature, size in sizes.items():
        settings = {**defaults(feature).dump(), "audio_sr": 44100}
        arrays = {"matrix": 1e-3 * rng.standard_normal((size, 55)), "offset": np.full(55, 0.4)}
        model = Baseline("ridge", feature, settings, (*ARKIT52, *ROTATIONS), np.ones(52, bool), arrays, {})
        save_model(folder / f"{feature}.npz", model)
    for place, packages in (("whole", ()), ("alone", EXTRA)):
        animate = "animate hello.wav --model {0}.npz --out {1}/{0} --formats a2f_json livelink"
        run = run_without(packages, folder, *(animate.format(feature, place) for feature in sizes))
        assert run.returncode == 0, run.stderr

    def weights(place, feature):
        return np.array(json.loads((folder / place / feature / "hello.a2f.json").read_text())["weightMat"])

    return folder, {feature: (weights("alone", feature), weights("whole", feature)) for feature in sizes}


def test_a_baseline_animates_with_the_package_alone(animations):
    for alone, whole in animations[1].values():
        assert alone.shape == (30, 52)
        assert np.ptp(alone) > 0.01
        np.testing.assert_allclose(alone, whole, atol=2e-3)  # one step of the spectrogram's 255 in many numbers


def test_a_baseline_follows_a_microphone_with_the_package_alone(animations):
    folder, _ = animations
    (folder / "microphone").write_text("#!/bin/sh\ncat hello.wav\n")
    (folder / "microphone").chmod(0o755)
    run = run_without(EXTRA, folder, "live --microphone ./microphone --model log_mel.npz --to jsonl")
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == 30


def test_a_video_is_drawn_with_the_package_alone(animations):
    folder, _ = animations
    run = run_without(EXTRA, folder, "animate hello.wav --model log_mel.npz --out video --formats mp4 --size 64")
    if "no EGL context" in run.stderr:
        pytest.skip("drawing needs EGL (scripts/system-packages.sh)")
    assert run.returncode == 0, run.stderr
    assert (folder / "video/hello.mp4").stat().st_size > 1000


def test_a_network_asks_for_the_extra_that_it_needs(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.ckpt", "w") as file:  # as PyTorch's are
        file.writestr("data.pkl", b"a network")
    (tmp_path / "hello.wav").write_bytes(b"sound")
    run = run_without(EXTRA, tmp_path, "animate hello.wav --model model.ckpt --out out")
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "speechface animate: model.ckpt: a network needs PyTorch, which is not installed: "
        "pip install 'speechface[train]'"
    ]
