"""The network of family `flow`: a trunk that predicts, and a field that moves noise to motion.

The trunk is a network of family `sequence`: sound to weights and rotations. The field is trained by conditional flow
matching: x_t = (1 - t) noise + t motion, and the field learns motion - noise at x_t, given what the trunk knows of
every frame. Sampling follows the field from noise (t = 0) to motion (t = 1) in a few steps.

The field is a stack of convolutions over frames, the same at every place of a clip. So a clip of any length is sampled
in windows that overlap by what the convolutions see: the result is that of one window, there are no seams.

Sources: Lipman et al., Flow Matching for Generative Modeling (2023); Ho and Salimans, Classifier-Free Diffusion
Guidance (2022); the layers as in `speechface.networks.temporal`, with adaptive norms as in Peebles and Xie (2023).
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechface.networks.network import SpeechNetwork

__all__ = ["DILATIONS", "FlowNetwork", "MotionField"]

#: Dilations of the field's blocks, frames, and taps of their convolutions.
DILATIONS = (1, 2, 4, 8, 16, 1, 2, 4)
KERNEL = 3
#: Numbers that tell the field the time t.
TIME_WAVES = 32


class _Block(nn.Module):
    """Residual block: adaptive layer norm, dilated convolution over frames, GELU, dense layer, dropout."""

    def __init__(self, n_channels, *, dilation, dropout):
        super().__init__()
        self.norm = nn.LayerNorm(n_channels, elementwise_affine=False)
        self.adapt = nn.Linear(n_channels, 3 * n_channels)
        nn.init.zeros_(self.adapt.weight)
        nn.init.zeros_(self.adapt.bias)
        self.convolution = nn.Conv1d(n_channels, n_channels, KERNEL, dilation=dilation, padding=dilation)
        self.dense = nn.Linear(n_channels, n_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames, style, mask):
        """frames (B, T, n), style (B, n), mask (B, T, 1) -> (B, T, n); padded frames are seen as zeros."""
        scale, shift, gate = self.adapt(style)[:, None].chunk(3, -1)
        inner = (self.norm(frames) * (1 + scale) + shift) * mask
        inner = functional.gelu(self.convolution(inner.transpose(1, 2)).transpose(1, 2))
        return frames + (1 + gate) * self.dropout(self.dense(inner))


class MotionField(nn.Module):
    """Where to move at a point of the way from noise to motion.

    Parameters
    ----------
    n_motion : int, numbers of a frame's motion, standardised
    n_known : int, numbers that the trunk knows of a frame
    n_styles : int, styles (emotions, speakers); each has a learnt vector
    n_channels : int
    dropout : float in [0, 1)
    """

    waves: Tensor
    #: Frames on either side that a frame sees.
    reach = (KERNEL // 2) * sum(DILATIONS)

    def __init__(self, n_motion: int, n_known: int, n_styles: int, *, n_channels: int, dropout: float):
        super().__init__()
        self.enter = nn.Linear(n_motion, n_channels)
        self.know = nn.Sequential(nn.Linear(n_known, n_channels), nn.GELU(), nn.Linear(n_channels, n_channels))
        self.unknown = nn.Parameter(torch.zeros(n_channels))
        self.time = nn.Sequential(nn.Linear(2 * TIME_WAVES, n_channels), nn.GELU(), nn.Linear(n_channels, n_channels))
        self.styles = nn.Parameter(torch.zeros(n_styles, n_channels))
        self.blocks = nn.ModuleList([_Block(n_channels, dilation=step, dropout=dropout) for step in DILATIONS])
        last = nn.Linear(n_channels, n_motion)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.leave = nn.Sequential(nn.LayerNorm(n_channels), last)
        waves = torch.exp(torch.linspace(0, math.log(1000), TIME_WAVES))
        self.register_buffer("waves", waves, persistent=False)

    def forward(
        self, point: Tensor, time: Tensor, known: Tensor, *, heard: Tensor, styles: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """The direction at a point.

        Parameters
        ----------
        point : tensor (B, T, n_motion)
        time : tensor (B,), from 0, noise, to 1, motion
        known : tensor (B, T, n_known)
        heard : tensor (B,), 1 where `known` is told, 0 where it is not
        styles : tensor (B, n_styles), how much of each style
        mask : tensor (B, T, 1), 0 where a frame is padding; None, there is none
        """
        mask = point.new_ones(1, 1, 1) if mask is None else mask
        waves = time[:, None] * self.waves
        style = self.time(torch.cat([waves.sin(), waves.cos()], -1)) + styles @ self.styles
        told = heard[:, None, None]
        frames = self.enter(point) + told * self.know(known) + (1 - told) * self.unknown
        for block in self.blocks:
            frames = block(frames, style, mask)
        return self.leave(frames)


class FlowNetwork(nn.Module):
    """Trunk and field.

    Parameters
    ----------
    trunk : `SpeechNetwork`
    kept : bool array (n_out,), outputs that are sampled; the others stay the trunk's
    centre, spread : array (n_out,), mean and deviation of each output in the train table
    n_styles, n_channels, dropout : of `MotionField`
    """

    kept: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        trunk: SpeechNetwork,
        *,
        kept: Any,
        centre: Any,
        spread: Any,
        n_styles: int,
        n_channels: int,
        dropout: float,
    ):
        super().__init__()
        self.trunk = trunk
        kept = torch.as_tensor(np.flatnonzero(np.asarray(kept, bool)))
        self.register_buffer("kept", kept, persistent=False)
        for name, values in (("centre", centre), ("spread", spread)):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32)[kept], persistent=False)
        self.n_out = trunk.output.n_out
        n_known = trunk.head.n_out + len(kept)
        self.field = MotionField(len(kept), n_known, n_styles, n_channels=n_channels, dropout=dropout)

    @property
    def head(self) -> Any:
        return self.trunk.head

    def encode(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.trunk.encode(features, lengths)

    def output(self, hidden: Tensor) -> Tensor:
        """hidden (..., n_hidden) -> (..., n_out + n_hidden): the trunk's outputs, and behind them what it knows."""
        return torch.cat([self.trunk.output(hidden), hidden.float()], -1)

    def forward(self, features: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """As `SpeechNetwork.forward`, of what `output` gives."""
        hidden, state = self.head(self.encode(features, lengths), state, lengths)
        return self.output(hidden), state

    def standardised(self, outputs: Tensor) -> Tensor:
        """Outputs (..., n_out) to motion (..., n_motion)."""
        return (outputs[..., self.kept] - self.centre) / self.spread

    def known(self, joined: Tensor) -> Tensor:
        """What `forward` gives, (B, T, n_out + n_hidden), to what the field is told (B, T, n_known)."""
        return torch.cat([self.standardised(joined[..., : self.n_out]), joined[..., self.n_out :]], -1)

    def direction(self, point: Tensor, time: float, known: Tensor, *, guidance: Tensor, styles: Tensor,
                  window: int) -> Tensor:  # fmt: skip
        """The field at a time, in windows of `window` frames that overlap.

        Parameters
        ----------
        point : tensor (B, T, n_motion)
        known : tensor (1, T, n_known)
        guidance : tensor (n_motion,)
            0, the field that knows no sound; 1, the one that does; more, beyond it by as much again.
        styles : tensor (n_styles,)
        """
        frames, reach, parts = point.shape[1], self.field.reach, []
        for start in range(0, frames, window):
            first, last = max(0, start - reach), min(frames, start + window + reach)
            here, told = point[:, first:last], known[:, first:last].expand(len(point), -1, -1)
            count, both = len(point), 1 if bool((guidance == 1).all()) else 2
            heard = point.new_ones(both * count)
            heard[count:] = 0
            field = self.field(
                here.repeat(both, 1, 1), point.new_full((both * count,), time), told.repeat(both, 1, 1),
                heard=heard, styles=styles.expand(both * count, -1),
            )  # fmt: skip
            if both == 2:
                field = guidance * field[:count] + (1 - guidance) * field[count:]
            parts.append(field[:, start - first : start - first + min(window, frames - start)])
        return torch.cat(parts, 1)

    def sample(
        self, joined: Tensor, noise: Tensor, *, steps: int, guidance: Tensor, styles: Tensor, window: int
    ) -> Tensor:
        """Follow the field from noise to outputs.

        Parameters
        ----------
        joined : tensor (T, n_out + n_hidden), what `forward` gives
        noise : tensor (B, T, n_motion), where the way begins

        Returns
        -------
        tensor (B, T, n_out)
            Outputs that are not sampled are the trunk's.
        """
        known, point = self.known(joined[None]), noise
        for step in range(steps):
            point = point + self.direction(point, step / steps, known, guidance=guidance, styles=styles,
                                           window=window) / steps  # fmt: skip
        out = joined[None, :, : self.n_out].repeat(len(noise), 1, 1)
        out[..., self.kept] = point * self.spread + self.centre
        return out
