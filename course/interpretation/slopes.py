"""How steep the fixed part is along a predictor, as R's emmeans has it in ``emtrends``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from course.common.arguments import choice, proportion
from course.errors import CourseError
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled
from course.fit.tables import t_table
from course.formula.parse import variables_of
from course.inference.combinations import DF, Single
from course.interpretation.functions import estimated, grid_of
from course.interpretation.reference_grid import (
    Functions,
    ReferenceGrid,
    check_weights,
    estimable,
    is_labelled,
    read_names,
)
from course.interpretation.response_scale import on_response, slopes_on_response

STEP = 1e-4  # of the predictor's range: to either side


def slopes(
    fit: Single | PooledFit,
    predictor: str,
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, object] | None = None,
    weights: str = "equal",
    df: str = "satterthwaite",
    level: float = 0.95,
    scale: str = "link",
) -> pd.DataFrame:
    """The slope of the mean along a predictor: how much it changes per unit, with test and interval.

    The derivative of the fixed part by the predictor, x, averaged as `means` averages: with a row of the
    design x(h) for each combination h of the other factors,

        slope = sum over h of w(h) (d x(h) / dx)' beta.

    Where the formula has the predictor as it is, that is its coefficient, plus what interactions add for the
    levels in `by`. Inside a function, as ``np.log(age)`` or ``bs(age, df=4)``, the slope depends on where
    one looks: at the predictor's mean, or at its values in `at`. The derivative is a difference quotient over
    a ten-thousandth of the predictor's range to either side.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it; pooled fits are taken by Rubin's rules.
    predictor : str
        A predictor of the fixed part that holds numbers.
    by : str or list of str, optional
        Predictors at each of whose levels (or values in `at`) a slope is wanted.
    at, weights, df, level
        As in `means`. Several values of the predictor itself in `at` give a slope at each.
    scale : "link" or "response"
        Of a generalised fit: the slope of the linear predictor, or that of the probability or expected count
        there, which is steepest in the middle of the curve.

    Returns
    -------
    DataFrame
        By the levels of `by` and the values of the predictor in `at`, or one row: estimate, std_error, df, t,
        p_value, lower, upper. ``table.attrs["notes"]`` as that of `means`.

    Raises
    ------
    CourseError
        For a predictor that holds labels or is in an offset alone, and as `means`.

    See Also
    --------
    means : The question about a predictor with labels.
    between_within : The slopes within and between groups.
    course.plots.slopes : The slopes as a picture.

    References
    ----------
    Searle, Speed and Milliken (1980), doi 10.1080/00031305.1980.10483031; R's emmeans by Lenth.

    Examples
    --------
    >>> from course import load, mixedlm, slopes
    >>> fit = mixedlm("test_score ~ age * sex + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> slopes(fit, "age", by="sex").round(2)
            estimate  std_error       df      t  p_value  lower  upper
    sex
    female      3.66       0.16  2341.55  22.66      0.0   3.35   3.98
    male        3.89       0.16  2345.17  24.55      0.0   3.58   4.20

    In R: ``test(emtrends(fit, "sex", var = "age"))``.
    """
    require_fit_or_pooled(fit, surveys=True)
    check_weights(weights)
    choice("df", df, DF)
    level = proportion("level", level)
    design = fit.design
    name, *more = read_names(design, "predictor", predictor)
    if more:
        raise CourseError(f"slopes are along one predictor: write {name!r} and by={more[0]!r}")
    if is_labelled(design, name):
        raise CourseError(
            f"{name} holds labels, which have no slope: contrasts(fit, {name!r}) compares their means"
        )
    if name not in variables_of(design.formula.fixed):
        raise CourseError(
            f"{name} is in offset(...) alone: its coefficient is 1, and nothing is estimated"
        )
    within = [] if by is None else read_names(design, "by", by)
    if name in within:
        raise CourseError(f"{name} cannot stand in by: for its slope at several values write at=")
    grid = grid_of(fit, at, numeric=name)
    places = np.array(grid.values[name])
    shown = [*within, name]
    column = design.columns[name].to_numpy(dtype=float)
    step = STEP * np.ptp(column)
    # at the edge of the data the step is taken inwards: a spline or a root has no beyond
    low = np.where(places >= column.min(), np.maximum(places - step, column.min()), places - step)
    high = np.where(places <= column.max(), np.minimum(places + step, column.max()), places + step)

    def quotients(on: ReferenceGrid) -> Functions:
        before = on.functions(shown, weights, {name: low.tolist()})
        after = on.functions(shown, weights, {name: high.tolist()})
        width = np.tile(high - low, len(before.L) // len(places))
        labels = before.labels
        if len(places) == 1 and within:
            labels = labels.droplevel(name)
        elif not within and len(places) == 1:
            labels = pd.Index([name], name="predictor")
        L = (after.L - before.L) / width[:, None]
        L[np.abs(L) < 1e-9 * np.abs(L).max(initial=0)] = 0  # rounding of what does not change
        return Functions(labels, L, (after.offset - before.offset) / width)

    table = estimated(fit, grid, quotients, "slope", df, level)
    if on_response(fit, scale):
        middle, at_middle = grid.functions(shown, weights), quotients(grid)
        L = estimable(grid, Functions(at_middle.labels, middle.L, middle.offset), "mean")
        eta = L @ fit.estimates.beta + middle.offset
        L_slope = estimable(grid, at_middle, "slope")
        estimates, errors = slopes_on_response(fit, eta, L, table["estimate"].to_numpy(), L_slope)
        infinite = np.full(len(table), np.inf)
        table = t_table(
            pd.Series(estimates, table.index), pd.Series(errors, table.index), infinite, level, "z"
        )
    table.attrs["notes"] = grid.notes(shown, weights)
    return table
