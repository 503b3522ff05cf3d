"""The variance of a row around its groups, on the scale on which effects add up.

Of a linear fit that is the residual variance. A generalised model has none; its law makes rows of one mean
differ, and on the scale of the link that amounts to (Nakagawa, Johnson and Schielzeth 2017, doi
10.1098/rsif.2017.0213)

    logit     pi^2 / 3, the variance of a logistic variable that is seen only as above 0 or not
    probit    1, that of a normal one
    cloglog   pi^2 / 6, that of a Gumbel one
    log       log(1 + 1 / lambda), lambda the mean of the counts: that of a lognormal variable with the same
              mean and variance as the counts

lambda is that of the model without predictors, exp(intercept + variance of all random effects / 2), with an
offset its mean over the rows. Effects of single rows, which are there for overdispersion, come to it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.shares import mean_variances
from course.fit.survey import SurveyFit

OF_LINK = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": np.pi**2 / 6}


def row_variance(fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit) -> float:
    """The residual variance, or what the law of a generalised model makes of it.

    Examples
    --------
    >>> from course import load, mixedglm
    >>> fit = mixedglm("(normexam > 0) ~ standLRT + (1|school)", load("exam")).fit()
    >>> round(row_variance(fit), 3)
    3.29
    """
    if not isinstance(fit, MixedGLMFit):
        return fit.scale
    if fit.family.link in OF_LINK:
        return OF_LINK[fit.family.link]
    return float(np.log1p(1 / mean_count(fit)))


def mean_count(fit: MixedGLMFit) -> float:
    """The mean of the counts of all groups that there might be, in a model without predictors."""
    design = replace(fit.design, X=np.ones((fit.nobs, 1)), fixed_names=("Intercept",))
    null = MixedGLM(design, fit.family).fit(fit.nagq)
    between = mean_variances(design, null.estimates).sum()
    return float(np.exp(design.offset + null.estimates.beta[0] + between / 2).mean())


def row_effects(fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit) -> np.ndarray:
    """Which groupings have a level for each row, (G,): effects for overdispersion."""
    return np.array([grouping.n_levels == fit.nobs for grouping in fit.design.groupings])
