"""Trivial references that stand beside every network: neutral face, training mean, ridge regression, neighbours.

A number without its baseline says nothing (SPEC section 9). All four predict the 46 weights and the 3 rotations.
"""

import json
import os
from dataclasses import dataclass

import numpy as np

from speechface.errors import ModelError
from speechface.files import write_npz
from speechface.rig.channels import CHANNELS, INDEX, ROTATIONS

__all__ = [
    "Baseline", "COLUMNS", "load", "fit_neutral", "fit_mean", "fit_ridge", "fit_knn", "input_scale",
    "principal_axes",
]  # fmt: skip

#: What a baseline predicts, in order.
COLUMNS = (*CHANNELS, *ROTATIONS)
#: Inputs whose standard deviation is smaller are constant: they are centred but not scaled.
_CONSTANT = 1e-6
#: Rows of one matrix product, for fitting and for distances.
_ROWS = 2048
#: Extra directions and rounds of the subspace iteration.
_OVERSAMPLING, _ROUNDS = 16, 4


@dataclass(frozen=True)
class Baseline:
    """A fitted reference.

    Parameters
    ----------
    name : neutral, mean, ridge or knn
    feature : str, the input it reads
    feature_settings : dict, the settings that input was made with
    arrays : dict of str -> ndarray
        ``constant`` (49,), or ``matrix`` (d, 49) and ``offset`` (49,), or ``mean``, ``scale`` (d,), ``axes`` (d, c),
        ``points`` (n, c) float16, ``targets`` (n, 49) float16.
    options : dict, what it was fitted with
    """

    name: str
    feature: str
    feature_settings: dict
    arrays: dict
    options: dict

    columns = COLUMNS

    def predict(self, features):
        """Features (n, ...), physical units as read from a table -> (n, 49) float32.

        Weights lie in [0, 1] and mouthClose does not exceed jawOpen; rotations are radians.
        """
        inputs = np.asarray(features, np.float32).reshape(len(features), -1)
        out = self._raw(inputs).astype(np.float32)
        weights = out[:, : len(CHANNELS)]
        np.clip(weights, 0, 1, out=weights)
        close, jaw = INDEX["mouthClose"], INDEX["jawOpen"]
        weights[:, close] = np.minimum(weights[:, close], weights[:, jaw])
        return out

    def _raw(self, inputs):
        if "constant" in self.arrays:
            return np.tile(self.arrays["constant"], (len(inputs), 1))
        expected = len(self.arrays["matrix"] if "matrix" in self.arrays else self.arrays["mean"])
        if inputs.shape[1] != expected:
            raise ModelError(
                f"{self.name}: features have {inputs.shape[1]} numbers a frame, expected {expected}; "
                "make features and model with the same settings"
            )
        if "matrix" in self.arrays:
            return inputs @ self.arrays["matrix"] + self.arrays["offset"]
        return self._neighbours(inputs)

    def _neighbours(self, inputs):
        points = self.arrays["points"].astype(np.float32)
        targets = self.arrays["targets"].astype(np.float32)
        count = min(int(self.options["neighbours"]), len(points))
        half = 0.5 * np.square(points).sum(1)
        out = np.empty((len(inputs), len(COLUMNS)), np.float32)
        for start in range(0, len(inputs), _ROWS):
            part = (inputs[start : start + _ROWS] - self.arrays["mean"]) / self.arrays["scale"]
            # half of the squared distance, up to a constant of each row
            distance = half - (part @ self.arrays["axes"]) @ points.T
            nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
            out[start : start + _ROWS] = targets[nearest].mean(1)
        return out

    def save(self, path):
        """Write one .npz, the same bytes for the same baseline."""
        header = {"name": self.name, "feature": self.feature, "feature_settings": self.feature_settings,
                  "options": self.options, "columns": list(COLUMNS)}  # fmt: skip
        write_npz(path, {"header": np.array(json.dumps(header, sort_keys=True)), **self.arrays})


def load(path):
    """Read a `Baseline` written by `save`; ModelError where the file is none of this version."""
    if not os.path.exists(path):
        raise ModelError(f"{path}: no such file; make it with 'speechface fit-baseline'")
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name] for name in file.files if name != "header"}
        if tuple(header.pop("columns")) != COLUMNS:
            raise ModelError(f"{path}: its channels differ from this version's; fit it again")
        return Baseline(**header, arrays=arrays)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise ModelError(f"{path}: not a baseline of 'speechface fit-baseline' ({error})") from None


def fit_neutral():
    """Arrays of the face that never moves, looking straight ahead."""
    return {"constant": np.zeros(len(COLUMNS), np.float32)}


def fit_mean(target_mean):
    """Arrays of the mean of the training labels (49,)."""
    return {"constant": np.asarray(target_mean, np.float32)}


def input_scale(std):
    """Divisors that standardise inputs of standard deviation `std`: 1 where an input is constant."""
    std = np.asarray(std, np.float32).reshape(-1)
    return np.where(std < _CONSTANT, np.float32(1), std)


def _blocks(batches):
    """Join small batches (inputs, targets) to blocks of at least `_ROWS` rows: few, large matrix products."""
    held, rows = [], 0
    for batch in batches:
        held.append(batch)
        rows += len(batch[0])
        if rows >= _ROWS:
            yield tuple(np.concatenate(part) for part in zip(*held))
            held, rows = [], 0
    if rows:
        yield tuple(np.concatenate(part) for part in zip(*held))


def fit_ridge(batches, *, mean, std, target_mean, alpha):
    """Ridge regression by normal equations, in one pass over the data.

    Minimises ``sum |(x - mean) / scale @ B + target_mean - y|^2 + alpha * n * |B|^2``: the penalty is relative to
    the number n of frames, so that it means the same for small and large sets.

    Parameters
    ----------
    batches : iterable of (inputs (n, ...), targets (n, 49)), physical units
    mean, std : ndarray (d,), of the training inputs; ``scale`` is `std`, or 1 where an input is constant
    target_mean : ndarray (49,)
    alpha : float > 0

    Returns
    -------
    dict with ``matrix`` (d, 49) and ``offset`` (49,), float32; ``inputs @ matrix + offset`` predicts
    """
    from scipy.linalg import cho_factor, cho_solve

    mean, scale = np.asarray(mean, np.float32).reshape(-1), input_scale(std)
    target_mean = np.asarray(target_mean, np.float64)
    gram, moment, n = np.zeros((len(mean), len(mean))), np.zeros((len(mean), len(target_mean))), 0
    for inputs, targets in _blocks(batches):
        x = (inputs.reshape(len(inputs), -1).astype(np.float32) - mean) / scale
        gram += x.T @ x
        moment += x.T @ (targets - target_mean).astype(np.float32)
        n += len(x)
    if n == 0:
        raise ModelError("ridge: no training frame")
    gram[np.diag_indices_from(gram)] += alpha * n
    solution = cho_solve(cho_factor(gram, lower=True, overwrite_a=True, check_finite=False), moment, check_finite=False)
    matrix = solution / scale[:, None]
    return {"matrix": matrix.astype(np.float32), "offset": (target_mean - mean @ matrix).astype(np.float32)}


def principal_axes(x, *, components, rng):
    """Orthonormal directions (d, c) of the largest variance of centred rows x (n, d).

    Exact where `components` is not much smaller than d; else by subspace iteration with 16 extra directions and 4
    rounds (Halko, Martinsson and Tropp 2011), accurate far beyond what a distance needs.
    """
    d = x.shape[1]
    components = min(components, d)
    basis = np.eye(d, dtype=x.dtype)
    if components + _OVERSAMPLING < d:
        basis = rng.standard_normal((d, components + _OVERSAMPLING)).astype(x.dtype)
        for _ in range(_ROUNDS):
            basis, _ = np.linalg.qr(x.T @ (x @ basis))
    projected = x @ basis
    _, vectors = np.linalg.eigh((projected.T @ projected).astype(np.float64))
    return (basis @ vectors[:, ::-1][:, :components]).astype(x.dtype)


def fit_knn(batches, *, n, mean, std, components, frames, rng):
    """Nearest neighbours on principal components of standardised inputs.

    Parameters
    ----------
    batches : iterable of (inputs (n, ...), targets (n, 49))
    n : int, frames in all batches together
    mean, std : ndarray (d,), of the training inputs
    components : int, principal components kept
    frames : int, at most this many training frames are kept, spread evenly over the n
    rng : numpy Generator, starts the search of the axes

    Returns
    -------
    dict with ``mean``, ``scale``, ``axes``, float32, and ``points``, ``targets``, float16
    """
    mean, scale = np.asarray(mean, np.float32).reshape(-1), input_scale(std)
    wanted = np.unique(np.linspace(0, n - 1, min(frames, n)).round().astype(int))
    inputs, targets, start = [], [], 0
    for x, y in batches:
        inside = wanted[(wanted >= start) & (wanted < start + len(x))] - start
        inputs.append((x[inside].reshape(len(inside), -1).astype(np.float32) - mean) / scale)
        targets.append(y[inside])
        start += len(x)
    x = np.concatenate(inputs)
    del inputs
    axes = principal_axes(x, components=components, rng=rng)
    return {
        "mean": mean, "scale": scale, "axes": axes,
        "points": (x @ axes).astype(np.float16), "targets": np.concatenate(targets).astype(np.float16),
    }  # fmt: skip
