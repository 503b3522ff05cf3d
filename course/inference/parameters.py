"""The parameters of a fit by name: fixed effects, SDs and correlations, sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.common.parameter import Parameter
from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled
from course.solver.parameters import (
    parameter_names,
    parameter_values,
    parameters_of,
    random_values,
)


def parameters(fit: MixedFit | MixedGLMFit | PooledFit) -> pd.Series:
    """Every parameter of a fit under the name that intervals, profiles and bootstrap use.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it, or several that are
        pooled.

    Returns
    -------
    Series
        Fixed effects under their patsy names; then the random part in the order of
        `MixedFit.variance_components`: ``sd(age | school)``, ``cor(Intercept, age | school)``;
        last ``sigma``, the residual SD, which a generalised fit has not. A correlation with an effect whose
        SD is 0 is NaN.

    See Also
    --------
    confint : Their intervals.
    profile : Their profiles, under the same names.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (age|school)", load("pupils")).fit()
    >>> list(parameters(fit).index)  # doctest: +NORMALIZE_WHITESPACE
    ['Intercept', 'age', 'sd(Intercept | school)', 'sd(age | school)',
     'cor(Intercept, age | school)', 'sigma']

    In R: ``fixef(fit)`` and the column ``sdcor`` of ``as.data.frame(VarCorr(fit))``.
    """
    require_fit_or_pooled(fit)
    if isinstance(fit, PooledFit):
        random = random_values(fit.design, fit.covariances)
        values = np.array([*fit.fe_params, *random, fit.sigma])
    else:
        values = parameter_values(fit.design, fit.estimates)
    return pd.Series(values, index=parameter_names(fit.design))


def choose(design: Design, wanted: str | Sequence[str] | None) -> list[Parameter]:
    """The parameters with the names wanted, all of them for None.

    Raises
    ------
    CourseError
        For a name that is none of theirs, with the nearest one.
    """
    known: dict[str, Parameter] = {}
    for parameter in parameters_of(design):
        known.setdefault(str(parameter), parameter)
    if wanted is None:
        return list(known.values())
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name in design.aliased.names:
            raise CourseError(f"{name} has no estimate. {design.aliased.reason(name)}")
        if name not in known:
            _refuse_correlation(name, list(known.values()))
            raise CourseError(
                f"{name!r} is not a parameter of this fit; it has {', '.join(known)}"
                f"{nearest(name, known)}"
            )
    return [known[name] for name in wanted]


def _refuse_correlation(name: str, known: list[Parameter]) -> None:
    """Raise for a correlation with its effects turned round, and for one that the formula fixes at 0."""
    for parameter in known:
        turned = replace(parameter, effects=parameter.effects[::-1])
        if parameter.kind == "cor" and name == str(turned):
            raise CourseError(f"{name!r} is called {str(parameter)!r} here")
    sds = [parameter for parameter in known if parameter.kind == "sd"]
    for one, other in permutations(sds, 2):
        effects = one.effects + other.effects
        if one.group == other.group and name == str(Parameter("cor", one.group, effects)):
            raise CourseError(
                f"{name!r} is fixed at 0 by the formula, so it has no interval: for a correlation "
                "write both effects in one term with a single bar, as in (age|school)"
            )
