"""Encoders: one window of a feature becomes one vector.

The report's encoders 1 and 2 (conv, conv_pooled) halve frequency with F-convolutions and then time with
T-convolutions. Its third (pretrained) is the encoder of a trained model, taken over by `adopt_encoder`.
"""

import copy

import torch
from torch import nn

__all__ = ["ConvolutionalEncoder", "StandardisingEncoder", "FrozenEncoder", "adopt_encoder", "ENCODER_WIDTHS"]

#: Encoder -> (channels of the first layer, channels at most, average over what is left).
ENCODER_WIDTHS = {"conv": (32, 512, False), "conv_pooled": (64, 1024, True)}
#: Slope of the leaky ReLU below zero (CNTK's default).
LEAK = 0.01
#: T-convolutions; each halves time.
N_TIME_LAYERS = 3


def _layer(n_in, n_out, kernel, stride):
    """Convolution without bias ("same" padding), batch norm, leaky ReLU."""
    convolution = nn.Conv2d(n_in, n_out, kernel, stride, padding=(kernel[0] // 2, kernel[1] // 2), bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.LeakyReLU(LEAK))


class ConvolutionalEncoder(nn.Module):
    """F-convolutions (5x1, then 3x1, stride 2 on frequency), then three T-convolutions (1x3, stride 2 on time).

    Parameters
    ----------
    input_shape : (int, int)
        Frequency bins and hops of one window.
    first_channels, max_channels : int
        Channels double from layer to layer, from the first number up to the second.
    frequency_layers : int
        F-convolutions. Five turn 128 bins into 4 rows, seven into 1.
    pool : bool
        Average over the rows and columns that are left (conv_pooled); otherwise they are laid side by side.

    Notes
    -----
    Layers as in the project report of 2019, appendix A.10 (CNTK). Its text speaks of one row after five halvings of
    128 bins; there are four. `frequency_layers` = 7 gives the one.
    """

    def __init__(self, input_shape, *, first_channels, max_channels, frequency_layers, pool):
        super().__init__()
        widths = [min(first_channels * 2**k, max_channels) for k in range(frequency_layers)]
        rows, columns = input_shape
        layers, n_in = [], 1
        for k, width in enumerate(widths):
            layers.append(_layer(n_in, width, (5 if k == 0 else 3, 1), (2, 1)))
            n_in, rows = width, -(-rows // 2)
        for _ in range(N_TIME_LAYERS):
            layers.append(_layer(n_in, n_in, (1, 3), (1, 2)))
            columns = -(-columns // 2)
        self.layers = nn.Sequential(*layers)
        self.pool = pool
        self.n_out = n_in if pool else n_in * rows * columns

    def forward(self, windows):
        """windows (n, bins, hops), in [0, 1] -> (n, n_out)."""
        maps = self.layers(windows.unsqueeze(1))
        # .contiguous(): the order of the numbers must not depend on the memory format the convolutions ran in
        return maps.mean((2, 3)) if self.pool else maps.contiguous().flatten(1)


class StandardisingEncoder(nn.Module):
    """Subtract the training mean and divide by the training deviation; nothing is learnt.

    Parameters
    ----------
    mean, std : array-like (n_features,)
        Of the train table. A deviation below 1e-6 counts as 1: such a number never changes.
    """

    def __init__(self, mean, std):
        super().__init__()
        mean, std = torch.as_tensor(mean, dtype=torch.float32), torch.as_tensor(std, dtype=torch.float32)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", torch.where(std > 1e-6, 1 / std.clamp(min=1e-6), torch.ones_like(std)))
        self.n_out = mean.numel()

    def forward(self, windows):
        """windows (n, n_features) -> the same shape, standardised."""
        return (windows - self.mean) * self.scale


class FrozenEncoder(nn.Module):
    """An encoder that stays as it is: no gradients, and batch norm keeps its running statistics."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.n_out = encoder.n_out
        self.train(False)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, windows):
        with torch.no_grad():
            return self.encoder(windows)


def adopt_encoder(encoder, *, frozen):
    """Return a copy of a trained `encoder`: frozen, or a clone that goes on learning."""
    inner = encoder.encoder if isinstance(encoder, FrozenEncoder) else encoder
    # a loaded model is in eval mode, and Lightning leaves every module in the mode it finds
    inner = copy.deepcopy(inner).requires_grad_(True).train()
    return FrozenEncoder(inner) if frozen else inner
