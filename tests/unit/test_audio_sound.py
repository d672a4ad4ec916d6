"""Sound as bytes of FLAC files, wav files, and tables of sound."""

import io
import wave

import numpy as np
import pytest
from signals import write_sound_table

from speechface.audio.sound import decode_flac, encode_flac, write_wav
from speechface.clip_tables import ClipTable
from speechface.errors import ClipError, MediaError, TableError
from speechface.sound_tables import Sound, read_sound, read_times


def test_flac_gives_16_bit_values_back():
    values = np.array([-32768, -1, 0, 1, 32767] * 7, np.int16)
    audio = values.astype(np.float32) / 32768
    back, sr = decode_flac(encode_flac(audio, 22050), "a")
    assert sr == 22050
    assert back.dtype == np.float32
    assert np.array_equal(back, audio)


def test_samples_beyond_full_scale_are_clipped():
    assert decode_flac(encode_flac(np.array([1.5, -1.5, 1.0]), 8000), "a")[0].tolist() == [
        32767 / 32768,
        -1,
        32767 / 32768,
    ]


def test_stereo_is_refused():
    with pytest.raises(ValueError, match="mono"):
        encode_flac(np.zeros((10, 2)), 8000)


def test_sound_of_no_samples_reads_back_empty_here_and_elsewhere():
    import av

    content = encode_flac(np.zeros(0, np.float32), 22050)
    audio, sr = decode_flac(content, "a")
    assert (audio.shape, sr) == ((0,), 22050)
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.codec_context.layout.nb_channels) == (22050, 1)
        assert list(container.decode(stream)) == []


def test_other_readers_find_the_same_samples_in_flac_and_wav(tmp_path, rng):
    import soundfile

    speech = np.cumsum(rng.normal(0, 0.002, 40000)) * np.hanning(40000)
    content = encode_flac(speech, 16000)
    write_wav(tmp_path / "a.wav", speech, 16000)
    found, sr = soundfile.read(io.BytesIO(content), dtype="int16")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), sr) == (1, 2, 16000, 16000)
        assert np.array_equal(np.frombuffer(file.readframes(40000), "<i2"), found)
    assert len(content) < 0.8 * (tmp_path / "a.wav").stat().st_size


def test_stereo_flac_becomes_the_mean_of_its_channels():
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, np.array([[100, 300], [-5, 5]], np.int16), 8000, format="FLAC", subtype="PCM_16")
    assert (decode_flac(target.getvalue(), "a")[0] * 32768).tolist() == [200, 0]


@pytest.mark.parametrize("kept", [0, 4, 0.5])
def test_damaged_flac_is_named(kept, rng):
    whole = encode_flac(rng.uniform(-0.3, 0.3, 50000), 16000)
    with pytest.raises(MediaError, match=r"sound of x: (not readable as FLAC|ends after \d+ of 50000)"):
        decode_flac(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept], "sound of x")


def test_24_bits_are_refused():
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, np.zeros(100), 8000, format="FLAC", subtype="PCM_24")
    with pytest.raises(MediaError, match="x: samples are PCM_24, expected 16 bits"):
        decode_flac(target.getvalue(), "x")


def test_a_table_gives_sound_and_times_back(tmp_path, rng):
    audio = np.rint(rng.uniform(-9000, 9000, 5000)).astype(np.float32) / 32768
    path = tmp_path / "audio.parquet"
    write_sound_table(path, {"d/a/one": audio, "d/a/two": "cut off"}, sr=8000, fps=30000 / 1001, n_frames=7)
    table = ClipTable(path)
    found = read_sound(table, "d/a/one")
    assert (found.sr, found.start) == (8000, 0.0)
    assert np.array_equal(found.audio, audio)
    times, fps = read_times(table, "d/a/one")
    assert (times.dtype, fps) == (np.float64, 30000 / 1001)
    assert np.array_equal(times, np.arange(7) / fps)
    for read in (read_sound, read_times):
        with pytest.raises(ClipError, match="^cut off$"):
            read(table, "d/a/two")
        with pytest.raises(TableError, match="no clip d/a/three"):
            read(table, "d/a/three")


def test_sound_from_a_moment_on_has_silence_before_it_begins():
    audio = np.arange(1, 9, dtype=np.float32)
    sound = Sound(audio, 10, start=-0.3)
    np.testing.assert_array_equal(sound.since(0.0), audio[3:])
    np.testing.assert_array_equal(sound.since(-0.5), [0, 0, *audio])
    assert not len(sound.since(2.0))
    assert not len(Sound(audio[:0], 10, 0.5).since(0.0))  # no sound stays none
