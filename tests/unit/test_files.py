"""Files are whole or absent; places of per-clip files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from speechface.errors import TableError
from speechface.files import alone, attempt, failed_attempts, written_whole
from speechface.tables import Table


def test_a_failed_write_keeps_the_old_file_and_leaves_no_rest(tmp_path):
    path = tmp_path / "deep" / "a.json"
    with written_whole(path) as temporary:
        assert temporary.endswith(".json")
        with open(temporary, "w") as file:
            json.dump([1], file)

    def fail_halfway():
        with written_whole(path) as temporary, open(temporary, "w") as file:
            file.write("broken")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway()
    assert json.loads(path.read_text()) == [1]
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]


def test_what_a_killed_writer_left_goes_with_the_next_and_what_another_writes_stays(tmp_path):
    path = tmp_path / "[a] table.parquet"
    killed = (
        "import os, sys; from speechface.files import written_whole\n"
        "with written_whole(sys.argv[1]) as name: open(name, 'w').write('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", killed, str(path)]).returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half"
    with written_whole(tmp_path / "other.parquet"):
        assert left.exists()
    with written_whole(path) as first:
        assert not left.exists()
        with written_whole(path) as second:
            assert os.path.exists(first)
            (tmp_path / os.path.basename(second)).write_text("whole")
    assert path.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["[a] table.parquet", "other.parquet"]


def test_a_written_file_has_the_usual_mode_not_that_of_temporary_files(tmp_path):
    with written_whole(tmp_path / "a"):
        pass
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_columns_are_stacked_as_float32():
    table = Table({"time": np.arange(5) / 25, "frame": np.arange(5, dtype=np.int32)})
    stacked = table.stack(["time", "frame"])
    assert stacked.dtype == np.float32
    assert stacked[3].tolist() == [np.float32(0.12), 3]


def test_only_attempts_that_fail_stay_counted(tmp_path):
    table = tmp_path / "folder" / "table.parquet"
    with attempt(table):
        assert failed_attempts(table) == 1  # as long as it is not known to end well
    assert failed_attempts(table) == 0
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), attempt(table):
            raise ZeroDivisionError
    with attempt(table):
        pass
    assert failed_attempts(table) == 2


def test_a_file_is_made_by_one_process_at_a_time(tmp_path):
    path = tmp_path / "table.parquet"
    with alone(path):
        with pytest.raises(TableError, match="table.parquet: another process is making it; wait"), alone(path):
            pass
        with alone(tmp_path / "other.parquet"):
            pass
    with alone(path):
        pass
    assert not list(tmp_path.iterdir())
