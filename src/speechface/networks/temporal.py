"""The networks of family `sequence`: a few spectra a video frame become a vector, layers over time follow."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["HopEncoder", "TemporalHead", "DILATIONS", "KERNEL"]

#: Dilations of the blocks of a `TemporalHead`, in frames, and taps of their convolutions.
DILATIONS = (1, 2, 4, 1)
KERNEL = 3


class HopEncoder(nn.Module):
    """Three convolutions over the hops of one video frame: 3 taps, 4 taps with stride 2, then what is left.

    As rows lie a video frame apart, this is a strided convolution from the hop rate to the video rate that works at
    any frame rate.

    Parameters
    ----------
    mean, std : array-like (n_hops, n_mels), of the train table
        Input is standardised by them; a deviation below 1e-3 dB counts as 1.
    n_channels : int
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Any, std: Any, *, n_channels: int):
        super().__init__()
        mean, std = torch.as_tensor(mean, dtype=torch.float32), torch.as_tensor(std, dtype=torch.float32)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", torch.where(std > 1e-3, 1 / std.clamp(min=1e-3), torch.ones_like(std)))
        n_hops, n_mels = mean.shape
        left = (n_hops - 6) // 2 + 1
        self.layers = nn.Sequential(
            nn.Conv1d(n_mels, n_channels, 3), nn.GELU(),
            nn.Conv1d(n_channels, n_channels, 4, stride=2), nn.GELU(),
            nn.Conv1d(n_channels, n_channels, left), nn.GELU(),
        )  # fmt: skip
        self.n_out = n_channels

    def forward(self, rows: Tensor) -> Tensor:
        """rows (n, n_hops, n_mels), dB -> (n, n_out)."""
        return self.layers(((rows - self.mean) * self.scale).transpose(1, 2)).squeeze(2)


class _Block(nn.Module):
    """Residual block: layer norm, dilated convolution over past frames, GELU, dense layer, dropout.

    The norm is over the channels of each frame alone; a norm over time would let frames see their future.
    """

    def __init__(self, n_channels, *, dilation, dropout):
        super().__init__()
        self.past = (KERNEL - 1) * dilation
        self.norm = nn.LayerNorm(n_channels)
        self.convolution = nn.Conv1d(n_channels, n_channels, KERNEL, dilation=dilation)
        self.dense = nn.Linear(n_channels, n_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames):
        past = functional.pad(self.norm(frames).transpose(1, 2), (self.past, 0))
        return frames + self.dropout(self.dense(functional.gelu(self.convolution(past).transpose(1, 2))))


class TemporalHead(nn.Module):
    """Dilated convolutions over the frames of a clip; each frame sees itself and the 16 before it, none after it.

    Parameters
    ----------
    n_in, n_channels : int; where they differ, a dense layer comes first
    dropout : float in [0, 1)
    """

    recurrent = True
    bidirectional = False
    #: Frames before the present one that count.
    n_past = (KERNEL - 1) * sum(DILATIONS)

    def __init__(self, n_in: int, *, n_channels: int, dropout: float):
        super().__init__()
        self.adapt = nn.Identity() if n_in == n_channels else nn.Linear(n_in, n_channels)
        self.blocks = nn.Sequential(*[_Block(n_channels, dilation=step, dropout=dropout) for step in DILATIONS])
        self.n_out = n_channels

    def forward(
        self, encoded: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """encoded (B, T, n_in) -> (B, T, n_out) and the state: the last `n_past` encoded frames at most.

        `lengths` is not used: padding stands behind the frames, which never see it.
        """
        known = 0 if state is None else state.shape[1]
        frames = encoded if state is None else torch.cat([state, encoded], 1)
        hidden = self.blocks(self.adapt(frames))[:, known:]
        return hidden, frames[:, -self.n_past :]
