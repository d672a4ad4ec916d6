"""extract-audio and unpack from file to file."""

import os
import wave
from fractions import Fraction

import numpy as np
import pytest
from signals import speech_like, write_sound_table

from speechface import media
from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable, bytes_column
from speechface.clip_updates import update_clip_tables
from speechface.sound_tables import read_sound, read_times

NTSC = Fraction(30000, 1001)


def write_video(path, audio=None, count=20):
    with media.VideoWriter(path, width=64, height=48, fps=NTSC, audio=audio, sr=48000, crf=30) as video:
        for k in range(count):
            video.write(np.full((48, 64, 3), 10 * k, np.uint8))
    return path


@pytest.fixture
def sources(tmp_path):
    """A clip with a click in frame 11, one without sound, one that is no video, one that is not there."""
    click = np.zeros(32000, np.float32)
    click[round(11.5 / NTSC * 48000)] = 0.9
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    return {
        "d/a/click": write_video(tmp_path / "click.mp4", click),
        "d/a/mute": write_video(tmp_path / "mute.mp4", count=7),
        "d/a/broken": tmp_path / "broken.mp4",
        "d/a/none": tmp_path / "none.mp4",
    }


def extract(sources, out, *more):
    pairs = [f"{clip}={path}" for clip, path in sources.items()]
    return main(["extract-audio", "--clips", *pairs, "--out", str(out), *more])


def counts(caplog):
    """What the last command says that it has made and kept."""
    return [record.getMessage() for record in caplog.records if " made, " in record.getMessage()][-1]


def test_sound_and_times_of_a_shard_are_one_table(sources, tmp_path):
    out = tmp_path / "audio.parquet"
    assert extract(sources, out, "--settings", '{"sr": 16000}') == 0
    table = ClipTable(out)
    sound, sr = read_sound(table, "d/a/click")
    assert sr == 16000
    assert abs(np.abs(sound).argmax() / sr - 11.5 / NTSC) < 1e-3  # AAC smears a click by less than a millisecond
    times, fps = read_times(table, "d/a/click")
    assert fps == float(NTSC)
    np.testing.assert_array_equal(times, np.arange(20) * 1001 / 30000)
    meta = table.clip_meta("d/a/click")
    assert {name: meta[name] for name in ("width", "height", "frame_rate", "sr", "n_samples")} == {
        "width": 64, "height": 48, "frame_rate": "30000/1001", "sr": 16000, "n_samples": len(sound),
    }  # fmt: skip
    assert meta["settings"] == {"sr": 16000, "audio_delay_ms": 0.0}


def test_a_clip_without_sound_has_times_and_one_that_cannot_be_read_a_reason(sources, tmp_path):
    out = tmp_path / "audio.parquet"
    assert extract(sources, out) == 0
    table = ClipTable(out)
    assert len(read_sound(table, "d/a/mute")[0]) == 0
    assert len(read_times(table, "d/a/mute")[0]) == 7
    assert "broken.mp4: not a readable media file" in table.read("d/a/broken").reason
    assert table.read("d/a/none").reason.endswith("none.mp4: no such file")


def test_sound_that_stands_late_is_moved_back(sources, tmp_path):
    for delay in ("0", "70"):
        extract(sources, tmp_path / f"{delay}.parquet", "--audio-delay-ms", delay)
    plain, moved = (read_sound(ClipTable(tmp_path / f"{delay}.parquet"), "d/a/click")[0] for delay in ("0", "70"))
    assert abs(np.abs(plain).argmax() - np.abs(moved).argmax() - 0.07 * 44100) <= 1


def test_only_videos_with_other_contents_are_read_again(sources, tmp_path, caplog):
    caplog.set_level("INFO")
    out = tmp_path / "audio.parquet"
    extract(sources, out)
    os.utime(sources["d/a/click"])
    extract(sources, out)
    assert counts(caplog) == "4 clips: 0 made, 4 kept, 0 failed"
    write_video(sources["d/a/none"])
    extract(sources, out)
    assert counts(caplog) == "4 clips: 1 made, 3 kept, 0 failed"
    assert ClipTable(out).read("d/a/none").usable
    extract(sources, out, "--audio-delay-ms", "10")
    assert counts(caplog) == "4 clips: 4 made, 0 kept, 0 failed"


def test_sound_unpacks_to_wav_files(tmp_path):
    audio = np.rint(speech_like(8000) * 32768).astype(np.float32) / 32768
    for actor in "ab":
        sounds = {f"d/{actor}/one": audio, f"d/{actor}/two": "cut off"}
        write_sound_table(tmp_path / f"{actor}.parquet", sounds, sr=16000, fps=25, n_frames=3)
    tables = [str(tmp_path / f"{actor}.parquet") for actor in "ab"]
    folder, names = tmp_path / "wav", tmp_path / "wav" / "files.txt"
    assert main(["unpack", "audio", *tables, "--out-dir", str(folder), "--list", str(names)]) == 0
    assert names.read_text().splitlines() == [f"{folder}/d/a/one.wav", f"{folder}/d/b/one.wav"]
    with wave.open(f"{folder}/d/b/one.wav") as file:
        assert file.getframerate() == 16000
        np.testing.assert_array_equal(np.frombuffer(file.readframes(8000), "<i2"), np.rint(audio * 32768))
    assert len(list(folder.rglob("*.wav"))) == 2


def test_videos_unpack_as_they_are_and_a_wrong_column_is_named(tmp_path, capsys):
    path = tmp_path / "t.parquet"
    update_clip_tables(
        {"video": path}, ["d/a/c"], lambda clip: ClipRows({"video": bytes_column([b"a video"], ["c.mp4"])}),
        stage="crops", settings={}, facts=lambda clip, known: {},
    )  # fmt: skip
    assert main(["unpack", "video", str(path), "--out-dir", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/d/a/c.mp4").read_bytes() == b"a video"
    assert main(["unpack", "audio", str(path), "--out-dir", str(tmp_path / "out")]) == 1
    assert "column 'audio' is missing" in capsys.readouterr().err
