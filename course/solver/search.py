"""The search for the lowest deviance over theta.

One start is enough for most models. Where the deviance may have several valleys the search begins again
elsewhere, and the lowest of the optima counts (`search` says where it does).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import optimize

from course.solver import scoring
from course.solver.problem import MIDDLING, SMALL, Evaluation, Problem
from course.solver.quasi_newton import Found, descend_together, tolerance

PRECISION_LOST = 2  # SciPy's number for a line search that found nothing lower
FEW_ROWS = 200  # with more of them one start has been enough
MANY_CELLS = 250_000  # of the matrix of what crosses: from here an evaluation takes centiseconds
LEAST_ALONE = 0.1  # of the usual start: the least relative SD of a start
ALMOST_ZERO = 1e-4  # a relative SD next to 0
NOISE = 1e-6
NOTHING_LEFT = 1e-12  # of the response's variance: a residual that may be rounding
# An optimum that is searched for a second time is known by its deviance, so near to the first one's, and
# by its relative (co)variances, within twice this.
CLOSE = 0.01


def search(problem: Problem, reml: bool, progress: bool = False) -> Found:
    """Search from the usual start, and from others where the deviance may have several valleys.

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
        return _search(Deviance(problem, reml))
    from tqdm.auto import tqdm

    with tqdm(desc="mixedlm", unit=" evaluations", delay=1) as bar:

        def show(value: float) -> None:
            so_far = problem.in_units_of_data(np.asarray(value), reml)
            bar.set_postfix_str(f"deviance {so_far:,.3f}", refresh=False)
            bar.update()

        return _search(Deviance(problem, reml, show))


class Deviance:
    """The deviance of a problem as a function of theta that counts how often it is asked."""

    def __init__(self, problem: Problem, reml: bool, show: Callable[[float], None] | None = None):
        self.problem, self.reml, self.show, self.count = problem, reml, show, 0

    def evaluate(self, theta: np.ndarray) -> tuple[Evaluation, float]:
        """The evaluation, and the value."""
        at = self.problem.evaluate(theta)
        value = float(self.problem.deviance(at, self.reml))
        self.count += 1
        if self.show:
            self.show(value)
        return at, value

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """The value and the gradient."""
        at, value = self.evaluate(theta)
        return value, self.problem.gradient(at, self.reml)


def _search(deviance: Deviance) -> Found:
    with np.errstate(all="ignore"):  # where no residual is left, say
        return settle(deviance, approach(deviance))


def approach(deviance: Deviance) -> Found:
    """A few steps of scoring, then quasi-Newton steps from the curvature that is expected there."""
    problem, reml = deviance.problem, deviance.reml
    theta, steps = problem.start, scoring.STEPS
    if problem.crossing and problem.crossing.K.n_cells > MANY_CELLS:
        theta, steps = each_alone(problem, reml), 1
    at, value = deviance.evaluate(theta)
    try:
        for _ in range(steps):
            further = scoring.step(problem, at, reml)
            next_at, lower = deviance.evaluate(further)
            if not lower < value:
                break
            theta, at, value = further, next_at, lower
        inverse = np.linalg.inv(scoring.expected_curvature(problem, at))
        slope = problem.gradient(at, reml)
    except np.linalg.LinAlgError:  # effects so large that no digit is left of the rest
        return descend(problem, deviance, theta)
    if not at.r2 > NOTHING_LEFT * problem.n:  # where no residual is left, bargains are rounding
        value, slope = np.inf, np.zeros(problem.n_theta)
    del at, next_at  # what they keep for the way back is large
    known = [(value, slope)]

    def function(_: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, slope = np.inf, np.zeros(problem.n_theta)
        try:
            if known:
                value, slope = known.pop()
            else:
                at, there = deviance.evaluate(points[0])
                if at.r2 > NOTHING_LEFT * problem.n:
                    value, slope = there, problem.gradient(at, reml)
        except np.linalg.LinAlgError:
            pass
        return np.array([value]), slope[None]

    enough = np.array([tolerance(problem.n)])
    (found,) = descend_together(function, theta[None], inverse[None], enough)
    if found.converged:
        return found
    try:
        return descend(problem, deviance, found.theta, far=True)
    except np.linalg.LinAlgError:
        return descend(problem, deviance, problem.start)


def each_alone(problem: Problem, reml: bool) -> np.ndarray:
    """A start where groupings cross: for each of them its theta in a model without the others.

    Models with one grouping cost next to nothing beside an evaluation of many levels that cross, and end
    near enough to the common optimum for one step of scoring to do what takes three from the usual start.
    """
    factors, columns = problem.unpack(problem.start), problem.columns
    for g, grouping in enumerate(problem.design.groupings):
        design = replace(problem.design, groupings=(grouping,))
        its_own = replace(columns, z=[columns.z[g]], T_z=[columns.T_z[g]], B_z=[columns.B_z[g]])
        alone = Problem(design, its_own)
        theta = approach(Deviance(alone, reml)).theta
        # scoring cannot leave 0, and a variance that is 0 here need not be so there
        least = np.where(alone.diagonal, LEAST_ALONE * alone.start, 0.0)
        (factors[g],) = alone.unpack(np.where(np.abs(theta) < least, least, theta))
    return problem.pack(factors)


def settle(deviance: Deviance, best: Found) -> Found:
    """Look whether an optimum is the lowest, where there may be others."""
    problem = deviance.problem
    for start in rival_starts(problem):
        best = _better(deviance, start, best)
    best = _at_zero(deviance, best)
    if not _is_valley(deviance, best):
        best = _better(deviance, np.where(best.theta == 0, problem.start, best.theta), best)
    small = problem.diagonal & (np.abs(best.theta) < SMALL)
    if small.any() and has_few_rows(problem):
        for sign in (1.0, -1.0):
            again = np.where(small, 0.7, best.theta)
            again = np.where(~problem.diagonal, sign * 0.3 * np.abs(again) - 0.1 * sign, again)
            best = _better(deviance, again, best)
        best = _at_zero(deviance, best)
    return replace(best, evaluations=deviance.count)


def _better(deviance: Deviance, start: np.ndarray, best: Found) -> Found:
    other = descend(deviance.problem, deviance, start, best)
    return other if other.value < best.value else best


def rival_starts(problem: Problem) -> list[np.ndarray]:
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
    return has_few_rows(problem) and max(effects) > _rows(problem) / 2


def has_few_rows(problem: Problem) -> bool:
    """Whether the deviance of so few rows may have several valleys where a variance is 0."""
    return _rows(problem) <= FEW_ROWS


def _rows(problem: Problem) -> float:
    """How many rows there are; where one level has most of them, how many the others have."""
    codes = max((grouping.codes for grouping in problem.design.groupings), key=np.max)
    largest = int(np.bincount(codes).max())
    return problem.n - largest if largest > problem.n / 2 else problem.n


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

    unit = _unit(problem, start if far else problem.start)
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

    with np.errstate(all="ignore"):
        result = optimize.minimize(
            measured,
            at_start,
            jac=True,
            method="BFGS",
            callback=stop_where_known if known else None,
            options={"gtol": tolerance(problem.n) / length, "maxiter": 500},
        )
    value = float(first + length**2 * result.fun)
    steepest = length * float(np.abs(result.jac).max(initial=0))
    converged = has_converged(steepest, value)
    theta = result.x * unit * length
    if result.status == PRECISION_LOST and (_unit(problem, theta) > 4 * unit).any():
        # the curvature has changed on the way: steps that suit this place may lead further
        again = descend(problem, value_and_gradient, theta, known, far=True)
        return replace(again, evaluations=count + again.evaluations)
    return Found(theta, value, steepest, converged, count)


def has_converged(steepest: float, value: float) -> bool:
    """Whether a gradient as large as this, measured by the curvature, is that of an optimum."""
    # a line search that fails at the limit of double precision has converged as far as numbers go
    noise = 1e-9 * max(1.0, abs(value))
    return bool(steepest < max(1e-3, noise**0.5))


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


def _at_zero(deviance: Deviance, best: Found) -> Found:
    """Put diagonals that are nearly 0 at 0 where that is no worse: there the derivative is 0 too."""
    zero = deviance.problem.diagonal & (np.abs(best.theta) < SMALL)
    if not zero.any():
        return best
    theta = np.where(zero, 0.0, best.theta)
    _, value = deviance.evaluate(theta)
    return replace(best, theta=theta, value=value) if is_no_worse(value, best) else best


def is_no_worse(value: float, best: Found) -> bool:
    """Whether a deviance is that of an optimum, but for rounding, or lower."""
    return value <= best.value + 1e-8


def _is_valley(deviance: Deviance, best: Found) -> bool:
    """Whether the deviance rises from diagonals that are 0 into all directions that these leave out."""
    zero = deviance.problem.diagonal & (best.theta == 0)
    if not zero.any():
        return True
    _, gradient = deviance(beside_zero(best.theta, zero))
    return rises_from_zero(deviance.problem, gradient, zero)


def beside_zero(theta: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """A theta with a small number in place of every diagonal that is 0."""
    return np.where(zero, ALMOST_ZERO, theta)


def rises_from_zero(problem: Problem, gradient: np.ndarray, zero: np.ndarray) -> bool:
    """Whether the deviance rises into all directions that are left out by diagonals that are `zero`.

    The deviance is even in such a diagonal, so that its derivative is 0 whether the optimum is there or
    not. It is a function of S = Lambda Lambda' with a slope G, and its derivative by Lambda is 2 G Lambda.
    With a small number in place of every 0 that derivative, the `gradient` `beside_zero`, tells the part of G
    that counts: S may grow by any positive definite matrix there, so the deviance rises if that part is
    positive definite.
    """
    for slopes, left_out in zip(problem.unpack(gradient), problem.unpack(zero), strict=True):
        G = (slopes + np.tril(slopes, -1).T)[np.ix_(*[np.diagonal(left_out) > 0] * 2)]
        if len(G) and np.linalg.eigvalsh(G)[0] < -NOISE * ALMOST_ZERO * np.abs(gradient).max():
            return False
    return True
