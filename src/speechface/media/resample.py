"""Another sampling rate, for sound that is there as a whole or comes in blocks: FFmpeg's band-limited resampler."""

from fractions import Fraction

import av
import numpy as np

__all__ = ["Resampler", "resample"]


class Resampler:
    """Resamples mono sound that comes in blocks of any size; together they are what the whole would be, to the bit.

    FFmpeg's filter hears 16 samples of the lower rate before and behind, so what comes out is that far behind what went
    in (1 ms at 16 kHz); the smallest blocks it holds back a little longer.

    Parameters
    ----------
    rate, sr : int, Hz, of what goes in and comes out
    """

    #: Samples of the lower rate.
    HOLDS_BACK = 16

    def __init__(self, rate: int, sr: int) -> None:
        self.rate, self.sr = int(rate), int(sr)
        self._resampler = None if rate == sr else av.AudioResampler("fltp", "mono", self.sr)
        self._taken = self._given = 0

    @property
    def delay_s(self) -> float:
        """How far the output is behind the input, s."""
        return self.HOLDS_BACK / min(self.rate, self.sr) if self._resampler else 0.0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples (n,), float32, and return what can be told of the output."""
        if self._resampler is None or not len(block):
            return block
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = self.rate
        self._taken += len(block)
        return self._joined(self._resampler.resample(frame))

    def finish(self) -> np.ndarray:
        """Return the rest: there are round(n * sr / rate) samples in all; silence follows the last that went in."""
        if self._resampler is None or not self._taken:
            return np.zeros(0, np.float32)
        missing = round(Fraction(self._taken * self.sr, self.rate)) - self._given
        rest = self._joined(self._resampler.resample(None))[: max(missing, 0)]
        return np.concatenate([rest, np.zeros(max(missing - len(rest), 0), np.float32)])

    def _joined(self, frames: list[av.AudioFrame]) -> np.ndarray:
        parts = [frame.to_ndarray()[0] for frame in frames]
        out = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        self._given += len(out)
        return out


def resample(audio: np.ndarray, rate: int, sr: int) -> np.ndarray:
    """Resample mono sound; the length becomes round(n * sr / rate)."""
    if rate == sr or not len(audio):
        return audio
    resampler = Resampler(rate, sr)
    out = np.concatenate([resampler.push(audio), resampler.finish()])
    return out[: round(Fraction(len(audio) * sr, rate))]
