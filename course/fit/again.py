"""The same model fitted to another design: with further columns, or without some rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.model import MixedFit
from course.fit.satterthwaite import Satterthwaite
from course.fit.tables import t_table
from course.solver.estimates import Estimates, estimate
from course.solver.problem import Problem


def fit_with(
    fit: MixedFit | MixedGLMFit, columns: np.ndarray, labels: Sequence[str]
) -> tuple[Estimates, pd.DataFrame]:
    """What the method of a fit estimates with further fixed effects, and a table of these.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
    columns : ndarray, shape (n, m)
        Further columns of X, none of which the others determine.
    labels : sequence of str
        Their names.

    Returns
    -------
    Estimates
    DataFrame
        A row for each further column, as those of ``fit.fixed_effects``.
    """
    p, m = fit.design.X.shape[1], columns.shape[1]
    X = np.column_stack([fit.design.X, columns])
    larger = replace(fit.design, X=X, fixed_names=(*fit.design.fixed_names, *labels))
    if isinstance(fit, MixedGLMFit):
        estimates, df = _estimate_generalised(fit, larger), np.full(m, np.inf)
    else:
        problem = Problem(larger)
        estimates = estimate(problem, fit.estimates.reml)
        curvature = Satterthwaite(problem, estimates)
        df = np.array([curvature.df(row) for row in np.eye(p + m)[p:]])
    errors = np.sqrt(np.diagonal(estimates.cov_beta)[p:])
    return estimates, t_table(pd.Series(estimates.beta[p:]), pd.Series(errors), df)


def fit_without(fit: MixedGLMFit, rows: np.ndarray) -> Estimates | None:
    """The estimates without the rows that are True, (n,); None where they do not exist."""
    design = fit.design.rows(~rows)
    if np.ptp(design.y) == 0 or np.linalg.matrix_rank(design.X) < design.X.shape[1]:
        return None
    try:
        return _estimate_generalised(fit, design)
    except CourseError:  # nothing is left to be told apart
        return None


def _estimate_generalised(fit: MixedGLMFit, design: Design) -> Estimates:
    return MixedGLM(design, fit.family).fit(fit.nagq).estimates
