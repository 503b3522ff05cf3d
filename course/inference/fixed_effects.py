"""Tests of fixed effects: one by one, term by term, and any linear hypothesis.

Each takes ``df``, how the denominator degrees of freedom are found:

- ``"satterthwaite"``: from how well the variance of a contrast is known (Satterthwaite 1946, doi
  10.2307/3002019; Kuznetsova, Brockhoff and Christensen 2017, doi 10.18637/jss.v082.i13). The default.
- ``"kenward-roger"``: also corrects the standard errors, which in small samples are too small (Kenward and
  Roger 1997, doi 10.2307/2533558). For REML fits.
- ``"normal"``: none, as if the variances were known: z tests and chi-squared tests, as in statsmodels. Too
  optimistic where groups are few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import linalg, stats

from course.common.arguments import proportion
from course.design.notes import columns_left_out
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.require import require_fit, require_linear
from course.fit.tables import t_table, with_left_out
from course.inference.cluster_robust import robust_coefficients
from course.inference.combinations import combinations, usable_df
from course.inference.constraints import check_independent, read_constraints, read_matrix
from course.inference.kenward_roger import KenwardRoger
from course.inference.type_three import type_three


def fixed_effects_table(
    fit: MixedFit | MixedGLMFit,
    df: str = "satterthwaite",
    level: float = 0.95,
    *,
    robust: str | Sequence | pd.Series | np.ndarray | None = None,
    correction: str = "CR2",
) -> pd.DataFrame:
    """Estimate, test and interval for each fixed effect.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
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
        fit (on the scale of its link), df is infinite, and t a z value. NaN for a column that others
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
    df = _check(fit, df)
    level = proportion("level", level)
    if robust is None:
        found = combinations(fit, np.eye(len(fit.fe_params)), df)
    elif df == "kenward-roger":
        raise CourseError(
            "Kenward-Roger believes in the model's covariances, and robust= does not: leave one out"
        )
    else:
        require_linear(
            fit,
            "robust=",
            "translate(...).gee_code is a program of statsmodels for population-averaged effects, whose "
            "standard errors hold for any covariances",
        )
        found = robust_coefficients(fit, robust, correction)
    std_errors = pd.Series(found.std_errors, fit.fe_params.index)
    degrees = found.df if df != "normal" else np.full(len(std_errors), np.inf)
    table = t_table(fit.fe_params, std_errors, degrees, level)
    return with_left_out(table, fit.design)


def anova(fit: MixedFit | MixedGLMFit, df: str = "satterthwaite") -> pd.DataFrame:
    """One F test for each term of the fixed part (type III).

    Each term is tested beside all others, on averages in which every level of a factor has the same
    weight, whichever contrasts the formula is coded in. So a factor that interacts with another is
    tested averaged over that other; a predictor that interacts with a factor by its mean slope; but a
    factor that interacts with a predictor **where that predictor is 0**: centre the predictor first.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
    df : {"satterthwaite", "kenward-roger", "normal"}
        How the denominator's degrees of freedom are found.

    Returns
    -------
    DataFrame
        By term: sum_sq, mean_sq (of the unscaled F statistic, times the residual variance), num_df,
        den_df, F, p_value. The columns and values of lmerTest's ``anova(type = "III")``. Where
        combinations of labels have no rows, or a column repeats others, each term is tested as far as
        the data tell of it (num_df says how far; NaN where they tell nothing), and
        ``table.attrs["notes"]`` says what is missing: these hypotheses are to be read with care. Of a
        generalised fit Wald's tests: chi2, df, p_value.

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
    df = _check(fit, df)
    hypotheses = type_three(fit)
    if not hypotheses:
        has = "an intercept only" if fit.design.fixed_names else "no effects"
        raise CourseError(f"the fixed part has {has}: there is no term to test")
    table = _f_tests(fit, {name: (L, np.zeros(len(L))) for name, L in hypotheses.items()}, df)
    table.attrs["notes"] = columns_left_out(fit.design)
    return table


def wald(
    fit: MixedFit | MixedGLMFit, constraints: str | np.ndarray, df: str = "satterthwaite"
) -> pd.DataFrame:
    """Joint F test of linear constraints on the fixed effects.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
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
    df = _check(fit, df)
    if not fit.design.fixed_names:
        raise CourseError("the model has no fixed effects: there is nothing to test")
    if isinstance(constraints, str):
        L, values, label = *read_constraints(constraints, fit.design), constraints.strip()
    else:
        L, label = read_matrix(constraints, list(fit.design.fixed_names)), "L beta = 0"
        values = np.zeros(len(L))
    check_independent(L, fit)
    sizes = np.abs(L).max(axis=1)  # 2 * age = 6 says no more than age = 3
    return _f_tests(fit, {label: (L / sizes[:, None], values / sizes)}, df)


def _check(fit: MixedFit | MixedGLMFit, df: str) -> str:
    require_fit(fit)
    return usable_df(fit, df)


# -- F tests ----------------------------------------------------------------------------------


def _f_tests(fit: MixedFit | MixedGLMFit, hypotheses: dict[str, tuple], df: str) -> pd.DataFrame:
    """For each L beta = values one row; of a generalised fit Wald's chi-squared tests."""
    adjusted = KenwardRoger(fit.model.problem, fit.estimates) if df == "kenward-roger" else None
    cov_beta = fit.estimates.cov_beta if adjusted is None else adjusted.cov_beta
    rows = []
    for name, (L, values) in hypotheses.items():
        q = len(L)
        if q == 0:  # the data tell nothing of this term
            rows.append((np.nan, np.nan, 0, np.nan, np.nan, np.nan))
            continue
        difference = L @ fit.estimates.beta - values
        V = L @ cov_beta @ L.T
        scale = 1 / np.sqrt(np.diagonal(V))  # coefficients may be in very different units
        scaled = linalg.solve(V * np.outer(scale, scale), scale * difference, assume_a="pos")
        F = scaled @ (scale * difference) / q
        mean_sq = F * fit.estimates.sigma2
        if adjusted is not None:
            try:
                factor, den_df = adjusted.scale_and_df(L)
            except CourseError as error:
                raise CourseError(f"{name}: {error}") from error
            F *= factor
        else:
            den_df = _satterthwaite_df(fit, L, V) if df == "satterthwaite" else np.inf
        # with an infinite denominator q F is chi-squared
        p_value = stats.f.sf(F, q, den_df) if np.isfinite(den_df) else stats.chi2.sf(q * F, q)
        rows.append((q * mean_sq, mean_sq, q, den_df, F, p_value))
    columns = ["sum_sq", "mean_sq", "num_df", "den_df", "F", "p_value"]
    table = pd.DataFrame(rows, index=list(hypotheses), columns=columns)
    if fit.design.kind == NUMBER:
        return table
    # with a sigma of 1 the sum of squares is Wald's statistic
    return table.rename(columns={"sum_sq": "chi2", "num_df": "df"})[["chi2", "df", "p_value"]]


def _satterthwaite_df(fit: MixedFit, L: np.ndarray, V: np.ndarray) -> float:
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
