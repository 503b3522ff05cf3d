"""What the variances of a fit mean: their shares, R squared, and what is explained at each level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.latent import row_effects, row_variance
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit, require_fit_or_pooled, require_linear
from course.fit.shares import mean_products, row_variances
from course.fit.survey import SurveyFit, population
from course.solver.estimates import estimate
from course.solver.problem import Problem


def variance_shares(fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit) -> pd.DataFrame:
    """How the variance that the fixed part leaves is divided between the levels.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it, or several that are pooled.

    Returns
    -------
    DataFrame
        By group, the residual last: ``variance`` (squared units of the response) and ``share``
        (between 0 and 1; they add up to 1). With a slope the variance of a group depends on the predictor;
        this is its mean over the rows (Johnson 2014, doi 10.1111/2041-210X.12225), with sampling weights over
        the population that they stand for. With prior weights the residual's is that of a row of weight 1. A
        generalised fit has no residual: all is on the scale of its link, and in the last row,
        ``distribution``, stands what its law makes rows differ by there, as in `r2`.

    Raises
    ------
    CourseError
        Where `fit` is not what ``mixedlm(...).fit()`` returns.

    See Also
    --------
    icc : The same shares with intervals, and the correlations that follow from them.
    variance_explained : What the fixed effects take away at each level.
    course.plots.variance_shares : The shares as a picture.

    Examples
    --------
    >>> from course import load, mixedlm, variance_shares
    >>> fit = mixedlm("test_score ~ age + (1|province/school/classroom)", load("pupils")).fit()
    >>> variance_shares(fit).round(2)
                               variance  share
    group
    province                      18.94   0.22
    province:school                8.05   0.09
    province:school:classroom     17.61   0.20
    Residual                      42.67   0.49

    In R: ``with(as.data.frame(VarCorr(fit)), vcov / sum(vcov))``.
    """
    require_fit_or_pooled(fit, surveys=True)
    names = [grouping.name for grouping in fit.design.groupings]
    if isinstance(fit, PooledFit):
        of_groups = row_variances(fit.covariances, fit.mean_products)
    else:
        of_groups = _of_groups(fit)
    variances = np.append(of_groups, row_variance(fit))
    rest = "Residual" if fit.design.kind == NUMBER else "distribution"
    return pd.DataFrame(
        {"variance": variances, "share": variances / variances.sum()},
        index=pd.Index([*names, rest], name="group"),
    )


def _of_groups(fit: MixedFit | MixedGLMFit | SurveyFit) -> np.ndarray:
    """For each grouping the variance of a row by its effects, averaged over rows or the population."""
    return row_variances(
        fit.estimates.covariances, mean_products(fit.design, None, population(fit))
    )


# -- R squared ----------------------------------------------------------------------------------


def r2(fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit) -> pd.Series:
    """Marginal and conditional R squared.

    With V_f the variance of the fixed part's predictions over the rows, V_g the (mean) variance of
    grouping g and V_e the residual variance (with prior weights that of a row of weight 1),

        marginal = V_f / (V_f + sum V_g + V_e),    conditional = (V_f + sum V_g) / (V_f + sum V_g + V_e)

    (Nakagawa and Schielzeth 2013, doi 10.1111/j.2041-210x.2012.00261.x; for random slopes Johnson
    2014, doi 10.1111/2041-210X.12225), as R's MuMIn and performance compute them. Those of pooled fits are
    averaged as Fisher's z of their roots (Harel 2009, doi 10.1080/02664760802553000). With sampling weights
    all variances are those over the population that the rows stand for.

    Of a generalised fit all variances are on the scale of its link (Nakagawa, Johnson and Schielzeth 2017,
    doi 10.1098/rsif.2017.0213). V_e is pi^2 / 3 for the logit, 1 for the probit, pi^2 / 6 for the
    complementary log-log, and log(1 + 1 / lambda) for counts, lambda their mean in the model without
    predictors. An effect of each row, for overdispersion, counts to V_e.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it, or several that are pooled.

    Returns
    -------
    Series
        ``marginal``: what the fixed effects explain; ``conditional``: fixed and random effects together.

    Raises
    ------
    CourseError
        Where `fit` is not what ``mixedlm(...).fit()`` returns.

    See Also
    --------
    variance_explained : The same question, level by level.
    icc : How the rest is shared by groups.

    Examples
    --------
    >>> from course import load, mixedlm, r2
    >>> fit = mixedlm("test_score ~ age + sex + (1|school/classroom)", load("pupils")).fit()
    >>> r2(fit).round(2).to_dict()
    {'marginal': 0.2, 'conditional': 0.61}

    In R: ``performance::r2(fit)``.
    """
    require_fit_or_pooled(fit, surveys=True)
    if isinstance(fit, PooledFit):
        z = np.arctanh([np.sqrt(r2(one)) for one in fit.fits])
        return pd.Series(np.tanh(z.mean(axis=0)) ** 2, index=["marginal", "conditional"], name="r2")
    beta, n = fit.estimates.beta, fit.nobs
    weights = population(fit)
    if weights is None:
        fixed = float(beta @ fit.design.fixed_covariance @ beta) * n / (n - 1)
    else:
        fixed = float(np.cov(fit.design.X @ beta, aweights=weights, ddof=0))
    variances = _of_groups(fit)
    random = float(variances[~row_effects(fit)].sum())
    total = fixed + float(variances.sum()) + row_variance(fit)
    return pd.Series(
        {"marginal": fixed / total, "conditional": (fixed + random) / total}, name="r2"
    )


def variance_explained(fit: MixedFit) -> pd.DataFrame:
    """How much of the variance at each level the fixed effects explain.

    The variances of the model are set against those of the same model with an intercept alone:
    explained = 1 - model / null (Raudenbush and Bryk 2002, Hierarchical Linear Models). A predictor of pupils
    explains variance of schools where schools differ in it. A negative value is no mistake: the variance
    of a level may grow when differences at another are taken out (Snijders and Bosker 1994,
    doi 10.1177/0049124194022003004).

    Parameters
    ----------
    fit : MixedFit
        With random intercepts only.

    Returns
    -------
    DataFrame
        By group, the residual last: null, model (variances), explained (NaN where null is 0).

    Raises
    ------
    CourseError
        For random slopes, whose variance has no counterpart in a model without the predictor, for a model
        without fixed effects, and for a generalised one.

    See Also
    --------
    r2 : One number for all levels together.
    variance_shares : How the variance that is left lies.

    Examples
    --------
    >>> from course import load, mixedlm, variance_explained
    >>> fit = mixedlm("test_score ~ age + sex + (1|school)", load("pupils")).fit()
    >>> variance_explained(fit).round(2)
               null  model  explained
    group
    school    31.52  29.90       0.05
    Residual  74.35  53.95       0.27
    """
    require_fit(fit)
    require_linear(
        fit,
        "variance_explained",
        "its variances are measured by that of the rows on the scale of the link, which is the same with and "
        "without predictors, so that those of two models do not compare. Take r2(fit)",
    )
    if any(grouping.effects != ("Intercept",) for grouping in fit.design.groupings):
        raise CourseError(
            "variance_explained compares random intercepts. Here slopes vary, too, and their variance "
            "has no counterpart in a model without the predictor: use r2(fit)"
        )
    if not fit.design.fixed_names:
        raise CourseError(
            "the model has no fixed effects, so there is nothing that they could explain"
        )
    X = np.ones((fit.nobs, 1))
    design = replace(fit.design, X=X, fixed_names=("Intercept",))
    null = estimate(Problem(design), fit.estimates.reml)
    before = np.array([*(S[0, 0] for S in null.covariances), null.sigma2])
    table = variance_shares(fit)
    after = table["variance"].to_numpy()
    explained = 1 - np.divide(after, before, out=np.full(len(after), np.nan), where=before > 0)
    return pd.DataFrame({"null": before, "model": after, "explained": explained}, index=table.index)
