"""Tables of many clips: only what changed is made, and no fault costs more than the clip in work."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from speechface import clip_stream, clip_tables
from speechface.clip_stream import unfinished
from speechface.clip_tables import ClipRows, ClipTable, ClipTables, bytes_column, file_facts
from speechface.clip_updates import update_clip_tables
from speechface.errors import BatchError, ClipError, TableError
from speechface.files import failed_attempts
from speechface.stages import STAGES, Stage
from speechface.tables import write_table

CLIPS = ["d/a/one", "d/a/two", "d/a/three"]


class Work:
    """A stage whose clips are made from numbers: `values` clip id -> number, or the error that making it meets."""

    def __init__(self, folder, *outputs):
        self.paths = {name: folder / f"{name}.parquet" for name in outputs or ("out",)}
        self.values = {clip: float(k) for k, clip in enumerate(CLIPS, 1)}
        self.settings, self.shared, self.made = {"a": 1}, (), []

    def make(self, clip_id):
        self.made.append(clip_id)
        value = self.values[clip_id]
        if isinstance(value, BaseException):
            raise value
        n = int(value)
        found = {
            output: ClipRows(
                {"frame": np.arange(n, dtype=np.int32), "value": np.full((n, 2), value + k, np.float32)},
                {"fps": 25.0, "own": value, "names": ("x", "y")},
            )
            for k, output in enumerate(self.paths)
        }
        return found if len(found) > 1 else found["out"]

    def run(self, clips=None):
        """Clips that were made, in order."""
        self.made = []
        update_clip_tables(
            self.paths, list(self.values) if clips is None else clips, self.make, stage="labels",
            settings=self.settings, shared=self.shared, facts=lambda clip, known: {"value": repr(self.values[clip])},
        )  # fmt: skip
        return self.made

    def table(self, output="out"):
        return ClipTable(self.paths[output])


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path)


def damage(path, part=0.5):
    """Flip a byte of a file."""
    content = bytearray(path.read_bytes())
    content[int(part * len(content))] ^= 0xFF
    path.write_bytes(content)


# --- what a table holds -------------------------------------------------------------------------------------------


def test_a_clip_is_read_alone_with_its_own_and_the_shared_facts(work):
    work.shared = ("fps", "names")
    assert work.run() == CLIPS
    table = work.table()
    assert (table.meta["fps"], table.meta["names"], table.meta["settings"]) == (25.0, ["x", "y"], {"a": 1})
    found = table.read("d/a/two")
    assert found.usable
    np.testing.assert_array_equal(found["frame"], [0, 1])
    np.testing.assert_array_equal(found["value"], np.full((2, 2), 2, np.float32))
    assert (found.meta["own"], found.meta["fps"], found.meta["stage"]) == (2.0, 25.0, "labels")
    assert "fps" not in table.entry("d/a/two")["meta"]
    assert list(table.read("d/a/two", ["frame"]).columns) == ["frame"]


def test_any_reader_of_parquet_finds_the_clip_of_every_row(work):
    work.run()
    frame = pq.read_table(work.paths["out"]).to_pandas()
    assert frame.groupby("clip", observed=True).size().to_dict() == {"one": 1, "two": 2, "three": 3}
    assert set(frame.dataset) == {"d"}
    assert pq.ParquetFile(work.paths["out"]).num_row_groups == 3


def test_a_clip_of_no_rows_is_usable(work):
    work.values["d/a/two"] = 0.0
    work.run()
    found = work.table().read("d/a/two")
    assert found.usable
    assert found["value"].shape == (0, 2)
    assert work.run() == []
    assert len(work.table().read("d/a/three")) == 3


def test_files_lie_as_bytes_as_others_store_them(tmp_path):
    path = tmp_path / "t.parquet"
    update_clip_tables(
        {"video": path}, ["d/a/c"], lambda clip: ClipRows({"video": bytes_column([b"abc"], ["c.mp4"])}), stage="demo",
        settings={}, facts=lambda clip, known: {},
    )  # fmt: skip
    assert pq.read_schema(path).field("video").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert pq.read_table(path)["video"].to_pylist() == [{"bytes": b"abc", "path": "c.mp4"}]


def test_scaled_columns_come_back_in_their_unit_even_when_kept(tmp_path):
    def run(*clips):
        update_clip_tables(
            {"x": tmp_path / "t.parquet"}, clips,
            lambda clip: ClipRows({"x": np.array([[0.0, 0.5], [1.0, 0.25]])}, scaled={"x": 1 / 255}), stage="demo",
            settings={}, facts=lambda clip, known: {},
        )  # fmt: skip
        return ClipTable(tmp_path / "t.parquet").read("d/a/c")["x"]

    assert run("d/a/c") == pytest.approx(np.array([[0, 0.5], [1, 0.25]]), abs=0.5 / 255)
    assert np.array_equal(run("d/a/b", "d/a/c"), run("d/a/c"))


def test_tables_of_many_shards_are_one(tmp_path):
    first, second = Work(tmp_path / "1"), Work(tmp_path / "2")
    second.values = {"d/b/one": 5.0}
    first.run(), second.run()
    tables = ClipTables([first.paths["out"], second.paths["out"]])
    assert list(tables) == [*CLIPS, "d/b/one"]
    assert len(tables.read("d/b/one")) == 5
    assert tables.content("d/b/one") == {"sha256": tables.entry("d/b/one")["content"]}
    with pytest.raises(TableError, match="no table holds the clip d/b/two"):
        tables.read("d/b/two")


def test_what_is_no_such_table_is_named(work, tmp_path):
    work.run()
    write_table(tmp_path / "plain.parquet", {"x": [1]}, stage="labels")
    (tmp_path / "text.parquet").write_text("no table")
    for name, message in (
        ("none", "no such table"),
        ("plain", "not a table of many clips"),
        ("text", "not a Parquet table"),
    ):
        with pytest.raises(TableError, match=rf"{name}.parquet: {message}"):
            ClipTable(tmp_path / f"{name}.parquet")
    with pytest.raises(TableError, match="no clip d/a/four; it has 3 others"):
        work.table().read("d/a/four")
    with pytest.raises(TableError, match="column 'values' is missing; it has dataset, actor, clip, frame, value"):
        work.table().read("d/a/one", ["values"])


# --- what is made, and what is kept -------------------------------------------------------------------------------


def test_nothing_is_made_twice(work):
    work.run()
    before = work.table().entries
    assert work.run() == []
    assert work.table().entries == before


def test_only_a_changed_clip_is_made_again(work):
    work.run()
    work.values["d/a/two"] = 7.0
    assert work.run() == ["d/a/two"]
    assert [len(work.table().read(clip)) for clip in CLIPS] == [1, 7, 3]


def test_clips_come_and_go_and_change_places(work):
    work.run()
    work.values = {"d/a/four": 4.0, **dict(reversed(work.values.items()))}
    del work.values["d/a/one"]
    assert work.run() == ["d/a/four"]
    assert list(work.table().entries) == ["d/a/four", "d/a/three", "d/a/two"]
    assert [len(work.table().read(clip)) for clip in work.values] == [4, 3, 2]


@pytest.mark.parametrize("change", ["settings", "version"])
def test_other_settings_or_another_version_make_every_clip_again(work, change, monkeypatch):
    work.run()
    if change == "settings":
        work.settings = {"a": 2}
    else:
        monkeypatch.setitem(STAGES, "labels", Stage(STAGES["labels"].version + 1))
    assert work.run() == CLIPS


def test_facts_that_are_known_spare_reading_a_file(tmp_path, monkeypatch):
    path = tmp_path / "video"
    path.write_text("content")
    known = file_facts(path)
    assert known["sha256"] == file_facts(path, {"size": 7, "mtime_ns": 1, "sha256": "other"})["sha256"]
    monkeypatch.setattr(clip_tables, "_sha256", None)
    assert file_facts(path, known) == known
    assert file_facts(tmp_path / "none", known) == {"sha256": "absent"}


def test_a_touched_file_is_the_same_and_its_new_time_is_noted(tmp_path):
    path, made = tmp_path / "video", []

    def run():
        update_clip_tables(
            {"out": tmp_path / "out.parquet"}, ["d/a/c"], lambda clip: made.append(clip) or ClipRows({"x": np.ones(1)}),
            stage="demo", settings={}, facts=lambda clip, known: {"video": file_facts(path, known.get("video"))},
        )  # fmt: skip
        return ClipTable(tmp_path / "out.parquet").entry("d/a/c")["facts"]["video"]["mtime_ns"]

    path.write_text("content")
    first = run()
    os.utime(path, ns=(0, 5))
    assert (run(), len(made)) == (5, 1)
    assert first != 5
    path.write_text("CONTENT")
    run()
    assert len(made) == 2


def test_a_fact_more_or_less_makes_the_clip_again(tmp_path):
    made, facts = [], {"x": {"sha256": "1"}}

    def run():
        update_clip_tables({"out": tmp_path / "out.parquet"}, ["d/a/c"], lambda clip: made.append(clip) or ClipRows({}),
                           stage="demo", settings={}, facts=lambda clip, known: facts)  # fmt: skip
        return len(made)

    assert (run(), run()) == (1, 1)
    facts["y"] = 1
    assert (run(), run()) == (2, 2)
    del facts["y"]
    assert run() == 3


def test_shared_facts_that_differ_are_named(work):
    work.shared = ("own",)
    with pytest.raises(TableError, match="d/a/two differs from d/a/one in own, which all clips share"):
        work.run()
    assert not work.paths["out"].exists()


def test_two_outputs_are_made_and_kept_together(tmp_path):
    work = Work(tmp_path, "left", "right")
    assert work.run() == CLIPS
    assert work.table("right").read("d/a/two")["value"].tolist() == [[3, 3], [3, 3]]
    work.values["d/a/two"] = 1.0
    assert work.run() == ["d/a/two"]
    assert work.run() == []
    work.paths["right"].unlink()
    assert work.run() == CLIPS
    assert work.table("left").read("d/a/three")["value"].tolist() == [[3, 3]] * 3


# --- clips that cannot be used, faults ----------------------------------------------------------------------------


def test_a_clip_that_cannot_be_used_is_listed_and_not_tried_again(work):
    work.values["d/a/one"] = ClipError("no face in 75 frames")
    assert work.run() == CLIPS
    found = work.table().read("d/a/one")
    assert (found.usable, found.reason, found.columns) == (False, "no face in 75 frames", {})
    with pytest.raises(TableError, match="d/a/one has no rows: no face in 75 frames"):
        work.table().arrow("d/a/one")
    assert work.run() == []
    assert work.table().read("d/a/one").reason == "no face in 75 frames"
    work.values["d/a/one"] = 2.0
    assert work.run() == ["d/a/one"]
    assert len(work.table().read("d/a/one")) == 2


def test_a_table_of_no_usable_clip_is_a_table(work):
    work.values = dict.fromkeys(CLIPS, ClipError("no face"))
    work.shared = ("fps",)
    work.run()
    assert not any(work.table().read(clip).usable for clip in CLIPS)
    assert work.run() == []


def test_other_settings_do_not_leave_an_unusable_clip_s_old_content(work):
    """What is made from a clip must see that its reason has changed."""
    work.values["d/a/one"] = ClipError("no face in 75 frames")
    work.run()
    before = work.table().content("d/a/one")
    work.values["d/a/one"] = ClipError("no face in 80 frames")
    work.run()
    assert work.table().content("d/a/one") != before


@pytest.mark.parametrize("fault", [ZeroDivisionError("a bug"), TableError("no such rig")])
def test_a_failing_clip_is_marked_and_made_again_and_the_others_are_done(work, fault, caplog):
    work.values["d/a/two"] = fault
    with pytest.raises(BatchError, match=f"1 of 3 clips failed, the others are done: d/a/two; .*; {fault}$"):
        work.run()
    assert str(fault) in caplog.text
    assert ("Traceback" in caplog.text) == isinstance(fault, ZeroDivisionError)
    assert [work.table().entry(clip)["status"] for clip in CLIPS] == ["ok", "failed", "ok"]
    with pytest.raises(TableError, match=f"d/a/two has no rows: {fault}"):
        work.table().arrow("d/a/two")
    with pytest.raises(BatchError):
        work.run()
    assert work.made == ["d/a/two"]
    work.values["d/a/two"] = 2.0
    assert work.run() == ["d/a/two"]
    assert [len(work.table().read(clip)) for clip in CLIPS] == [1, 2, 3]


def test_a_failed_job_whose_table_is_taken_away_has_lost_no_finished_clip(work):
    """As Snakemake does: the table of a failed job is gone, or the old one is put back."""
    work.values["d/a/two"] = ZeroDivisionError()
    with pytest.raises(BatchError):
        work.run()
    work.paths["out"].unlink()
    work.values["d/a/two"] = 2.0
    assert work.run() == ["d/a/two"]
    assert not unfinished(work.paths["out"]).exists()
    assert [len(work.table().read(clip)) for clip in CLIPS] == [1, 2, 3]


def test_a_fault_in_a_clip_s_facts_is_that_clip_s(tmp_path):
    def facts(clip, known):
        if clip == "d/a/two":
            raise TableError("no table holds the clip")
        return {}

    with pytest.raises(BatchError, match="1 of 3 clips failed, the others are done: d/a/two"):
        update_clip_tables({"out": tmp_path / "out.parquet"}, CLIPS, lambda clip: ClipRows({"x": np.ones(1)}),
                           stage="demo", settings={}, facts=facts)  # fmt: skip
    assert [e["status"] for e in ClipTable(tmp_path / "out.parquet").entries.values()] == ["ok", "failed", "ok"]


def test_the_error_of_an_only_clip_is_raised_as_it_is(work):
    work.values = {"d/a/one": ZeroDivisionError()}
    with pytest.raises(ZeroDivisionError):
        work.run()
    assert not work.paths["out"].exists()


def test_a_damaged_table_is_named_and_made_again(work, caplog):
    work.run()
    work.paths["out"].write_bytes(work.paths["out"].read_bytes()[:-20])
    assert work.run() == CLIPS
    assert f"{work.paths['out']}: not a readable Parquet table" in caplog.text
    assert len(work.table().read("d/a/three")) == 3


def test_a_table_with_a_flipped_bit_is_named_and_made_again(work, caplog):
    work.run()
    content = bytearray(work.paths["out"].read_bytes())
    content[len(content) // 2] ^= 1
    work.paths["out"].write_bytes(content)
    with pytest.raises(TableError, match=r"out.parquet: damaged: its checksum is"):
        work.table()
    assert work.run() == CLIPS
    assert "its clips are made again" in caplog.text
    assert [len(work.table().read(clip)) for clip in CLIPS] == [1, 2, 3]


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_a_damaged_stream_costs_time_and_nothing_else(work, part):
    work.values["d/a/three"] = ZeroDivisionError()
    with pytest.raises(BatchError):
        work.run()
    work.paths["out"].unlink()
    damage(unfinished(work.paths["out"]), part)
    work.values["d/a/three"] = 3.0
    work.run()
    assert [len(work.table().read(clip)) for clip in CLIPS] == [1, 2, 3]


# --- a full disk, a killed process --------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_old_table_and_is_no_fault_of_a_clip(work, monkeypatch):
    work.run()
    before = work.paths["out"].read_bytes()
    work.values["d/a/two"] = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        work.run()
    assert work.made == ["d/a/two"]
    work.values["d/a/two"] = 2.5

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(OSError, match="No space left"):
            work.run()
    assert work.paths["out"].read_bytes() == before
    left = sorted(path.name for path in work.paths["out"].parent.iterdir())
    assert left == [".out.failed", ".out.finished.arrows", "out.parquet"]
    assert work.run() == []  # what was finished is not lost
    assert len(work.table().read("d/a/two")) == 2


def test_where_every_clip_fails_what_was_there_stays(work):
    work.run()
    before = work.paths["out"].read_bytes()
    work.settings = {"level": 2}
    work.values = dict.fromkeys(CLIPS, TableError("rig.npz: damaged"))
    with pytest.raises(BatchError, match="3 of 3 clips failed, no table was written: .*; rig.npz: damaged$"):
        work.run()
    assert work.paths["out"].read_bytes() == before


def test_a_full_disk_is_one_line_of_the_command(tmp_path, capsys, monkeypatch):
    from signals import noise, write_sound_table

    from speechface.cli import main

    audio, out = tmp_path / "audio.parquet", tmp_path / "out.parquet"
    write_sound_table(audio, {clip: noise(8000) for clip in CLIPS}, sr=16000, fps=25, n_frames=5)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    assert main(["features", "log_mel", "--audio", str(audio), "--out", str(out)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "cannot write (No space left on device); what was there before is kept" in line


_SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from speechface.clip_tables import ClipRows
from speechface.clip_updates import update_clip_tables

folder, kill_at = Path(sys.argv[1]), sys.argv[2]

def make(clip_id):
    with (folder / "made.txt").open("a") as file:
        file.write(clip_id + "\\n")
    if clip_id == kill_at:
        time.sleep(60)
    return ClipRows({"x": np.full(1000, len(clip_id), np.float64)})

update_clip_tables({"out": folder / "out.parquet"}, [f"d/a/{k}" for k in range(6)], make, stage="demo", settings={},
                   facts=lambda clip_id, known: {})
"""


def made_until_killed(folder, kill_at=""):
    """Run the stage in another process, which is killed while it works on the clip `kill_at`; returns what it made."""
    notes = folder / "made.txt"
    notes.unlink(missing_ok=True)
    process = subprocess.Popen([sys.executable, "-c", _SLOW, str(folder), kill_at])
    while kill_at and process.poll() is None and kill_at not in (notes.read_text() if notes.exists() else ""):
        time.sleep(0.02)
    if kill_at:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == (-signal.SIGKILL if kill_at else 0)
    return notes.read_text().split() if notes.exists() else []


def test_a_killed_process_loses_only_the_clip_in_work(tmp_path):
    assert made_until_killed(tmp_path, "d/a/2") == ["d/a/0", "d/a/1", "d/a/2"]
    assert not (tmp_path / "out.parquet").exists()
    assert made_until_killed(tmp_path, "d/a/4") == ["d/a/2", "d/a/3", "d/a/4"]
    assert made_until_killed(tmp_path) == ["d/a/4", "d/a/5"]
    table = ClipTable(tmp_path / "out.parquet")
    assert list(table.entries) == [f"d/a/{k}" for k in range(6)]
    assert all(np.array_equal(table.read(clip)["x"], np.full(1000, 5.0)) for clip in table.entries)
    # the killed attempts stay counted, see `speechface.files.attempt`
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.failed", "made.txt", "out.parquet"]
    assert failed_attempts(tmp_path / "out.parquet") == 2
    assert made_until_killed(tmp_path) == []


def test_a_stream_cut_anywhere_gives_the_clips_before_the_cut(work):
    work.values["d/a/three"] = ZeroDivisionError()
    with pytest.raises(BatchError):
        work.run()
    work.paths["out"].unlink()
    stream = unfinished(work.paths["out"])
    whole = stream.read_bytes()
    counts = []
    for size in [*range(0, len(whole), 200), len(whole)]:
        stream.write_bytes(whole[:size])
        counts.append(len(clip_stream.read_stream(stream)))
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2}


def test_metadata_are_json_that_others_read(work):
    work.run()
    meta = json.loads(pq.read_schema(Path(work.paths["out"])).metadata[b"speechface"])
    assert [clip["id"] for clip in meta["clips"]] == CLIPS
    assert meta["stage_version"] == STAGES["labels"].version
