"""Sound of files as people have them: tracks, channels, damage, clocks."""

import logging
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from speechface import media
from speechface.errors import MediaError
from speechface.media.probe import JUMP_S

SR = 16000


@pytest.fixture
def tone():
    """One second that changes all the time, so that any shift shows."""
    time = np.arange(SR) / SR
    return (0.3 * np.sin(2 * np.pi * (300 + 400 * time) * time)).astype(np.float32)


def write_tracks(path, *tracks, codec="flac", sr=SR, layouts=None, shift=None, block=1024):
    """Write tracks of (n_channels, n) sound; `shift` (sample) -> seconds by which its stamp is late."""
    with av.open(str(path), "w") as writer:
        streams = []
        for k, track in enumerate(tracks):
            layout = layouts[k] if layouts else {1: "mono", 2: "stereo", 6: "5.1"}[len(track)]
            streams.append((writer.add_stream(codec, rate=sr, layout=layout), track, layout))
        for stream, track, layout in streams:
            for first in range(0, track.shape[1], block):
                values = np.round(track[:, first : first + block] * 32768).clip(-32768, 32767).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(values.T.reshape(1, -1).copy(), format="s16", layout=layout)
                late = shift(first) if shift else 0
                frame.sample_rate, frame.pts, frame.time_base = sr, first + round(late * sr), Fraction(1, sr)
                writer.mux(stream.encode(frame))
            writer.mux(stream.encode(None))
    return path


def heard(path, **options):
    return media.decode_audio(path, sr=SR, **options)


def test_channels_give_their_mean_and_one_that_is_silent_does_not_matter(tmp_path, tone):
    path = write_tracks(tmp_path / "a.wav", np.stack([tone, -0.25 * tone]), codec="pcm_s16le")
    np.testing.assert_allclose(heard(path), 0.375 * tone, atol=2e-5)  # a step of 16 bits
    path = write_tracks(tmp_path / "b.wav", np.stack([tone, 0 * tone]), codec="pcm_s16le")
    np.testing.assert_allclose(heard(path), tone / 2, atol=2e-5)


def test_channels_that_cancel_each_other_are_heard(tmp_path, tone, caplog):
    path = write_tracks(tmp_path / "a.wav", np.stack([0.8 * tone, -tone]), codec="pcm_s16le")
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(heard(path), -tone, atol=2e-5)
    assert "cancel each other; channel 2" in caplog.text


def test_of_surround_sound_the_centre_speaks(tmp_path, tone, rng):
    music = 0.02 * rng.standard_normal((6, SR)).astype(np.float32)
    music[2] = tone  # FL FR FC LFE BL BR
    np.testing.assert_allclose(heard(write_tracks(tmp_path / "a.flac", music)), tone, atol=2e-5)
    music[2] = 0  # nothing in the centre
    np.testing.assert_allclose(heard(write_tracks(tmp_path / "b.flac", music)), music.mean(0), atol=2e-5)


def test_of_several_tracks_the_first_that_is_not_silent_is_used_and_told(tmp_path, tone, caplog):
    quiet = np.zeros((1, SR), np.float32)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(heard(write_tracks(tmp_path / "a.mkv", tone[None], quiet)), tone, atol=2e-5)
        np.testing.assert_allclose(heard(write_tracks(tmp_path / "b.mkv", tone[None], tone[None] / 2)), tone, atol=2e-5)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(heard(write_tracks(tmp_path / "c.mkv", quiet, tone[None])), tone, atol=2e-5)
    assert "sound track 1 of 2 is silent; track 2 is used" in caplog.text
    assert not heard(write_tracks(tmp_path / "d.mkv", quiet, quiet)).any()


@pytest.mark.parametrize("place", [5, 8])
def test_a_damaged_packet_is_silent_and_what_follows_stays_in_its_place(tmp_path, tone, place, caplog):
    whole = write_tracks(tmp_path / "a.mkv", tone[None])
    with av.open(str(whole)) as reader:
        packet = list(reader.demux(audio=0))[place]
        content, begin = bytes(packet), round(packet.pts * packet.time_base * SR)
        length = round(packet.duration * packet.time_base * SR)
    data = whole.read_bytes()
    at = data.index(content)
    damaged = tmp_path / "b.mkv"
    damaged.write_bytes(data[:at] + b"\x00" * len(content) + data[at + len(content) :])
    with caplog.at_level(logging.WARNING):
        sound = heard(damaged)
    expected = tone.copy()
    expected[begin : begin + length] = 0
    np.testing.assert_allclose(sound, expected, atol=2e-5)
    assert "1 damaged packets" in caplog.text


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_recording_that_was_cut_off_is_told_and_a_whole_one_is_not(tmp_path, kind, caplog):
    whole, half = tmp_path / f"whole.{kind}", tmp_path / f"half.{kind}"
    soundfile.write(whole, np.random.default_rng(0).normal(0, 0.1, 4 * SR), SR)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        heard(whole)
        assert not caplog.text
        sound = heard(half)
    assert f"the sound ends {4 - len(sound) / SR:.1f} s before what the file announces" in caplog.text


def test_a_wav_that_was_piped_announces_nothing(tmp_path, tone, caplog):
    piped = tmp_path / "piped.wav"
    soundfile.write(piped, tone, SR)
    data = bytearray(piped.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    piped.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert len(heard(piped)) == len(tone)
    assert not caplog.text


def test_a_packet_that_a_decoder_fails_on_in_its_own_way_is_silent_too(tmp_path, tone, caplog):
    """AAC decoders end with errors that have no name."""
    whole = write_tracks(tmp_path / "a.m4a", tone[None], codec="aac")
    with av.open(str(whole)) as reader:
        packets = [(packet.pos, packet.size) for packet in reader.demux(audio=0) if packet.size]
    data, (at, size), clean = bytearray(whole.read_bytes()), packets[len(packets) // 2], heard(whole)
    data[at : at + size] = b"\xff" * size
    whole.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        sound = heard(whole)
    assert "1 damaged packets" in caplog.text
    assert len(sound) == len(clean)
    near = slice(SR // 2 - 2048, SR // 2 + 2048)  # frames of AAC overlap
    np.testing.assert_allclose(np.delete(sound, near), np.delete(clean, near), atol=1e-4)
    assert np.count_nonzero(np.abs(sound[near]) < 1e-6) >= 1000


def test_pauses_stay_and_jumps_of_the_clock_go(tmp_path, tone, caplog):
    half = 1024 * 8
    path = write_tracks(
        tmp_path / "a.mkv", tone[None], shift=lambda first: 0.5 if first >= half else 0, codec="pcm_s16le"
    )
    expected = np.concatenate([tone[:half], np.zeros(SR // 2, np.float32), tone[half:]])
    np.testing.assert_allclose(heard(path), expected, atol=2e-5)
    assert not caplog.records
    path = write_tracks(
        tmp_path / "b.mkv", tone[None], shift=lambda first: 1800 if first >= half else 0, codec="pcm_s16le"
    )
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(heard(path), tone, atol=2e-5)
    assert f"clock jumps 1 times by more than {JUMP_S:g} s" in caplog.text
    # a jitter of some ms is that of the stamps
    path = write_tracks(
        tmp_path / "c.mkv", tone[None], shift=lambda first: 0.01 if first >= half else 0, codec="pcm_s16le"
    )
    np.testing.assert_allclose(heard(path), tone, atol=2e-5)


def test_sound_before_the_start_is_cut_and_a_later_one_waits(tmp_path, tone):
    path = write_tracks(tmp_path / "a.mkv", tone[None], shift=lambda first: 2, codec="pcm_s16le")
    np.testing.assert_allclose(heard(path, start=2.25), tone[SR // 4 :], atol=2e-5)
    np.testing.assert_allclose(heard(path, start=1.5), np.pad(tone, (SR // 2, 0)), atol=2e-5)
    assert len(heard(path, start=5.0)) == 0


@pytest.mark.parametrize(
    ("codec", "steps"), [("pcm_u8", 2**-6), ("pcm_s24le", 2**-14), ("pcm_f32le", 2**-14), ("pcm_mulaw", 2**-5)]
)
@pytest.mark.parametrize("sr", [8000, 96000])
def test_numbers_and_rates_of_wav_files(tmp_path, codec, steps, sr):
    slow = (0.3 * np.sin(2 * np.pi * 300 * np.arange(sr) / sr)).astype(np.float32)
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as writer:
        out = writer.add_stream(codec, rate=sr, layout="mono")
        frame = av.AudioFrame.from_ndarray((slow[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = sr
        resampler = av.AudioResampler(out.format, "mono", sr)
        for given in (*resampler.resample(frame), *resampler.resample(None)):
            writer.mux(out.encode(given))
        writer.mux(out.encode(None))
    found = media.decode_audio(path, sr=16000)
    assert len(found) == 16000
    wanted = 0.3 * np.sin(2 * np.pi * 300 * np.arange(16000) / 16000)
    np.testing.assert_allclose(found[400:-400], wanted[400:-400], atol=steps + 2e-3)  # the resampler's filter


@pytest.mark.parametrize("wanted", [SR, 44100])
def test_pieces_are_the_whole_and_small(tmp_path, rng, wanted):
    noise = rng.normal(0, 0.05, (1, 20 * SR)).astype(np.float32)
    path = write_tracks(tmp_path / "a.mkv", noise, block=4096)
    pieces = list(media.sound_pieces(path, sr=wanted))
    assert max(map(len, pieces)) < 1 << 18
    assert sum(map(len, pieces)) == 20 * wanted
    np.testing.assert_array_equal(np.concatenate(pieces), media.decode_audio(path, sr=wanted))


def test_what_cannot_be_heard_is_told_in_one_line(tmp_path, tone):
    path = write_tracks(tmp_path / "a.mkv", tone[None])
    data = path.read_bytes()
    (tmp_path / "b.mkv").write_bytes(data.replace(b"A_FLAC", b"A_NONE"))
    with pytest.raises(MediaError, match="no decoder for its sound; convert it"):
        heard(tmp_path / "b.mkv")
    with av.open(str(path)) as reader:
        content = [bytes(packet) for packet in reader.demux(audio=0) if packet.size]
    for packet in content:
        data = data.replace(packet, b"\x00" * len(packet))
    (tmp_path / "c.mkv").write_bytes(data)
    with pytest.raises(MediaError, match="no sound in it can be decoded|sound stream is empty"):
        heard(tmp_path / "c.mkv")


def test_a_damaged_first_image_does_not_move_the_sound(tmp_path, tone):
    """Sample 0 is where the first image would show, though only later ones can be decoded."""
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as writer:
        video, sound = writer.add_stream("libx264", rate=25), writer.add_stream("pcm_s16le", rate=SR, layout="mono")
        video.width, video.height, video.pix_fmt, video.gop_size = 64, 64, "yuv420p", 5
        for k in range(25):
            image = np.full((64, 64, 3), 10 * k, np.uint8)
            writer.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.round(tone * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = SR
        for packets in (video.encode(), sound.encode(frame), sound.encode()):
            writer.mux(packets)
    whole = heard(path)
    with av.open(str(path)) as container:
        first = next(container.demux(container.streams.video[0]))
    content = bytearray(path.read_bytes())
    content[first.pos : first.pos + first.size] = bytes(first.size)
    path.write_bytes(content)
    assert not next(iter(media.decode_images(path))).decoded.key
    assert media.probe_video(path).start == 0
    np.testing.assert_array_equal(heard(path), whole)
