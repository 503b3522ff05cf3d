"""The parameters of a fit by name: fixed effects, SDs and correlations, sigma."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from course.common.nearest import nearest
from course.errors import CourseError
from course.fit.model import MixedFit, require_fit
from course.solver.parameters import parameter_names, parameter_values


def parameters(fit: MixedFit) -> pd.Series:
    """Every parameter of a fit under the name that intervals, profiles and bootstrap use.

    Parameters
    ----------
    fit : MixedFit
        A fitted model, as ``mixedlm(...).fit()`` returns it.

    Returns
    -------
    Series
        Fixed effects under their patsy names; then the random part in the order of
        `MixedFit.variance_components`: ``sd(age | school)``, ``cor(Intercept, age | school)``;
        last ``sigma``, the residual SD. A correlation with an effect whose SD is 0 is NaN.

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
    require_fit(fit)
    values = parameter_values(fit.design, fit.estimates)
    return pd.Series(values, index=parameter_names(fit.design))


def choose(names: list[str], wanted: str | Sequence[str] | None) -> list[str]:
    """The wanted of a fit's parameter names, or a `CourseError` that names the nearest."""
    if wanted is None:
        return names
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name in names:
            continue
        if match := re.fullmatch(r"cor\((.+), (.+) \| (.+)\)", str(name)):
            one, two, group = match.groups()
            if f"cor({two}, {one} | {group})" in names:
                raise CourseError(f"{name!r} is called 'cor({two}, {one} | {group})' here")
            if {f"sd({one} | {group})", f"sd({two} | {group})"} <= set(names):
                raise CourseError(
                    f"{name!r} is fixed at 0 by the formula, so it has no interval: for a correlation "
                    f"write both effects in one term with a single bar, such as ({two}|{group})"
                )
        raise CourseError(
            f"{name!r} is not a parameter of this fit; it has {', '.join(names)}{nearest(name, names)}"
        )
    return wanted
