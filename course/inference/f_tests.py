"""F tests of linear hypotheses on the fixed effects, of one fit or of several that are pooled.

Of a fit with sampling weights, with d degrees of freedom (clusters less strata), a test of q constraints is
the Wald statistic times (d - q + 1) / (d q), with q and d - q + 1 degrees of freedom (Korn and Graubard 1990,
The American Statistician 44, 270-276).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import linalg, stats

from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.survey import SurveyFit
from course.inference.combinations import Single, refuse_survey, usable_df
from course.inference.kenward_roger import KenwardRoger
from course.inference.pooled_wald import pooled_test

Hypotheses = Mapping[
    str, tuple[np.ndarray, np.ndarray]
]  # by name L, (q, p), and the values of L beta


def f_tests(fit: Single | PooledFit, hypotheses: Hypotheses, df: str) -> pd.DataFrame:
    """For each L beta = values one row; of a generalised fit Wald's chi-squared tests.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
    hypotheses : dict
        By name L, (q, p), and the values of L beta, (q,). Without rows where the data tell nothing.
    df : {"satterthwaite", "kenward-roger", "normal"}

    Raises
    ------
    CourseError
        For "kenward-roger" after a fit by ML, with sampling weights or for pooled fits, and where a survey
        has fewer clusters than constraints.
    """
    df = usable_df(fit, df)
    if isinstance(fit, PooledFit):
        return _of_several(fit, hypotheses, df)
    table = _of_one(fit, hypotheses, df)
    if fit.design.kind == NUMBER:
        return table
    # with a sigma of 1 the sum of squares is Wald's statistic
    return table.rename(columns={"sum_sq": "chi2", "num_df": "df"})[["chi2", "df", "p_value"]]


def _of_one(fit: Single, hypotheses: Hypotheses, df: str) -> pd.DataFrame:
    adjusted = None
    if df == "kenward-roger":
        adjusted = KenwardRoger(refuse_survey(fit).model.problem, fit.estimates)
    cov_beta = fit.estimates.cov_beta if adjusted is None else adjusted.cov_beta
    residual, rows = 1.0 if isinstance(fit, MixedGLMFit) else fit.scale, []
    for name, (L, values) in hypotheses.items():
        q = len(L)
        if q == 0:  # the data tell nothing of this term
            rows.append((np.nan, np.nan, 0, np.nan, np.nan, np.nan))
            continue
        refuse_few_clusters(fit, name, q)
        difference = L @ fit.estimates.beta - values
        V = L @ cov_beta @ L.T
        scale = 1 / np.sqrt(np.diagonal(V))  # coefficients may be in very different units
        scaled = linalg.solve(V * np.outer(scale, scale), scale * difference, assume_a="pos")
        F = scaled @ (scale * difference) / q
        mean_sq = F * residual
        if adjusted is not None:
            try:
                factor, den_df = adjusted.scale_and_df(L)
            except CourseError as error:
                raise CourseError(f"{name}: {error}") from error
            F *= factor
        elif df == "normal":
            den_df = np.inf
        elif isinstance(fit, SurveyFit):
            den_df = fit.df - q + 1.0
            F *= den_df / fit.df
        else:
            assert isinstance(fit, MixedFit)  # tests of a generalised fit have df "normal"
            den_df = satterthwaite_df(fit, L, V)
        rows.append((q * mean_sq, mean_sq, q, den_df, F, upper_tail(F, q, den_df)))
    columns = ["sum_sq", "mean_sq", "num_df", "den_df", "F", "p_value"]
    return pd.DataFrame(rows, index=list(hypotheses), columns=columns)


def _of_several(fit: PooledFit, hypotheses: Hypotheses, df: str) -> pd.DataFrame:
    if df == "kenward-roger":
        raise CourseError(
            'the F of Kenward and Roger is scaled in each fit, and has no pooled form: df="satterthwaite" has'
        )
    rows = []
    for name, (L, values) in hypotheses.items():
        q = len(L)
        refuse_few_clusters(fit.fits[0], name, q)
        if q == 0:
            rows.append((0, np.nan, np.nan, np.nan, np.nan))
            continue
        covariances = np.array([L @ one.estimates.cov_beta @ L.T for one in fit.fits])
        degrees = [
            df_of_several(one, L, V) if df == "satterthwaite" else np.inf
            for one, V in zip(fit.fits, covariances, strict=True)
        ]
        differences = np.array([L @ one.estimates.beta - values for one in fit.fits])
        test = pooled_test(differences, covariances, np.array(degrees))
        rows.append((q, test.den_df, test.F, upper_tail(test.F, q, test.den_df), test.riv))
    columns = ["num_df", "den_df", "F", "p_value", "riv"]
    return pd.DataFrame(rows, index=list(hypotheses), columns=columns)


def upper_tail(F: float, num_df: int, den_df: float) -> float:
    """The p-value of an F statistic; with an infinite denominator num_df times F is chi-squared."""
    if np.isfinite(den_df):
        return float(stats.f.sf(F, num_df, den_df))
    return float(stats.chi2.sf(num_df * F, num_df))


def refuse_few_clusters(fit: Single, name: str, q: int) -> None:
    """Refuse a test of more constraints than a survey's sample of clusters has degrees of freedom."""
    if isinstance(fit, SurveyFit) and q > fit.df:
        raise CourseError(
            f"{name}: {q} constraints need as many degrees of freedom, and the sample of clusters has "
            f"{fit.df}: test fewer at a time"
        )


def df_of_several(fit: MixedFit | SurveyFit, L: np.ndarray, V: np.ndarray) -> float:
    """The denominator's degrees of freedom in one of several fits: Satterthwaite's, or a survey's."""
    return float(fit.df) if isinstance(fit, SurveyFit) else satterthwaite_df(fit, L, V)


def satterthwaite_df(fit: MixedFit, L: np.ndarray, V: np.ndarray) -> float:
    """Of an F test with the covariance V of L beta, by the mean of F (Kuznetsova et al. 2017).

    F is the mean of q squared t statistics, one for each eigenvector of V, with nu_m degrees of freedom
    each. Their mean is that of all nu_m / (nu_m - 2); df is that of the F distribution with this mean.
    """
    contrasts = np.linalg.eigh(V)[1].T @ L
    nu = np.array([fit.satterthwaite.df(contrast) for contrast in contrasts])
    if np.ptp(nu) < 1e-8:
        return float(nu.mean())
    if (nu <= 2).any():  # the square of such a t statistic has no mean
        return 2.0
    total = (nu / (nu - 2)).sum()
    return float(2 * total / (total - len(nu)))
