"""Several fits in one table, column beside column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from course.common.wording import number, rounded_like
from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled
from course.fit.summary import LEFT_OUT
from course.inference.parameters import parameters
from course.solver.parameters import parameters_of

PARTS = ("fixed effects", "random effects", "fit")


def side_by_side(
    *fits: MixedFit | PooledFit, names: Sequence[str] | None = None, numeric: bool = False
) -> pd.DataFrame:
    """Several models in one table: coefficients, SDs and correlations, measures of fit.

    Log-likelihoods, AIC and BIC are comparable where response, rows and method are the same, and under
    REML also the fixed effects; rows and method stand in the table, `course.compare` checks them.

    Parameters
    ----------
    *fits : MixedFit or PooledFit
        One or more fitted models, one column each.
    names : sequence of str, optional
        Column names; "(1)", "(2)", ... where left out.
    numeric : bool
        False: text, coefficients as "estimate (standard error)". True: numbers, in two columns per model,
        "estimate" and "std_error", without the row "method".

    Returns
    -------
    DataFrame
        Index (part, term): first the fixed effects, then ``sd(age | school)``, ``cor(Intercept, age |
        school)`` and ``sigma``, then rows, the number of levels of each grouping, log-likelihood, AIC, BIC
        (of pooled fits their number), method. Empty text (NaN) where a model has no such term, and a dash
        (NaN) where it has the term but other columns determine it, so that it is left out.

    Raises
    ------
    CourseError
        Without a fit, for something else than a fit, for names that are too few, too many or repeated.

    See Also
    --------
    compare : Tests of one against the other.
    report : One fit in sentences.
    course.plots.coefficients : The coefficients of several fits as a picture.

    Notes
    -----
    pandas writes the table: ``table.to_html()``; ``table.to_latex()`` (needs jinja2); ``table.to_markdown()``
    (needs tabulate).

    Adjusted means and their intervals need no function of their own: build a grid, and let the model
    speak. With X the grid's rows in the columns of the model, their standard errors are the
    roots of the diagonal of X V X'::

        grid = pd.DataFrame({"age": [8, 10, 12], "sex": "female"})
        means = fit.predict(grid, random="none")
        X = fit.design.fixed_rows(grid)
        se = np.sqrt(np.einsum("ij,jk,ik->i", X, fit.cov_params(), X))

    ``fit.statsmodels`` is statsmodels' own result, so that its ``t_test`` and ``summary().as_latex()`` work.

    Examples
    --------
    >>> from course import load, mixedlm, side_by_side
    >>> pupils = load("pupils")
    >>> one = mixedlm("test_score ~ age + (1|school)", pupils).fit()
    >>> two = mixedlm("test_score ~ age + sex + (1|school)", pupils).fit()
    >>> side_by_side(one, two, names=["age", "age and sex"]).loc["fixed effects"]
                         age   age and sex
    term
    Intercept     23.2 (1.5)    24.3 (1.5)
    sex[T.male]               -2.26 (0.30)
    age          3.76 (0.13)   3.77 (0.13)
    >>> side_by_side(one, two).to_html().startswith("<table")
    True

    In R: ``modelsummary::modelsummary(list(one, two))``.
    """
    if not fits:
        raise CourseError("side_by_side takes one or more fits: side_by_side(fit_a, fit_b)")
    for fit in fits:
        require_fit_or_pooled(fit, "side_by_side(fit_a, fit_b)")
    names = [f"({i})" for i in range(1, len(fits) + 1)] if names is None else list(names)
    if len(names) != len(fits) or len(set(names)) < len(names):
        raise CourseError(f"{len(fits)} fits need {len(fits)} different names, not {names}")
    columns = [_column(fit) for fit in fits]
    index = _merged([list(column) for column in columns])
    index.sort(key=lambda key: PARTS.index(key[0]))
    rows = pd.MultiIndex.from_tuples(index, names=["part", "term"])
    if numeric:
        index.remove((PARTS[-1], "method"))
        rows = rows[: len(index)]
        both = {
            (name, kind): [float(column.get(key, (np.nan, np.nan))[at]) for key in index]
            for name, column in zip(names, columns, strict=True)
            for at, kind in enumerate(("estimate", "std_error"))
        }
        return pd.DataFrame(both, index=rows)
    correlations = {
        str(parameter)
        for fit in fits
        for parameter in parameters_of(fit.design)
        if parameter.kind == "cor"
    }
    text = {
        name: [
            _text(key, *column[key], key[1] in correlations) if key in column else ""
            for key in index
        ]
        for name, column in zip(names, columns, strict=True)
    }
    return pd.DataFrame(text, index=rows)


def _column(fit: MixedFit | PooledFit) -> dict[tuple[str, str], tuple[Any, float]]:
    """(part, term) to (value, standard error or NaN)."""
    fixed, random, measures = PARTS
    table = fit.fixed_effects
    found = {
        (fixed, name): (value, error)
        for name, value, error in zip(table.index, table.estimate, table.std_error, strict=True)
    }
    for name, value in parameters(fit).iloc[len(fit.fe_params) :].items():
        found[random, name] = (value, np.nan)
    found[measures, "rows"] = (fit.nobs, np.nan)
    for name, count in fit.n_groups.items():
        found[measures, f"levels of {name}"] = (count, np.nan)
    if isinstance(fit, PooledFit):
        found[measures, "fits pooled"] = (len(fit.fits), np.nan)
    else:
        for name, value in (("log-likelihood", fit.llf), ("AIC", fit.aic), ("BIC", fit.bic)):
            found[measures, name] = (value, np.nan)
    found[measures, "method"] = (fit.method, np.nan)
    return found


def _merged(orders: list[list]) -> list:
    """All keys once, each after those that stand before it in its own list."""
    merged: list = []
    for keys in orders:
        at = 0
        for key in keys:
            if key in merged:
                at = merged.index(key) + 1
            else:
                merged.insert(at, key)
                at += 1
    return merged


def _text(key: tuple[str, str], value: Any, error: float, correlation: bool) -> str:
    part, _ = key
    if isinstance(value, str):
        return value
    if part == "fixed effects" and np.isnan(value):
        return LEFT_OUT
    if part == "fixed effects":
        digits = max(1 - int(np.floor(np.log10(error))), 0)
        return f"{rounded_like(value, error)} ({error:,.{digits}f})"
    if part == "fit":
        return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    if correlation:
        return "" if np.isnan(value) else f"{value:.2f}"
    return number(value)
