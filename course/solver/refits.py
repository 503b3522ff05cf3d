"""The same model fitted again and again: to other responses, or without some rows.

Such a search begins at the optimum of all data, where the curvature is known, and most need a few
quasi-Newton steps. Problems side by side take them together (`course.solver.together`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from course.solver.estimates import Optimum, optima
from course.solver.problem import SMALL, Problem
from course.solver.search import Found, rival_starts, search, settle, tolerance
from course.solver.together import Together, parts, values_and_gradients

STEP = 1e-4  # for central differences of an exact gradient, in standardised units
FLAT = 1e-3  # the least curvature, as a share of the expected one, that a first step trusts
MOST_STEPS = 25  # of a search side by side with others; what takes longer is searched for by itself
SHORTEST = 1e-3  # of a quasi-Newton step: where even that leads upwards, the search goes on by itself
# A slope so small, measured by the curvature, is that of a point next to the optimum: the step that is left
# is taken on trust, and lands nearer than its length by the share to which the curvature is known.
TRUSTED = 1e-3
ENOUGH = 1e-4  # a step is long enough that lowers the deviance by this share of what its slope promises

LEVELS = 250_000  # of all problems that are searched for together: their cross-products fill some MB
MOST_TOGETHER = 25

# Takes numbers of problems, and a point for each; returns the values and the slopes there.
Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Refitter:
    """A model to be fitted to other cross-products of the same design.

    Attributes
    ----------
    problem : Problem
    reml : bool
    start : ndarray, shape (n_theta,)
        Where searches begin: the optimum of the problem.
    inverse : ndarray, shape (n_theta, n_theta)
        Of the second derivative there.
    several_valleys : bool
        Whether the deviance may have more than one, wherever the search ends.
    """

    problem: Problem
    reml: bool
    start: np.ndarray
    inverse: np.ndarray
    several_valleys: bool

    @classmethod
    def of(cls, problem: Problem, best: Optimum) -> Refitter:
        """Begin at this optimum of the problem."""
        theta = best.theta_standard
        # the deviance has slope 0 where an SD is 0, so that a search which starts there would stay
        start = np.where(problem.diagonal & (np.abs(theta) < SMALL), 5 * SMALL, theta)
        inverse = inverse_curvature(problem, start, best.reml)
        return cls(problem, best.reml, start, inverse, bool(rival_starts(problem)))

    def fit(self, problems: Sequence[Problem]) -> list[Optimum | None]:
        """The optimum of each problem; None where the fit breaks off."""
        pairs = zip(problems, self._descend(problems), strict=True)
        found = [self._finish(problem, one) for problem, one in pairs]
        results: list[Optimum | None] = [None] * len(problems)
        done = [i for i, one in enumerate(found) if one is not None]
        for some in parts([problems[i] for i in done]):
            ends = [found[i] for i in done[some]]
            together = Together([problems[i] for i in done[some]])
            at = together.evaluate(np.stack([one.theta for one in ends]))
            for i, optimum in zip(done[some], optima(together, at, ends, self.reml), strict=True):
                results[i] = optimum
        return results

    def _descend(self, problems: Sequence[Problem]) -> list[Found]:
        def function(which: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return values_and_gradients([problems[i] for i in which], theta, self.reml)

        unit = np.sqrt(np.diagonal(self.inverse))
        n = np.array([problem.n for problem in problems])
        return descend_together(function, self.start, self.inverse, unit, n)

    def _finish(self, problem: Problem, found: Found) -> Found | None:
        """Where the search went astray or may have found one valley of several, search by itself."""
        try:
            if found.converged:
                small = problem.diagonal & (np.abs(found.theta) < SMALL)
                again = self.several_valleys or small.any()
                return settle(problem, self.reml, found) if again else found
            problem.start = self.start
            return search(problem, self.reml)
        except np.linalg.LinAlgError:
            return None


def how_many(problem: Problem) -> int:
    """How many problems like this one are best fitted together."""
    return int(np.clip(LEVELS // problem.M.shape[2], 1, MOST_TOGETHER))


def inverse_curvature(problem: Problem, theta: np.ndarray, reml: bool) -> np.ndarray:
    """The inverse of the deviance's second derivative by theta, made positive definite."""
    unit = 1 / np.sqrt(problem.curvature)
    steps = STEP * np.concatenate([np.diag(unit), -np.diag(unit)])
    if not len(unit):
        return np.empty((0, 0))
    around = Together([problem] * len(steps))
    slopes = around.gradient(around.evaluate(theta + steps), reml)
    hessian = unit * (slopes[: len(unit)] - slopes[len(unit) :]) / (2 * STEP)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    wide = unit[:, None] * vectors / np.sqrt(np.abs(values).clip(min=FLAT))
    return wide @ wide.T


def descend_together(
    function: Function, start: np.ndarray, inverse: np.ndarray, unit: np.ndarray, n: np.ndarray
) -> list[Found]:
    """Follow each of several functions down by BFGS steps, side by side.

    Parameters
    ----------
    function : Function
    start : ndarray, shape (k,)
    inverse : ndarray, shape (k, k)
        Of the second derivatives there, roughly.
    unit : ndarray, shape (k,)
        The step by which a function of curvature 1 rises by a half.
    n : ndarray of int
        For each function the number of rows that it is a sum over.

    Returns
    -------
    list of Found
        Not converged where the functions cannot be followed in few steps.
    """
    size = len(n)
    enough = np.array([max(TRUSTED, tolerance(rows)) for rows in n])
    everything = np.arange(size)
    x, H = np.tile(start, (size, 1)), np.tile(inverse, (size, 1, 1))
    value, slope = function(everything, x)
    steepest = np.abs(slope * unit).max(axis=1, initial=0)
    length, evaluations = np.ones(size), np.ones(size, dtype=np.int64)
    for _ in range(MOST_STEPS):
        which = everything[(steepest > enough) & (length > SHORTEST)]
        if not len(which):
            break
        step = -np.einsum("rij,rj->ri", H[which], slope[which])
        there = x[which] + length[which, None] * step
        new_value, new_slope = function(which, there)
        evaluations[which] += 1
        promised = length[which] * (step * slope[which]).sum(axis=1)
        noise = 1e-13 * n[which]
        lower = new_value < value[which] + ENOUGH * promised + noise
        length[which] = np.where(lower, 1.0, 0.3 * length[which])
        which, there, new_slope = which[lower], there[lower], new_slope[lower]
        H[which] = _updated(H[which], there - x[which], new_slope - slope[which])
        x[which], value[which], slope[which] = there, new_value[lower], new_slope
        steepest[which] = np.abs(new_slope * unit).max(axis=1, initial=0)
    there = steepest <= enough
    x[there] -= np.einsum("rij,rj->ri", H[there], slope[there])
    pairs = zip(x, value, steepest, there, evaluations, strict=True)
    return [Found(*one) for one in pairs]


def _updated(H: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The BFGS update of inverse curvatures (m, k, k), where the slope changed as that of a valley does."""
    bend = (step * change).sum(axis=1)
    Hy = np.einsum("rij,rj->ri", H, change)
    ratio = (1 + (change * Hy).sum(axis=1) / bend) / bend
    both = Hy[:, :, None] * step[:, None]
    new = H + ratio[:, None, None] * step[:, :, None] * step[:, None]
    new -= (both + both.swapaxes(1, 2)) / bend[:, None, None]
    return np.where((bend > 0)[:, None, None], new, H)
