"""What lies on the edge of the parameter space: SDs of 0, and correlations of -1 or 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course.common.parameter import Parameter
from course.design.design import Design
from course.solver.estimates import NEAR_ZERO, Estimates
from course.solver.parameters import random_parameters, random_values
from course.solver.problem import Problem

NEAR_ONE = 1 - 1e-6  # a correlation as near to 1 or -1 as this counts as one of these


def on_the_edge(parameter: Parameter, value: float) -> bool:
    """Whether a relative SD is estimated at 0, or a correlation at -1 or 1.

    Examples
    --------
    >>> on_the_edge(Parameter("sd", "school", ("age",)), 1e-5)
    True
    >>> on_the_edge(Parameter("cor", "school", ("Intercept", "age")), -0.98)
    False
    """
    return value < NEAR_ZERO if parameter.kind == "sd" else abs(value) > NEAR_ONE


def without_units(design: Design, relative: Sequence[np.ndarray]) -> list[tuple[Parameter, float]]:
    """The standard deviations and correlations of all random effects, measured without units.

    Parameters
    ----------
    design : Design
    relative : sequence of ndarray, (k, k) each
        For each grouping the covariance matrix of its effects over sigma squared, in coordinates in which
        an effect of one unit changes the response by about that.

    Returns
    -------
    list of (Parameter, float)
        Block by block: the standard deviations, over the residual's, then the correlations. An effect with
        next to no variance has an SD of 0, and correlations of NaN instead of those of rounding errors.
    """
    varying = []
    for covariance in relative:
        varies = np.sqrt(np.diagonal(covariance)) >= NEAR_ZERO
        varying.append(np.where(np.outer(varies, varies), covariance, 0.0))
    return list(zip(random_parameters(design), random_values(design, varying), strict=True))


def relative_covariances(design: Design, estimates: Estimates) -> list[np.ndarray]:
    """Covariances over sigma squared of the effects as the data have them, each per typical predictor.

    A slope per euro is tiny by nature. Multiplied by the root mean square of its column it says how much
    the effect changes the response, whatever the unit; correlations stay what they are.
    """
    found = []
    for grouping, factor in zip(design.scaled.groupings, estimates.factors, strict=True):
        size = np.sqrt(np.mean(grouping.Z**2, axis=0))
        scaled = size[:, None] * factor
        found.append(scaled @ scaled.T)
    return found


def standardised_covariances(problem: Problem, estimates: Estimates) -> list[np.ndarray]:
    """Covariances over sigma squared of the effects of standardised predictors."""
    factors = problem.unpack(estimates.theta_standard)
    scaled = [B @ factor for B, factor in zip(problem.columns.B_z, factors, strict=True)]
    return [factor @ factor.T for factor in scaled]
