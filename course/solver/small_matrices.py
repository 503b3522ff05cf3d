"""Many small matrices side by side, on the last axis of an array, so that one NumPy call serves all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import lapack

FEW = 20  # with fewer matrices than so many times their size, LAPACK is faster (measured)


def tells_apart(XX: np.ndarray) -> np.ndarray:
    """Whether X'X, (..., p, p), is that of columns of which none follows from others."""
    scale = np.sqrt(XX.diagonal(axis1=-2, axis2=-1))
    over = 1 / np.where(scale > 0, scale, 1.0)
    relative = over[..., :, None] * XX * over[..., None, :]
    values = np.linalg.eigvalsh(relative)
    return (scale > 0).all(axis=-1) & (values >= 1e-9).all(axis=-1)


def invert(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse and log-determinant of many small positive definite matrices, by sweeping.

    Parameters
    ----------
    A : ndarray, shape (k, k, L)
        Overwritten.

    Returns
    -------
    inverse : ndarray, shape (k, k, L)
    logdet : ndarray, shape (L,)
    """
    k = len(A)
    if k == 1:
        return 1 / A, np.log(A[0, 0])
    if A.shape[2] < FEW * k:  # the loops below would cost more than the arithmetic
        inverses, logdet = invert_batch(np.ascontiguousarray(A.transpose(2, 0, 1)))
        return np.ascontiguousarray(inverses.transpose(1, 2, 0)), logdet
    if k == 2:
        return _invert_two_by_two(A)
    logdet = np.zeros(A.shape[2])
    for j in range(k):
        logdet += np.log(A[j, j])
        over_pivot = 1 / A[j, j]
        column = A[:, j].copy()
        A[j] *= over_pivot
        for i in range(k):
            if i != j:
                A[i] -= column[i] * A[j]
                A[i, j] = -column[i] * over_pivot
        A[j, j] = over_pivot
    return A, logdet


def _invert_two_by_two(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `invert`, for an intercept and a slope: one logarithm and one division of each level."""
    determinant = A[0, 0] * A[1, 1] - A[0, 1] ** 2
    inverse = np.empty_like(A)
    inverse[0, 0], inverse[1, 1] = A[1, 1], A[0, 0]
    inverse[0, 1] = inverse[1, 0] = -A[0, 1]
    inverse /= determinant
    return inverse, np.log(determinant)


def invert_batch(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverses of positive definite matrices (m, q, q), and their log-determinants (m,).

    A matrix that rounding has made indefinite has the log-determinant NaN.
    """
    # one large matrix: from its Cholesky factor, at a third of the cost
    factor, failed = lapack.dpotrf(S[0].T, lower=True) if len(S) == 1 else (None, True)
    if factor is None or failed:
        sign, logdet = np.linalg.slogdet(S)
        return np.linalg.inv(S), np.where(sign > 0, logdet, np.nan)
    logdet = 2 * np.log(np.diagonal(factor)).sum()
    inverse, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)
    inverse += inverse.T  # the upper triangle was 0
    np.fill_diagonal(inverse, np.diagonal(inverse) / 2)
    return inverse[None], np.array([logdet])


def solve(A: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    """A^-1 right of one small positive definite matrix, and log|A|.

    SciPy's own functions would take most of the time to look at their arguments.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A is not positive definite.
    """
    if not len(A):
        return np.zeros(right.shape), 0.0
    factor, failed = lapack.dpotrf(A, lower=True)
    if failed:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    solution, _ = lapack.dpotrs(factor, right, lower=True)
    return solution, 2 * np.log(np.diagonal(factor)).sum()


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Matrix products over the last axis: (a, b, L) times (b, c, L). One may lack the axis."""
    if left.shape[1] == 1:  # nothing to add up
        left = left if left.ndim == 3 else left[:, :, None]
        return left * (right if right.ndim == 3 else right[:, :, None])
    one, other = ("ab" if left.ndim == 2 else "abl"), ("bc" if right.ndim == 2 else "bcl")
    return np.einsum(f"{one},{other}->acl", left, right)


def transpose(A: np.ndarray) -> np.ndarray:
    return A.swapaxes(0, 1)


def at(positions: Sequence[int] | np.ndarray) -> slice | np.ndarray:
    """An index of some rows: where they are evenly spaced, as two are, a slice, which copies nothing."""
    steps = np.diff(positions)
    if len(positions) and (steps > 0).all() and (steps == steps[:1]).all():
        return slice(int(positions[0]), int(positions[-1]) + 1, int(steps[0]) if len(steps) else 1)
    return np.array(positions, dtype=int)


def square(positions: Sequence[int] | np.ndarray) -> tuple:
    """An index of some rows and the same columns."""
    one = at(positions)
    return (one, one) if isinstance(one, slice) else np.ix_(one, one)
