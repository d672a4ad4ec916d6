"""Tables: what is written is read back, byte for byte where promised, and without pandas."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from speechface.errors import TableError
from speechface.tables import (
    from_arrow,
    read_arrow,
    read_meta,
    read_table,
    row_groups,
    stored_rows,
    streamed_table,
    to_arrow,
    write_table,
)


def columns(n=7):
    rng = np.random.default_rng(n)
    out = {
        "flag": rng.random(n) > 0.5,
        "text": np.array([None if k % 3 == 1 else f"t{k}" for k in range(n)], object),
        "points": rng.normal(size=(n, 68, 2)).astype(np.float32),
        "half": rng.normal(size=(n, 5)).astype(np.float16),
        "bytes": rng.integers(0, 256, (n, 2, 3)).astype(np.uint8),
        "flags": rng.random((n, 3)) > 0.5,
        "strided": np.arange(4 * n, dtype=np.float64)[::4],
    }
    for kind in ("int8", "uint8", "int32", "int64", "float16", "float32", "float64"):
        out[kind] = rng.integers(0, 100, n).astype(kind)
    if n:
        out["float32"][0] = np.nan
    return out


@pytest.mark.parametrize("n", [0, 1, 7, 20])
def test_every_type_and_shape_comes_back(tmp_path, n):
    wanted = columns(n)
    write_table(tmp_path / "t.parquet", wanted, stage="labels", meta={"unit": "mm"})
    table = read_table(tmp_path / "t.parquet")
    assert list(table.columns) == list(wanted)
    for name, values in wanted.items():
        assert table[name].shape == values.shape, name
        if n:
            assert table[name].dtype == values.dtype, name
        np.testing.assert_array_equal(table[name], values, err_msg=name)
    assert table.meta["unit"] == "mm"
    assert table.usable


def test_conversions_equal_those_of_pyarrow():
    plain = {name: values for name, values in columns().items() if values.ndim == 1}
    plain["float32"][0] = 0  # arrow's equality is false for NaN
    for name, values in plain.items():
        ours, theirs = to_arrow({name: values}, {}), pa.table({name: pa.array(values)})
        assert ours.column(0).equals(theirs.column(0)), name
        np.testing.assert_array_equal(from_arrow(theirs)[name], theirs.column(0).to_numpy(), err_msg=name)


def test_slices_and_several_chunks_are_read_in_order():
    whole = columns(20)
    table = to_arrow(whole, {})
    pieces = pa.concat_tables([table.slice(3, 4), table.slice(9, 9)])
    rows = np.r_[3:7, 9:18]
    back = from_arrow(pieces)
    for name, values in whole.items():
        np.testing.assert_array_equal(back[name], values[rows], err_msg=name)


def test_missing_numbers_become_nan():
    back = from_arrow(pa.table({"x": pa.array([1, None, 3])}))
    np.testing.assert_array_equal(back["x"], [1, np.nan, 3])


def test_scaled_columns_are_bytes_in_the_file_and_units_in_memory(tmp_path):
    values = np.random.default_rng(0).random((9, 4, 3)).astype(np.float32)
    write_table(tmp_path / "t.parquet", {"x": values}, stage="spectrogram", scaled={"x": 1 / 255})
    table = read_table(tmp_path / "t.parquet")
    assert table["x"].dtype == np.float32
    np.testing.assert_allclose(table["x"], values, atol=0.5 / 255 + 1e-7)  # half a step


def test_numbers_go_in_and_out_without_pandas(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from speechface.tables import read_table, write_table\n"
        f"path = {str(tmp_path / 't.parquet')!r}\n"
        "data = {'a': np.arange(3, dtype=np.float32), 'b': np.ones((3, 2), np.uint8), 'c': np.arange(3) > 1}\n"
        "write_table(path, data, stage='labels')\n"
        "read_table(path)\n"
        "assert 'pandas' not in sys.modules, 'pandas was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_streamed_table_equals_a_written_one(tmp_path):
    parts = [columns(5), columns(8)]
    groups = [to_arrow(part, {}) for part in parts]
    shapes = {"points": [68, 2], "half": [5], "bytes": [2, 3], "flags": [3]}
    with streamed_table(tmp_path / "t.parquet", groups[0].schema, stage="splits", meta={"_shapes": shapes, "n": 13},
                        dictionary=["text"]) as write:  # fmt: skip
        for group in groups:
            write(group)
    back = read_table(tmp_path / "t.parquet")
    for name in parts[0]:
        np.testing.assert_array_equal(back[name], np.concatenate([part[name] for part in parts]), err_msg=name)
    assert read_meta(tmp_path / "t.parquet")["n"] == 13
    for group, part in zip(row_groups(tmp_path / "t.parquet", ["points"]), parts):
        np.testing.assert_array_equal(group["points"], part["points"])


def test_a_failure_on_the_way_leaves_no_file(tmp_path):
    table = to_arrow({"x": np.zeros(3)}, {})

    def fail_half_way():
        with streamed_table(tmp_path / "t.parquet", table.schema, stage="splits") as write:
            write(table)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_user_errors_are_one_clear_line(tmp_path):
    with pytest.raises(TableError, match="no such table"):
        read_table(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("not a table")
    with pytest.raises(TableError, match="not a Parquet table; check the path"):
        read_table(tmp_path / "text.parquet")
    with pytest.raises(TableError, match="differ in length"):
        write_table(tmp_path / "t.parquet", {"a": np.zeros(2), "b": np.zeros(3)}, stage="labels")
    write_table(tmp_path / "t.parquet", {"a": np.zeros(2)}, stage="labels")
    with pytest.raises(TableError, match="'b' is missing; the table has a"):
        read_table(tmp_path / "t.parquet")["b"]


def test_arrays_of_bytes_are_stored_as_bytes(tmp_path, rng):
    values = rng.integers(0, 255, (60, 16, 8), dtype=np.uint8)
    write_table(tmp_path / "a.parquet", {"image": values}, stage="spectrogram")
    assert (tmp_path / "a.parquet").stat().st_size < values.nbytes + 5000  # noise: as 32-bit numbers it takes more
    np.testing.assert_array_equal(read_table(tmp_path / "a.parquet")["image"], values)
    part = read_arrow(tmp_path / "a.parquet")["image"].slice(7, 20)
    np.testing.assert_array_equal(stored_rows(part), values[7:27].reshape(20, -1))
    assert stored_rows(part.slice(0, 0)).shape == (0, 128)


def test_bytes_of_floats_are_stored_apart(tmp_path, rng):
    import pyarrow.parquet as pq

    columns = {"time": np.arange(5.0), "half": rng.random((5, 3)).astype(np.float16), "frame": np.arange(5)}
    write_table(tmp_path / "a.parquet", columns, stage="labels")
    row_group = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0)
    apart = {row_group.column(k).path_in_schema.split(".")[0]: "BYTE_STREAM_SPLIT" in row_group.column(k).encodings
             for k in range(3)}  # fmt: skip
    assert apart == {"time": True, "half": True, "frame": False}
    np.testing.assert_array_equal(read_table(tmp_path / "a.parquet")["half"], columns["half"])
