"""Kept work is given back exactly when nothing it depends on has changed."""

import os

import pytest

from speechface import kept
from speechface.kept import Keeper, Piece


@pytest.fixture
def piece(tmp_path):
    """A piece with two inputs and two outputs, made and kept with settings {"a": 1}."""
    piece = Piece(
        "clip",
        inputs={"video": tmp_path / "in/video", "rig": tmp_path / "in/rig"},
        outputs={"out": tmp_path / "out/table", "truth": tmp_path / "out/truth"},
        facts={"actor": 3},
    )
    (tmp_path / "in").mkdir()
    for role, path in piece.inputs.items():
        path.write_text(f"input {role}")
    with keeper(tmp_path).keeping(piece):
        make(piece)
    return piece


def make(piece):
    for role, path in piece.outputs.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"made {role}")


def remove(piece):
    for path in piece.outputs.values():
        path.unlink()


def keeper(folder, stage="audio", **settings):
    return Keeper(folder / "kept", stage=stage, settings=settings or {"a": 1})


def test_lost_outputs_come_back_as_the_same_files(piece, tmp_path):
    before = {path: path.stat().st_ino for path in piece.outputs.values()}
    remove(piece)
    assert keeper(tmp_path).restore(piece)
    assert {path: path.stat().st_ino for path in piece.outputs.values()} == before
    assert piece.outputs["truth"].read_text() == "made truth"


def test_outputs_that_are_there_stay(piece, tmp_path):
    assert keeper(tmp_path).restore(piece)
    assert sorted(os.listdir(tmp_path / "out")) == ["table", "truth"]


def test_an_input_that_is_only_touched_counts_as_the_same(piece, tmp_path):
    os.utime(piece.inputs["video"])
    assert keeper(tmp_path).restore(piece)


@pytest.mark.parametrize(
    "change",
    ["input", "input of the same size", "no input", "settings", "stage", "version", "facts", "roles", "output"],
)
def test_any_change_asks_for_new_work(change, piece, tmp_path, monkeypatch):
    keeps, video = keeper(tmp_path), piece.inputs["video"]
    if change == "input":
        video.write_text("another input")
    elif change == "input of the same size":
        video.write_text(video.read_text()[::-1])
    elif change == "no input":
        video.unlink()
    elif change == "settings":
        keeps = keeper(tmp_path, a=2)
    elif change == "stage":
        keeps = keeper(tmp_path, stage="crops")
    elif change == "version":
        monkeypatch.setitem(kept.STAGES, "audio", kept.STAGES["audio"].__class__(99))
        keeps = keeper(tmp_path)
    elif change == "facts":
        piece.facts["actor"] = 4
    elif change == "roles":
        piece.inputs["more"] = video
    elif change == "output":  # edited in place, which edits the kept one too
        with piece.outputs["out"].open("r+") as file:
            file.write("MADE")
    remove(piece)
    assert not keeps.restore(piece)
    assert not any(path.exists() for path in piece.outputs.values())


def test_nothing_is_kept_of_work_that_failed(piece, tmp_path):
    piece.inputs["video"].write_text("new")
    remove(piece)

    def fail():
        make(piece)
        raise RuntimeError

    with pytest.raises(RuntimeError), keeper(tmp_path).keeping(piece):
        fail()
    remove(piece)
    assert not keeper(tmp_path).restore(piece)


def test_an_input_replaced_during_the_work_is_noticed(piece, tmp_path):
    with keeper(tmp_path).keeping(piece):
        make(piece)
        piece.inputs["video"].write_text("came too late")
    assert not keeper(tmp_path).restore(piece)


def test_without_hard_links_a_copy_is_kept(piece, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    with keeper(tmp_path).keeping(piece):
        make(piece)
    remove(piece)
    assert keeper(tmp_path).restore(piece)
    assert piece.outputs["out"].read_text() == "made out"


def test_a_damaged_or_absent_note_asks_for_new_work(piece, tmp_path):
    (note,) = (tmp_path / "kept").rglob("*.json")
    note.write_text("{")
    assert not keeper(tmp_path).restore(piece)
    note.unlink()
    assert not keeper(tmp_path).restore(piece)


def test_no_folder_keeps_nothing(piece):
    nothing = Keeper("", stage="audio", settings={"a": 1})
    with nothing.keeping(piece):
        make(piece)
    assert not nothing.restore(piece)


def test_finished_work_of_a_failed_job_is_put_back_once(piece, tmp_path):
    keeper(tmp_path).note_failure([piece])
    before = piece.outputs["out"].stat().st_ino
    remove(piece)
    assert kept.put_back(tmp_path / "kept") == 2
    assert piece.outputs["out"].stat().st_ino == before
    remove(piece)
    assert kept.put_back(tmp_path / "kept") == 0


def test_failures_of_earlier_runs_are_forgotten_and_newer_files_stay(piece, tmp_path):
    keeper(tmp_path).note_failure([piece])
    piece.outputs["out"].unlink()
    piece.outputs["out"].write_text("newer")
    assert kept.put_back(tmp_path / "kept") == 0
    assert piece.outputs["out"].read_text() == "newer"
    keeper(tmp_path).note_failure([piece])
    remove(piece)
    kept.forget_failures(tmp_path / "kept")
    assert kept.put_back(tmp_path / "kept") == 0
    assert kept.put_back(tmp_path / "nowhere") == 0


def test_what_was_set_aside_is_given_to_who_asks_for_it(tmp_path):
    (tmp_path / "video").write_text("a video")
    piece = Piece("clip", inputs={"video": tmp_path / "video"}, outputs={"out": tmp_path / "out/crops"})
    with keeper(tmp_path).setting_aside(piece) as places:
        places["out"].parent.mkdir(parents=True)
        places["out"].write_text("made")
    assert not piece.outputs["out"].exists()
    assert not keeper(tmp_path, a=2).restore(piece)
    assert keeper(tmp_path).restore(piece)
    assert piece.outputs["out"].read_text() == "made"


def test_work_set_aside_that_fails_is_not_there(tmp_path):
    (tmp_path / "video").write_text("a video")
    piece = Piece("clip", inputs={"video": tmp_path / "video"}, outputs={"out": tmp_path / "out/crops"})

    def fail():
        with keeper(tmp_path).setting_aside(piece) as places:
            places["out"].parent.mkdir(parents=True)
            places["out"].write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not keeper(tmp_path).restore(piece)
