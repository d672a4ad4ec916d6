"""Sound as 16-bit samples: FLAC in memory, and plain wav files for people and other tools."""

import io
import os
import struct
import wave

import numpy as np

from speechface.errors import MediaError
from speechface.files import written_whole

__all__ = ["decode_flac", "encode_flac", "write_wav"]

_FULL_SCALE = 32768
_FLAC_HEADER_BYTES = 42


def _samples(audio: np.ndarray) -> np.ndarray:
    """16-bit samples of mono sound; values outside [-1, 1) are clipped."""
    audio = np.asarray(audio)
    if audio.ndim != 1:
        raise ValueError(f"audio must be mono of shape (n_samples,), found {audio.shape}")
    return np.clip(np.rint(audio * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")


def encode_flac(audio: np.ndarray, sr: int) -> bytes:
    """Return mono sound (n_samples,), full scale 1.0, as the bytes of a FLAC file of 16 bits."""
    import soundfile

    samples = _samples(audio)
    if len(samples):
        target = io.BytesIO()
        soundfile.write(target, samples, sr, format="FLAC", subtype="PCM_16")
        return target.getvalue()
    # libsndfile writes nothing at all where there is no sample: a header of FLAC by hand (STREAMINFO alone: blocks of
    # 4096, frame sizes unknown, rate, one channel, 16 bits, no samples, no digest)
    fields = struct.pack(">HH6xQ16x", 4096, 4096, sr << 44 | 15 << 36)
    return b"fLaC" + struct.pack(">I", 1 << 31 | len(fields)) + fields


def decode_flac(content: bytes, name: str) -> tuple[np.ndarray, int]:
    """Read the bytes of a FLAC file of 16 bits.

    Parameters
    ----------
    content : bytes
    name : str
        What messages call it.

    Returns
    -------
    audio : ndarray (n_samples,), float32 in [-1, 1), mono: the mean of the channels
    sr : int, Hz

    Raises
    ------
    MediaError
        If it is damaged, cut off or not of 16 bits.
    """
    import soundfile

    if len(content) == _FLAC_HEADER_BYTES and content.startswith(b"fLaC"):
        return np.zeros(0, np.float32), struct.unpack(">Q", content[18:26])[0] >> 44
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.subtype != "PCM_16":
                raise MediaError(f"{name}: samples are {file.subtype}, expected 16 bits")
            samples, wanted, sr = file.read(dtype="int16", always_2d=True), file.frames, file.samplerate
    except soundfile.LibsndfileError as error:
        raise MediaError(f"{name}: not readable as FLAC ({error.error_string})") from None
    if len(samples) != wanted:
        raise MediaError(f"{name}: ends after {len(samples)} of {wanted} samples")
    audio = samples.astype(np.float32)
    return (audio.mean(axis=1) if audio.shape[1] > 1 else audio[:, 0]) / np.float32(_FULL_SCALE), sr


def write_wav(path: str | os.PathLike, audio: np.ndarray, sr: int) -> None:
    """Write mono sound as a wav file of 16 bits, whole or not at all."""
    samples = _samples(audio)
    with written_whole(path) as temporary, wave.open(temporary, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(sr))
        file.writeframes(samples.tobytes())
