import numpy as np
import pytest
from scipy.optimize import lsq_linear

from speechface.fitting.bounded import solve_bounded_chain


def problem(rng, frames, n, coupling_scale):
    """A random chain: blocks, linear term, coupling, and the same as one dense matrix."""
    root = rng.normal(size=(frames, n, n + 2))
    blocks = root @ root.transpose(0, 2, 1) + 0.05 * np.eye(n)
    linear = rng.normal(size=(frames, n)) * 5
    coupling = coupling_scale * rng.uniform(0, 3, n)
    coupling[0] = 0.0  # one variable without memory
    dense = np.zeros((frames * n, frames * n))
    for t in range(frames):
        part = slice(t * n, (t + 1) * n)
        dense[part, part] += blocks[t]
    for t in range(frames - 1):
        a, b = slice(t * n, (t + 1) * n), slice((t + 1) * n, (t + 2) * n)
        dense[a, a] += np.diag(coupling)
        dense[b, b] += np.diag(coupling)
        dense[a, b] -= np.diag(coupling)
        dense[b, a] -= np.diag(coupling)
    return blocks, linear, coupling, dense


def reference(dense, linear, lower, upper):
    """scipy's bounded least squares of |L' x - L^-1 g|, whose square is the quadratic program."""
    factor = np.linalg.cholesky(dense)
    found = lsq_linear(factor.T, np.linalg.solve(factor, linear.ravel()), (lower.ravel(), upper.ravel()), method="bvls")
    return found.x.reshape(linear.shape)


@pytest.mark.parametrize("seed", range(12))
def test_the_minimum_equals_bounded_least_squares_of_scipy(seed):
    rng = np.random.default_rng(seed)
    frames, n = int(rng.integers(1, 8)), int(rng.integers(2, 7))
    blocks, linear, coupling, dense = problem(rng, frames, n, coupling_scale=seed % 3)
    lower, upper = np.zeros((frames, n)), rng.uniform(0.1, 1.0, (frames, n))
    x, _ = solve_bounded_chain(blocks, linear, coupling, lower, upper, rng.normal(size=(frames, n)), max_iterations=60)
    expected = reference(dense, linear, lower, upper)
    assert ((expected <= 1e-7) | (expected >= upper - 1e-7)).any()  # the bounds matter
    np.testing.assert_allclose(x, expected, atol=1e-6)  # bvls stops at 1e-10 of the cost, whose root is 1e-5


def test_without_bounds_in_the_way_it_solves_the_linear_system():
    rng = np.random.default_rng(3)
    blocks, linear, coupling, dense = problem(rng, 5, 4, 1.0)
    far = np.full(4, 1e6)
    x, _ = solve_bounded_chain(blocks, linear, coupling, -far, far, np.zeros((5, 4)), max_iterations=3)
    np.testing.assert_allclose(x.ravel(), np.linalg.solve(dense, linear.ravel()), rtol=1e-8, atol=1e-8)


def test_further_right_hand_sides_are_solved_with_the_bound_variables_fixed():
    rng = np.random.default_rng(4)
    blocks, linear, coupling, dense = problem(rng, 6, 3, 1.0)
    right = rng.normal(size=(6, 3, 2))
    lower, upper = np.zeros(3), np.full(3, 0.4)
    x, extra = solve_bounded_chain(
        blocks, linear, coupling, lower, upper, np.zeros((6, 3)), max_iterations=50, right=right
    )
    free = ((x > 1e-9) & (x < 0.4 - 1e-9)).ravel()
    assert 0 < free.sum() < free.size
    expected = np.zeros((18, 2))
    expected[free] = np.linalg.solve(dense[np.ix_(free, free)], right.reshape(18, 2)[free])
    np.testing.assert_allclose(extra.reshape(18, 2), expected, rtol=1e-8, atol=1e-10)


def test_every_iteration_count_stays_inside_the_bounds_and_never_gets_worse():
    rng = np.random.default_rng(5)
    blocks, linear, coupling, dense = problem(rng, 7, 5, 2.0)
    lower, upper = np.full(5, -0.3), np.full(5, 0.2)
    values = []
    for count in range(1, 12):
        x, _ = solve_bounded_chain(blocks, linear, coupling, lower, upper, np.zeros((7, 5)), max_iterations=count)
        assert (x >= lower).all()
        assert (x <= upper).all()
        values.append(0.5 * x.ravel() @ dense @ x.ravel() - linear.ravel() @ x.ravel())
    assert values[0] < 0  # better than the start, whose value is 0
    assert (np.diff(values) <= 1e-9).all()
