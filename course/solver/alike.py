"""One model for responses that are much alike, such as plausible values: one search, then a few steps each.

The first is searched for from nowhere. Its optimum, and the curvature there, are where the others begin, and
these are searched for side by side (`course.solver.refits`). They end as near to their optima as if they had
been fitted alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from course.solver.estimates import Estimates, estimate
from course.solver.problem import Problem
from course.solver.refits import Refitter, how_many


def estimate_alike(
    problem: Problem, best: Estimates, responses: Sequence[np.ndarray]
) -> Iterator[tuple[Problem, Estimates]]:
    """The problem with each of other responses, and the optimum of each.

    Parameters
    ----------
    problem : Problem
    best : Estimates
        Its optimum.
    responses : sequence of ndarray, (n,) each

    Raises
    ------
    CourseError
        As `course.solver.estimates.estimate`.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> problem = Problem(build_design(parse_formula("y ~ 1 + (1|g)"), data))
    >>> (_, other), = estimate_alike(problem, estimate(problem), [2 * data["y"].to_numpy()])
    >>> round(float(other.sigma2), 3)  # four times that of y
    1.333
    """
    refitter, size = Refitter.of(problem, best), how_many(problem)
    for first in range(0, len(responses), size):
        others = problem.with_responses(responses[first : first + size])
        for other, found in zip(others, refitter.fit_alike(others), strict=True):
            # what went wrong, a search by itself tells
            yield other, found if found and found.converged else estimate(other, best.reml)
