"""The encoder that learns its own filters: the sound of one video frame becomes a vector."""

import torch
from torch import nn

__all__ = ["WaveformEncoder"]

#: (channels, taps, stride) of the convolutions; a last one spans what is left. At 16 kHz: 4 ms filters each ms, 40
#: times a second at the end.
_LAYERS = ((64, 64, 16), (128, 8, 4), (160, 4, 2))
#: The first layer's outputs are heard on a logarithmic scale, as loudness is: log(1 + this * |x|).
_LOUDNESS = 100.0


class WaveformEncoder(nn.Module):
    """Strided 1-D convolutions from samples to one vector a video frame.

    As rows lie a video frame apart, this is a strided convolution from the sampling rate to the video rate that works
    at any frame rate.

    Parameters
    ----------
    n_samples : int, of a row
    scale : float, deviation of the train table's samples; a row is divided by it
    n_channels : int
    width : float, factor on the channels between
    """

    def __init__(self, n_samples, scale, *, n_channels, width):
        super().__init__()
        self.register_buffer("scale", torch.tensor(1 / max(float(scale), 1.0), dtype=torch.float32))
        convolutions, n_in, left = [], 1, n_samples
        for channels, taps, stride in _LAYERS:
            channels = max(1, round(channels * width))
            convolutions.append(nn.Conv1d(n_in, channels, taps, stride))
            n_in, left = channels, (left - taps) // stride + 1
        self.filters, *others = convolutions
        self.norm = nn.GroupNorm(1, self.filters.out_channels)
        layers = []
        for convolution in (*others, nn.Conv1d(n_in, n_channels, left)):
            layers += [convolution, nn.GELU()]
        self.layers = nn.Sequential(*layers)
        self.n_out = n_channels

    @staticmethod
    def shortest():
        """Samples that a row must have at least."""
        needed = 1
        for _, taps, stride in reversed(_LAYERS):
            needed = (needed - 1) * stride + taps
        return needed

    def forward(self, rows):
        """rows (n, n_samples), 16-bit samples -> (n, n_out)."""
        loudness = torch.log1p(_LOUDNESS * self.filters((rows * self.scale).unsqueeze(1)).abs())
        return self.layers(self.norm(loudness)).squeeze(2)
