"""`Problem` to `Estimates`: the optimum in the units of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from course.errors import CourseError
from course.solver.factors import lower_factor
from course.solver.problem import Evaluation, Problem
from course.solver.quasi_newton import Found
from course.solver.search import search

# A relative standard deviation that counts as none; lme4's isSingular has the same.
NEAR_ZERO = 1e-4
LEAST_RESIDUAL = 1e-12  # of the response's variance: where less is left, it is rounding
LEAST_CROSSED = 1e-8  # the same where groupings cross, and large effects of both nearly cancel
NO_RESIDUAL = (
    "the fixed and random effects reproduce the response: no residual is left but what may be rounding. "
    "Look for a response that is the same in all rows of a group, for a predictor computed from the "
    "response, or for one row per group"
)


@dataclass(frozen=True, eq=False)
class Optimum:
    """The optimum, in the units of the data.

    Attributes
    ----------
    beta : ndarray, shape (p,)
    cov_beta : ndarray, shape (p, p)
    sigma2 : float
        Residual variance.
    factors : tuple of ndarray
        For each grouping the relative covariance factor Lambda, (k, k), lower triangular: the
        covariance matrix of its effects is ``sigma2 * Lambda @ Lambda.T``.
    deviance : float
        -2 log-likelihood, or the REML criterion.
    reml, converged, singular : bool
    evaluations : int
        Of the deviance and its gradient, all starts together.
    gradient : float
        Largest absolute entry of the gradient at the optimum, in standardised units.
    """

    beta: np.ndarray
    cov_beta: np.ndarray
    sigma2: float
    factors: tuple[np.ndarray, ...]
    deviance: float
    reml: bool
    converged: bool
    singular: bool
    evaluations: int
    gradient: float
    theta_standard: np.ndarray  # where the search ended, for what is derived there

    @property
    def llf(self) -> float:
        """Log-likelihood; restricted where the fit is by REML."""
        return -self.deviance / 2

    @property
    def covariances(self) -> tuple[np.ndarray, ...]:
        """For each grouping the covariance matrix of its effects, (k, k)."""
        return tuple(self.sigma2 * factor @ factor.T for factor in self.factors)

    def with_effects(self, effects: Sequence[np.ndarray]) -> Estimates:
        """The same with the random effects there, (L, k) for each grouping."""
        return Estimates(**vars(self), effects=tuple(effects))


@dataclass(frozen=True, eq=False)
class Estimates(Optimum):
    """The optimum and the random effects there, in the units of the data.

    Attributes
    ----------
    effects : tuple of ndarray
        For each grouping the conditional means (BLUPs), (L, k).
    """

    effects: tuple[np.ndarray, ...]


def estimate(problem: Problem, reml: bool = True, progress: bool = False) -> Estimates:
    """Minimise the deviance and end on a checked optimum.

    Parameters
    ----------
    problem : Problem
    reml : bool
        Restricted maximum likelihood, or maximum likelihood.
    progress : bool
        Whether a search of more than a second shows where it is.

    Returns
    -------
    Estimates

    Raises
    ------
    CourseError
        Where the fixed and random effects leave no residual.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> estimates = estimate(Problem(build_design(parse_formula("y ~ 1 + (1|g)"), data)))
    >>> round(float(estimates.sigma2), 3)  # within groups: (0.5 + 0.5 + 0) / 3
    0.333
    """
    try:
        best = search(problem, reml, progress)
    except linalg.LinAlgError as error:  # effects so large that X'V^-1 X is lost in rounding
        raise CourseError(NO_RESIDUAL) from error
    at = problem.evaluate(best.theta)
    (optimum,) = optima(problem, at.alone(), [best], reml)
    if optimum is None:
        raise CourseError(NO_RESIDUAL)
    return optimum.with_effects(problem.effects(at))


def optima(
    problem: Problem, at: Evaluation, found: Sequence[Found], reml: bool
) -> list[Optimum | None]:
    """Where searches ended, in the units of the data.

    Parameters
    ----------
    problem : Problem
        Or several side by side, as `course.solver.together.Together`.
    at : Evaluation
        Of the points found, these on the last axis.
    found : sequence of Found
    reml : bool

    Returns
    -------
    list of (Optimum or None)
        None where the fixed and random effects leave no residual.
    """
    r2 = at.r2 / problem.df(reml)
    sigma2 = r2 * problem.y_scale**2
    beta = (problem.y_scale * (problem.T_x @ at.beta)).T
    if problem.columns.constant is not None:
        beta += np.multiply.outer(problem.y_shift, problem.columns.constant)
    XX_inverse = np.moveaxis(at.XX_inverse, 2, 0)
    cov_beta = sigma2[:, None, None] * (problem.T_x @ XX_inverse @ problem.T_x.T)
    lower, factors = [], []
    for T, own, grouping in zip(problem.T_z, at.factors, problem.design.groupings, strict=True):
        # theta is free of sign
        lower.append(np.moveaxis(np.where(own.diagonal().T < 0, -own, own), 2, 0))
        factors.append(lower_factor(T @ without_dust(lower[-1]), grouping.blocks))
    smallest = [own.diagonal(axis1=1, axis2=2).min(axis=1) for own in lower]
    singular = np.min(smallest, axis=0) < NEAR_ZERO
    deviance = problem.in_units_of_data(problem.deviance(at, reml), reml)
    return [
        Optimum(
            beta=beta[i],
            cov_beta=cov_beta[i],
            sigma2=float(sigma2[i]),
            factors=tuple(own[i] for own in factors),
            deviance=float(deviance[i]),
            reml=reml,
            converged=bool(best.converged),
            singular=bool(singular[i]),
            evaluations=best.evaluations,
            gradient=float(best.gradient),
            theta_standard=best.theta,
        )
        if r2[i] >= (LEAST_CROSSED if problem.crossing else LEAST_RESIDUAL)
        else None
        for i, best in enumerate(found)
    ]


def conditional_sds(problem: Problem, estimates: Estimates) -> list[np.ndarray]:
    """Conditional standard deviations of the random effects, given beta and theta, (L, k) each."""
    at = problem.evaluate(estimates.theta_standard)
    conditional = problem.conditional_covariances(at, estimates.sigma2)
    return [np.sqrt(np.diagonal(V, axis1=1, axis2=2).clip(min=0)) for V in conditional]


def ml_deviance(
    problem: Problem, beta: np.ndarray, covariances: Sequence[np.ndarray], sigma2: float
) -> float:
    """-2 log-likelihood at any values of the parameters, in the units of the data.

    Parameters
    ----------
    problem : Problem
    beta : ndarray, shape (p,)
    covariances : sequence of ndarray, (k, k) each
        For each grouping the covariance matrix of its effects.
    sigma2 : float
        Residual variance.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> problem = Problem(build_design(parse_formula("y ~ 1 + (1|g)"), data))
    >>> best = estimate(problem, reml=False)
    >>> at = ml_deviance(problem, best.beta, best.covariances, best.sigma2)
    >>> round(abs(at - best.deviance), 8), ml_deviance(problem, best.beta, [np.eye(1)], 1.0) > at
    (0.0, True)
    """
    factors = []
    for grouping, T, covariance in zip(
        problem.design.groupings, problem.T_z, covariances, strict=True
    ):
        root = np.zeros_like(covariance)
        for block in grouping.blocks:
            here = np.ix_(block, block)
            values, vectors = np.linalg.eigh(covariance[here] / sigma2)
            root[here] = vectors * np.sqrt(values.clip(min=0))
        factors.append(lower_factor(np.linalg.solve(T, root), grouping.blocks))
    at = problem.evaluate(problem.pack(factors))
    T_x = problem.T_x * problem.y_scale
    away = beta - T_x @ at.beta
    if problem.columns.constant is not None:
        away = away - problem.columns.y_shift * problem.columns.constant
    away = np.linalg.solve(T_x, away)
    r2 = at.r2 + away @ np.linalg.solve(at.XX_inverse, away)  # at.r2 is that of the best beta
    value = problem.deviance(replace(at, r2=float(r2)), False, sigma2 / problem.y_scale**2)
    return float(problem.in_units_of_data(value, reml=False))


def without_dust(factor: np.ndarray) -> np.ndarray:
    """Rounding of what is 0, at 0."""
    return np.where(np.abs(factor) < 1e-10, 0.0, factor)
