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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from course.common.parameter import Parameter
from course.solver.estimates import Estimates
from course.solver.factors import lower_factor
from course.solver.problem import Evaluation, Problem
from course.solver.standardise import Columns
from course.solver.together import Together, parts

# A value at which the parameter is held, and x.
Point = tuple[float, np.ndarray]


@dataclass(frozen=True)
class Held:
    """One parameter to be held, and all others as a vector x that is free."""

    problem: Problem
    # From a point: the factors there.
    factors: Callable[[float, np.ndarray], list[np.ndarray]]
    # From a point and the evaluation there: that with the parameter held, and sigma^2 where it is not
    # profiled.
    hold: Callable[[float, np.ndarray, Evaluation], tuple[Evaluation, float | None]]
    # From a point, what `hold` gave, and the derivative by each factor: the derivative by x.
    slope: Callable[[float, np.ndarray, Evaluation, list[np.ndarray]], np.ndarray]
    start: np.ndarray  # x at the optimum
    curvature: np.ndarray  # a rough second derivative of the deviance by each x
    diagonal: np.ndarray  # which x are SDs: at 0 the deviance has slope 0 along them
    positive: np.ndarray  # which x must not be negative
    scale: float  # roughly the standard error of the parameter
    low: float = -np.inf
    high: float = np.inf
    reml: bool = False  # whether the deviance is the REML criterion

    @property
    def n(self) -> float:
        """Rows, which tell how exactly a deviance is known."""
        return self.problem.n

    def deviance(self, value: float, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The deviance with the parameter held, and its gradient by x."""
        ((deviance, slope),) = deviances([self], [(value, x)])
        return deviance, slope


@dataclass(frozen=True)
class HeldAlone:
    """The same, where the deviance is a function that is asked for one point after another."""

    deviance: Callable[[float, np.ndarray], tuple[float, np.ndarray]]
    n: float
    start: np.ndarray
    curvature: np.ndarray
    diagonal: np.ndarray
    positive: np.ndarray
    scale: float
    low: float = -np.inf
    high: float = np.inf


def deviances(
    held: Sequence[Held | HeldAlone], points: Sequence[Point]
) -> list[tuple[float, np.ndarray]]:
    """The deviances of several parameters, each held at a point of its own, side by side if possible."""
    found: list[Any] = [None] * len(held)
    of_problem: dict[int, list[tuple[int, Held]]] = {}
    for i, one in enumerate(held):
        if isinstance(one, HeldAlone):
            found[i] = one.deviance(*points[i])
        else:
            of_problem.setdefault(id(one.problem), []).append((i, one))
    for own in of_problem.values():
        problem = own[0][1].problem
        for some in parts([problem] * len(own)):
            here = own[some]
            together = Together([problem] * len(here))
            each = [one.factors(*points[i]) for i, one in here]
            at = together.with_factors([np.stack(one, axis=2) for one in zip(*each, strict=True)])
            with_held = [one.hold(*points[i], at.one(j)) for j, (i, one) in enumerate(here)]
            bars = [
                problem.bar(there, one.reml, sigma2)
                for (_, one), (there, sigma2) in zip(here, with_held, strict=True)
            ]
            slopes = together.by_factor(at, np.stack(bars, axis=2))
            for j, ((i, one), (there, sigma2)) in enumerate(zip(here, with_held, strict=True)):
                slope = one.slope(*points[i], there, [by[:, :, j] for by in slopes])
                found[i] = float(problem.deviance(there, one.reml, sigma2)), slope
    return found


def hold(parameter: Parameter, problem: Problem, best: Estimates) -> Held:
    """Hold one parameter of the problem's design; a correlation is held by its angle.

    Parameters
    ----------
    parameter : Parameter
    problem : Problem
    best : Estimates
        Of that problem, by ML or, for a parameter of the random part, by REML: the deviance is of the same
        kind.
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
    lead = _Leading.of(problem, best, g, block, first)
    if parameter.kind == "sd":
        return _hold_sd(lead, best)
    return _hold_correlation(lead, best)


def _hold_fixed(problem: Problem, best: Estimates, j: int) -> Held:
    constant = problem.columns.constant
    shift = 0.0 if constant is None else problem.columns.y_shift * constant[j]
    c = problem.T_x[j]

    def held_at(value: float, x: np.ndarray, at: Evaluation) -> tuple[Evaluation, None]:
        direction = at.XX_inverse @ c
        miss = c @ at.beta - (value - shift) / problem.y_scale
        beta = at.beta - direction * miss / (c @ direction)
        return replace(at, beta=beta, r2=at.r2 + miss**2 / (c @ direction)), None

    return _over_theta(held_at, problem, best, scale=np.sqrt(best.cov_beta[j, j]))


def _hold_sigma(problem: Problem, best: Estimates) -> Held:
    df = problem.df(best.reml)

    def held_at(value: float, x: np.ndarray, at: Evaluation) -> tuple[Evaluation, float]:
        return at, (value / problem.y_scale) ** 2

    return _over_theta(held_at, problem, best, np.sqrt(best.sigma2 / 2 / df), low=0.0)


def _over_theta(
    held_at: Callable, problem: Problem, best: Estimates, scale: float, low: float = -np.inf
) -> Held:
    """A parameter apart from theta, which is then all that is free."""
    theta = best.theta_standard
    return Held(
        problem,
        lambda value, theta: problem.unpack(theta),
        held_at,
        lambda value, theta, at, slopes: problem.pack(slopes),
        theta,
        problem.curvature,
        problem.diagonal,
        np.zeros(len(theta), dtype=bool),
        float(scale),
        low,
        reml=best.reml,
    )


@dataclass(frozen=True)
class _Leading:
    """The same problem with some effects at the head of their block.

    They are effects of the predictors as they are in the data, neither centred nor mixed with others, and
    differ from the data's units by a factor only.

    Attributes
    ----------
    problem : Problem
    theta : ndarray
        The optimum there.
    at : int
        The first entry of theta that belongs to the block.
    size : int
        Effects of the block.
    unit : float
        The first effect in the data's units is unit * y_scale times that of the problem.
    g, turn : int, ndarray
        The grouping, and the matrix by which its factor becomes that of the problem's own effects.
    """

    problem: Problem
    theta: np.ndarray
    at: int
    size: int
    unit: float
    g: int
    turn: np.ndarray

    @classmethod
    def of(
        cls, problem: Problem, best: Estimates, g: int, block: tuple[int, ...], first: list[int]
    ) -> _Leading:
        order, to_new, unit = to_head(problem.columns, g, block, first)
        back = np.linalg.inv(to_new)[:, order]
        factors = problem.unpack(best.theta_standard)
        factor = (to_new @ factors[g][np.ix_(block, block)])[order]
        factors[g][np.ix_(block, block)] = lower_factor(factor, (range(len(block)),))
        turn = np.eye(len(problem.patterns[g]))
        if problem.crossing and g in [other for other, _ in problem.crossing.others]:
            # their factors are kept by diagonals, and have nothing above the first
            problem = Problem(problem.design, with_columns(problem.columns, g, block, back))
        else:
            turn[np.ix_(block, block)] = back
        at = head_of(problem, g, block)
        theta = problem.pack(factors)
        return cls(problem, theta, at, len(block), unit, g, turn)

    def factors(self, theta: np.ndarray) -> list[np.ndarray]:
        factors = self.problem.unpack(theta)
        factors[self.g] = self.turn @ factors[self.g]
        return factors

    def slope(self, slopes: list[np.ndarray]) -> np.ndarray:
        """The derivative by theta, given that by the factors of the problem's own effects."""
        own = list(slopes)
        own[self.g] = self.turn.T @ own[self.g]
        return self.problem.pack(own)


def to_head(
    columns: Columns, g: int, block: tuple[int, ...], first: list[int]
) -> tuple[list[int], np.ndarray, float]:
    """How the effects ``first`` of a grouping come to the head of their block, as effects of the data.

    Returns
    -------
    order : list of int
        The places in the block, these effects first.
    to_new : ndarray, shape (k, k)
        Turns them into those of the data (an intercept at 0, say), and keeps the others.
    unit : float
        The first effect in the data's units is so many times that of the problem.
    """
    order = [block.index(j) for j in [*first, *(j for j in block if j not in first)]]
    T = columns.T_z[g][np.ix_(block, block)]
    to_new = np.eye(len(block))
    for j in order[: len(first)]:
        to_new[j] = T[j] / T[j, j]
    return order, to_new, float(T[order[0], order[0]])


def head_of(problem: Problem, g: int, block: tuple[int, ...]) -> int:
    """The first entry of theta that belongs to a block."""
    where = [np.zeros(pattern.shape) for pattern in problem.patterns]
    where[g][block[0], block[0]] = 1
    return int(np.flatnonzero(problem.pack(where))[0])


def with_columns(columns: Columns, g: int, block: tuple[int, ...], back: np.ndarray) -> Columns:
    """Columns of a block that are combinations of those it has, those of each one a column of ``back``."""
    XZ, z = columns.XZ, [list(where) for where in columns.z]
    here = [columns.z[g][j] for j in block]
    for position, combination in zip(block, back.T, strict=True):
        if (combination != 0).sum() == 1:
            z[g][position] = here[int(np.flatnonzero(combination)[0])]
        else:
            z[g][position] = len(XZ)
            XZ = np.vstack([XZ, combination @ columns.XZ[here]])
    return replace(columns, source=XZ, z=z, y_at=len(XZ))


def _hold_sd(lead: _Leading, best: Estimates) -> Held:
    # x is theta without the entry that belongs to this SD, and log sigma
    problem, at = lead.problem, lead.at
    df = problem.df(best.reml)
    others = np.delete(np.arange(len(lead.theta)), at)
    unit = lead.unit * problem.y_scale

    def theta_at(value: float, x: np.ndarray) -> np.ndarray:
        theta = np.empty(len(x))
        theta[others], theta[at] = x[:-1], value / (unit * np.exp(x[-1]))
        return theta

    def slope(
        value: float, x: np.ndarray, found: Evaluation, slopes: list[np.ndarray]
    ) -> np.ndarray:
        by_theta, sigma2 = lead.slope(slopes), np.exp(2 * x[-1])
        held = value / (unit * np.exp(x[-1]))
        by_log_sigma = 2 * df - 2 * found.r2 / sigma2 - by_theta[at] * held
        return np.append(by_theta[others], by_log_sigma)

    sigma = np.sqrt(best.sigma2) / problem.y_scale
    return Held(
        problem,
        lambda value, x: lead.factors(theta_at(value, x)),
        lambda value, x, found: (found, float(np.exp(2 * x[-1]))),
        slope,
        np.append(lead.theta[others], np.log(sigma)),
        np.append(problem.curvature[others], 4.0 * df),
        np.append(problem.diagonal[others], False),
        np.zeros(len(lead.theta), dtype=bool),
        scale=unit * max(0.25 * abs(lead.theta[at]), 0.1) * sigma,
        low=0.0,
        reml=best.reml,
    )


def _hold_correlation(lead: _Leading, best: Estimates) -> Held:
    # theta holds the block column by column: a, b, ... of the first column, then c of the second
    problem, theta = lead.problem, lead.theta
    a, b, c = lead.at, lead.at + 1, lead.at + lead.size
    kept = np.delete(np.arange(len(theta)), c)  # x: m takes the place of b

    def theta_at(angle: float, x: np.ndarray) -> np.ndarray:
        theta = np.empty(len(x) + 1)
        theta[kept] = x
        theta[b], theta[c] = theta[b] * np.sin(angle), theta[b] * np.cos(angle)
        return theta

    def slope(
        angle: float, x: np.ndarray, found: Evaluation, slopes: list[np.ndarray]
    ) -> np.ndarray:
        by_theta = lead.slope(slopes)
        by_theta[b] = by_theta[b] * np.sin(angle) + by_theta[c] * np.cos(angle)
        return by_theta[kept]

    start = theta.copy()
    start[b] = np.hypot(theta[b], theta[c])
    positive = np.isin(kept, [a, b])
    return Held(
        problem,
        lambda angle, x: lead.factors(theta_at(angle, x)),
        lambda angle, x, found: (found, None),
        slope,
        start[kept],
        problem.curvature[kept],
        problem.diagonal[kept] | positive,
        positive,
        scale=0.25,
        low=-np.pi / 2,
        high=np.pi / 2,
        reml=best.reml,
    )
