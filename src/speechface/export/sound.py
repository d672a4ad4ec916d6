"""The sound of an animation, compressed for a file that carries it."""

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np

from speechface.media.resample import Resampler

__all__ = ["encoded"]

#: Hz that mp3 knows.
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_BIT_RATE = 64_000
#: Of LAME: a third of the default's time.
_OPTIONS = {"compression_level": "7"}
_TOGETHER = 1 << 17


def encoded(samples: np.ndarray, sr: int) -> bytes:
    """Sound (n,), float32, mono, in [-1, 1] at `sr` Hz -> the bytes of an mp3 file, 64 kbit/s."""
    rate = sr if sr in _RATES else 48000
    resampler = Resampler(sr, rate)
    buffer, place = io.BytesIO(), 0
    with av.open(buffer, "w", format="mp3") as file:
        stream: Any = file.add_stream("libmp3lame", rate=rate, layout="mono", options=_OPTIONS)
        stream.bit_rate = _BIT_RATE
        for start in (*range(0, len(samples), _TOGETHER), None):
            block = resampler.finish() if start is None else resampler.push(samples[start : start + _TOGETHER])
            if len(block):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(block.clip(-1, 1), np.float32)[None], format="fltp", layout="mono"
                )
                frame.sample_rate, frame.pts, frame.time_base = rate, place, Fraction(1, rate)
                place += len(block)
                file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()
