"""Sound as 16-bit files: plain wav by the standard library, or FLAC, which gives the same samples back from less."""

import io
import struct
import wave
from pathlib import Path

import numpy as np

from speechface.errors import MediaError
from speechface.files import written_whole

__all__ = ["read_sound", "stored_sound", "write_sound"]

_FULL_SCALE = 32768
_FLAC_HEADER_BYTES = 42
_ADVICE = "convert it with 'speechface extract-wav'"


def read_sound(path):
    """Read a 16-bit PCM wav or, where the name ends in .flac, a FLAC file.

    Returns
    -------
    audio : ndarray (n_samples,), float32 in [-1, 1), mono: the mean of the channels
    sr : int, Hz

    Raises
    ------
    MediaError
        If the file is absent, truncated (a wav: in its header) or not 16-bit.
    """
    if not Path(path).exists():
        raise MediaError(f"{path}: no such sound file")
    samples, sr = _read_flac(path) if Path(path).suffix == ".flac" else _read_wav(path)
    return _mono(samples), sr


def stored_sound(tables, clip_id):
    """The sound of a clip in tables of 'extract-audio': (audio, sr) as `read_sound`; MediaError where it has none."""
    table = tables.read(clip_id, ["audio"])
    if not table.usable:
        raise MediaError(f"{clip_id}: {table.reason}")
    samples, sr = _read_flac(clip_id, table["audio"][0]["bytes"])
    return _mono(samples), sr


def _mono(samples):
    audio = samples.astype(np.float32)
    return (audio.mean(axis=1) if audio.shape[1] > 1 else audio[:, 0]) / np.float32(_FULL_SCALE)


def _read_wav(path):
    """Samples (n, channels), int16, and the rate of a wav file."""
    try:
        with wave.open(str(path), "rb") as file:
            sr, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if width != 2:
                raise MediaError(f"{path}: {8 * width}-bit samples, expected 16-bit PCM; {_ADVICE}")
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        reason = str(error) or "the file ends inside its header"
        raise MediaError(f"{path}: not a 16-bit PCM wav file ({reason}); {_ADVICE}") from None
    return np.frombuffer(raw[: len(raw) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels), sr


def _read_flac(path, content=None):
    """Samples (n, channels), int16, and the rate of a FLAC file, or of its `content`, bytes, where that is given."""
    import soundfile

    content = Path(path).read_bytes() if content is None else content
    if len(content) == _FLAC_HEADER_BYTES and content.startswith(b"fLaC"):
        return np.zeros((0, 1), np.int16), struct.unpack(">Q", content[18:26])[0] >> 44
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.subtype != "PCM_16":
                raise MediaError(f"{path}: samples are {file.subtype}, expected 16 bits; {_ADVICE}")
            samples, wanted, sr = file.read(dtype="int16", always_2d=True), file.frames, file.samplerate
    except soundfile.LibsndfileError as error:
        raise MediaError(f"{path}: not a readable FLAC file ({error.error_string}); {_ADVICE}") from None
    if len(samples) != wanted:
        raise MediaError(f"{path}: ends after {len(samples)} of {wanted} samples; {_ADVICE}")
    return samples, sr


def write_sound(path, audio, sr):
    """Write mono sound as 16-bit PCM wav or, where the name ends in .flac, FLAC; whole or not at all.

    Values outside [-1, 1) are clipped. Both formats hold the same samples.
    """
    audio = np.asarray(audio)
    if audio.ndim != 1:
        raise ValueError(f"audio must be mono of shape (n_samples,), found {audio.shape}")
    samples = np.clip(np.rint(audio * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
    with written_whole(path) as temporary:
        if Path(path).suffix == ".flac":
            _write_flac(temporary, samples, int(sr))
            return
        with wave.open(temporary, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(int(sr))
            file.writeframes(samples.tobytes())


def _write_flac(path, samples, sr):
    import soundfile

    if len(samples):
        soundfile.write(path, samples, sr, format="FLAC", subtype="PCM_16")
        return
    # libsndfile writes nothing at all where there is no sample: a header of FLAC by hand (STREAMINFO alone: blocks of
    # 4096, frame sizes unknown, rate, one channel, 16 bits, no samples, no digest)
    fields = struct.pack(">HH6xQ16x", 4096, 4096, sr << 44 | 15 << 36)
    Path(path).write_bytes(b"fLaC" + struct.pack(">I", 1 << 31 | len(fields)) + fields)
