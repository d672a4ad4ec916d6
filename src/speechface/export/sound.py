"""The sound of an animation, compressed for a file that carries it."""

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np

from speechface.media.resample import resample

__all__ = ["encoded"]

_RATE = 48000
_BIT_RATE = 64_000
#: kind -> (container, codec, sample format)
_KINDS = {"mp3": ("mp3", "libmp3lame", "fltp"), "webm": ("webm", "libopus", "flt")}
#: Of LAME: a third of the default's time.
_OPTIONS = {"compression_level": "7"}


def encoded(samples: np.ndarray, sr: int, kind: str) -> bytes:
    """Sound (n,), float32, mono, in [-1, 1] at `sr` Hz -> the bytes of an mp3 or WebM (Opus) file, 64 kbit/s."""
    container, codec, layout = _KINDS[kind]
    samples = np.asarray(samples, np.float32).clip(-1, 1)
    samples = resample(samples, sr, _RATE) if sr != _RATE else samples
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=_RATE, layout="mono", options=_OPTIONS)
        stream.bit_rate = _BIT_RATE
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format=layout, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, 0, Fraction(1, _RATE)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return buffer.getvalue()
