"""The same model fitted to another design: with further columns, or without some rows."""

from __future__ import annotations

import numpy as np

from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.model import MixedFit
from course.solver.estimates import Estimates, estimate
from course.solver.problem import Problem


def fit_again(fit: MixedFit | MixedGLMFit, design: Design) -> Estimates:
    """What the method of a fit estimates from another design of its kind."""
    if isinstance(fit, MixedGLMFit):
        return MixedGLM(design, fit.family).fit(fit.nagq).estimates
    return estimate(Problem(design), fit.estimates.reml)


def fit_without(fit: MixedGLMFit, rows: np.ndarray) -> Estimates | None:
    """The estimates without the rows that are True, (n,); None where they do not exist."""
    design = fit.design.rows(~rows)
    if np.ptp(design.y) == 0 or np.linalg.matrix_rank(design.X) < design.X.shape[1]:
        return None
    try:
        return fit_again(fit, design)
    except CourseError:  # nothing is left to be told apart
        return None
