"""Heads: encoded windows become hidden states; the output layer turns these into weights and rotations."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

__all__ = ["DenseHead", "RecurrentHead", "OutputLayer"]


class DenseHead(nn.Module):
    """One dense layer with tanh; every frame stands alone."""

    recurrent = False
    bidirectional = False

    def __init__(self, n_in: int, *, n_hidden: int):
        super().__init__()
        self.dense = nn.Linear(n_in, n_hidden)
        nn.init.kaiming_normal_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)
        self.n_out = n_hidden

    def forward(self, encoded: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """encoded (B, T, n_in) -> (B, T, n_out); `state` and `lengths` are not used."""
        return torch.tanh(self.dense(encoded)), None


class RecurrentHead(nn.Module):
    """A GRU or LSTM over the frames of a clip, forwards or both ways.

    Parameters
    ----------
    n_in : int
    cell : torch.nn.GRU or torch.nn.LSTM
    n_hidden : int, units of one direction
    bidirectional : bool
    n_layers : int
    """

    recurrent = True

    def __init__(self, n_in: int, *, cell: Any, n_hidden: int, bidirectional: bool, n_layers: int = 1):
        super().__init__()
        self.rnn = cell(n_in, n_hidden, n_layers, batch_first=True, bidirectional=bidirectional)
        self.bidirectional = bidirectional
        self.n_out = n_hidden * (2 if bidirectional else 1)

    def forward(self, encoded: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """encoded (B, T, n_in), the state after the frame before, and frames of each sequence (B,).

        Returns hidden states (B, T, n_out) and the state after the last frame. Padding behind a sequence is never
        seen by either direction.
        """
        if lengths is None:
            return self.rnn(encoded, state)
        packed = pack_padded_sequence(encoded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        hidden, state = self.rnn(packed, state)
        hidden, _ = pad_packed_sequence(hidden, batch_first=True, total_length=encoded.shape[1])
        return hidden, state


class OutputLayer(nn.Module):
    """Dropout and a dense layer: sigmoid for the weights, linear for the rotations.

    Rotations leave the layer in units of their training deviation around their training mean, so that the layer
    learns numbers near 1; the result is in radians.

    Parameters
    ----------
    n_in : int
    weight_mean : array-like (n_weights,)
        Training mean; the bias starts there, so that an untrained network predicts it on average.
    rotation_mean, rotation_std : array-like (n_rotations,), radians
        Empty for networks of weights alone.
    dropout : float in [0, 1)
    """

    rotation_mean: Tensor
    rotation_std: Tensor

    def __init__(self, n_in: int, *, weight_mean: Any, rotation_mean: Any, rotation_std: Any, dropout: float):
        super().__init__()
        weight_mean = torch.as_tensor(weight_mean, dtype=torch.float32)
        self.n_weights = len(weight_mean)
        self.register_buffer("rotation_mean", torch.as_tensor(rotation_mean, dtype=torch.float32))
        self.register_buffer("rotation_std", torch.as_tensor(rotation_std, dtype=torch.float32))
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(n_in, self.n_weights + len(self.rotation_mean))
        nn.init.kaiming_normal_(self.dense.weight)
        with torch.no_grad():
            self.dense.bias.zero_()
            # off 0 and 1, where the sigmoid hardly learns
            self.dense.bias[: self.n_weights] = torch.logit(weight_mean.clamp(0.02, 0.98))

    @property
    def n_out(self) -> int:
        return self.n_weights + len(self.rotation_mean)

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden (..., n_in) -> (..., n_weights + n_rotations): weights in [0, 1], then rotations, radians."""
        # the last steps in full precision: half precision has 8 bits near 1
        raw = self.dense(self.dropout(hidden)).float()
        weights = torch.sigmoid(raw[..., : self.n_weights])
        if not len(self.rotation_mean):
            return weights
        rotations = self.rotation_mean + self.rotation_std * raw[..., self.n_weights :]
        return torch.cat([weights, rotations], -1)
