"""extract-audio and unpack from file to file."""

import os
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from signals import speech_like, write_sound_table

from speechface import media
from speechface.audio.features import FEATURES
from speechface.cli import main
from speechface.clip_tables import ClipRows, ClipTable, bytes_column
from speechface.clip_updates import update_clip_tables
from speechface.names import escaped
from speechface.sound_tables import read_sound, read_times
from speechface.tables import write_table

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
    sound, sr, start = read_sound(table, "d/a/click")
    assert (sr, start) == (16000, 0.0)
    assert abs(np.abs(sound).argmax() / sr - 11.5 / NTSC) < 1e-3  # AAC smears a click by less than a millisecond
    times, fps = read_times(table, "d/a/click")
    assert fps == float(NTSC)
    np.testing.assert_array_equal(times, np.arange(20) * 1001 / 30000)
    meta = table.clip_meta("d/a/click")
    assert {name: meta[name] for name in ("width", "height", "frame_rate", "sr", "n_samples")} == {
        "width": 64, "height": 48, "frame_rate": "30000/1001", "sr": 16000, "n_samples": len(sound),
    }  # fmt: skip
    assert meta["settings"] == {"sr": 16000}


def test_a_clip_without_sound_has_times_and_one_that_cannot_be_read_a_reason(sources, tmp_path):
    out = tmp_path / "audio.parquet"
    assert extract(sources, out) == 0
    table = ClipTable(out)
    assert len(read_sound(table, "d/a/mute")[0]) == 0
    assert len(read_times(table, "d/a/mute")[0]) == 7
    assert "broken.mp4: a text, not media" in table.read("d/a/broken").reason
    assert table.read("d/a/none").reason.endswith("none.mp4: no such file")


def write_moved(path, audio, move_ms):
    """Images at 25 a second and 48 kHz sound, both without loss; the sound, all of it, is late by `move_ms`."""
    with av.open(str(path), "w") as writer:
        video = writer.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 32, 24, "yuv420p"
        track = writer.add_stream("pcm_s16le", rate=48000, layout="mono")
        for k in range(40):
            frame = av.VideoFrame.from_ndarray(np.full((36, 32), 4 * k, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = k + 25, Fraction(1, 25)
            writer.mux(video.encode(frame))
        block = av.AudioFrame.from_ndarray(np.rint(audio * 32767).astype(np.int16)[None], format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = 48000, 48 * (1000 + move_ms), Fraction(1, 48000)
        writer.mux(track.encode(block))
        for stream in (video, track):
            writer.mux(stream.encode(None))


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """The table of sound of one clip in step and moved by up to 200 ms."""
    folder = tmp_path_factory.mktemp("moved")
    moves = (0, -200, -80, 80, 200, 83)
    for move in moves:
        write_moved(folder / f"{move}.mkv", speech_like(round(1.6 * 48000), 48000), move)
    assert extract({f"d/a/{move}": folder / f"{move}.mkv" for move in moves}, folder / "audio.parquet") == 0
    return folder / "audio.parquet"


@pytest.mark.parametrize("feature", FEATURES)
def test_moved_clips_give_the_features_of_one_in_step(moved, tmp_path, feature):
    def values(clip, delay):
        out = tmp_path / f"{clip}.parquet"
        assert main(["features", feature, "--audio", str(moved), "--audio-delay-ms", delay, "--out", str(out)]) == 0
        return ClipTable(out).read(f"d/a/{clip}")[feature].astype(float)

    in_step = values("0", "0")
    for move in ("-200", "-80", "80", "200"):  # whole samples of 44.1 and of 16 kHz; soxr's sums may round otherwise
        np.testing.assert_allclose(values(move, move), in_step, atol=feature == "waveform", err_msg=move)
        assert np.abs(values(move, "0") - in_step).mean() > 0.05
    # 0.3 of a sample beside: other 16-bit samples, which quiet bands see
    assert np.abs(values("83", "83") - in_step).mean() < {"waveform": 0.2, "spectrogram": 0.03}.get(feature, 0.02)


def test_sound_before_the_first_frame_is_kept_and_unpacks_in_step(moved, tmp_path):
    table = ClipTable(moved)
    assert [read_sound(table, f"d/a/{move}").start for move in ("-200", "0", "80")] == [-1.0, 0.0, 0.0]
    wavs = []
    for move in ("-80", "0", "200"):
        folder = tmp_path / move
        assert main(["unpack", "audio", str(moved), "--audio-delay-ms", move, "--out-dir", str(folder)]) == 0
        with wave.open(f"{folder}/{escaped(f'd/a/{move}')}.wav") as file:
            wavs.append(np.frombuffer(file.readframes(60000), "<i2").astype(int))
    for other in (wavs[0], wavs[2]):
        np.testing.assert_allclose(other, wavs[1], atol=1)  # a step of 16 bits


def test_a_changed_delay_of_a_clip_makes_its_features_again_and_no_others(moved, tmp_path, caplog):
    caplog.set_level("INFO")
    delays, out = tmp_path / "delays.parquet", tmp_path / "log_mel.parquet"
    options = ["--audio", str(moved), "--audio-delay-ms", str(delays), "--out", str(out)]
    clips = ["0", "-200", "-80", "80", "83", "200"]
    for last in (200.0, 200.0, 190.0):
        ids = {"dataset": ["d"] * 6, "actor": ["a"] * 6, "clip": clips}
        write_table(delays, {**ids, "audio_delay_ms": [0.0, -200.0, -80.0, 80.0, 83.0, last]}, stage="delays")
        assert main(["features", "log_mel", *options]) == 0
        if last == 200.0:
            before = ClipTable(out)
    assert counts(caplog) == "6 clips: 1 made, 5 kept, 0 failed"
    after = ClipTable(out)
    same = [np.array_equal(before.read(f"d/a/{c}")["log_mel"], after.read(f"d/a/{c}")["log_mel"]) for c in clips]
    assert same == [True] * 5 + [False]


def test_a_clip_without_a_delay_is_named(moved, tmp_path, caplog):
    write_table(tmp_path / "delays.parquet", {"dataset": ["d"], "actor": ["a"], "clip": ["0"], "audio_delay_ms": [0.0]},
                stage="delays")  # fmt: skip
    assert main(["features", "log_mel", "--audio", str(moved), "--audio-delay-ms", str(tmp_path / "delays.parquet"),
                 "--out", str(tmp_path / "out.parquet")]) == 1  # fmt: skip
    assert "no delay of the clip d/a/-200; run pool-delays again" in caplog.text


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
    extract(sources, out, "--settings", '{"sr": 16000}')
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
