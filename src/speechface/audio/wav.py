"""Plain wav files, read and written with the standard library."""

import wave

import numpy as np

from speechface.errors import MediaError
from speechface.files import written_whole

__all__ = ["read_wav", "write_wav"]

_FULL_SCALE = 32768


def read_wav(path):
    """Read a 16-bit PCM wav file.

    Returns
    -------
    audio : ndarray (n_samples,), float32 in [-1, 1), mono: the mean of the channels
    sr : int, Hz

    Raises
    ------
    MediaError
        If the file is absent, truncated in its header or not 16-bit PCM.
    """
    try:
        with wave.open(str(path), "rb") as file:
            sr, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if width != 2:
                raise MediaError(
                    f"{path}: {8 * width}-bit samples, expected 16-bit PCM; convert it with 'speechface extract-wav'"
                )
            raw = file.readframes(file.getnframes())
    except FileNotFoundError:
        raise MediaError(f"{path}: no such wav file") from None
    except (wave.Error, EOFError) as error:
        reason = str(error) or "the file ends inside its header"
        raise MediaError(
            f"{path}: not a 16-bit PCM wav file ({reason}); convert it with 'speechface extract-wav'"
        ) from None
    samples = np.frombuffer(raw[: len(raw) // (2 * channels) * 2 * channels], "<i2")
    audio = samples.reshape(-1, channels).astype(np.float32)
    return (audio.mean(axis=1) if channels > 1 else audio[:, 0]) / np.float32(_FULL_SCALE), sr


def write_wav(path, audio, sr):
    """Write mono sound as a 16-bit PCM wav file, whole or not at all; values outside [-1, 1) are clipped."""
    audio = np.asarray(audio)
    if audio.ndim != 1:
        raise ValueError(f"audio must be mono of shape (n_samples,), found {audio.shape}")
    samples = np.clip(np.rint(audio * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
    with written_whole(path) as temporary, wave.open(temporary, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(sr))
        file.writeframes(samples.tobytes())
