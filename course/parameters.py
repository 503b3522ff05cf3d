"""The parameters of a fit by name: fixed effects, SDs and correlations, sigma."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course.design import Design
from course.estimates import Estimates
from course.fit import MixedFit, require_fit
from course.tables import correlation


def parameters(fit: MixedFit) -> pd.Series:
    """Every parameter of a fit under the name that intervals, profiles and bootstrap use.

    Parameters
    ----------
    fit : MixedFit

    Returns
    -------
    Series
        Fixed effects under their patsy names; then the random part in the order of
        `MixedFit.variance_components`: ``sd(age | school)``, ``cor(Intercept, age | school)``;
        last ``sigma``, the residual SD. A correlation with an effect whose SD is 0 is NaN.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (age|school)", load("pupils")).fit()
    >>> list(parameters(fit).index)  # doctest: +NORMALIZE_WHITESPACE
    ['Intercept', 'age', 'sd(Intercept | school)', 'sd(age | school)',
     'cor(Intercept, age | school)', 'sigma']
    """
    require_fit(fit)
    values = parameter_values(fit.design, fit.estimates)
    return pd.Series(values, index=parameter_names(fit.design))


def parameter_names(design: Design) -> list[str]:
    """The names of the parameters, in the order of `parameters`."""
    names = list(design.fixed_names)
    for grouping in design.groupings:
        effects, group = grouping.effects, grouping.name
        for block in grouping.blocks:
            names += [f"sd({effects[j]} | {group})" for j in block]
            names += [f"cor({effects[j]}, {effects[i]} | {group})" for j, i in _pairs(block)]
    return [*names, "sigma"]


def parameter_values(design: Design, estimates: Estimates) -> np.ndarray:
    """The values of the parameters, in the order of `parameter_names`."""
    values = list(estimates.beta)
    for grouping, covariance in zip(design.groupings, estimates.covariances, strict=True):
        sd = np.sqrt(np.diagonal(covariance))
        for block in grouping.blocks:
            values += [sd[j] for j in block]
            values += [correlation(covariance, i, j) for j, i in _pairs(block)]
    return np.array([*values, np.sqrt(estimates.sigma2)])


def _pairs(block: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(j, i) for at, j in enumerate(block) for i in block[at + 1 :]]
