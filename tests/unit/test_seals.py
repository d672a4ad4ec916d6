"""One flipped bit anywhere in a table, and 50 flipped bytes in a rig or model, are refused in one line."""

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from stored import write_clip_table

from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable
from speechface.errors import ModelError, RigError, TableError
from speechface.files import write_npz
from speechface.networks.loading import load_model
from speechface.rig import builtin
from speechface.rig.rig import Rig
from speechface.seals import check_table, check_zip, read_json, write_json
from speechface.tables import read_meta, read_table, row_groups, write_table


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    rng = np.random.default_rng(0)
    write_table(path, {"x": rng.random((40, 3)), "frame": np.arange(40)}, stage="labels", meta={"unit": "mm"})
    return path


def damaged(path, place, bit=0):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    out = path.with_name(f"damaged{path.suffix}")
    out.write_bytes(content)
    return out


def test_a_bit_that_flips_anywhere_in_a_table_is_noticed(table):
    before = read_table(table)
    size = table.stat().st_size
    for place in range(size):
        with pytest.raises(TableError, match="delete it and run again") as caught:
            read_table(damaged(table, place, bit=place % 8))
        assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(read_table(table)["x"], before["x"])


def test_all_readers_look_and_other_programs_read_on(table):
    bad = damaged(table, table.stat().st_size // 3)
    for read in (read_meta, lambda path: list(row_groups(path)), ClipTable, check_table):
        with pytest.raises(TableError, match="damaged.parquet: damaged: its checksum is"):
            read(bad)
    assert pq.read_table(table).num_rows == 40
    assert pq.read_schema(table).metadata[b"speechface"]


@pytest.mark.parametrize("size", [0, 7, 8, 100])
def test_a_table_that_ends_early_or_was_never_sealed_is_none(table, size):
    bad = table.with_name("short.parquet")
    bad.write_bytes(table.read_bytes()[:size])
    with pytest.raises(TableError, match="not a readable Parquet table: its end is missing"):
        read_table(bad)
    pq.write_table(pq.read_table(table, columns=["frame"]).replace_schema_metadata({}), bad)
    with pytest.raises(TableError, match="or an older version wrote it"):
        read_table(bad)


def test_a_file_of_another_kind_is_not_to_be_deleted(tmp_path):
    (tmp_path / "speech.wav").write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(TableError, match="speech.wav: not a Parquet table; check the path"):
        read_table(tmp_path / "speech.wav")


def test_json_carries_a_checksum_and_hand_made_json_needs_none(tmp_path):
    path = tmp_path / "stats.json"
    write_json(path, {"mean": [0.1, 2, None], "name": "ä"}, indent=1)
    assert read_json(path) == {"mean": [0.1, 2, None], "name": "ä"}
    before, read = path.read_bytes(), 0
    for place in range(len(before)):
        try:
            content = read_json(damaged(path, place, bit=place % 7))
        except TableError:
            continue
        content.pop(next((key for key in content if key not in ("mean", "name")), ""), None)  # the checksum's own name
        assert content == read_json(path)
        read += 1
    assert read < 20  # bits of the checksum's name, and of spaces
    path.write_text('{"mean": 1}')
    assert read_json(path) == {"mean": 1}
    path.write_text("[1]")
    with pytest.raises(TableError, match="found a JSON list"):
        read_json(path)


def test_a_change_after_the_first_look_is_noticed(table):
    copy = table.with_name("copy.parquet")
    shutil.copy(table, copy)
    check_table(copy)
    damaged(copy, 60).rename(copy)
    with pytest.raises(TableError, match="checksum"):
        check_table(copy)


def test_tables_of_many_clips_are_sealed(tmp_path):
    path = tmp_path / "labels.parquet"
    write_clip_table(path, "labels", {"d/a/c": ClipRows({"frame": np.arange(3)}), "d/a/e": "no face"})
    assert ClipTable(path).read("d/a/c").columns["frame"].tolist() == [0, 1, 2]
    with pytest.raises(TableError, match="checksum"):
        ClipTable(damaged(path, path.stat().st_size // 2))


def flipped(path, count=50):
    """A copy with so many bytes changed, spread over the file."""
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(1).integers(0, len(content), count):
        content[place] ^= 0x55
    out = path.with_name(f"flipped{path.suffix}")
    out.write_bytes(content)
    return out


def test_a_damaged_rig_is_named_and_not_used(tmp_path):
    builtin.build(identity_modes=2).save(tmp_path / "rig.npz")
    with pytest.raises(RigError, match="flipped.npz: damaged"):
        Rig.load(flipped(tmp_path / "rig.npz"))
    (tmp_path / "text.npz").write_text("no rig")
    with pytest.raises(RigError, match="text.npz: damaged, or not a readable .npz file at all"):
        Rig.load(tmp_path / "text.npz")
    with np.load(tmp_path / "rig.npz") as file:
        arrays = dict(file)
    write_npz(tmp_path / "odd.npz", {**arrays, "shape_index": arrays["shape_index"] + 10**6})
    with pytest.raises(RigError, match="odd.npz: its fields do not fit together"):
        Rig.load(tmp_path / "odd.npz")


@pytest.mark.parametrize("count", [1, 50])
def test_a_damaged_network_animates_nothing(tmp_path, count, capsys):
    torch = pytest.importorskip("torch")
    torch.save({"state": {"weight": torch.randn(100, 100)}, "format": "x"}, tmp_path / "model.ckpt")
    content = bytearray((tmp_path / "model.ckpt").read_bytes())
    start = content.index(torch.load(tmp_path / "model.ckpt")["state"]["weight"].numpy().tobytes())
    for place in start + np.arange(count) * 700:
        content[place] ^= 0x40
    (tmp_path / "model.ckpt").write_bytes(content)
    assert torch.load(tmp_path / "model.ckpt")["format"] == "x"  # PyTorch does not notice
    with pytest.raises(ModelError, match="model.ckpt: damaged: the checksum of .* does not hold; copy it again"):
        load_model(tmp_path / "model.ckpt")
    assert main(["animate", "x.wav", "--model", str(tmp_path / "model.ckpt"), "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_zip_file_is_whole_or_refused_wherever_a_bit_flips(tmp_path):
    write_npz(tmp_path / "a.npz", {"x": np.arange(30.0), "y": np.arange(3)})
    check_zip(tmp_path / "a.npz", TableError)
    with np.load(tmp_path / "a.npz") as file:
        before = {name: file[name] for name in file.files}
    for place in range((tmp_path / "a.npz").stat().st_size):
        bad = damaged(tmp_path / "a.npz", place)
        try:
            check_zip(bad, TableError)
            with np.load(bad) as file:
                after = {name: file[name] for name in file.files}
        except (TableError, KeyError):
            continue
        assert after.keys() != before.keys() or all((after[name] == before[name]).all() for name in before)
