"""What befalls a machine befalls no result: after every fault a file is absent or whole, and the same command then
gives what an undisturbed one gives.

`make test` takes some cheap stages, `make test-all` all of them. FAULT_TABLE=FILE writes what was seen as a table.
"""

import csv
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import fault_cases as cases
import pytest
from fault_cases import BENT, STAGES, run, start, wait

ROOT = Path(__file__).parents[2]
#: Stages of `make test`, which take a tenth of a second or so.
CHEAP = ("features", "build-split", "label-stats", "predict")


def stages(names=STAGES, cheap=CHEAP):
    return [pytest.param(name, marks=[] if name in cheap else pytest.mark.exhaustive) for name in names]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Function of a stage: (folder of its inputs, contents of its outputs, how many files it renamed)."""
    known = {}

    def get(name):
        if name not in known:
            inputs, outputs = tmp_path_factory.mktemp("inputs"), tmp_path_factory.mktemp("outputs")
            STAGES[name].prepare(inputs)
            renames = multiprocessing.RawArray("i", 1)
            outcome = run(STAGES[name].words(inputs, outputs), cases.counted_renames(renames))
            assert outcome.code == 0, outcome.text
            made = {file: cases.contents(outputs / file) for file in STAGES[name].outputs}
            sizes = {file: (outputs / file).stat().st_size for file in STAGES[name].outputs}
            known[name] = inputs, made, max(renames[0], 1), max(sizes.values())
        return known[name]

    return get


def note(*facts):
    """Note a row of the table of faults: stage, fault, what was left, message, equal after the rerun."""
    if os.environ.get("FAULT_TABLE"):
        with open(os.environ["FAULT_TABLE"], "a", newline="") as file:
            csv.writer(file).writerow(facts)


def left_in(folder, expected):
    """What stands in a folder under the names of results, each of which must be whole; and whether hidden rests do."""
    found = [name for name in expected if (folder / name).exists()]
    for name in found:
        assert cases.contents(folder / name) == expected[name], f"{name} looks whole and is not"
    hidden = [path for path in folder.glob(".*") if not path.name.endswith((".failed", ".lock"))]
    return ", ".join([*found, *(["hidden rests"] if hidden else [])]) or "nothing"


def one_line(outcome, name):
    """The error of a command that the user can mend."""
    assert outcome.code == 1, outcome.text
    assert "Traceback" not in outcome.text, outcome.text
    (message,) = [line for line in outcome.text.splitlines() if line.startswith(f"speechface {name}: ")]
    return message.removeprefix(f"speechface {name}: ")


def completes(name, inputs, outputs, expected):
    """The same command again gives the same."""
    outcome = run(STAGES[name].words(inputs, outputs))
    assert outcome.code == 0, outcome.text
    for file, content in expected.items():
        assert cases.contents(outputs / file) == content, file
    assert not [*outputs.glob(".*.finished*"), *outputs.glob(".*.lock")]


@pytest.mark.parametrize("name", stages())
def test_killed_before_each_rename(name, undisturbed, tmp_path):
    inputs, expected, renames, _ = undisturbed(name)
    left = set()
    for number in range(1, renames + 1):
        outcome = run(STAGES[name].words(inputs, tmp_path), cases.killed_at_rename(number))
        if outcome.code == 0 and number > 1:  # what went on from where it was killed renames less
            break
        assert outcome.code == -9, outcome.text
        left.add(left_in(tmp_path, expected))
    completes(name, inputs, tmp_path, expected)
    note(name, f"kill -9 before each of {renames} renames", "; ".join(sorted(left)), "", "yes")


@pytest.mark.parametrize("name", stages())
def test_killed_in_the_middle_of_a_write(name, undisturbed, tmp_path):
    inputs, expected, _, size = undisturbed(name)
    outcome = run(STAGES[name].words(inputs, tmp_path), cases.killed_in_write(size // 2))
    assert outcome.code < 0, outcome.text
    left = left_in(tmp_path, expected)
    completes(name, inputs, tmp_path, expected)
    note(name, "kill -9 in a write", left, "", "yes")


@pytest.mark.parametrize("name", stages())
def test_no_room_for_the_file(name, undisturbed, tmp_path):
    inputs, expected, _, size = undisturbed(name)
    outcome = run(STAGES[name].words(inputs, tmp_path), cases.no_room(size // 2))
    message = one_line(outcome, name)
    assert "cannot write" in message
    left = left_in(tmp_path, expected)
    completes(name, inputs, tmp_path, expected)
    note(name, "no room for the file", left, message, "yes")


@pytest.fixture
def disk(tmp_path):
    """Function of mount options: a folder that is a file system of its own; the test is skipped without the right."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounted(options):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        return folder

    yield mounted
    subprocess.run(["umount", folder], capture_output=True)


@pytest.mark.parametrize("name", stages(cheap=("features", "build-split")))
def test_a_disk_that_is_full(name, undisturbed, disk, tmp_path):
    inputs, expected, _, size = undisturbed(name)
    folder = disk(f"size={max(size // 2, 4096)}")
    if size <= 4096:  # a page
        (folder / "filler").write_bytes(bytes(4096))
    message = one_line(run(STAGES[name].words(inputs, folder)), name)
    assert "No space left on device" in message or "a file could not be written to its end" in message
    left = left_in(folder, expected)
    assert subprocess.run(["mount", "-o", "remount,size=64m", folder], capture_output=True).returncode == 0
    completes(name, inputs, folder, expected)
    note(name, "disk full", left, message, "yes")


@pytest.mark.parametrize("name", stages(cheap=("features", "label-stats")))
def test_a_folder_that_is_read_only(name, undisturbed, disk):
    inputs, expected, _, _ = undisturbed(name)
    folder = disk("size=64m")
    assert subprocess.run(["mount", "-o", "remount,ro", folder], capture_output=True).returncode == 0
    message = one_line(run(STAGES[name].words(inputs, folder)), name)
    assert str(folder) in message
    left = left_in(folder, expected)
    assert subprocess.run(["mount", "-o", "remount,rw", folder], capture_output=True).returncode == 0
    completes(name, inputs, folder, expected)
    note(name, "read-only folder", left, message.replace(str(folder), "FOLDER"), "yes")


@pytest.mark.exhaustive
def test_a_run_in_a_folder_that_is_read_only(disk):
    folder = disk("size=1m")
    assert subprocess.run(["mount", "-o", "remount,ro", folder], capture_output=True).returncode == 0
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert f"\n{folder}: nothing can be written into this folder; " in outcome.stderr


@pytest.mark.parametrize("name", stages(cheap=("features",)))
def test_small_shared_memory_changes_nothing(name, undisturbed, tmp_path):
    inputs, expected, _, _ = undisturbed(name)
    outcome = run(STAGES[name].words(inputs, tmp_path), cases.small_shared_memory)
    if outcome.code == 77:
        pytest.skip("a name space of its own is not allowed here")
    assert outcome.code == 0, outcome.text
    assert left_in(tmp_path, expected) == ", ".join(expected)
    note(name, "/dev/shm of 64 kB", ", ".join(expected), "", "not needed")


@pytest.mark.parametrize("name", stages(cheap=("features", "label-stats")))
def test_a_clock_that_goes_back_changes_nothing(name, undisturbed, tmp_path):
    inputs, expected, _, _ = undisturbed(name)
    for again in (False, True):  # the second run finds results from the future
        outcome = run(STAGES[name].words(inputs, tmp_path), cases.clock_goes_back)
        assert outcome.code == 0, outcome.text
        assert left_in(tmp_path, expected) == ", ".join(expected)
        for file in tmp_path.iterdir():
            if not again:
                os.utime(file, (4e9, 4e9))
    note(name, "a clock that goes back", ", ".join(expected), "", "yes")


@pytest.mark.parametrize("name", stages())
def test_two_at_once_give_one_result(name, undisturbed, tmp_path):
    inputs, expected, _, _ = undisturbed(name)
    both = [start(STAGES[name].words(inputs, tmp_path)) for _ in range(2)]
    outcomes = [wait(one) for one in both]
    assert 0 in [outcome.code for outcome in outcomes]
    message = ""
    for outcome in outcomes:
        if outcome.code:
            message = one_line(outcome, name)
            assert "another process is making it" in message
    assert left_in(tmp_path, expected) == ", ".join(expected)
    completes(name, inputs, tmp_path, expected)
    note(name, "two at once", ", ".join(expected), message.replace(f"{tmp_path}/", ""), "yes")


PAIRS = [(name, file, how) for name, stage in STAGES.items() for file in stage.inputs for how in BENT]


@pytest.mark.parametrize(
    ("name", "file", "how"),
    [pytest.param(*pair, marks=[] if pair[0] in CHEAP else pytest.mark.exhaustive) for pair in PAIRS],
)
def test_a_damaged_table_is_named(name, file, how, undisturbed, tmp_path):
    inputs, expected, _, _ = undisturbed(name)
    copy, outputs = tmp_path / "inputs", tmp_path / "outputs"
    shutil.copytree(inputs, copy)
    outputs.mkdir()
    place = copy / file
    place.write_bytes(BENT[how](place.read_bytes()))
    outcome = run(STAGES[name].words(copy, outputs))
    if how == "one bit flipped" and outcome.code == 0:  # in a byte that means nothing, e.g. of a zip's time stamp
        assert left_in(outputs, expected) == ", ".join(expected)
        return
    message = one_line(outcome, name)
    assert file in message
    left = left_in(outputs, expected)
    shutil.copy(inputs / file, place)
    completes(name, copy, outputs, expected)
    note(name, f"{file}: {how}", left, message.replace(f"{copy}/", ""), "yes")


MEDIA = [(name, file, how) for name, stage in STAGES.items() for file in stage.media for how in BENT]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "file", "how"), MEDIA)
def test_a_damaged_recording_stops_nothing_else(name, file, how, undisturbed, tmp_path):
    """It is listed as unusable or used as far as it can be read; animate, which has no other, says what is wrong."""
    inputs, _, _, _ = undisturbed(name)
    copy, outputs = tmp_path / "inputs", tmp_path / "outputs"
    shutil.copytree(inputs, copy)
    outputs.mkdir()
    place = copy / file
    place.write_bytes(BENT[how](place.read_bytes()))
    outcome = run(STAGES[name].words(copy, outputs))
    assert "Traceback" not in outcome.text, outcome.text
    if outcome.code:
        message = one_line(outcome, name)
        assert file in message
    else:
        told = [line for line in outcome.text.splitlines() if " WARNING " in line and file in line]
        message = told[0].split(": ", 1)[1] if told else ""
    note(name, f"{file}: {how}", "", message.replace(f"{copy}/", ""), "")
