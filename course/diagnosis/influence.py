"""Influence of whole groups: what the model says with one school, or one province, left out.

Rows enter a fit through cross-products summed by level of the finest grouping (`course.solver.problem`).
So a group is left out by setting its cross-products to 0: its levels then add nothing to the likelihood,
and the small problem is fitted again from the optimum of all data, without going back to the rows. A
generalised model has no such sums, and is fitted to the other rows anew.
"""

from __future__ import annotations

from functools import partial
from itertools import compress

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.design.design import Design
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.again import fit_without
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.fit.shares import mean_variances
from course.solver.estimates import Optimum
from course.solver.problem import Problem
from course.solver.refits import Refitter, how_many

FEWEST = 3  # with one of two left out there is no variance between levels to estimate


def influence(fit: MixedFit | MixedGLMFit, group: str, progress: bool = True) -> pd.DataFrame:
    """Leave out one level at a time, fit again, and see what changes.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
    group : str
        The grouping factor, as in ``fit.n_groups``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        By level of the group:

        - ``rows``: how many rows it has;
        - ``cook``: (b - b_out)' V^-1 (b - b_out) / p, the distance of all fixed effects together (Cook
          1977, doi 10.2307/1268249; for groups Demidenko and Stukel 2005, doi 10.1002/sim.1974);
        - ``dfbeta(age)`` for each fixed effect: (b - b_out) / standard error of b;
        - ``change(school)`` for each grouping and the residual: variance without the level over variance
          with it, minus 1. With slopes the variance is its mean over all rows.

        b is the estimate from all data, b_out that without the level, V the covariance matrix of b. NaN
        where a coefficient cannot be estimated without the level, or a variance is 0.

    Raises
    ------
    CourseError
        For a group that the fit does not have, or with less than three levels.

    See Also
    --------
    diagnose : Does this for all groups that take little time, and says what stands out.
    course.plots.caterpillar : The levels themselves.

    Examples
    --------
    >>> from course import influence, load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|province) + (1|school)", load("pupils")).fit()
    >>> table = influence(fit, "province", progress=False)
    >>> table.nlargest(2, "cook")[["rows", "cook", "change(province)"]].round(2)
              rows  cook  change(province)
    province
    P12        226  2.31              0.10
    P02        216  0.76              0.03

    In R: ``cooks.distance(influence(fit, "province"))`` and ``dfbetas(influence(fit, "province"))``, whose
    scales are a little different.
    """
    require_fit(fit)
    names = list(fit.n_groups)
    if group not in names:
        mend = nearest(group, names) or f"; there are {', '.join(names)}"
        raise CourseError(f"this fit has no group {group!r}{mend}")
    at = names.index(group)
    grouping = fit.design.groupings[at]
    if grouping.n_levels < FEWEST:
        raise CourseError(
            f"{group} has {grouping.n_levels} levels: with one of them left out no variance between "
            "levels can be estimated"
        )
    optima = _all_without(fit, at, progress)
    before = fit.estimates
    variances = all_variances(fit.design, before)
    errors, correlations = fit.bse_fe.to_numpy(), _correlations(before.cov_beta)
    interpretable = variances > 1e-8 * variances.sum()
    rows = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for after in optima:
            if after is None:
                moved, cook = np.full(len(before.beta), np.nan), np.nan
                change = np.full(len(variances), np.nan)
            else:
                moved = (before.beta - after.beta) / errors
                cook = moved @ np.linalg.solve(correlations, moved)
                cook /= max(len(moved), 1)  # 0 where no fixed effect can move
                change = all_variances(fit.design, after) / variances - 1
            rows.append([cook, *moved, *np.where(interpretable, change, np.nan)])
    columns = ["cook", *(f"dfbeta({name})" for name in fit.design.fixed_names)]
    rest = ["Residual"] if fit.design.kind == NUMBER else []
    columns += [f"change({name})" for name in [*names, *rest]]
    table = pd.DataFrame(rows, columns=columns, index=grouping.levels)
    table.insert(0, "rows", np.bincount(grouping.codes))
    return table


def _correlations(V: np.ndarray) -> np.ndarray:
    sd = np.sqrt(np.diagonal(V))
    return V / np.outer(sd, sd)


def all_variances(design: Design, optimum: Optimum) -> np.ndarray:
    residual = [optimum.sigma2] if design.kind == NUMBER else []
    return np.append(mean_variances(design, optimum), residual)


def _all_without(
    fit: MixedFit | MixedGLMFit, grouping: int, progress: bool
) -> list[Optimum | None]:
    """For each level the optimum without it; None where not all fixed effects exist without it."""
    from tqdm import tqdm

    group = fit.design.groupings[grouping]
    optima: list[Optimum | None] = []
    if isinstance(fit, MixedGLMFit):
        without, size = partial(_generalised_without, fit), 1
    else:
        problem = fit.model.problem
        without = partial(_linear_without, problem, Refitter.of(problem, fit.estimates))
        size = how_many(problem)
    with tqdm(
        total=group.n_levels, desc=f"without one {group.name}", unit="fit", disable=not progress
    ) as bar:
        for first in range(0, group.n_levels, size):
            levels = range(first, min(first + size, group.n_levels))
            gone = [group.codes == level for level in levels]
            optima += without(gone)
            bar.update(len(levels))
    return optima


def _linear_without(
    problem: Problem, refitter: Refitter, gone: list[np.ndarray]
) -> list[Optimum | None]:
    smaller = [problem.without(rows) for rows in gone]
    exist = [one.identifies_beta for one in smaller]
    found = iter(refitter.fit(list(compress(smaller, exist))))
    return [next(found) if fits else None for fits in exist]


def _generalised_without(fit: MixedGLMFit, gone: list[np.ndarray]) -> list[Optimum | None]:
    return [fit_without(fit, rows) for rows in gone]
