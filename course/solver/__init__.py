"""`Design` to `Estimates`: the deviance, its gradient, and the search for the optimum.

**In**: a `Design`. **Out**: `Estimates`, arrays in the units of the data, and what lies on the edge of the
parameter space. Knows nothing of formulas, of DataFrames or of what a fit looks like to a learner.
"""

from course.solver.estimates import Estimates, estimate
from course.solver.parameters import parameter_names, parameter_values, parameters_of
from course.solver.problem import Problem

__all__ = [
    "Estimates",
    "Problem",
    "estimate",
    "parameter_names",
    "parameter_values",
    "parameters_of",
]
