"""Attention over the frames of a clip, for the networks of family `sequence`."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AttentionHead", "WINDOW", "LAYERS"]

#: Frames that a layer looks back (both ways: and ahead), layers, and parts that each of them attends with.
WINDOW = 32
LAYERS = 3
PARTS = 4
#: Units of the dense layers within a block, in units of its channels.
EXPANSION = 2


class _Block(nn.Module):
    """Layer norm, attention within a window of frames, layer norm, two dense layers; each half is added on.

    What speaks for a frame is its content and how far away it is, by a learnt number for each distance. So nothing
    depends on the place in the clip, and clips may have any length. The numbers start as in ALiBi: falling evenly with
    the distance, twice as fast from part to part.

    Source: Press, Smith and Lewis, Train Short, Test Long (2022); relative biases as in Raffel et al. (2020).
    """

    def __init__(self, n_channels, *, both_ways, dropout):
        super().__init__()
        self.both_ways = both_ways
        self.norm = nn.LayerNorm(n_channels)
        self.project = nn.Linear(n_channels, 3 * n_channels)
        self.join = nn.Linear(n_channels, n_channels)
        self.dense = nn.Sequential(
            nn.LayerNorm(n_channels), nn.Linear(n_channels, EXPANSION * n_channels), nn.GELU(),
            nn.Linear(EXPANSION * n_channels, n_channels),
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)
        distance = torch.arange(-WINDOW, (WINDOW if both_ways else 0) + 1)
        slopes = 0.5 ** torch.arange(1, PARTS + 1)
        self.nearness = nn.Parameter(-slopes[:, None] * distance.abs())

    def _bias(self, frames, lengths):
        """What is added to the scores (1 or B, PARTS, T, T); minus infinity where a frame is not seen."""
        place = torch.arange(frames.shape[1], device=frames.device)
        distance = place[None, :] - place[:, None]  # seen frame minus seeing frame
        seen = (distance >= -WINDOW) & (distance <= (WINDOW if self.both_ways else 0))
        bias = self.nearness[:, (distance + WINDOW).clamp(0, self.nearness.shape[1] - 1)]
        bias = bias.masked_fill(~seen, float("-inf"))[None]
        if lengths is None or not self.both_ways:
            return bias  # padding stands behind the frames: who looks back alone never sees it
        padding = place >= lengths.to(frames.device)[:, None]
        # a padded frame still sees itself, or its scores would be all minus infinity
        hidden = padding[:, None, :] & (distance != 0)
        return bias.expand(len(frames), -1, -1, -1).masked_fill(hidden[:, None], float("-inf"))

    def forward(self, frames, lengths=None):
        """frames (B, T, n_channels), lengths (B,) or None -> the same shape."""
        batch, count, channels = frames.shape
        parts = self.project(self.norm(frames)).view(batch, count, 3, PARTS, channels // PARTS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        bias = self._bias(frames, lengths).to(query.dtype)
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        frames = frames + self.dropout(self.join(heard.transpose(1, 2).reshape(batch, count, channels)))
        return frames + self.dropout(self.dense(frames))


class AttentionHead(nn.Module):
    """Three layers of attention; each looks 32 frames back, both ways also 32 ahead.

    Parameters
    ----------
    n_in, n_channels : int
        Where they differ, a dense layer comes first. `n_channels` is raised to a multiple of `PARTS`.
    both_ways : bool
        Also look ahead: such a network needs the clip, or 96 frames more of it, before it answers.
    dropout : float in [0, 1)
    """

    recurrent = True
    #: Frames before the present one (both ways: on either side) that count.
    n_past = LAYERS * WINDOW

    def __init__(self, n_in: int, *, n_channels: int, both_ways: bool, dropout: float):
        super().__init__()
        n_channels = -(-n_channels // PARTS) * PARTS
        self.bidirectional = both_ways
        self.adapt = nn.Identity() if n_in == n_channels else nn.Linear(n_in, n_channels)
        self.blocks = nn.ModuleList(
            _Block(n_channels, both_ways=both_ways, dropout=dropout) for _ in range(LAYERS)
        )  # fmt: skip
        self.norm = nn.LayerNorm(n_channels)
        self.n_out = n_channels

    def forward(
        self, encoded: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """encoded (B, T, n_in) -> (B, T, n_out) and the state: the last `n_past` encoded frames at most.

        lengths : tensor (B,) or None, frames of each sequence; padding behind them is not seen.
        """
        known = 0 if state is None else state.shape[1]
        frames = encoded if state is None else torch.cat([state, encoded], 1)
        hidden = self.adapt(frames)
        for block in self.blocks:
            hidden = block(hidden, lengths)
        return self.norm(hidden)[:, known:], frames[:, -self.n_past :]
