"""Linear combinations of the fixed effects: estimate, standard error and degrees of freedom of each.

A combination c'beta has the variance c'Vc, V the covariance matrix of beta. Coefficients, adjusted means,
contrasts and slopes are all of this make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.rubin import rubin
from course.inference.kenward_roger import KenwardRoger

DF = ("satterthwaite", "kenward-roger", "normal")


@dataclass(frozen=True, eq=False)
class Combinations:
    """What is known of m linear combinations.

    Attributes
    ----------
    estimates, std_errors, df : ndarray, shape (m,)
    """

    estimates: np.ndarray
    std_errors: np.ndarray
    df: np.ndarray


def of_each(fit: MixedFit | PooledFit, of_one: Callable[[MixedFit], Combinations]) -> Combinations:
    """What a fit says of some combinations; what the fits of a pooled one say, by Rubin's rules.

    Degrees of freedom of a pooled one are those of Barnard and Rubin (1999, doi 10.1093/biomet/86.4.948),
    which are finite where those of the fits are not.
    """
    if isinstance(fit, MixedFit):
        return of_one(fit)
    found = [of_one(one) for one in fit.fits]
    pooled = rubin(
        [one.estimates for one in found],
        [one.std_errors for one in found],
        [one.df for one in found],
    )
    return Combinations(pooled.estimates, pooled.std_errors, pooled.df)


def combinations(fit: MixedFit, L: np.ndarray, df: str) -> Combinations:
    """Estimates, standard errors and degrees of freedom of L beta.

    Parameters
    ----------
    fit : MixedFit
    L : ndarray, shape (m, p)
        In the units of the data.
    df : {"satterthwaite", "kenward-roger", "normal"}
        "kenward-roger" also adjusts the standard errors; with "normal" df is infinite. A combination whose
        variance is 0, as the slope of ``I(x**2)`` at 0, has no degrees of freedom (NaN).

    Raises
    ------
    CourseError
        For "kenward-roger" after a fit by ML.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> at_ten = combinations(fit, np.array([[1.0, 10.0]]), "satterthwaite")
    >>> at_ten.estimates.round(1), at_ten.df.round()
    (array([60.8]), array([59.]))
    """
    covariance, of_one = fit.estimates.cov_beta, fit.satterthwaite.df
    if df == "kenward-roger":
        adjusted = KenwardRoger(fit.model.problem, fit.estimates)
        covariance, of_one = adjusted.cov_beta, adjusted.df
    variances = np.einsum("ij,jk,ik->i", L, covariance, L).clip(min=0)
    if df == "normal":
        found = np.full(len(L), np.inf)
    else:
        found = np.array(
            [of_one(row) if v > 0 else np.nan for row, v in zip(L, variances, strict=True)]
        )
    return Combinations(L @ fit.estimates.beta, np.sqrt(variances), found)
