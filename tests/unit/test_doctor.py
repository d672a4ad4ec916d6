import importlib.util
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from speechface.cli import main
from speechface.commands import doctor


def findings(check, folder="."):
    return {name: (state, text) for name, state, text in doctor.CHECKS[check](str(folder))}


def test_this_machine_is_looked_at_in_one_line_each(tmp_path, capsys):
    assert main(["doctor", "--dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("speechface ")
    assert all(line.split()[0] in ("ok", "note") for line in lines[1:])
    assert {line[8:28].strip() for line in lines[1:]} >= {
        "Python",
        "FFmpeg (PyAV)",
        "disk",
        "drawing (EGL)",
        "espeak-ng",
    }


def test_a_package_that_is_missing_is_named_with_its_remedy(monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("cv2", "torch") else there(name))
    found = findings("packages")
    assert found["packages, workflow"] == (
        "note", "opencv-python-headless not installed; pip install 'speechface[workflow]', or make install"
    )  # fmt: skip
    assert found["packages, networks"][1].startswith("torch not installed; pip install 'speechface[train]'")


@pytest.mark.parametrize(("code", "text"), [(-4, "SIGILL"), (-11, "signal 11"), (1, "libGL.so.1: cannot open")])
def test_a_library_that_does_not_start_is_told_why(code, text, monkeypatch):
    done = SimpleNamespace(returncode=code, stderr="Traceback\nImportError: libGL.so.1: cannot open\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: done)
    assert text in findings("compiled")["cv2"][1]


def test_a_folder_that_cannot_be_written_ends_with_1(tmp_path, capsys):
    assert main(["doctor", "--dir", str(tmp_path / "gone")]) == 1
    said = capsys.readouterr()
    assert "missing disk" in " ".join(said.out.split())
    assert said.err.strip() == "speechface doctor: missing: disk; see above for what to do"


def test_little_room_is_a_note(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e6))
    assert findings("disk", tmp_path)["disk"][0] == "note"
    assert "--shm-size" in findings("shared_memory")["/dev/shm"][1]


def test_a_cluster_without_profile_is_told_to_make_one(monkeypatch, tmp_path):
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho slurm 23.11\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert findings("cluster")["Slurm"] == (
        "note", f"slurm 23.11; no profile in {tmp_path}/snakemake/slurm: make slurm-profile (docs/cluster.md)"
    )  # fmt: skip
    (tmp_path / "snakemake/slurm").mkdir(parents=True)
    (tmp_path / "snakemake/slurm/config.yaml").touch()
    assert findings("cluster")["Slurm"][0] == "ok"


def test_a_check_that_breaks_hides_no_other(monkeypatch, capsys):
    def broken(folder):
        raise ZeroDivisionError("odd")
        yield

    monkeypatch.setattr(doctor, "CHECKS", {"gpu": broken, "python": doctor.CHECKS["python"]})
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "cannot be looked at: ZeroDivisionError: odd" in said
    assert "Python" in said
