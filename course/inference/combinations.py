"""Linear combinations of the fixed effects: estimate, standard error and degrees of freedom of each.

A combination c'beta has the variance c'Vc, V the covariance matrix of beta. Coefficients, adjusted means,
contrasts and slopes are all of this make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course.common.arguments import choice
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.rubin import rubin
from course.fit.survey import SurveyFit
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


Single = MixedFit | MixedGLMFit | SurveyFit


def usable_df(fit: Single | PooledFit, df: str) -> str:
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


def statistic_of(fit: Single | PooledFit) -> str:
    """What an estimate over its standard error is called: t, or z where there is no residual variance."""
    return "t" if fit.design.kind == NUMBER else "z"


def of_each(fit: Single | PooledFit, of_one: Callable[[Single], Combinations]) -> Combinations:
    """What a fit says of some combinations; what the fits of a pooled one say, by Rubin's rules.

    Degrees of freedom of a pooled one are those of Barnard and Rubin (1999, doi 10.1093/biomet/86.4.948),
    which are finite where those of the fits are not.
    """
    if not isinstance(fit, PooledFit):
        return of_one(fit)
    found = [of_one(one) for one in fit.fits]
    pooled = rubin(
        [one.estimates for one in found],
        [one.std_errors for one in found],
        [one.df for one in found],
    )
    return Combinations(pooled.estimates, pooled.std_errors, pooled.df)


def combinations(fit: Single, L: np.ndarray, df: str) -> Combinations:
    """Estimates, standard errors and degrees of freedom of L beta.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit or SurveyFit
    L : ndarray, shape (m, p)
        In the units of the data.
    df : {"satterthwaite", "kenward-roger", "normal"}
        "kenward-roger" also adjusts the standard errors; with "normal" df is infinite. A combination whose
        variance is 0, as the slope of ``I(x**2)`` at 0, has no degrees of freedom (NaN). With sampling
        weights degrees of freedom are those of the clusters, and "kenward-roger" is none. A generalised fit
        has z tests, but where "kenward-roger" is asked for.

    Raises
    ------
    CourseError
        For "kenward-roger" after a fit by ML, or with sampling weights.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> at_ten = combinations(fit, np.array([[1.0, 10.0]]), "satterthwaite")
    >>> at_ten.estimates.round(1), at_ten.df.round()
    (array([60.8]), array([59.]))
    """
    df, covariance = usable_df(fit, df), fit.estimates.cov_beta
    of_one = df_of_one(fit)
    if df == "kenward-roger":
        adjusted = KenwardRoger(refuse_survey(fit).model.problem, fit.estimates)
        covariance, of_one = adjusted.cov_beta, adjusted.df
    variances = np.einsum("ij,jk,ik->i", L, covariance, L).clip(min=0)
    if df == "normal":
        found = np.full(len(L), np.inf)
    else:
        found = np.array(
            [of_one(row) if v > 0 else np.nan for row, v in zip(L, variances, strict=True)]
        )
    return Combinations(L @ fit.estimates.beta, np.sqrt(variances), found)


def df_of_one(fit: Single) -> Callable[[np.ndarray], float]:
    """Degrees of freedom of a combination: Satterthwaite's, or those of a survey's sample of clusters."""
    if isinstance(fit, MixedFit):
        return fit.satterthwaite.df
    of_all = float(fit.df) if isinstance(fit, SurveyFit) else np.inf
    return lambda row: of_all


def refuse_survey(fit: Single) -> MixedFit:
    """The fit, where Kenward and Roger's adjustment has a meaning."""
    if isinstance(fit, SurveyFit):
        raise CourseError(
            "Kenward-Roger believes in the model's covariances, and sampling weights do not: leave df= out, "
            "for as many degrees of freedom as there are clusters less strata"
        )
    assert isinstance(fit, MixedFit)  # usable_df has refused generalised fits
    return fit
