"""Rubin's rules: one answer from the same model fitted to several plausible values or imputed data sets.

With m estimates q_i of one quantity, their squared standard errors u_i, and

    Q = mean of q_i,    U = mean of u_i,    B = variance of q_i (over m - 1),    T = U + (1 + 1/m) B,

Q is the pooled estimate and the root of T its standard error (Rubin 1987, doi 10.1002/9780470316696). B is
what is not known because the values are not; riv = (1 + 1/m) B / U says how much it adds, and
lambda = (1 + 1/m) B / T which share of T it is. (Q - q) / sqrt(T) has about a t distribution, with

    1 / df = 1 / df_old + 1 / df_obs,
    df_old = (m - 1) / lambda^2,    df_obs = (df_com + 1) / (df_com + 3) df_com (1 - lambda)

degrees of freedom, df_com being those that the estimate would have if the values were known (Barnard and
Rubin 1999, doi 10.1093/biomet/86.4.948): here the mean of what each fit gives, by Satterthwaite as a rule.
The fraction of missing information allows for m being finite:

    fmi = (riv + 2 / (df + 3)) / (riv + 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Pooled:
    """Several quantities, each pooled for itself.

    Attributes
    ----------
    estimates, std_errors, df : ndarray, shape (k,)
    within, between : ndarray, shape (k,)
        U and B.
    riv, share, fmi : ndarray, shape (k,)
        The relative increase in variance, lambda, and the fraction of missing information.
    df_complete : ndarray, shape (k,)
    """

    estimates: np.ndarray
    std_errors: np.ndarray
    df: np.ndarray
    within: np.ndarray
    between: np.ndarray
    riv: np.ndarray
    share: np.ndarray
    fmi: np.ndarray
    df_complete: np.ndarray


def rubin(estimates: ArrayLike, std_errors: ArrayLike, df: ArrayLike = np.inf) -> Pooled:
    """Pool k quantities over m fits.

    Parameters
    ----------
    estimates, std_errors : array-like, shape (m, k)
    df : array-like, shape (m, k), or number
        The degrees of freedom that each fit gives; infinite for what is normal in large samples.

    Examples
    --------
    >>> pooled = rubin([[1.0], [2.0], [3.0]], [[2.0], [2.0], [2.0]])
    >>> pooled.estimates, pooled.std_errors.round(3), pooled.df
    (array([2.]), array([2.309]), array([32.]))
    """
    q, u = np.asarray(estimates, dtype=float), np.asarray(std_errors, dtype=float) ** 2
    m = len(q)
    complete = np.broadcast_to(np.asarray(df, dtype=float), q.shape).mean(axis=0)
    within, between = u.mean(axis=0), q.var(axis=0, ddof=1)
    extra = (1 + 1 / m) * between
    total = within + extra
    # where nothing varies between fits 1 / df_old is 0; a variance of 0 throughout has no df
    with np.errstate(divide="ignore", invalid="ignore"):
        riv, share = extra / within, extra / total
        observed = (1 - share) / (1 / complete + 2 / (complete * (complete + 1)))
        degrees = 1 / (share**2 / (m - 1) + 1 / observed)
        fmi = (riv + 2 / (degrees + 3)) / (riv + 1)
    return Pooled(
        q.mean(axis=0), np.sqrt(total), degrees, within, between, riv, share, fmi, complete
    )
