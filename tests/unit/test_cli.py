import os
import re
import subprocess
import sys

import pytest

from speechface.cli import COMMANDS, build_parser, main


def test_help_names_every_command_and_imports_no_science():
    code = (
        "import sys\nfrom speechface.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'cv2', 'dlib', 'av', 'librosa', 'pandas', 'pyarrow', 'scipy', 'yaml'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in run.stdout
    for command in COMMANDS:
        assert f"  {command} " in run.stdout or f"  {command}\n" in run.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert f"usage: speechface {command}" in text
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("command", COMMANDS)
def test_importing_a_command_loads_no_heavy_package(command):
    module = "speechface.commands." + command.replace("-", "_")
    code = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'cv2', 'dlib', 'av', 'librosa', 'pandas', 'matplotlib', 'snakemake', 'moderngl'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_user_error_is_one_line_and_exit_code_1(capsys, tmp_path):
    assert main(["check-config", str(tmp_path / "absent.yaml")]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("speechface check-config: ")
    assert "no such config file" in error
    assert "\n" not in error


def test_a_name_with_a_line_break_makes_no_second_line(capsys):
    assert main(["animate", "two\nlines\x1b[31m.wav"]) == 1
    assert "two\\nlines\\x1b[31m.wav: no such file" in capsys.readouterr().err


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(["dance"])
    assert stop.value.code == 2
    assert "dance" in capsys.readouterr().err


def test_science_never_imports_snakemake():
    from pathlib import Path

    import speechface

    for path in Path(speechface.__file__).parent.rglob("*.py"):
        for line in path.read_text().splitlines():
            assert not line.strip().startswith(("import snakemake", "from snakemake")), path


@pytest.mark.parametrize(
    ("command", "given", "threads"),
    [("features", None, "1"), ("features", "3", "3"), ("animate", None, "1"), ("predict", None, "None")],
)
def test_commands_over_clips_and_with_models_run_in_one_thread_unless_told_otherwise(command, given, threads, tmp_path):
    code = (
        "import atexit, os, sys\nfrom speechface.cli import main\n"
        "atexit.register(lambda: print('THREADS', os.environ.get('OMP_NUM_THREADS')))\n"
        f"sys.argv = ['speechface', '{command}', '--help']\nmain()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"OMP_NUM_THREADS": given} if given else {}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert f"THREADS {threads}" in run.stdout


def test_a_pipe_that_is_closed_is_no_error():
    code = (
        "import sys\nfrom speechface.cli import main\n"
        "sys.stdin.read()\n"  # until nobody reads what follows
        "sys.argv = ['speechface', 'reference', 'schema']\nsys.exit(main())"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            PermissionError(13, "Permission denied", "/data/x"),
            "/data/x: Permission denied; check the path and its rights",
        ),
        (NotADirectoryError(20, "Not a directory", "a/b"), "a/b: Not a directory; check the path"),
        (FileExistsError(17, "File exists", "a"), "a: a file, where a folder is needed; check the path"),
        (OSError(28, "No space left on device"), "cannot write (.*No space left on device.*what was there before"),
        (
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
            "cannot write (a file could",
        ),
    ],
)
def test_paths_and_full_disks_are_told_in_one_line(error, expected, monkeypatch, capsys):
    def broken(args):
        raise error

    monkeypatch.setattr("speechface.commands.check_config.run", broken)
    assert main(["check-config", "x.yaml"]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(rf"speechface check-config: {expected.replace('(', '[(]')}.*\n", said)


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch):
    def broken(args):
        raise RuntimeError("odd")

    monkeypatch.setattr("speechface.commands.check_config.run", broken)
    with pytest.raises(RuntimeError, match="odd"):
        main(["check-config", "x.yaml"])
