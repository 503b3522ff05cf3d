"""Joint F tests of linear hypotheses, pooled over fits (D1 of Li, Raghunathan and Rubin 1991).

With q_i the k differences from the hypothesis in the i-th of m fits, U_i their covariance matrix, U the mean
of these, Q the mean of the q_i and B their covariance matrix between the fits,

    r = (1 + 1/m) tr(B U^-1) / k,    D1 = Q' U^-1 Q / (k (1 + r))

has about an F distribution with k and nu degrees of freedom (doi 10.1080/01621459.1991.10475152). It takes
the share of missing information to be the same for all k. nu is that of Reiter (2007, doi
10.1093/biomet/asm028), which allows for the degrees of freedom nu_com that the test would have if the values
were known. It needs more than 4 of k (m - 1) and not too few of nu_com; where it cannot be had, nu is put
together as Barnard and Rubin (1999, doi 10.1093/biomet/86.4.948) do, and so it is for k = 1, where D1 is the
square of t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course.fit.rubin import rubin


@dataclass(frozen=True)
class PooledTest:
    """D1, its denominator's degrees of freedom, and the relative increase in variance."""

    F: float
    den_df: float
    riv: float


def pooled_test(differences: np.ndarray, covariances: np.ndarray, df: np.ndarray) -> PooledTest:
    """D1 of m fits.

    Parameters
    ----------
    differences : ndarray, shape (m, k)
    covariances : ndarray, shape (m, k, k)
    df : ndarray, shape (m,)
        The denominator's degrees of freedom in each fit.

    Examples
    --------
    >>> q = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])
    >>> test = pooled_test(q, np.array([np.eye(2)] * 3), np.full(3, np.inf))
    >>> round(test.riv, 3), round(test.F, 3)
    (1.333, 1.714)
    """
    m, k = differences.shape
    # coefficients may be in very different units
    scale = 1 / np.sqrt(np.einsum("mkk->k", covariances))
    differences, covariances = differences * scale, covariances * np.outer(scale, scale)
    within = covariances.mean(axis=0)
    Q = differences.mean(axis=0)
    between = np.cov(differences, rowvar=False).reshape(k, k)
    riv = float((1 + 1 / m) * np.trace(np.linalg.solve(within, between)) / k)
    F = float(Q @ np.linalg.solve(within, Q) / (k * (1 + riv)))
    if k == 1:
        den_df = float(rubin(differences, np.sqrt(covariances[:, 0]), df[:, None]).df[0])
    else:
        den_df = denominator_df(riv, k, m, float(df.mean()))
    return PooledTest(F, den_df, riv)


def denominator_df(riv: float, k: int, m: int, complete: float = np.inf) -> float:
    """The degrees of freedom nu of D1, and of D3 with infinitely many in complete data.

    With t = k (m - 1) and infinitely many in complete data

        nu = 4 + (t - 4) (1 + (1 - 2 / t) / r)^2    for t > 4,    t (1 + 1 / k) (1 + 1 / r)^2 / 2    else.

    Examples
    --------
    >>> denominator_df(riv=3.0, k=2, m=5), round(denominator_df(3.0, 2, 5, complete=1e9), 3)
    (10.25, 10.25)
    >>> denominator_df(riv=0.0, k=2, m=5)
    inf
    """
    t = k * (m - 1)
    if riv <= 0:
        large = np.inf
    elif t > 4:
        large = 4 + (t - 4) * (1 + (1 - 2 / t) / riv) ** 2
    else:
        large = t * (1 + 1 / k) * (1 + 1 / riv) ** 2 / 2
    if np.isinf(complete):
        return float(large)
    star = (complete + 1) / (complete + 3) * complete
    a = riv * t / (t - 2) if t > 2 else np.inf
    one, two = star - 2 * (1 + a), star - 4 * (1 + a)
    if t <= 4 or two <= 0:
        return float(1 / (1 / large + (1 + riv) / star))
    c = 1 / (t - 4)
    z = (
        1 / two
        + c * a**2 * one / ((1 + a) ** 2 * two)
        + c * (8 * a**2 * one / ((1 + a) * two**2) + 4 * a**2 / ((1 + a) * two))
        + c * (4 * a**2 / (two * one) + 16 * a**2 * one / two**3)
        + c * 8 * a**2 / two**2
    )
    return float(4 + 1 / z)
