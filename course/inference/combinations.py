"""Linear combinations of the fixed effects: estimate, standard error and degrees of freedom of each.

A combination c'beta has the variance c'Vc, V the covariance matrix of beta. Coefficients, adjusted means,
contrasts and slopes are all of this make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course.common.arguments import choice
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
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


def usable_df(fit: MixedFit | MixedGLMFit, df: str) -> str:
    """How degrees of freedom are found: of a generalised fit there are none, as it has no residual variance.

    Raises
    ------
    CourseError
        For an unknown one, and for those of Kenward and Roger after a generalised fit.

    Examples
    --------
    >>> from course import load, mixedglm
    >>> fit = mixedglm("(normexam > 0) ~ standLRT + (1|school)", load("exam")).fit()
    >>> usable_df(fit, "satterthwaite")
    'normal'
    """
    choice("df", df, DF)
    if fit.design.kind == NUMBER:
        return df
    if df == "kenward-roger":
        raise CourseError(
            "Kenward and Roger's degrees of freedom are those of a residual variance, which a generalised "
            "fit has not: leave df= out for z tests, or take compare(small, large, bootstrap=1000)"
        )
    return "normal"


def combinations(fit: MixedFit | MixedGLMFit, L: np.ndarray, df: str) -> Combinations:
    """Estimates, standard errors and degrees of freedom of L beta.

    Parameters
    ----------
    fit : MixedFit
    L : ndarray, shape (m, p)
        In the units of the data.
    df : {"satterthwaite", "kenward-roger", "normal"}
        "kenward-roger" also adjusts the standard errors; with "normal" df is infinite. A combination whose
        variance is 0, as the slope of ``I(x**2)`` at 0, has no degrees of freedom (NaN). A generalised fit
        has z tests whichever is asked for.

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
    df, covariance = usable_df(fit, df), fit.estimates.cov_beta
    if df == "kenward-roger":
        adjusted = KenwardRoger(fit.model.problem, fit.estimates)
        covariance = adjusted.cov_beta
    variances = np.einsum("ij,jk,ik->i", L, covariance, L).clip(min=0)
    if df == "normal":
        found = np.full(len(L), np.inf)
    else:
        of_one = adjusted.df if df == "kenward-roger" else fit.satterthwaite.df
        found = np.array(
            [of_one(row) if v > 0 else np.nan for row, v in zip(L, variances, strict=True)]
        )
    return Combinations(L @ fit.estimates.beta, np.sqrt(variances), found)
