"""The training loss: parts that add up.

Weights live in [0, 1] and rotations in radians. Before they are summed, a rotation is divided by its training
deviation and multiplied by what a typical weight deviates (`l2`), or both are divided by their own deviation
(`l2_std`): an error of one deviation costs the same everywhere. The rig's parts measure what the weights do to the
face: the landmarks' displacements in mm and their changes from frame to frame. The range part costs what no face
can do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechface.geometry import ibug
from speechface.rig.channels import column

__all__ = [
    "output_scale",
    "regression_loss",
    "landmark_factors",
    "range_loss",
    "displacement_losses",
    "WEIGHT_STD_FLOOR",
    "ROTATION_STD_FLOOR",
]

#: Deviations below these count as these, or noise of a channel that hardly moves would rule the loss.
WEIGHT_STD_FLOOR = 0.02
ROTATION_STD_FLOOR = 0.005  # radians, 0.3 degrees


def output_scale(loss: str, *, weight_std: Any, rotation_std: Any, observed: Any) -> np.ndarray:
    """Return the factor of every output's residual.

    Parameters
    ----------
    loss : {"l2", "l2_std"}
    weight_std : array (n_weights,), deviation of each weight in the train table
    rotation_std : array (n_rotations,), radians; empty for models of weights alone
    observed : bool array (n_weights,), channels whose labels mean something

    Returns
    -------
    scale : ndarray (n_weights + n_rotations,), float32

    Notes
    -----
    The report's second loss lists 46 inverse deviations of its own data; here they are computed from the train table.
    """
    weight_std = np.maximum(np.asarray(weight_std, np.float64), WEIGHT_STD_FLOOR)
    rotation_std = np.maximum(np.asarray(rotation_std, np.float64), ROTATION_STD_FLOOR)
    if loss == "l2_std":
        return np.concatenate([1 / weight_std, 1 / rotation_std]).astype(np.float32)
    if loss != "l2":
        raise ValueError(f"unknown loss '{loss}'")
    used = weight_std[np.asarray(observed, bool)]
    typical = np.sqrt(np.mean(used**2)) if len(used) else 1.0
    return np.concatenate([np.ones(len(weight_std)), typical / rotation_std]).astype(np.float32)


def regression_loss(
    outputs: Tensor, targets: Tensor, *, scale: Tensor, observed: Tensor, n_weights: int, factor: float, l1: float
) -> Tensor:
    """`factor` times the mean squared scaled residual over observed outputs plus `l1` times the mean observed weight.

    Parameters
    ----------
    outputs, targets : tensor (n, n_out)
        Frames without padding. Targets of unobserved outputs may hold anything, NaN included.
    scale : tensor (n_out,), from `output_scale`
    observed : bool tensor (n_out,); unobserved outputs carry no loss, their gradient is exactly zero
    n_weights : int, how many outputs, from the first, are weights
    factor, l1 : float

    Returns
    -------
    loss : tensor ()
    """
    residual = (outputs - targets)[:, observed] * scale[observed]
    loss = factor * residual.square().mean()
    if l1:
        loss = loss + l1 * outputs[:, :n_weights][:, observed[:n_weights]].mean()
    return loss


def landmark_factors(**regions: float) -> np.ndarray:
    """Return how much each of the 68 landmarks counts beside those of regions that are not named: (68,), mean 1.

    regions : factor of a region of `ibug.REGIONS`
    """
    factors = np.ones(ibug.N_POINTS)
    for name, factor in regions.items():
        factors[ibug.REGIONS[name]] = factor
    return factors / factors.mean()


def displacement_losses(
    outputs: Tensor, targets: Tensor, valid: Tensor, *, basis: Tensor, factors: Tensor, observed: Tensor
) -> tuple[Tensor, Tensor]:
    """Squared error of the landmarks' displacements and of their changes, each a mean over frames and landmarks.

    Parameters
    ----------
    outputs, targets : tensor (B, T, n_weights)
        Targets of unobserved channels may hold anything, NaN included.
    valid : bool tensor (B, T), False where a frame is padding
    basis : tensor (n_weights, 68 * 3), mm at weight 1, x y z of one landmark after the other
    factors : tensor (68,), see `landmark_factors`
    observed : bool tensor (n_weights,)

    Returns
    -------
    position : tensor (), mm^2, mean of factor * |displacement error|^2
    velocity : tensor (), mm^2, the same of its change since the frame before; 0 without two frames in a row
    """
    error = (outputs - targets)[..., observed] @ basis[observed]

    def mean_square(vectors, mask):
        squares = vectors[mask].unflatten(-1, (-1, 3)).square().sum(-1)
        return (squares * factors).mean() if len(squares) else torch.zeros((), device=vectors.device)

    return mean_square(error, valid), mean_square(error[:, 1:] - error[:, :-1], valid[:, 1:] & valid[:, :-1])


def range_loss(weights: Tensor, observed: Tensor, channels: Sequence[str]) -> Tensor:
    """Mean squared excess of weights below 0 or above 1, plus that of mouthClose above jawOpen.

    Parameters
    ----------
    weights : tensor (n, C), frames without padding, as the face takes them
    observed : bool tensor (C,)
    channels : sequence of C str

    Returns
    -------
    loss : tensor ()
    """
    seen = weights[:, observed]
    loss = (torch.relu(-seen).square() + torch.relu(seen - 1).square()).mean()
    close, jaw = column(channels, "mouthClose"), column(channels, "jawOpen")
    if close is not None and jaw is not None and observed[close] and observed[jaw]:
        loss = loss + torch.relu(weights[:, close] - weights[:, jaw]).square().mean()
    return loss
