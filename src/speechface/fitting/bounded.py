"""A quadratic program with bounds on a chain of frames, by projected Newton on a banded Cholesky."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["solve_bounded_chain"]

#: A variable this close to a bound counts as lying on it.
_ON_BOUND = 1e-9
#: The smallest step tried before the iteration is given up.
_SMALLEST_STEP = 1e-2


def _multiply(blocks, coupling, x):
    """Product of the chain's matrix with x (T, n)."""
    product = np.matmul(blocks, x[..., None])[..., 0]
    if len(x) > 1:
        step = (x[1:] - x[:-1]) * coupling
        product[1:] += step
        product[:-1] -= step
    return product


def _factorise(diagonal, coupling, free):
    """Banded Cholesky of the free part; fixed variables become rows of the unit matrix.

    In LAPACK's lower band form, column j of block t holds ``diagonal[t, j, j:]`` and, n rows below the
    diagonal, the coupling to the same variable of the next frame. Writing both into rows of length 2 n lets
    one strided view read the band.
    """
    from scipy.linalg import cholesky_banded

    frames, n, _ = diagonal.shape
    index = np.arange(n)
    padded = np.zeros((frames, n, 2 * n))
    np.multiply(diagonal, free[:, :, None] & free[:, None, :], out=padded[:, :, :n])
    padded[:, index, index] += ~free
    padded[:-1, index, n + index] = -coupling * (free[1:] & free[:-1])
    size = padded.itemsize
    band = as_strided(padded, (frames, n, n + 1), (2 * n * n * size, (2 * n + 1) * size, size))
    band = band.reshape(frames * n, n + 1).T
    return cholesky_banded(band, lower=True, overwrite_ab=True, check_finite=False)


def _solve(factor, right):
    from scipy.linalg import cho_solve_banded

    flat = right.reshape(factor.shape[1], -1)
    return cho_solve_banded((factor, True), flat, check_finite=False).reshape(right.shape)


def solve_bounded_chain(
    blocks: np.ndarray,
    linear: np.ndarray,
    coupling: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    start: np.ndarray,
    *,
    max_iterations: int,
    right: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Minimise ``1/2 x'Hx - g'x`` subject to ``lower <= x <= upper``.

    H is block diagonal plus ``sum_t |x_t - x_{t-1}|^2`` weighted by `coupling`: a chain of frames.

    Parameters
    ----------
    blocks : ndarray (T, n, n), symmetric positive definite
    linear : ndarray (T, n), the vector g
    coupling : ndarray (n,), weight of squared first differences, 0 where frames are independent
    lower, upper : ndarray (n,) or (T, n)
    start : ndarray (T, n), moved into the bounds first
    max_iterations : int
    right : ndarray (T, n, k) or None, further right-hand sides solved on the final free variables

    Returns
    -------
    x : ndarray (T, n)
    extra : ndarray (T, n, k) or None
        ``H^-1 right`` with the variables that rest on a bound held fixed.

    Notes
    -----
    Projected Newton (Bertsekas 1982): variables on a bound whose gradient pushes outwards are fixed, the
    others solve their linear system, and the step is halved until the projected point is no worse.
    """
    frames, n, _ = blocks.shape
    lower, upper = np.broadcast_to(lower, (frames, n)), np.broadcast_to(upper, (frames, n))
    index = np.arange(n)
    diagonal = blocks.copy()
    if frames > 1:
        neighbours = np.full((frames, 1), 2.0)
        neighbours[[0, -1]] = 1.0
        diagonal[:, index, index] += neighbours * coupling

    def value(x, product):
        return np.vdot(x, 0.5 * product - linear)

    x = np.clip(start, lower, upper)
    product = _multiply(blocks, coupling, x)
    free, factor = None, None
    for _ in range(max_iterations):
        gradient = product - linear
        fixed = ((x <= lower + _ON_BOUND) & (gradient > 0)) | ((x >= upper - _ON_BOUND) & (gradient < 0))
        if free is not None and (free == ~fixed).all():
            break
        free = ~fixed
        factor = _factorise(diagonal, coupling, free)
        step = _solve(factor, np.where(free, -gradient, 0.0))
        before, length = value(x, product), 1.0
        while True:
            trial = np.clip(x + length * step, lower, upper)
            product = _multiply(blocks, coupling, trial)
            if value(trial, product) <= before or length < _SMALLEST_STEP:
                break
            length *= 0.5
        x = trial
    if right is None or free is None:
        return x, None
    return x, _solve(factor, np.where(free[..., None], right, 0.0))
