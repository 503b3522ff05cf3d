"""The search for the lowest deviance over theta.

One start is enough for most models. Where the deviance may have several valleys the search begins again
elsewhere, and the lowest of the optima counts (`search` says where it does).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from course.solver.problem import MIDDLING, SMALL, Problem

GTOL = 1e-6  # largest gradient, with every theta measured by its curvature
PRECISION_LOST = 2  # SciPy's number for a line search that found nothing lower
FEW_ROWS = 200  # with more of them one start has been enough
# An optimum that is searched for a second time is known by its deviance, so near to the first one's, and
# by its relative (co)variances, within twice this.
CLOSE = 0.01


@dataclass(frozen=True)
class Found:
    theta: np.ndarray
    value: float
    gradient: float
    converged: bool
    evaluations: int


def search(problem: Problem, reml: bool, progress: bool = False) -> Found:
    """Search by BFGS from the usual start, and from others where the deviance may have several valleys.

    It may have them for three reasons: a variance came out near 0; effects can stand in for each other
    (a slope without its intercept, of a predictor far from 0, is nearly an intercept); few rows have
    many effects, which may explain nearly all of them.

    Parameters
    ----------
    problem : Problem
    reml : bool
    progress : bool
        Whether a search of more than a second shows where it is.
    """
    if not progress:
        return _search(problem, lambda theta: _value_and_gradient(problem, reml, theta), reml)
    from tqdm.auto import tqdm

    with tqdm(desc="mixedlm", unit=" evaluations", delay=1) as bar:

        def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = _value_and_gradient(problem, reml, theta)
            so_far = problem.in_units_of_data(value, reml)
            bar.set_postfix_str(f"deviance {so_far:,.3f}", refresh=False)
            bar.update()
            return value, gradient

        return _search(problem, value_and_gradient, reml)


def _value_and_gradient(
    problem: Problem, reml: bool, theta: np.ndarray
) -> tuple[float, np.ndarray]:
    at = problem.evaluate(theta)
    return problem.deviance(at, reml), problem.gradient(at, reml)


def _search(problem: Problem, value_and_gradient: Callable, reml: bool) -> Found:
    best = descend(problem, value_and_gradient, problem.start)
    evaluations = best.evaluations
    for start in _rival_starts(problem):
        best, evaluations = _better(problem, value_and_gradient, start, best, evaluations)
    diagonal = problem.diagonal
    small = diagonal & (np.abs(best.theta) < SMALL)
    if small.any():
        for sign in (1.0, -1.0):
            again = np.where(small, 0.7, best.theta)
            again = np.where(~diagonal, sign * 0.3 * np.abs(again) - 0.1 * sign, again)
            best, evaluations = _better(problem, value_and_gradient, again, best, evaluations)
        best, extra = _at_zero(problem, reml, best, diagonal)
        evaluations += extra
    return Found(best.theta, best.value, best.gradient, best.converged, evaluations)


def _better(
    problem: Problem,
    value_and_gradient: Callable,
    start: np.ndarray,
    best: Found,
    evaluations: int,
) -> tuple[Found, int]:
    other = descend(problem, value_and_gradient, start, best)
    return (other if other.value < best.value else best), evaluations + other.evaluations


def _rival_starts(problem: Problem) -> list[np.ndarray]:
    """For each block one start where it has nearly all the variance, if some blocks are rivals."""
    # two large variances that nearly cancel lie far out, and so does hardly any residual
    far_out = problem.pack([3.0 * np.eye(len(pattern)) for pattern in problem.patterns])
    if not has_rivals(problem):
        return [far_out] if is_crowded(problem) else []
    starts = [far_out]
    for g, grouping in enumerate(problem.design.groupings):
        for block in grouping.blocks:
            factors = [0.05 * np.eye(len(pattern)) for pattern in problem.patterns]
            factors[g][block, block] = 1.0
            starts.append(problem.pack(factors))
    return starts


def has_rivals(problem: Problem) -> bool:
    """Whether a slope whose predictor could not be centred may pass for another intercept."""
    if "Intercept" not in problem.design.fixed_names:
        return True
    alone = [
        where[j]
        for grouping, where in zip(problem.design.groupings, problem.z, strict=True)
        for block in grouping.blocks
        if "Intercept" not in [grouping.effects[j] for j in block]
        for j in block
    ]
    total = problem.M.sum(axis=2)
    one = problem.x[problem.design.fixed_names.index("Intercept")]
    means = total[one, alone] / total[one, one]
    return bool((means**2 > 0.5 * total[alone, alone] / total[one, one]).any())


def is_crowded(problem: Problem) -> bool:
    """Whether so few rows have so many random effects that these may take all the variance."""
    effects = [grouping.n_levels * len(grouping.effects) for grouping in problem.design.groupings]
    return problem.n <= FEW_ROWS and max(effects) > problem.n / 2


def descend(
    problem: Problem,
    value_and_gradient: Callable,
    start: np.ndarray,
    known: Found | None = None,
    far: bool = False,
) -> Found:
    """Follow the deviance down from a start; no further where that leads to a known optimum.

    The lengths of the steps suit the usual start; where the search begins `far` from it, they suit `start`.
    """
    count = 0

    def value_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal count
        count += 1
        value, gradient = value_and_gradient(theta)
        return value, gradient * unit

    unit = _unit(problem, start if far else problem.middling)
    with np.errstate(all="ignore"):
        first, slope = value_and_slope(start)
    # where no residual is left, say
    if not np.isfinite(slope).all():
        return Found(start, float(first), np.inf, False, count)
    # SciPy's first step has length 1: let that be the whole Newton step, or as much of it as at
    # most doubles a theta
    change = np.abs(slope * unit) / np.maximum(np.abs(start), SMALL)
    length = max(np.linalg.norm(slope) / max(1.0, change.max()), 1e-3)
    at_start = start / (unit * length)

    def measured(steps: np.ndarray) -> tuple[float, np.ndarray]:
        if np.array_equal(steps, at_start):
            return 0.0, slope / length
        value, gradient = value_and_slope(steps * unit * length)
        return (value - first) / length**2, gradient / length

    def stop_where_known(intermediate_result: optimize.OptimizeResult) -> None:
        assert known is not None
        above = first + length**2 * intermediate_result.fun - known.value
        if 0 <= above < CLOSE and same_covariances(
            problem, intermediate_result.x * unit * length, known.theta
        ):
            raise StopIteration

    # the deviance is a sum over n rows: below its rounding a line search finds nothing but noise
    rounding = 100 * np.finfo(float).eps * problem.n
    with np.errstate(all="ignore"):
        result = optimize.minimize(
            measured,
            at_start,
            jac=True,
            method="BFGS",
            callback=stop_where_known if known else None,
            options={"gtol": max(GTOL, rounding**0.5) / length, "maxiter": 500},
        )
    value = float(first + length**2 * result.fun)
    # a line search that fails at the limit of double precision has converged as far as numbers go
    steepest = length * float(np.abs(result.jac).max(initial=0))
    noise = 1e-9 * max(1.0, abs(value))
    converged = steepest < max(1e-3, noise**0.5)
    theta = result.x * unit * length
    if result.status == PRECISION_LOST and (_unit(problem, theta) > 4 * unit).any():
        # the curvature has changed on the way: steps that suit this place may lead further
        again = descend(problem, value_and_gradient, theta, known, far=True)
        return replace(again, evaluations=count + again.evaluations)
    return Found(theta, value, steepest, converged, count)


def _unit(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """The length of a step in every direction, by the curvature there; it grows with a standard deviation."""
    larger = [
        np.maximum(1, np.repeat(np.linalg.norm(factor, axis=1)[:, None], len(factor), 1) / MIDDLING)
        for factor in problem.unpack(theta)
    ]
    return problem.pack(larger) / np.sqrt(problem.curvature)


def same_covariances(problem: Problem, theta: np.ndarray, known: np.ndarray) -> bool:
    """Whether the covariances over sigma squared are nearly those of another theta."""
    pairs = zip(problem.unpack(theta), problem.unpack(known), strict=True)
    return all(
        np.abs(factor @ factor.T - other @ other.T).max()
        < 2 * CLOSE * (1 + np.abs(other @ other.T).max())
        for factor, other in pairs
    )


def _at_zero(problem: Problem, reml: bool, best: Found, diagonal: np.ndarray) -> tuple[Found, int]:
    """Put diagonals that are nearly 0 at 0 where that is no worse: there the derivative is 0 too."""
    zero = diagonal & (np.abs(best.theta) < SMALL)
    if not zero.any():
        return best, 0
    theta = np.where(zero, 0.0, best.theta)
    value = problem.deviance(problem.evaluate(theta), reml)
    if value <= best.value + 1e-8:
        return Found(theta, value, best.gradient, best.converged, 0), 1
    return best, 1
