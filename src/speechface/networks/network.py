"""Encoder, head and output layer joined."""

from typing import Any

import torch
from torch import nn

__all__ = ["SpeechNetwork", "valid_frames"]


class SpeechNetwork(nn.Module):
    """Feature windows in, blendshape weights (and head rotations) out.

    Parameters
    ----------
    encoder : module, (n, ...) -> (n, encoder.n_out)
    head : module, (B, T, encoder.n_out) -> (B, T, head.n_out) and a state
    output : `speechface.networks.heads.OutputLayer`
    """

    def __init__(self, encoder, head, output):
        super().__init__()
        self.encoder: Any = encoder
        self.head: Any = head
        self.output: Any = output

    def encode(self, features, lengths=None):
        """features (B, T, ...) -> (B, T, n); padded frames are not encoded, so batch norm never sees them."""
        batch, frames = features.shape[:2]
        if lengths is None:
            return self.encoder(features.flatten(0, 1)).view(batch, frames, -1)
        mask = valid_frames(lengths, frames, features.device)
        encoded = self.encoder(features[mask])
        out = encoded.new_zeros(batch, frames, encoded.shape[-1])
        out[mask] = encoded
        return out

    def forward(self, features, state=None, lengths=None):
        """Predict sequences.

        Parameters
        ----------
        features : tensor (B, T, ...)
            Float, in the feature's own units. Networks without memory take single frames as T = 1 as well.
        state : what an earlier call returned, or None at the start of a clip
        lengths : tensor (B,), int, or None
            Frames of each sequence; what stands behind is padding. None: all T.

        Returns
        -------
        outputs : tensor (B, T, n_out)
        state : state after the last frame, None for networks without memory
        """
        hidden, state = self.head(self.encode(features, lengths), state, lengths)
        return self.output(hidden), state


def valid_frames(lengths, frames, device):
    """Mask (B, frames), True where a frame is not padding."""
    return torch.arange(frames, device=device) < lengths.to(device)[:, None]
