"""Influence of whole groups: what the model says with one school, or one province, left out.

Rows enter a fit through cross-products summed by level of the finest grouping (`course.solver.problem`).
So a group is left out by subtracting its cross-products, without going back to the rows. Where one group
matters little, Newton's steps in a model of all these likelihoods find its optimum, to 1/10,000 of a
standard error; where it matters more the optimum is searched for (`course.solver.left_out`). A generalised
model has no such sums, and is fitted to the other rows anew.
"""

from __future__ import annotations

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
from course.solver.left_out import optima_without_each
from course.solver.refits import Refitter

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
    moved = np.full((grouping.n_levels, len(before.beta)), np.nan)
    change = np.full((grouping.n_levels, len(variances)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        for level, after in enumerate(optima):
            if after is not None:
                moved[level] = (before.beta - after.beta) / errors
                change[level] = all_variances(fit.design, after) / variances - 1
    change[:, ~interpretable] = np.nan
    cook = (moved * np.linalg.solve(correlations, moved.T).T).sum(axis=1)
    cook /= max(len(before.beta), 1)  # 0 where no fixed effect can move
    cook[[after is None for after in optima]] = np.nan
    columns = ["cook", *(f"dfbeta({name})" for name in fit.design.fixed_names)]
    rest = ["Residual"] if fit.design.kind == NUMBER else []
    columns += [f"change({name})" for name in [*names, *rest]]
    rows = np.column_stack([cook, moved, change])
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
    with tqdm(
        total=group.n_levels, desc=f"without one {group.name}", unit="fit", disable=not progress
    ) as bar:
        if isinstance(fit, MixedFit):
            problem, best = fit.model.problem, fit.estimates
            refitter = Refitter.of(problem, best)
            return optima_without_each(problem, grouping, best, refitter, bar.update)
        optima: list[Optimum | None] = []
        for level in range(group.n_levels):
            optima.append(fit_without(fit, group.codes == level))
            bar.update()
        return optima
