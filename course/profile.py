"""Profiles of the likelihood: how much worse the fit becomes as one parameter is held elsewhere.

With d the ML deviance and b a value of one parameter, all others at their best for it,

    zeta(b) = sign(b - estimate) * sqrt(d(b) - d(estimate))

(Bates and Watts 1988, doi 10.1002/9780470316757, chapter 6; Bates et al. 2015, doi
10.18637/jss.v067.i01, section 5.1). Where zeta is a straight line the parameter has a symmetric
interval, estimate -+ z * std. error; where it bends, the interval read from it is not symmetric and
knows about the end at 0 of a standard deviation. As in lme4 the profile is that of the ML fit, also
for a fit by REML: REML criteria with different fixed effects are not comparable.

How a parameter is held:

- a fixed effect c'beta = b raises r^2 by (c'beta_hat - b)^2 / (c' (X'V^-1 X)^-1 c);
- sigma is an argument of the deviance;
- a standard deviation: with its effect first in its block it is sigma * theta_1 (times units), so
  theta_1 follows from sigma, which is free;
- a correlation: with its two effects first, their rows of Lambda are (a, 0) and m (sin t, cos t), where
  sin t is the correlation, and a >= 0 and m >= 0 are free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize, stats
from scipy.interpolate import CubicSpline

from course.columns import nearest
from course.errors import CourseError
from course.parameters import parameter_names, parameter_values
from course.pls import Estimates, Problem, lower_factor
from course.search import SMALL

if TYPE_CHECKING:
    from course.fit import MixedFit

STEP = 0.4  # aimed at between two points of a profile, in zeta
MARKS = tuple(stats.norm.ppf([0.95, 0.975, 0.995]))  # zeta at levels 90, 95 and 99 %
MISSED = 1e-4  # in deviance: an optimum that far from the best is none
MAX_POINTS = 100  # on each side of the estimate


@dataclass(frozen=True)
class Profile:
    """Profiles of some parameters of a fit.

    Attributes
    ----------
    points : dict of str to DataFrame
        For each parameter its value and zeta, by increasing value.
    estimates : Series
        The ML estimates, where zeta is 0.
    bounds : dict of str to (float, float)
        Between which values each parameter lies by its nature: an SD above 0.
    level : float
        The highest confidence level that can be read from it.
    """

    points: dict[str, pd.DataFrame] = field(repr=False)
    estimates: pd.Series
    bounds: dict[str, tuple[float, float]] = field(repr=False)
    level: float

    def interval(self, level: float = 0.95) -> pd.DataFrame:
        """The values whose likelihood ratio test at 1 - level does not reject them.

        Parameters
        ----------
        level : float
            Between 0 and the level of the profile.

        Returns
        -------
        DataFrame
            By parameter: lower, upper. An end is at 0 (an SD), -1 or 1 (a correlation) where the
            parameter's whole range on that side is as likely as that.

        Raises
        ------
        CourseError
            Where the profile does not reach that far.
        """
        check_level(level)
        if level > self.level:
            raise CourseError(
                f"this profile reaches to intervals of level {self.level:g}: for {level:g} make it "
                f"with profile(fit, level={level:g})"
            )
        z = float(stats.norm.ppf((1 + level) / 2))
        ends = [
            [self._value_at(name, -z, low), self._value_at(name, z, high)]
            for name, (low, high) in self.bounds.items()
        ]
        return pd.DataFrame(ends, index=list(self.bounds), columns=["lower", "upper"])

    def _value_at(self, name: str, z: float, bound: float) -> float:
        """Where zeta is z: on the way from the estimate outwards, the first time."""
        value, zeta = self.points[name].to_numpy().T
        outer = zeta * np.sign(z) >= abs(z)
        if not outer.any():
            return bound
        if bound in (-1.0, 1.0):  # a correlation: zeta is straighter along its angle
            value = np.arcsin(value)
        curve = CubicSpline(value, zeta)
        i = np.flatnonzero(outer)[0 if z > 0 else -1]
        low, high = (i - 1, i) if z > 0 else (i, i + 1)
        end = optimize.brentq(lambda at: curve(at) - z, value[low], value[high])
        return float(np.sin(end) if bound in (-1.0, 1.0) else end)


def profile(
    fit: MixedFit,
    parameters: str | Sequence[str] | None = None,
    level: float = 0.999,
    progress: bool = False,
) -> Profile:
    """How the likelihood falls as each parameter is moved away from its estimate.

    The profile is that of the ML fit, as in lme4, also where the fit is by REML.

    Parameters
    ----------
    fit : MixedFit
    parameters : str or list of str, optional
        Names as in `course.parameters.parameters`: ``"age"``, ``"sd(Intercept | school)"``,
        ``"cor(Intercept, age | school)"``, ``"sigma"``; all where left out.
    level : float
        How far to go: until intervals of this level can be read from it.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Profile

    Raises
    ------
    CourseError
        For a parameter that the fit does not have, and a level outside (0, 1).

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> profile(fit, ["sd(Intercept | school)", "sigma"]).interval(0.95).round(3)
                            lower  upper
    sd(Intercept | school)  0.251  0.373
    sigma                   0.736  0.769
    """
    check_level(level)
    names = parameter_names(fit.design)
    chosen = choose(names, parameters)
    problem = fit.model.problem
    best = problem.fit(reml=False) if fit.estimates.reml else fit.estimates
    values = pd.Series(parameter_values(fit.design, best), index=names)
    reach = float(stats.norm.ppf((1 + level) / 2))
    if progress:
        from tqdm.auto import tqdm

        chosen = tqdm(chosen, desc="profile", unit="parameter")
    points, bounds = {}, {}
    for name in chosen:
        focus = _focus(name, problem, best)
        if name.startswith("cor("):
            # along its angle, where zeta is straighter; any will do where an effect does not vary
            points[name] = _walk(focus, np.arcsin(np.nan_to_num(values[name]).clip(-1, 1)), reach)
            points[name]["value"] = np.sin(points[name]["value"])
            bounds[name] = (-1.0, 1.0)
        else:
            points[name] = _walk(focus, values[name], reach)
            bounds[name] = (focus.low, focus.high)
    return Profile(points, values[list(points)], bounds, level)


def choose(names: list[str], wanted: str | Sequence[str] | None) -> list[str]:
    """The wanted of a fit's parameter names, or a `CourseError` that names the nearest."""
    if wanted is None:
        return names
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name in names:
            continue
        if match := re.fullmatch(r"cor\((.+), (.+) \| (.+)\)", str(name)):
            one, two, group = match.groups()
            if f"cor({two}, {one} | {group})" in names:
                raise CourseError(f"{name!r} is called 'cor({two}, {one} | {group})' here")
            if {f"sd({one} | {group})", f"sd({two} | {group})"} <= set(names):
                raise CourseError(
                    f"{name!r} is fixed at 0 by the formula, so it has no interval: for a correlation "
                    f"write both effects in one term with a single bar, such as ({two}|{group})"
                )
        raise CourseError(
            f"{name!r} is not a parameter of this fit; it has {', '.join(names)}{nearest(name, names)}"
        )
    return wanted


def check_level(level: float) -> None:
    """Raise a `CourseError` unless 0 < level < 1."""
    if not (isinstance(level, int | float) and 0 < level < 1):
        raise CourseError(
            f"level={level!r}: a confidence level lies between 0 and 1, such as level=0.95"
        )


# -- one parameter, held -------------------------------------------------------------------------

# (deviance, its gradient) at x, with the parameter held at the value that comes first
Objective = Callable[[float, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class _Focus:
    """One parameter to be held, and all others as a vector x that is free."""

    deviance: Objective
    start: np.ndarray  # x at the optimum
    curvature: np.ndarray  # a rough second derivative by each x
    diagonal: np.ndarray  # the x that are standard deviations: at 0 their derivative is 0
    positive: np.ndarray  # the x that must not be negative
    step: float  # a small first step of the parameter
    low: float = -np.inf
    high: float = np.inf


def _focus(name: str, problem: Problem, best: Estimates) -> _Focus:
    design = problem.design
    if name in design.fixed_names:
        return _hold_fixed(problem, best, design.fixed_names.index(name))
    if name == "sigma":
        return _hold_sigma(problem, best)
    for g, grouping in enumerate(design.groupings):
        for block in grouping.blocks:
            for j in block:
                if name == f"sd({grouping.effects[j]} | {grouping.name})":
                    return _hold_sd(*_leading(problem, best, g, block, [j]), best)
                for i in block:
                    pair = f"{grouping.effects[j]}, {grouping.effects[i]}"
                    if name == f"cor({pair} | {grouping.name})":
                        other, theta, at, _ = _leading(problem, best, g, block, [j, i])
                        return _hold_correlation(other, theta, at, len(block))
    raise AssertionError(name)


def _diagonal(problem: Problem) -> np.ndarray:
    return problem.pack([np.eye(len(pattern)) for pattern in problem.patterns]) > 0


def _hold_fixed(problem: Problem, best: Estimates, j: int) -> _Focus:
    shift = problem.columns.y_shift if problem.design.fixed_names[j] == "Intercept" else 0.0
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

    theta = best.theta_standard
    return _Focus(
        deviance,
        theta,
        problem.curvature,
        _diagonal(problem),
        np.zeros(len(theta), dtype=bool),
        step=STEP * float(np.sqrt(best.cov_beta[j, j])),
    )


def _hold_sigma(problem: Problem, best: Estimates) -> _Focus:
    def deviance(value: float, theta: np.ndarray) -> tuple[float, np.ndarray]:
        at, sigma2 = problem.evaluate(theta), (value / problem.y_scale) ** 2
        return problem.deviance(at, False, sigma2), problem.gradient(at, False, sigma2)

    theta = best.theta_standard
    return _Focus(
        deviance,
        theta,
        problem.curvature,
        _diagonal(problem),
        np.zeros(len(theta), dtype=bool),
        step=STEP * float(np.sqrt(best.sigma2 / 2 / problem.n)),
        low=0.0,
    )


def _leading(problem: Problem, best: Estimates, g: int, block: tuple[int, ...], first: list[int]):
    """The same problem with some effects first in their block, in the data's units but for scale.

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
    columns, grouping = problem.columns, problem.design.groupings[g]
    order = [*first, *(j for j in block if j not in first)]
    T = columns.T_z[g]
    U, z = columns.U, [list(where) for where in columns.z]
    if any(grouping.effects[j] == "Intercept" for j in first) and len(block) > 1:
        # where predictors are 0, not where they are centred
        scale = np.diagonal(T)[order]
        z[g] = [*z[g]]
        for position, j in zip(block, order, strict=True):
            z[g][position] = len(U)
            U = np.vstack([U, grouping.Z[:, j] * T[j, j]])
        to_new = np.diag(1 / scale)
    else:
        for position, j in zip(block, order, strict=True):
            z[g][position] = columns.z[g][j]
        where = [block.index(j) for j in order]
        to_new = np.linalg.inv(T[np.ix_(block, block)])[np.ix_(where, where)]
    other = Problem(problem.design, replace(columns, U=U, z=z))
    factors = problem.unpack(best.theta_standard)
    raw = best.factors[g][order][:, block]
    factors[g][np.ix_(block, block)] = lower_factor(to_new @ raw, (range(len(block)),))
    where = [np.zeros(pattern.shape) for pattern in problem.patterns]
    where[g][block[0], block[0]] = 1
    at = int(np.flatnonzero(other.pack(where))[0])
    return other, other.pack(factors), at, float(T[first[0], first[0]])


def _hold_sd(problem: Problem, theta: np.ndarray, at: int, unit: float, best: Estimates) -> _Focus:
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
    return _Focus(
        deviance,
        np.append(theta[others], np.log(sigma)),
        np.append(problem.curvature[others], 4.0 * problem.n),
        np.append(_diagonal(problem)[others], False),
        np.zeros(len(theta), dtype=bool),
        step=unit * max(0.1 * abs(theta[at]), 0.03) * sigma,
        low=0.0,
    )


def _hold_correlation(problem: Problem, theta: np.ndarray, at: int, size: int) -> _Focus:
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
    return _Focus(
        deviance,
        start[kept],
        problem.curvature[kept],
        _diagonal(problem)[kept] | positive,
        positive,
        step=0.1,
        low=-np.pi / 2,
        high=np.pi / 2,
    )


# -- along the profile -----------------------------------------------------------------------------


def _walk(focus: _Focus, estimate: float, reach: float) -> pd.DataFrame:
    """value and zeta, from the lower side to the upper."""
    for bound in (focus.low, focus.high):
        if abs(estimate - bound) < 1e-5 * focus.step:
            estimate = bound
    search = _Search(focus, estimate)
    sides = [_side(search, estimate, sign, reach) for sign in (-1, 1)]
    points = [*reversed(sides[0]), (estimate, 0.0), *sides[1]]
    return pd.DataFrame(points, columns=["value", "zeta"])


def _side(search: _Search, estimate: float, sign: int, reach: float) -> list[tuple[float, float]]:
    bound = search.focus.high if sign > 0 else search.focus.low
    path = [(estimate, 0.0, search.start)]
    slope = np.zeros_like(search.start)  # of x by the value
    step = search.focus.step

    def held_at(target: float, start: np.ndarray) -> tuple[float, float, np.ndarray]:
        found, x = search.minimise(target, start)
        if found < -MISSED:
            raise CourseError(
                f"the likelihood is higher away from the estimate (deviance {-found:.2g} lower): the "
                "search had not found its highest point. Look at fit.check(), and try a simpler model"
            )
        return target, sign * np.sqrt(max(found, 0.0)), x

    while abs(path[-1][1]) < reach and path[-1][0] != bound and len(path) < MAX_POINTS:
        value, zeta, x = path[-1]
        target = bound if step > 0.8 * abs(bound - value) else value + sign * step
        point = held_at(target, x + slope * (target - value))
        change = abs(point[1] - zeta)
        step = abs(target - value)
        if not change <= 2 * STEP and step > 1e-9 * max(1.0, abs(value)):
            step *= max(0.2, 0.8 * STEP / change)
            continue
        slope = (point[2] - x) / (target - value)
        path.append(point)
        step *= np.clip(STEP / max(change, 1e-12), 0.3, 2.5)

    for mark in sorted({*MARKS, reach}):  # points where intervals of usual levels will end
        i = next((i for i, (_, zeta, _) in enumerate(path) if abs(zeta) > mark), None)
        if i is not None and mark <= reach:
            (value, low, x), (beyond, high, there) = path[i - 1 : i + 1]
            share = (sign * mark - low) / (high - low)
            path.insert(i, held_at(value + share * (beyond - value), x + share * (there - x)))
    return [(value, zeta) for value, zeta, _ in path[1:]]


class _Search:
    """Minimises over x, in coordinates in which the deviance is round where the walk begins."""

    def __init__(self, focus: _Focus, estimate: float):
        self.focus, self.lowest, self.ceiling = focus, 0.0, np.inf
        unit = 1 / np.sqrt(focus.curvature)
        self.plain = self.round = np.diag(unit)
        self.lowest, self.start = self.minimise(estimate, focus.start)
        if len(unit):
            self.round = self._rounded(estimate, unit)
        # without one of its effects a correlation has no meaning, and the deviance one value
        for i in np.flatnonzero(focus.positive):
            without = np.where(np.arange(len(unit)) == i, 0.0, self.start)
            self.ceiling = min(self.ceiling, self._descend(0.0, without, held=i)[0])

    def _rounded(self, estimate: float, unit: np.ndarray) -> np.ndarray:
        steps = np.diag(1e-4 * unit)
        rises = [
            self.focus.deviance(estimate, self.start + step)[1]
            - self.focus.deviance(estimate, self.start - step)[1]
            for step in steps
        ]
        hessian = np.array(rises) / 2e-4 * unit
        values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        return unit[:, None] * vectors / np.sqrt(np.abs(values).clip(min=1e-3))

    def minimise(self, value: float, start: np.ndarray) -> tuple[float, np.ndarray]:
        """The least deviance (above `lowest`) with the parameter held, and where it is."""
        if not len(start):
            return self.focus.deviance(value, start)[0] - self.lowest, start
        best, x = self._descend(value, start)
        small = self.focus.diagonal & (np.abs(x) < SMALL)
        if small.any():  # at 0 the derivative is 0, be it the best or not
            other, there = self._descend(value, np.where(small, 0.2, x))
            if other < best:
                best, x = other, there
        return min(best, self.ceiling), x

    def _descend(self, value: float, start: np.ndarray, held: int | None = None):
        """Without bounds and, where that ends outside of them, with bounds."""
        positive = self.focus.positive
        if held is None:
            found, x = self._quasi_newton(value, start, self.round, None)
            # both negative is as good as both positive: it is their product that counts
            if not positive.any() or np.prod(x[positive]) >= 0:
                return found, np.where(positive, np.abs(x), x)
        bounds = [(0 if p else None, 0 if i == held else None) for i, p in enumerate(positive)]
        start = np.where(positive, np.maximum(start, 0), start)
        return self._quasi_newton(value, start, self.plain, bounds)

    def _quasi_newton(self, value, start, coordinates, bounds) -> tuple[float, np.ndarray]:
        def above(u: np.ndarray) -> tuple[float, np.ndarray]:
            deviance, gradient = self.focus.deviance(value, coordinates @ u)
            return deviance - self.lowest, coordinates.T @ gradient

        with np.errstate(all="ignore"):
            result = optimize.minimize(
                above,
                np.linalg.solve(coordinates, start),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 1e-10, "gtol": 1e-5, "maxiter": 300},
            )
        return float(result.fun), coordinates @ result.x
