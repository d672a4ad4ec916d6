"""Samples from bytes: raw and wav, cut anywhere; and the resampler of sound in blocks."""

import io
import struct
import wave

import numpy as np
import pytest
from signals import noise

from speechface.errors import MediaError
from speechface.media.pcm import PcmDecoder
from speechface.media.resample import Resampler, resample

VALUES = np.array([0, 0.5, -0.5, 0.25, -1, 0.125], np.float32)


def decoded(data, sizes=(1, 3, 1000), **options):
    decoder = PcmDecoder(**{"sr": None, **options})
    parts, place, k = [], 0, 0
    while place < len(data):
        parts.append(decoder.push(data[place : place + sizes[k % len(sizes)]]))
        place += sizes[k % len(sizes)]
        k += 1
    return np.concatenate(parts), decoder.sr


def wav(samples, width, *, channels=1, sr=22050, size=None, code=1, extra=b""):
    data = samples.tobytes() if isinstance(samples, np.ndarray) else samples
    header = struct.pack("<HHIIHH", code, channels, sr, sr * channels * width, channels * width, 8 * width)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + extra
    return b"RIFF\0\0\0\0WAVE" + chunks + b"data" + struct.pack("<I", len(data) if size is None else size) + data


@pytest.mark.parametrize("sizes", [(1,), (1, 3, 1000), (10_000,)])
@pytest.mark.parametrize(
    ("name", "kind", "scale"), [("s16le", "<i2", 2**15), ("f32le", "<f4", 1), ("s32le", "<i4", 2**31)]
)
def test_raw_samples_of_known_rate(name, kind, scale, sizes):
    data = np.clip(VALUES.astype(float) * scale, -scale, scale - (scale > 1)).astype(kind).tobytes()
    found, sr = decoded(data, sizes, sr=16000, sample_format=name)
    np.testing.assert_array_equal(found, VALUES)
    assert sr == 16000


@pytest.mark.parametrize("sizes", [(1,), (7, 2), (10_000,)])
@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (wav((VALUES * 2**15).astype("<i2"), 2), 0),
        (wav((VALUES * 128 + 128).astype("u1"), 1), 0),
        (wav((VALUES * 2**31).astype(">i4").view("u1").reshape(-1, 4)[:, 2::-1], 3), 0),
        (wav(VALUES.astype("<f4"), 4, code=3), 0),
        (wav(VALUES.astype("<f8"), 8, code=3), 0),
        (wav(np.stack([VALUES, 0 * VALUES], 1).astype("<f4") * 2, 4, code=3, channels=2), 0),
        (wav((VALUES * 2**15).astype("<i2"), 2, extra=b"LIST\x05\0\0\0abcde\0"), 0),
    ],
    ids=["16", "8", "24", "float", "double", "stereo", "list"],
)
def test_a_wav_says_its_own_rate_and_form(data, tolerance, sizes):
    found, sr = decoded(data, sizes, sr=8000, sample_format="f32le")  # what the header says counts
    np.testing.assert_allclose(found, VALUES, atol=tolerance)
    assert sr == 22050


def test_what_python_writes_is_read_and_what_follows_the_samples_is_not():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes((VALUES * 2**15).astype("<i2").tobytes())
    found, sr = decoded(buffer.getvalue() + b"LIST\x04\0\0\0abcd")
    np.testing.assert_array_equal(found, VALUES)
    assert sr == 44100


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_has_no_size(size):
    found, _ = decoded(wav((VALUES * 2**15).astype("<i2"), 2, size=size))
    np.testing.assert_array_equal(found, VALUES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ID3" + bytes(20), "the sound is mp3; give --sr"),
        (b"hello, this is text", "the sound is no wav; give --sr"),
        (wav(b"\0" * 8, 2, code=85), "samples of kind 85, 16 bits"),
        (wav(b"\0" * 8, 2, sr=3), "a rate of 3 Hz"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "no format before its samples"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7f" + bytes(20), "damaged"),
    ],
)
def test_what_is_no_sound_is_told_in_one_line(data, message):
    with pytest.raises(MediaError, match=message) as error:
        decoded(data)
    assert "\n" not in str(error.value)


def test_half_a_sample_at_the_end_is_left():
    found, _ = decoded((VALUES * 2**15).astype("<i2").tobytes() + b"\x01", sr=16000)
    assert len(found) == len(VALUES)


@pytest.mark.parametrize(
    ("rate", "sr"), [(48000, 16000), (44100, 16000), (8000, 44100), (22050, 48000), (16000, 16000)]
)
def test_blocks_of_any_size_are_resampled_to_the_same_bits(rate, sr, rng):
    audio = noise(rate)
    whole = resample(audio, rate, sr)
    resampler, parts, place, behind = Resampler(rate, sr), [], 0, []
    while place < len(audio):
        size = int(rng.choice([1, 7, 480, 5000]))
        parts.append(resampler.push(audio[place : place + size]))
        place += size
        behind.append(min(place, len(audio)) / rate - sum(map(len, parts)) / sr)
    parts.append(resampler.finish())
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert len(whole) == sr
    assert resampler.delay_s - 1 / sr <= max(behind) <= 2.2 * resampler.delay_s + 1 / sr  # blocks of one sample wait


def test_resampled_sound_is_where_it_was_and_as_loud():
    audio = np.sin(2 * np.pi * 440 * np.arange(48000) / 48000).astype(np.float32)
    found = resample(audio, 48000, 16000)[500:-500]
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)[500:-500]
    np.testing.assert_allclose(found, expected, atol=1e-3)  # -60 dB: ripple of a filter of 32 taps
