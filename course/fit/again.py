"""The same model fitted to another design: with further columns, or without some rows."""

from __future__ import annotations

import numpy as np

from course.design.design import Design
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.model import MixedFit
from course.solver.estimates import Estimates, estimate
from course.solver.problem import Problem


def fit_again(fit: MixedFit | MixedGLMFit, design: Design) -> Estimates:
    """What the method of a fit estimates from another design of its kind."""
    if fit.design.kind == NUMBER:
        return estimate(Problem(design), fit.estimates.reml)
    return MixedGLM(design, fit.family).fit(fit.nagq).estimates


def fit_without(fit: MixedFit | MixedGLMFit, rows: np.ndarray) -> Estimates | None:
    """The estimates without the rows that are True, (n,); None where they do not exist.

    A linear problem leaves them out of its cross-products; a generalised one is built anew.
    """
    try:
        if fit.design.kind == NUMBER:
            smaller = fit.model.problem.without(rows)
            smaller.start = fit.estimates.theta_standard
            if smaller.identifies_beta:
                return estimate(smaller, fit.estimates.reml)
        else:
            design = fit.design.rows(~rows)
            if np.ptp(design.y) > 0 and np.linalg.matrix_rank(design.X) == design.X.shape[1]:
                return fit_again(fit, design)
    except CourseError:  # no residual is left
        pass
    return None
