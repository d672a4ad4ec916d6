"""Train tables that do not fit into the memory."""

import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from training_tables import make_clips, write_split

from speechface.networks.data import SpeechDataModule, _on_device
from speechface.networks.row_file import RowFile, _groups_left, free_memory
from speechface.networks.split_table import read_split
from speechface.rig.channels import ARKIT52 as CHANNELS
from speechface.rig.channels import ROTATIONS
from speechface.seals import EMPTY, written_sealed
from speechface.tables import write_table


@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
def test_rows_are_those_of_an_array(tmp_path, rng, dtype):
    values = rng.integers(0, 200, (50, 3, 5)).astype(dtype)
    rows = RowFile(tmp_path / "new", (3, 5), dtype)
    for part in np.split(values, [7, 8, 40]):
        rows.append(part)
    assert rows.shape == values.shape
    assert (len(rows), rows.nbytes) == (50, values.nbytes)
    assert torch.equal(_on_device(rows, "cpu"), torch.from_numpy(values))
    for index in (np.array([3, 4, 5, 49, 0, 4]), np.array([[1, 2], [2, 2]]), slice(None, None, 9), slice(5, 5), -1):
        found = rows[index]
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values[index])
    with pytest.raises(IndexError):
        rows[np.array([50])]


def test_no_file_is_left_behind(tmp_path):
    rows = RowFile(tmp_path, (4,), np.uint8)
    rows.append(np.ones((10, 4), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("without", [None, ("set", "Actor_02")])
@pytest.mark.parametrize(("recurrent", "whole_clips"), [(False, False), (True, False), (True, True)])
def test_batches_from_a_file_are_those_from_memory(tmp_path, recurrent, whole_clips, without):
    write_split(tmp_path / "t.parquet", make_clips(0, n_clips=6, n_frames=30, n_actors=3))

    def batches(**room):
        table = read_split(tmp_path / "t.parquet", "spectrogram", without=without, **room)
        assert isinstance(table.features, RowFile) == bool(room)
        data = SpeechDataModule(
            table, recurrent=recurrent, rotations=True, frames_per_step=16, frames_per_epoch=0, sequence_frames=12,
            validation_fraction=0.2, validation_by="clips", seed=1, whole_clips=whole_clips,
        )  # fmt: skip
        return [*data.train_dataloader(), *data.val_dataloader()]

    pairs = list(zip(batches(), batches(most_bytes=1000, folder=tmp_path), strict=True))
    assert len(pairs) > 3
    for a, b in pairs:
        for key in ("features", "targets"):
            assert torch.equal(a[key], b[key])


READ = """
import sys
import numpy as np
from speechface.networks.split_table import read_split

def peak():
    return 1024 * int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1])

read_split(sys.argv[1] + "/small.parquet", "spectrogram")  # what Arrow takes at its first use
before = peak()
room = float(sys.argv[2]) if len(sys.argv) > 2 else None
table = read_split(sys.argv[1] + "/large.parquet", "spectrogram", most_bytes=room, folder=sys.argv[1])
rng = np.random.default_rng(0)
total = sum(int(table.features[rng.integers(0, len(table), 300)].sum()) for _ in range(40))
print(peak() - before, total)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")
def test_a_table_larger_than_the_bound_takes_no_more_memory_than_that(tmp_path, rng):
    size, n, part = 100_000_000, 25_000, rng.integers(0, 99, (250, 128, 32)).astype(np.uint8)
    columns = {name: ["x"] * n for name in ("dataset", "actor", "clip")}
    columns |= {"frame": np.arange(n, dtype=np.int32), "time": np.arange(n) / 30.0}
    columns |= {name: np.zeros(n, np.float32) for name in (*ROTATIONS, *CHANNELS)}
    for name, count in (("small", 1), ("large", n // 250)):
        own = {key: column[: 250 * count] for key, column in columns.items()}
        own["spectrogram"] = np.tile(part, (count, 1, 1))
        path = tmp_path / f"{name}.parquet"
        write_table(path, own, stage="splits", meta={"channels": list(CHANNELS)})
        table = pq.read_table(path)
        table = table.replace_schema_metadata({**table.schema.metadata, **EMPTY})
        with written_sealed(path) as temporary:  # as build-split: a clip is a row group
            pq.write_table(table, temporary, row_group_size=250)

    def run(*room):
        output = subprocess.run(
            [sys.executable, "-c", READ, str(tmp_path), *room], capture_output=True, text=True, check=True
        )
        return map(int, output.stdout.split())

    (whole, total), (bounded, same) = run(), run("1e7")
    assert same == total
    print(f"{whole / 1e6:.0f} MB in memory, {bounded / 1e6:.0f} MB from a file")
    assert whole > size
    assert bounded < size / 2  # beside the features: labels, 5 MB; batches of rows on their way, 17 MB and copies


def test_free_memory_is_what_the_tightest_group_leaves(tmp_path):
    group = tmp_path / "fs/job/step"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("5\n")
    (group.parent / "memory.max").write_text("1000\n")
    (group.parent / "memory.current").write_text("400\n")
    (tmp_path / "own").write_text("0::/job/step\n")
    assert _groups_left(tmp_path / "fs", tmp_path / "own") == [600]
    assert _groups_left(tmp_path / "fs", tmp_path / "none") == []


@pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="Linux tells it in /proc")
def test_free_memory_is_less_than_the_machine_has():
    assert 0 < free_memory() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
