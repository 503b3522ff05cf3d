"""Products with the inverse covariance matrix of the response, without a matrix that has a row per row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import linalg


def inverse_products(
    ZZ: np.ndarray, ZX: np.ndarray, factors: Sequence[np.ndarray], counts: Iterable[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Z'V^-1 Z and Z'V^-1 X, with V = I + Z S Z' and S the relative covariance of all random effects.

    They are (I + Z'Z S)^-1 Z'Z and (I + Z'Z S)^-1 Z'X. Random effects are in the order of grouping, effect,
    level.

    Parameters
    ----------
    ZZ : ndarray, shape (..., q, q)
        Z'Z, of several independent blocks if need be.
    ZX : ndarray, shape (..., q, p)
        Z'X.
    factors : sequence of ndarray, (k, k) each
        Lambda of each grouping.
    counts : iterable of int
        How many levels each grouping has.

    Examples
    --------
    >>> ZZ, ZX = np.diag([4.0, 2.0]), np.array([[4.0], [2.0]])
    >>> found, _ = inverse_products(ZZ, ZX, [np.eye(1)], [2])
    >>> Z = np.repeat(np.eye(2), [4, 2], axis=0)
    >>> np.allclose(found, Z.T @ np.linalg.inv(np.eye(6) + Z @ Z.T) @ Z)
    True
    """
    pairs = zip(factors, counts, strict=True)
    S = linalg.block_diag(*[np.kron(one @ one.T, np.eye(count)) for one, count in pairs])
    q = len(S)
    both = np.linalg.solve(np.eye(q) + ZZ @ S, np.concatenate([ZZ, ZX], axis=-1))
    R, C = both[..., :q], both[..., q:]
    return (R + R.swapaxes(-1, -2)) / 2, C
