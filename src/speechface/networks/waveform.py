"""The encoder that learns its own filters: the sound of one video frame becomes a vector."""

import numpy as np
import torch
from torch import Tensor, nn

from speechface.audio.filters import mel_centres

__all__ = ["WaveformEncoder"]

#: Filters, their taps and the samples from one hop to the next: 25 and 5 ms at 16 kHz.
N_FILTERS, TAPS, STRIDE = 64, 400, 80
#: Filters start on the mel scale between these frequencies, in cycles a sample: 50 and 7600 Hz at 16 kHz.
_LOWEST, _HIGHEST = 50 / 16000, 7600 / 16000
#: Taps are kept this much larger than they act: they are about 0.01, and a step of Adam of 2e-3 would undo them.
_GAIN = 100.0
#: Energy that counts as silence, against the mean of the train table; centre and spread of its logarithm.
_SILENCE, _CENTRE, _SPREAD = 1e-6, -10.0, 3.0
#: Hops that a row must have at least: two convolutions of 3 and 4 taps, the second with stride 2, leave one.
_FEWEST_HOPS = 6


def _mel_filters(n):
    """Gabor filters (2n, 1, TAPS), cosines and then sines, of unit gain: centres and widths of mel bands.

    Source: Zeghidour et al., Learning filterbanks from raw speech (2018).
    """
    rate = 16000  # the mel scale wants hertz
    centres = mel_centres(n_mels=n, fmin=_LOWEST * rate, fmax=_HIGHEST * rate)
    edges = np.concatenate([[_LOWEST * rate], centres, [_HIGHEST * rate]])
    width = (edges[2:] - edges[:-2]) / 2  # of the response at half its height, Hz
    at = (np.arange(TAPS) - (TAPS - 1) / 2) / rate
    spread = np.sqrt(2 * np.log(2)) / (np.pi * width)[:, None]  # s
    envelope = np.exp(-0.5 * (at / spread) ** 2) * np.hanning(TAPS)
    envelope *= 2 / envelope.sum(1, keepdims=True)
    phase = 2 * np.pi * centres[:, None] * at
    return np.concatenate([envelope * np.cos(phase), envelope * np.sin(phase)])[:, None].astype(np.float32)


class WaveformEncoder(nn.Module):
    """Learnt filters, the logarithm of their energy, then convolutions over the hops of one video frame.

    As rows lie a video frame apart, this is a strided convolution from the sampling rate to the video rate that works
    at any frame rate. The filters start as a mel filterbank and learn from there.

    Parameters
    ----------
    n_samples : int, of a row
    scale : float, deviation of the train table's samples; a row is divided by it
    n_channels : int
    width : float, factor on the number of filters
    """

    scale: Tensor

    def __init__(self, n_samples: int, scale: float, *, n_channels: int, width: float):
        super().__init__()
        self.register_buffer("scale", torch.tensor(1 / max(float(scale), 1.0), dtype=torch.float32))
        n_filters = max(1, round(N_FILTERS * width))
        self.filters = nn.Conv1d(1, 2 * n_filters, TAPS, STRIDE, bias=False)
        with torch.no_grad():
            self.filters.weight.copy_(_GAIN * torch.from_numpy(_mel_filters(n_filters)))
        left = ((n_samples - TAPS) // STRIDE + 1 - _FEWEST_HOPS) // 2 + 1
        self.layers = nn.Sequential(
            nn.Conv1d(n_filters, n_channels, 3), nn.GELU(),
            nn.Conv1d(n_channels, n_channels, 4, stride=2), nn.GELU(),
            nn.Conv1d(n_channels, n_channels, left), nn.GELU(),
        )  # fmt: skip
        self.n_out = n_channels

    @staticmethod
    def shortest() -> int:
        """Samples that a row must have at least."""
        return TAPS + (_FEWEST_HOPS - 1) * STRIDE

    def loudness(self, rows: Tensor) -> Tensor:
        """Logarithm of the filters' energies, about standardised: (n, n_samples) -> (n, n_filters, n_hops)."""
        cosines, sines = self.filters((rows * (self.scale / _GAIN)).unsqueeze(1)).chunk(2, 1)
        energy = (cosines.square() + sines.square()).float()  # half precision is too coarse near silence
        return (torch.log(energy + _SILENCE) - _CENTRE) / _SPREAD

    def forward(self, rows: Tensor) -> Tensor:
        """rows (n, n_samples), 16-bit samples -> (n, n_out)."""
        return self.layers(self.loudness(rows)).squeeze(2)
