"""The training loss.

Weights live in [0, 1] and rotations in radians. Before they are summed, a rotation is divided by its training
deviation and multiplied by what a typical weight deviates (`l2`), or both are divided by their own deviation
(`l2_std`): an error of one deviation costs the same everywhere.
"""

import numpy as np

__all__ = ["output_scale", "regression_loss", "WEIGHT_STD_FLOOR", "ROTATION_STD_FLOOR"]

#: Deviations below these count as these, or noise of a channel that hardly moves would rule the loss.
WEIGHT_STD_FLOOR = 0.02
ROTATION_STD_FLOOR = 0.005  # radians, 0.3 degrees


def output_scale(loss, *, weight_std, rotation_std, observed):
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


def regression_loss(outputs, targets, *, scale, observed, n_weights, l1):
    """Mean squared scaled residual over observed outputs plus `l1` times the mean observed weight.

    Parameters
    ----------
    outputs, targets : tensor (n, n_out)
        Frames without padding. Targets of unobserved outputs may hold anything, NaN included.
    scale : tensor (n_out,), from `output_scale`
    observed : bool tensor (n_out,); unobserved outputs carry no loss, their gradient is exactly zero
    n_weights : int, how many outputs, from the first, are weights
    l1 : float

    Returns
    -------
    loss : tensor ()
    """
    residual = (outputs - targets)[:, observed] * scale[observed]
    loss = residual.square().mean()
    if l1:
        loss = loss + l1 * outputs[:, :n_weights][:, observed[:n_weights]].mean()
    return loss
