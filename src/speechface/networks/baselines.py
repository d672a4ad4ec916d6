"""Trivial references that stand beside every network: neutral face, training mean, ridge regression, neighbours.

A number without its baseline says nothing. All four predict the weights and the 3 rotations.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from speechface.errors import ModelError, TableError
from speechface.networks.families.base import Rest
from speechface.rig.channels import ROTATIONS, limit_mouth_close, require, told
from speechface.sections import BaselineSettings

__all__ = ["Baseline", "content", "fit", "fit_knn", "fit_ridge", "input_scale", "restore"]

#: Inputs whose standard deviation is smaller are constant: they are centred but not scaled.
_CONSTANT = 1e-6
#: Rows of one matrix product.
_ROWS = 2048

#: (inputs (n, ...), targets (n, C + 3)) of some frames.
Batch = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Baseline:
    """A fitted reference; see `speechface.networks.families.base.Predictor`.

    Parameters
    ----------
    name : neutral, mean, ridge or knn; its family, too
    feature, feature_settings, columns, observed : of the `Predictor`
    arrays : dict of str -> ndarray
        ``constant`` (C + 3,), or ``matrix`` (d, C + 3) and ``offset`` (C + 3,), or ``mean``, ``scale`` (d,), ``axes``
        (d, c), ``points`` (n, c) float16, ``targets`` (n, C + 3) float16.
    options : dict, what it was fitted with
    """

    name: str
    feature: str
    feature_settings: dict[str, Any]
    columns: tuple[str, ...]
    observed: np.ndarray
    arrays: dict[str, np.ndarray]
    options: dict[str, Any]

    seed = 0
    rest: Rest = "none"
    rest_frames = 0
    draws = False
    bidirectional = False

    @property
    def family(self) -> str:
        return self.name

    @property
    def facts(self) -> dict[str, Any]:
        return {"options": self.options}

    def to(self, device: str) -> Self:
        """The same: it computes in NumPy."""
        return self

    def predict(
        self,
        features: np.ndarray,
        *,
        neutral: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
        n_samples: int = 1,
    ) -> np.ndarray:
        """Predict a clip, see `Predictor.predict`: one answer; `neutral` and `rng` are not used."""
        inputs = np.asarray(features, np.float32).reshape(len(features), -1)
        out = self._raw(inputs).astype(np.float32)
        weights = out[:, : len(self.observed)]
        np.clip(weights, 0, 1, out=weights)
        limit_mouth_close(weights, self.columns[: len(self.observed)])
        return np.broadcast_to(out, (n_samples, *out.shape))

    def predict_chunk(
        self, features: np.ndarray, state: Any = None, neutral: np.ndarray | None = None
    ) -> tuple[np.ndarray, Any]:
        """Predict the next frames of a stream: each stands for itself."""
        return self.predict(features)[0], None

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
        try:
            from sklearn.neighbors import NearestNeighbors
        except ImportError:
            raise ModelError("knn needs scikit-learn: pip install 'speechface[workflow]'") from None

        points = self.arrays["points"].astype(np.float32)
        targets = self.arrays["targets"].astype(np.float32)
        count = min(int(self.options["neighbours"]), len(points))
        search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points)
        out = np.empty((len(inputs), len(self.columns)), np.float32)
        for start in range(0, len(inputs), _ROWS):
            part = (inputs[start : start + _ROWS] - self.arrays["mean"]) / self.arrays["scale"]
            nearest = search.kneighbors(part @ self.arrays["axes"], return_distance=False)
            out[start : start + _ROWS] = targets[nearest].mean(1)
        return out


def content(model: Baseline) -> dict[str, Any]:
    """What its file holds."""
    return {"name": model.name, "feature": model.feature, "feature_settings": model.feature_settings,
            "observed": model.observed, "options": model.options, "columns": list(model.columns),
            **model.arrays}  # fmt: skip


def restore(content: dict[str, Any]) -> Baseline:
    """Inverse of `content`."""
    fields = ("name", "feature", "feature_settings", "observed", "options")
    arrays = {key: v for key, v in content.items() if isinstance(v, np.ndarray) and key != "observed"}
    return Baseline(**{key: content[key] for key in fields}, columns=tuple(content["columns"]), arrays=arrays)


def fit(name: str, train: str, stats: dict[str, Any], settings: BaselineSettings) -> Baseline:
    """Return the baseline `name` of a train table (path) and its statistics (``label-stats``).

    Raises
    ------
    TableError
        If the table is of another feature or of other channels than the statistics.
    """
    from speechface.tables import read_meta, row_groups

    meta = read_meta(train)
    feature = meta.get("feature")
    if feature is None or feature != stats["feature"]:
        raise TableError(f"{train}: its feature is {feature}, that of the statistics is {stats['feature']}")
    channels = require(told(meta, train), stats["channels"], where=train, of="the statistics")
    columns = (*channels, *ROTATIONS)
    target_mean = np.concatenate([stats["weight_mean"], stats["rotation_mean"]])
    scaling = {"mean": stats["feature_mean"], "std": stats["feature_std"]}
    batches = ((group[feature], group.stack(columns)) for group in row_groups(train, [feature, *columns]))
    options: dict[str, Any] = {}
    if name == "neutral":
        arrays = {"constant": np.zeros(len(columns), np.float32)}
    elif name == "mean":
        arrays = {"constant": target_mean.astype(np.float32)}
    elif name == "ridge":
        options = {"alpha": settings.ridge_alpha}
        arrays = fit_ridge(batches, target_mean=target_mean, **scaling, **options)
    else:
        options = {"components": settings.knn_components, "frames": settings.knn_frames}
        arrays = fit_knn(batches, n=stats["n_frames"], **scaling, **options)
        options["neighbours"] = settings.neighbours
    observed = np.array(stats["observed"], bool)
    return Baseline(name, feature, meta.get("feature_settings", {}), columns, observed, arrays, options)


def input_scale(std: Any) -> np.ndarray:
    """Divisors that standardise inputs of standard deviation `std`: 1 where an input is constant."""
    std = np.asarray(std, np.float32).reshape(-1)
    return np.where(std < _CONSTANT, np.float32(1), std)


def _blocks(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Join small batches (inputs, targets) to blocks of at least `_ROWS` rows: few, large matrix products."""
    held, rows = [], 0
    for batch in batches:
        held.append(batch)
        rows += len(batch[0])
        if rows >= _ROWS:
            yield _joined(held)
            held, rows = [], 0
    if rows:
        yield _joined(held)


def _joined(batches: list[Batch]) -> Batch:
    inputs, targets = zip(*batches)
    return np.concatenate(inputs), np.concatenate(targets)


def fit_ridge(
    batches: Iterable[Batch], *, mean: Any, std: Any, target_mean: Any, alpha: float
) -> dict[str, np.ndarray]:
    """Ridge regression by normal equations, in one pass over the data.

    Minimises ``sum |(x - mean) / scale @ B + target_mean - y|^2 + alpha * n * |B|^2``: the penalty is relative to
    the number n of frames, so that it means the same for small and large sets.

    Parameters
    ----------
    batches : iterable of (inputs (n, ...), targets (n, C + 3)), physical units
    mean, std : ndarray (d,), of the training inputs; ``scale`` is `std`, or 1 where an input is constant
    target_mean : ndarray (C + 3,)
    alpha : float > 0

    Returns
    -------
    dict with ``matrix`` (d, C + 3) and ``offset`` (C + 3,), float32; ``inputs @ matrix + offset`` predicts
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


def fit_knn(
    batches: Iterable[Batch], *, n: int, mean: Any, std: Any, components: int, frames: int
) -> dict[str, np.ndarray]:
    """Nearest neighbours on principal components of standardised inputs.

    Parameters
    ----------
    batches : iterable of (inputs (n, ...), targets (n, C + 3))
    n : int, frames in all batches together
    mean, std : ndarray (d,), of the training inputs
    components : int, principal components kept
    frames : int, at most this many training frames are kept, spread evenly over the n

    Returns
    -------
    dict with ``mean``, ``scale``, ``axes``, float32, and ``points``, ``targets``, float16
    """
    from sklearn.decomposition import PCA

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
    axes = PCA(min(components, *x.shape), svd_solver="auto", random_state=0).fit(x).components_.T.astype(np.float32)
    return {
        "mean": mean, "scale": scale, "axes": axes,
        "points": (x @ axes).astype(np.float16), "targets": np.concatenate(targets).astype(np.float16),
    }  # fmt: skip
