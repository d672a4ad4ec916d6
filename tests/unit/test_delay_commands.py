"""estimate-delay and pool-delays from file to file, on speech of the demo whose sound is moved."""

from fractions import Fraction

import numpy as np
import pytest
from stored import write_clip_table

from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable
from speechface.commands.pool_delays import COLUMNS
from speechface.sound_tables import sound_rows
from speechface.tables import read_table

SR, DELAY_MS = 16000, 80
#: Actor and clip; "b/quiet" has no sound, "b/dark" no face.
CLIPS = ("a/0", "a/1", "b/2", "b/3", "b/4", "b/quiet", "b/dark")


@pytest.fixture(scope="module")
def said():
    """Five sentences: (landmarks (T, 68, 2), times, audio)."""
    from speechface.rig.builtin import build
    from speechface.synthesis.performance import perform

    rig = build()
    sentences = (
        "My mother bakes warm apple pie on Sunday",
        "People move slowly but the boat was fast",
        "Every Thursday he visits his mother in the village",
        "A warm wind was blowing over the open fields",
        "Please bring the heavy box from the upper floor",
    )
    found = []
    for number, statement in enumerate(sentences, 1):
        made = perform(
            number, f"01-01-01-01-01-01-{number:02d}", statement=statement, emotion="neutral", intensity="normal",
            seed=3, frame_rate=Fraction(25), sr=SR,
        )  # fmt: skip
        points = rig.neutral[rig.landmarks] + rig.displacement(made.weights, rig.landmarks)
        found.append((points[..., :2].astype(np.float32), made.times, made.audio))
    return found


def clip_id(name):
    return f"set/{name}"


def write(folder, said, *, delay_ms=DELAY_MS, other=None, start=0.0):
    """Tables of landmarks and sound of actors a and b; `other`: clip -> whose sound it gets."""
    for actor in "ab":
        faces, sounds = {}, {}
        for k, name in enumerate(CLIPS):
            if not name.startswith(actor):
                continue
            points, times, audio = said[k % len(said)]
            audio = said[other[name]][2] if name in (other or {}) else audio
            audio = np.concatenate([np.zeros(round((1 + delay_ms / 1000) * SR), np.float32), audio])[SR:]
            columns = {"frame": np.arange(len(times), dtype=np.int32), "time": times,
                       "detected": np.ones(len(times), bool), "fault": np.zeros(len(times), np.int8),
                       "landmarks": points}  # fmt: skip
            faces[clip_id(name)] = "no face" if "dark" in name else ClipRows(columns, {"detector": "dlib"})
            sounds[clip_id(name)] = sound_rows(
                clip_id(name), audio[: 0 if "quiet" in name else None], SR, times, start=start, fps=25.0
            )
        write_clip_table(folder / f"landmarks_{actor}.parquet", "landmarks", faces, shared=("detector",))
        write_clip_table(folder / f"audio_{actor}.parquet", "audio", sounds)


def estimate(folder, actor):
    return main(["estimate-delay", "--landmarks", str(folder / f"landmarks_{actor}.parquet"), "--audio",
                 str(folder / f"audio_{actor}.parquet"), "--out", str(folder / f"delays_{actor}.parquet")])  # fmt: skip


def pool(folder, delay="auto"):
    tables = [str(folder / f"delays_{actor}.parquet") for actor in "ab"]
    out = folder / "delays.parquet"
    assert main(["pool-delays", "--delays", *tables, "--audio-delay-ms", delay, "--out", str(out)]) == 0
    return read_table(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, said):
    folder = tmp_path_factory.mktemp("delays")
    write(folder, said)
    assert [estimate(folder, actor) for actor in "ab"] == [0, 0]
    return folder


def test_single_clips_tell_their_delay(folder):
    table = ClipTable(folder / "delays_a.parquet")
    for clip in table.entries:
        row = table.read(clip)
        assert row["delay_ms"][0] == pytest.approx(DELAY_MS, abs=40)
        assert 0 < row["sigma_ms"][0] < 60
        assert row["curve"].shape == (1, 101)
    reasons = [ClipTable(folder / "delays_b.parquet").read(f"set/b/{name}").reason for name in ("quiet", "dark")]
    assert reasons == ["the clip has no sound", "no face"]


def test_all_clips_get_what_they_tell_together(folder):
    table = pool(folder)
    assert list(table.columns) == ["dataset", "actor", "clip", *COLUMNS]
    assert set(table["audio_delay_from"]) == {"dataset"}
    np.testing.assert_allclose(table["audio_delay_ms"], DELAY_MS, atol=20)
    assert (table["delay_low_ms"] < DELAY_MS).all()
    assert (table["delay_high_ms"] > DELAY_MS).all()
    telling = np.array([name not in ("quiet", "dark") for name in table["clip"]])
    assert (table["sound_agreement"][telling] > 0.5).all()
    assert np.isnan(table["sound_agreement"][~telling]).all()
    assert table.meta["settings"] == {"audio_delay_ms": "auto"}


def test_a_given_delay_is_used_and_told_beside_what_is_found(folder, caplog):
    table = pool(folder, "-30")
    assert set(table["audio_delay_ms"]) == {-30.0}
    assert set(table["audio_delay_from"]) == {"config"}
    np.testing.assert_allclose(table["delay_found_ms"], DELAY_MS, atol=20)
    assert "audio_delay_ms is -30, but 7 of 7 clips stand elsewhere" in caplog.text


def test_a_delay_that_is_no_number_is_one_line(folder, capsys):
    arguments = ["pool-delays", "--delays", str(folder / "delays_a.parquet"), "--audio-delay-ms", "late"]
    assert main([*arguments, "--out", str(folder / "x.parquet")]) == 1
    assert "expected auto or a number of ms" in capsys.readouterr().err


def test_only_clips_whose_sound_or_lips_changed_are_estimated_again(tmp_path, said, caplog):
    caplog.set_level("INFO")
    write(tmp_path, said)
    estimate(tmp_path, "b")
    write(tmp_path, said, other={"b/3": 0})
    estimate(tmp_path, "b")
    assert "5 clips: 1 made, 4 kept" in caplog.text


def test_sound_before_the_first_frame_counts(tmp_path, said, folder):
    write(tmp_path, said, delay_ms=DELAY_MS, start=-0.1234)  # the same sound, heard earlier
    estimate(tmp_path, "a")
    found, before = (ClipTable(place / "delays_a.parquet") for place in (tmp_path, folder))
    for clip in found.entries:  # hops of 10 ms begin elsewhere in the sound
        assert found.read(clip)["delay_ms"][0] == pytest.approx(before.read(clip)["delay_ms"][0] - 123.4, abs=6)
