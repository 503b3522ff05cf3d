"""Tests of fixed effects: one by one, term by term, and any linear hypothesis.

Each takes ``df``, how the denominator degrees of freedom are found:

- ``"satterthwaite"``: from how well the variance of a contrast is known (Satterthwaite 1946, doi
  10.2307/3002019; Kuznetsova, Brockhoff and Christensen 2017, doi 10.18637/jss.v082.i13). The default.
- ``"kenward-roger"``: also corrects the standard errors, which in small samples are too small (Kenward and
  Roger 1997, doi 10.2307/2533558). For REML fits.
- ``"normal"``: none, as if the variances were known: z tests and chi-squared tests, as in statsmodels. Too
  optimistic where groups are few.

Those of a fit with sampling weights are clusters less strata (`course.inference.f_tests` for joint tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from course.common.arguments import proportion
from course.design.notes import columns_left_out
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled, require_linear
from course.fit.survey import SurveyFit
from course.fit.tables import t_table, with_left_out
from course.inference.cluster_robust import robust_coefficients
from course.inference.combinations import (
    Combinations,
    Single,
    combinations,
    of_each,
    statistic_of,
    usable_df,
)
from course.inference.constraints import check_independent, read_constraints, read_matrix
from course.inference.f_tests import f_tests, refuse_few_clusters
from course.inference.type_three import type_three


def fixed_effects_table(
    fit: Single | PooledFit,
    df: str = "satterthwaite",
    level: float = 0.95,
    *,
    robust: str | Sequence | pd.Series | np.ndarray | None = None,
    correction: str = "CR2",
) -> pd.DataFrame:
    """Estimate, test and interval for each fixed effect.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it, or several that are pooled (by Rubin's rules).
    df : {"satterthwaite", "kenward-roger", "normal"}
        How degrees of freedom are found; "kenward-roger" also adjusts the standard errors.
    level : float
        Of the intervals, between 0 and 1.
    robust : str, or array-like of shape (nobs,), optional
        Clusters for standard errors that hold where the model's covariances are wrong, as where residuals
        vary more in some schools than in others: a group of the formula that contains all others, or
        a label for each row (a column of the data: ``robust=data["province"]``). Estimates stay as they are.
    correction : {"CR2", "CR0"}
        Of robust standard errors: CR2 is without bias if the model is right (Bell and McCaffrey
        2002; Pustejovsky and Tipton 2018, doi 10.1080/07350015.2016.1247004); CR0 has none, and is too small
        where clusters are few. Degrees of freedom of both are Satterthwaite's over clusters.

    Returns
    -------
    DataFrame
        By patsy name: estimate, std_error, df, t, p_value, lower, upper. With "normal", and of a generalised
        fit (on the scale of its link; there t is called z), df is infinite. NaN for a column that others
        determine, as where a combination of labels has no rows: it is left out of the fit.

    Raises
    ------
    CourseError
        For "kenward-roger" after a fit by ML or beside `robust`, for an unknown df or a level that is
        none, and for clusters that do not contain the groups of the formula.

    See Also
    --------
    means, contrasts, slopes : Adjusted means, their differences, and slopes.
    anova : One F test for each term.
    confint : Intervals of the variances, too.
    side_by_side : The coefficients of several fits.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("attain ~ verbal + (1|primary) + (1|second)", load("scotssec")).fit()
    >>> fixed_effects_table(fit, df="kenward-roger").round(3)
               estimate  std_error        df       t  p_value  lower  upper
    Intercept     5.978      0.068    23.891  88.470      0.0  5.838  6.117
    verbal        0.160      0.003  3368.889  57.738      0.0  0.155  0.165

    In R, with lmerTest: ``coef(summary(fit, ddf = "Kenward-Roger"))``; with clubSandwich:
    ``coef_test(fit, vcov = "CR2")``.
    """
    require_fit_or_pooled(fit, surveys=True)
    df, level = usable_df(fit, df), proportion("level", level)
    if robust is not None and df == "kenward-roger":
        raise CourseError(
            "Kenward-Roger believes in the model's covariances, and robust= does not: leave one out"
        )

    if robust is not None:
        require_linear(
            fit,
            "robust=",
            "translate(...).gee_code is a program of statsmodels for population-averaged effects, whose "
            "standard errors hold for any covariances",
        )

    def of_one(one: Single) -> Combinations:
        if robust is None:
            return combinations(one, np.eye(len(one.fe_params)), df)
        if isinstance(one, SurveyFit):
            raise CourseError(
                "standard errors of a fit with sampling weights are robust already: leave robust= out"
            )
        assert isinstance(one, MixedFit)  # generalised fits are refused above
        found = robust_coefficients(one, robust, correction)
        return replace(found, df=np.full(len(found.df), np.inf)) if df == "normal" else found

    found = of_each(fit, of_one)
    std_errors = pd.Series(found.std_errors, fit.fe_params.index)
    table = t_table(fit.fe_params, std_errors, found.df, level, statistic_of(fit))
    return with_left_out(table, fit.design)


def anova(fit: Single | PooledFit, df: str = "satterthwaite") -> pd.DataFrame:
    """One F test for each term of the fixed part (type III).

    Each term is tested beside all others, on averages in which every level of a factor has the same
    weight, whichever contrasts the formula is coded in. So a factor that interacts with another is
    tested averaged over that other; a predictor that interacts with a factor by its mean slope; but a
    factor that interacts with a predictor **where that predictor is 0**: centre the predictor first.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it, or several that are pooled.
    df : {"satterthwaite", "kenward-roger", "normal"}
        How the denominator's degrees of freedom are found.

    Returns
    -------
    DataFrame
        By term: sum_sq, mean_sq (of the unscaled F statistic, times the residual variance), num_df,
        den_df, F, p_value. The columns and values of lmerTest's ``anova(type = "III")``. Where
        combinations of labels have no rows, or a column repeats others, each term is tested as far as
        the data tell of it (num_df says how far; NaN where they tell nothing), and
        ``table.attrs["notes"]`` says what is missing: these hypotheses are to be read with care. For pooled
        fits F is D1 of Li, Raghunathan and Rubin (1991, doi 10.1080/01621459.1991.10475152), with the
        degrees of freedom of Reiter (2007, doi 10.1093/biomet/asm028), and in place of the sums of squares
        stands riv (relative increase in variance). Of a generalised fit Wald's tests: chi2, df, p_value.

    Raises
    ------
    CourseError
        Where only an intercept is in the fixed part, and as `fixed_effects_table`.

    See Also
    --------
    wald : Any constraints of your own, tested together.
    fixed_effects_table : One t test for each coefficient.
    compare : Likelihood ratio tests of nested models.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + vr + (1|school)", load("exam")).fit()
    >>> anova(fit)[["num_df", "den_df", "F"]].round(2)
              num_df   den_df        F
    vr             2    59.96     4.12
    standLRT       1  4005.68  2000.93

    In R, with lmerTest: ``anova(fit)``; of a generalised fit, with car and contrasts that sum to 0,
    ``Anova(fit, type = 3)``.
    """
    if isinstance(df, MixedFit | MixedGLMFit | SurveyFit | PooledFit):
        raise CourseError(
            "anova() takes one fit, and tests its terms; compare(smaller, larger) compares fits"
        )
    _check(fit, df)
    hypotheses = type_three(_one_of(fit))
    if not hypotheses:
        has = "an intercept only" if fit.design.fixed_names else "no effects"
        raise CourseError(f"the fixed part has {has}: there is no term to test")
    table = f_tests(fit, {name: (L, np.zeros(len(L))) for name, L in hypotheses.items()}, df)
    table.attrs["notes"] = columns_left_out(fit.design)
    return table


def wald(
    fit: Single | PooledFit, constraints: str | np.ndarray, df: str = "satterthwaite"
) -> pd.DataFrame:
    """Joint F test of linear constraints on the fixed effects.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it, or several that are pooled.
    constraints : str or array-like, shape (q, p) or (p,)
        Equations in patsy's names of the coefficients, separated by commas: ``"age = 0"``,
        ``"age = 3, sex[T.male] = 0"``, ``"2 * age = sex[T.male]"``. Without ``=`` an expression is set
        to 0. Or a matrix L with one column per coefficient that is estimated (those of
        ``fit.fe_params``), for L beta = 0.
    df : {"satterthwaite", "kenward-roger", "normal"}
        How the denominator's degrees of freedom are found.

    Returns
    -------
    DataFrame
        One row with the columns of `anova`.

    Raises
    ------
    CourseError
        For a constraint that cannot be read, names a coefficient that is not there, repeats or contradicts
        another one.

    See Also
    --------
    anova : A test for each term.
    fixed_effects_table : One t test for each coefficient.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + sex + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> wald(fit, "age = 4, sex[T.male] = -2")[["num_df", "den_df", "F"]].round(1)
                               num_df  den_df    F
    age = 4, sex[T.male] = -2       2  2343.8  2.3

    In R, with lmerTest: ``contestMD(fit, L)`` tests that L beta is 0.
    """
    _check(fit, df)
    if not fit.design.fixed_names:
        raise CourseError("the model has no fixed effects: there is nothing to test")
    if isinstance(constraints, str):
        L, values, label = *read_constraints(constraints, fit.design), constraints.strip()
    else:
        L, label = read_matrix(constraints, list(fit.design.fixed_names)), "L beta = 0"
        values = np.zeros(len(L))
    refuse_few_clusters(_one_of(fit), label, len(L))
    check_independent(L, _one_of(fit))
    sizes = np.abs(L).max(axis=1)  # 2 * age = 6 says no more than age = 3
    return f_tests(fit, {label: (L / sizes[:, None], values / sizes)}, df)


def _one_of(fit: Single | PooledFit) -> Single:
    """The fit itself, or the first of those that are pooled, which has their columns."""
    return fit.fits[0] if isinstance(fit, PooledFit) else fit


def _check(fit: Single | PooledFit, df: str) -> None:
    require_fit_or_pooled(fit, surveys=True)
    usable_df(fit, df)
