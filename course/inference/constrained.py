"""One parameter of a fit held at a value, all others free: the deviance and its gradient.

How a parameter is held:

- a fixed effect c'beta = b raises r^2 by (c'beta_hat - b)^2 / (c' (X'V^-1 X)^-1 c);
- sigma is an argument of the deviance;
- a standard deviation: with its effect first in its block it is sigma * theta_1 (times units), so
  theta_1 follows from sigma, which is free;
- a correlation: with its two effects first, their rows of Lambda are (a, 0) and m (sin t, cos t), where
  sin t is the correlation, and a >= 0 and m >= 0 are free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from course.common.parameter import Parameter
from course.solver.estimates import Estimates, lower_factor
from course.solver.problem import Problem
from course.solver.standardise import Columns

# Takes the value at which the parameter is held, and x; returns the deviance there and its gradient by x.
Objective = Callable[[float, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Held:
    """One parameter to be held, and all others as a vector x that is free."""

    deviance: Objective
    start: np.ndarray  # x at the optimum
    curvature: np.ndarray  # a rough second derivative of the deviance by each x
    diagonal: (
        np.ndarray
    )  # which x are standard deviations: at 0 the deviance has slope 0 along them
    positive: np.ndarray  # which x must not be negative
    scale: float  # roughly the standard error of the parameter
    low: float = -np.inf
    high: float = np.inf


def hold(parameter: Parameter, problem: Problem, best: Estimates) -> Held:
    """Hold one parameter of the problem's design; a correlation is held by its angle.

    Parameters
    ----------
    parameter : Parameter
    problem : Problem
    best : Estimates
        Of that problem, by ML.
    """
    design = problem.design
    if parameter.kind == "fixed":
        return _hold_fixed(problem, best, list(design.fixed_names).index(parameter.effects[0]))
    if parameter.kind == "sigma":
        return _hold_sigma(problem, best)
    g = [grouping.name for grouping in design.groupings].index(parameter.group)
    grouping = design.groupings[g]
    first = [grouping.labels.index(effect) for effect in parameter.effects]
    block = next(block for block in grouping.blocks if first[0] in block)
    other, theta, at, unit = _leading(problem, best, g, block, first)
    if parameter.kind == "sd":
        return _hold_sd(other, theta, at, unit, best)
    return _hold_correlation(other, theta, at, len(block))


def _hold_fixed(problem: Problem, best: Estimates, j: int) -> Held:
    constant = problem.columns.constant
    shift = 0.0 if constant is None else problem.columns.y_shift * constant[j]
    c = problem.T_x[j]

    def deviance(value: float, theta: np.ndarray) -> tuple[float, np.ndarray]:
        at = problem.evaluate(theta)
        direction = at.XX_inverse @ c
        miss = c @ at.beta - (value - shift) / problem.y_scale
        held = replace(
            at,
            beta=at.beta - direction * miss / (c @ direction),
            r2=at.r2 + miss**2 / (c @ direction),
        )
        return problem.deviance(held, reml=False), problem.gradient(held, reml=False)

    return _over_theta(deviance, problem, best, scale=np.sqrt(best.cov_beta[j, j]))


def _hold_sigma(problem: Problem, best: Estimates) -> Held:
    def deviance(value: float, theta: np.ndarray) -> tuple[float, np.ndarray]:
        at, sigma2 = problem.evaluate(theta), (value / problem.y_scale) ** 2
        return problem.deviance(at, False, sigma2), problem.gradient(at, False, sigma2)

    return _over_theta(deviance, problem, best, np.sqrt(best.sigma2 / 2 / problem.n), low=0.0)


def _over_theta(
    deviance: Objective, problem: Problem, best: Estimates, scale: float, low: float = -np.inf
) -> Held:
    """A parameter apart from theta, which is then all that is free."""
    theta = best.theta_standard
    positive = np.zeros(len(theta), dtype=bool)
    return Held(deviance, theta, problem.curvature, problem.diagonal, positive, float(scale), low)


def _leading(
    problem: Problem, best: Estimates, g: int, block: tuple[int, ...], first: list[int]
) -> tuple[Problem, np.ndarray, int, float]:
    """The same problem with the effects ``first`` at the head of their block, and theta there.

    Returns
    -------
    Problem
    theta : ndarray
        The optimum there.
    at : int
        The first entry of theta that belongs to the block.
    unit : float
        The first effect in the data's units is unit * y_scale times that of the problem.
    """
    factors = problem.unpack(best.theta_standard)
    columns, factors, unit = leading(problem.columns, factors, g, block, first)
    other = Problem(problem.design, columns)
    return other, other.pack(factors), head_of(other, g, block), unit


def head_of(problem: Problem, g: int, block: tuple[int, ...]) -> int:
    """The first entry of theta that belongs to a block."""
    where = [np.zeros(pattern.shape) for pattern in problem.patterns]
    where[g][block[0], block[0]] = 1
    return int(np.flatnonzero(problem.pack(where))[0])


def leading(
    columns: Columns, factors: list[np.ndarray], g: int, block: tuple[int, ...], first: list[int]
) -> tuple[Columns, list[np.ndarray], float]:
    """Columns and Lambda of the same model with the effects ``first`` at the head of their block.

    They are effects of the predictors as they are in the data, neither centred nor mixed with others, and
    differ from the data's units by a factor only: the last value is that of the first.
    """
    order = [block.index(j) for j in [*first, *(j for j in block if j not in first)]]
    T = columns.T_z[g][np.ix_(block, block)]
    # Turns the first effects into those of the data (an intercept at 0, say), and keeps the others.
    to_new = np.eye(len(block))
    for j in order[: len(first)]:
        to_new[j] = T[j] / T[j, j]
    back = np.linalg.inv(to_new)
    U, z = columns.U, [list(where) for where in columns.z]
    here = [columns.z[g][j] for j in block]
    for position, j in zip(block, order, strict=True):
        if np.array_equal(back[:, j], np.eye(len(block))[j]):
            z[g][position] = here[j]
        else:
            z[g][position] = len(U)
            U = np.vstack([U, back[:, j] @ columns.U[here]])
    factor = (to_new @ factors[g][np.ix_(block, block)])[order]
    factors = [own.copy() for own in factors]
    factors[g][np.ix_(block, block)] = lower_factor(factor, (range(len(block)),))
    return replace(columns, U=U, z=z), factors, float(T[order[0], order[0]])


def _hold_sd(problem: Problem, theta: np.ndarray, at: int, unit: float, best: Estimates) -> Held:
    # x is theta without the entry that belongs to this SD, and log sigma
    others = np.delete(np.arange(len(theta)), at)
    unit = unit * problem.y_scale

    def deviance(value: float, x: np.ndarray) -> tuple[float, np.ndarray]:
        sigma = np.exp(x[-1])
        theta = np.empty(len(x))
        theta[others], theta[at] = x[:-1], value / (unit * sigma)
        found = problem.evaluate(theta)
        by_theta = problem.gradient(found, False, sigma**2)
        by_log_sigma = 2 * problem.n - 2 * found.r2 / sigma**2 - by_theta[at] * theta[at]
        return problem.deviance(found, False, sigma**2), np.append(by_theta[others], by_log_sigma)

    sigma = np.sqrt(best.sigma2) / problem.y_scale
    return Held(
        deviance,
        np.append(theta[others], np.log(sigma)),
        np.append(problem.curvature[others], 4.0 * problem.n),
        np.append(problem.diagonal[others], False),
        np.zeros(len(theta), dtype=bool),
        scale=unit * max(0.25 * abs(theta[at]), 0.1) * sigma,
        low=0.0,
    )


def _hold_correlation(problem: Problem, theta: np.ndarray, at: int, size: int) -> Held:
    # theta holds the block column by column: a, b, ... of the first column, then c of the second
    b, c = at + 1, at + size
    kept = np.delete(np.arange(len(theta)), c)  # x: m takes the place of b

    def deviance(angle: float, x: np.ndarray) -> tuple[float, np.ndarray]:
        rho, root = np.sin(angle), np.cos(angle)
        theta = np.empty(len(x) + 1)
        theta[kept] = x
        m = theta[b]
        theta[b], theta[c] = m * rho, m * root
        found = problem.evaluate(theta)
        gradient = problem.gradient(found, False)
        gradient[b] = gradient[b] * rho + gradient[c] * root
        return problem.deviance(found, False), gradient[kept]

    start = theta.copy()
    start[b] = np.hypot(theta[b], theta[c])
    positive = np.isin(kept, [at, b])
    return Held(
        deviance,
        start[kept],
        problem.curvature[kept],
        problem.diagonal[kept] | positive,
        positive,
        scale=0.25,
        low=-np.pi / 2,
        high=np.pi / 2,
    )
