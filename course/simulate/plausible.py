"""Plausible values: draws of what a pupil's true score may be, given the test and all that is known beside.

A test measures the true score theta with an error of known size, y = theta + error. The plausible values
are draws from the posterior of theta under

    theta = X beta + Z u_school + e,    u ~ N(0, Sigma),    e ~ N(0, sigma^2),

where beta, Sigma and sigma are unknown, too, and drawn along (Mislevy 1991, doi 10.1007/BF02294457). So
an analysis of each set of plausible values, and Rubin's rules over the sets, give what an analysis of the
true scores would be expected to give, with standard errors that know of the test's error (Rubin 1987, doi
10.1002/9780470316696). The draws are those of a Gibbs sampler.
"""

from __future__ import annotations

import numpy as np

BURN_IN = 100  # iterations before the first set
APART = 10  # iterations between two sets


def draw_plausible_values(
    measured: np.ndarray,
    X: np.ndarray,
    Z: np.ndarray,
    school: np.ndarray,
    error_sd: float,
    sets: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw sets of plausible values.

    Parameters
    ----------
    measured : ndarray, shape (n,)
        The test's result for each pupil.
    X : ndarray, shape (n, p)
        What is known of the pupils: the conditioning model.
    Z : ndarray, shape (n, k)
        What varies by school; k = 0 where nothing does.
    school : ndarray of int, shape (n,)
        From 0, ascending, each with a pupil.
    error_sd : float
        Of the test's result given the true score.
    sets : int
    rng : Generator

    Returns
    -------
    ndarray, shape (n, sets)

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> school, ones = np.repeat(np.arange(50), 20), np.ones((1000, 1))
    >>> theta = 10 * rng.standard_normal(50)[school] + 20 * rng.standard_normal(1000)
    >>> measured = theta + 10 * rng.standard_normal(1000)
    >>> values = draw_plausible_values(measured, ones, ones, school, 10.0, 5, rng)
    >>> [round(float(one.var()) / 500, 2) for one in (theta, measured, *values.T[:2])]
    [0.92, 1.15, 0.96, 0.97]
    """
    if error_sd == 0:
        return np.repeat(measured[:, None], sets, axis=1)
    n, k = Z.shape
    starts = np.flatnonzero(np.diff(school, prepend=-1))

    def by_school(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts, axis=0)

    XX = X.T @ X
    XZ = by_school(X[:, :, None] * Z[:, None, :])
    ZZ = by_school(Z[:, :, None] * Z[:, None, :])
    theta = measured
    sigma2 = float(np.var(measured)) / 2
    precision = np.eye(k) / sigma2  # of u
    values = np.empty((n, sets))
    for iteration in range(BURN_IN + APART * sets):
        Xt, Zt = X.T @ theta / sigma2, by_school(Z * theta[:, None]) / sigma2
        conditional = np.linalg.inv(ZZ / sigma2 + precision)
        ZX = XZ.swapaxes(1, 2) / sigma2
        shrunk = conditional @ ZX
        information = XX / sigma2 - np.einsum("jka,jkb->ab", ZX, shrunk)
        beta = _normal(np.linalg.inv(information), Xt - np.einsum("jka,jk->a", shrunk, Zt), rng)
        u = _normal(conditional, Zt - ZX @ beta, rng)
        expected = X @ beta + (Z * u[school]).sum(axis=1)
        sigma2 = float(((theta - expected) ** 2).sum() / rng.chisquare(n - 1))
        if k:
            precision = _wishart(np.linalg.inv(u.T @ u), len(u) - 1, rng)
        variance = 1 / (1 / sigma2 + 1 / error_sd**2)
        mean = variance * (expected / sigma2 + measured / error_sd**2)
        theta = mean + np.sqrt(variance) * rng.standard_normal(n)
        if iteration >= BURN_IN and (iteration - BURN_IN) % APART == APART - 1:
            values[:, (iteration - BURN_IN) // APART] = theta
    return values


def _normal(covariance: np.ndarray, score: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws with these covariances, (..., k, k), and the mean covariance @ score, (..., k)."""
    factor = np.linalg.cholesky(covariance)
    z = rng.standard_normal(score.shape)
    return (covariance @ score[..., None] + factor @ z[..., None])[..., 0]


def _wishart(scale: np.ndarray, df: int, rng: np.random.Generator) -> np.ndarray:
    """A draw of the Wishart distribution: the products of df normal draws with the covariance `scale`."""
    z = rng.standard_normal((df, len(scale))) @ np.linalg.cholesky(scale).T
    return z.T @ z
