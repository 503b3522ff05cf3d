"""Linear functions of the fixed effects on a reference grid, of one fit or of several that are pooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from course.fit.pooled import PooledFit
from course.fit.survey import population
from course.fit.tables import t_table
from course.inference.combinations import (
    Combinations,
    Single,
    combinations,
    of_each,
    statistic_of,
)
from course.interpretation.reference_grid import (
    Functions,
    ReferenceGrid,
    estimable,
    reference_grid,
)


def grid_of(
    fit: Single | PooledFit,
    at: Mapping[str, object] | None,
    numeric: str | None = None,
) -> ReferenceGrid:
    """The grid of a fit; numbers stand at their mean over all data sets of a pooled one."""
    fits = fit.one_of_each_design if isinstance(fit, PooledFit) else [fit]
    grids = [reference_grid(one.design, at, numeric, population(one)) for one in fits]
    first = grids[0]
    at_mean = [name for name in first.values if name not in first.levels and name not in (at or {})]
    means = {name: [float(np.mean([grid.values[name] for grid in grids]))] for name in at_mean}
    return replace(first, values=first.values | means)


def estimated(
    fit: Single | PooledFit,
    grid: ReferenceGrid,
    build: Callable[[ReferenceGrid], Functions],
    what: str,
    df: str,
    level: float,
) -> pd.DataFrame:
    """estimate, std_error, df, t (or z), p_value, lower, upper, by the labels of the functions.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
    grid : ReferenceGrid
    build : callable
        The functions on a grid. Those of data sets whose predictors differ are built for each of these.
    what : str
        What they are, for a message: "mean".
    df : {"satterthwaite", "kenward-roger", "normal"}
    level : float
    """
    made: dict[int, Functions] = {}

    def of_one(one: Single) -> Combinations:
        key = id(one.design.codings)
        if key not in made:
            made[key] = build(replace(grid, design=one.design, population=population(one)))
        found = combinations(one, estimable(grid, made[key], what), df)
        return replace(found, estimates=found.estimates + made[key].offset)

    found = of_each(fit, of_one)
    labels = next(iter(made.values())).labels
    estimates, errors = pd.Series(found.estimates, labels), pd.Series(found.std_errors, labels)
    return t_table(estimates, errors, found.df, level, statistic_of(fit))
