"""A model without one level of a grouping, for each of its levels: one small model of all of them.

What a level adds to the M of its parent is a term of a sum. Without it the parent is eliminated once more,
and so on up to the root, so that at one theta all levels are left out for little more than one evaluation
(`EachLeftOut`). Their optima lie near that of all rows. With x = 0 there, measured in standard errors, the
deviance without level j is D(x) - c_j(x). Near 0 the gradient of D, which is that of all rows and one for
all j, and the small c_j are quadratic in x; so are the roots, which tell beta and sigma. All of them are
interpolated at (d + 1)(d + 2) / 2 common points, and Newton's steps in the interpolated model cost nothing.
The exact gradient checks it where it is stretched most; what lies further off is fitted again from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np

from course.solver.elimination import Stage, Sums
from course.solver.estimates import Optimum, optima
from course.solver.problem import SMALL, Evaluation, Problem
from course.solver.quasi_newton import Found
from course.solver.refits import Refitter, how_many
from course.solver.small_matrices import tells_apart
from course.solver.together import Batches, Together, at_root, unpack_together

NEAR = 0.13  # how far away the points are, in standard errors, and how far the model is believed
CHECKED = 5  # levels at which it is checked
TOLERANCE = 1e-4  # of a standard error: the step that may be left there
NEWTON_STEPS = 6
MOST_POINTS = 150  # with more of them refits are as fast


def optima_without_each(
    problem: Problem,
    grouping: int,
    best: Optimum,
    refitter: Refitter,
    advance: Callable[[int], object],
) -> list[Optimum | None]:
    """The optimum without each level of a grouping.

    Parameters
    ----------
    problem : Problem
    grouping : int
        Of the design.
    best : Optimum
        That of the problem.
    refitter : Refitter
        Fits what lies far from there.
    advance : callable
        Is told how many more levels are done.

    Returns
    -------
    list of (Optimum or None)
        In the order of the levels; None where the other rows do not tell all fixed effects apart.
    """
    n_levels = problem.design.groupings[grouping].n_levels
    codes, theta = problem.design.groupings[grouping].codes, refitter.begin.theta
    root = refitter.begin.root
    starts = np.tile(theta, (n_levels, 1))
    found: dict[int, Optimum | None] = {}
    inner = (np.abs(best.theta_standard[problem.diagonal]) >= SMALL).all()
    if inner and not problem.crossing and not refitter.several_valleys:
        model = Neighbourhood(problem, EachLeftOut(problem, grouping), theta, root, best.reml)
        if len(model.points) <= MOST_POINTS:
            with np.errstate(all="ignore"):  # where an effect does not exist without a level
                starts, found = model.search()
    advance(len(found))
    left = [level for level in range(n_levels) if level not in found]
    size = how_many(problem)
    for first in range(0, len(left), size):
        levels = left[first : first + size]
        smaller = {level: problem.without(codes == level) for level in levels}
        fitted = [level for level in levels if smaller[level].identifies_beta]
        found |= dict.fromkeys(levels)
        again = refitter.fit_from(
            [smaller[level] for level in fitted],
            starts[fitted],
            np.tile(root @ root.T / 2, (len(fitted), 1, 1)),
        )
        found |= dict(zip(fitted, again, strict=True))
        advance(len(levels))
    return [found[level] for level in range(n_levels)]


class EachLeftOut(Problem):
    """The problems without one level of a nested grouping each, side by side and at one theta.

    Parameters
    ----------
    problem : Problem
        Without crossed groupings.
    grouping : int
        Of the design.
    """

    n: Any  # as sum_log_weights a number for each level
    sum_log_weights: Any

    def __init__(self, problem: Problem, grouping: int):
        self.__dict__ |= problem.__dict__
        self.own = [stage.grouping for stage in problem.stages].index(grouping)
        self.rank = problem.ranks[self.own]  # where each level is on the last axis of arrays
        self.level = np.argsort(self.rank)  # which level is there
        self.size, self.place = len(self.rank), self.rank[problem.design.groupings[grouping].codes]
        self.n = problem.n - np.bincount(self.place, minlength=self.size)
        weights = problem.design.weights
        if weights is not None:
            gone = np.bincount(self.place, np.log(weights), self.size)
            self.sum_log_weights = problem.sum_log_weights - gone

    @property
    def identified(self) -> np.ndarray:
        """Whether the other rows tell all fixed effects apart, for each level."""
        XX = self.M[self.xx]
        for stage in self.stages[: self.own]:
            XX = stage.sums.total(XX)
        return tells_apart((XX.sum(axis=2, keepdims=True) - XX).transpose(2, 0, 1))

    def with_factors(self, factors: list[np.ndarray]) -> Evaluation:
        """The levels that are left out are on the last axis of the arrays."""
        M, logdet = self.M, np.zeros(self.M.shape[2])
        for stage in self.stages[: self.own]:
            M, more, _ = stage.eliminate(M, factors[stage.grouping])
            logdet = stage.sums.total(logdet + more)
        # what goes with each level: at first all that it adds to its parent
        left, more = _each(self.stages[self.own], M, factors)
        gone, gone_logdet = left, logdet + more
        parent = np.arange(self.size)
        for stage, above in zip(self.stages[self.own :], self.stages[self.own + 1 :], strict=False):
            parent = stage.sums.parent[parent]
            M, logdet = stage.sums.total(left), stage.sums.total(logdet + more)
            left, more = _each(above, M, factors)
            left_without, more_without = _each(above, M[:, :, parent] - gone, factors)
            gone = left[:, :, parent] - left_without
            gone_logdet = gone_logdet + more[parent] - more_without
        root, logdet = left.sum(axis=2, keepdims=True), (logdet + more).sum()
        many = [np.repeat(factor[:, :, None], self.size, axis=2) for factor in factors]
        return at_root(self, many, root - gone, logdet - gone_logdet, [])


def _each(stage: Stage, M: np.ndarray, factors: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What each level adds to the M of its parent, (u, u, L), and its log|A|, (L,)."""
    alone = Stage(stage.grouping, stage.of_U, Sums(np.arange(M.shape[2])))
    left, logdet, _ = alone.eliminate(M, factors[stage.grouping])
    return left, logdet


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The deviances without each level near the optimum of all rows.

    Attributes
    ----------
    problem : Problem
    each : EachLeftOut
    theta : ndarray, shape (d,)
        The optimum of all rows.
    root : ndarray, shape (d, d)
        As `CommonStart` gives it.
    reml : bool
    """

    problem: Problem
    each: EachLeftOut
    theta: np.ndarray
    root: np.ndarray
    reml: bool

    @cached_property
    def points(self) -> np.ndarray:
        """Where all is evaluated, (points, d): as many as a quadratic function has coefficients."""
        step = NEAR * np.eye(len(self.theta))
        both = [one + other for one, other in combinations(step, 2)]
        return np.array([np.zeros(len(self.theta)), *step, *-step, *both])

    def search(self) -> tuple[np.ndarray, dict[int, Optimum | None]]:
        """By level the theta where its optimum is, (levels, d), and the optima that are near enough."""
        thetas = self._thetas(self.points)
        around = Together([self.problem] * len(thetas))
        at = around.evaluate(thetas)
        deviance = np.asarray(around.deviance(at, self.reml))
        by_log = np.where(self.problem.diagonal, thetas / self.theta, 1)
        slopes = (by_log * around.gradient(at, self.reml)) @ self.root
        without = [self.each.evaluate(theta) for theta in thetas]
        less = deviance[:, None] - [self.each.deviance(one, self.reml) for one in without]
        less[:, ~self.each.identified] = 0.0
        basis = _monomials(self.points)
        x = _zeros(np.linalg.solve(basis, slopes), np.linalg.solve(basis, less))
        found = self._accepted(x, [one.root for one in without], [one.logdet for one in without])
        return self._thetas(x)[self.each.rank], found

    def _thetas(self, x: np.ndarray) -> np.ndarray:
        """The thetas of some x; an SD grows by factors, since its logarithm has the rounder valley."""
        moved = x @ self.root.T
        diagonal = self.problem.diagonal
        grown = self.theta * np.exp(moved / np.where(diagonal, self.theta, np.inf))
        return np.where(diagonal, grown, self.theta + moved)

    def _accepted(
        self, x: np.ndarray, roots: list[np.ndarray], logdets: list[np.ndarray]
    ) -> dict[int, Optimum | None]:
        """The optima of the levels at which the model is good, by level."""
        each = self.each
        far, thetas = np.sqrt((x**2).sum(axis=1)), self._thetas(x)
        singular = (np.abs(thetas[:, self.problem.diagonal]) < SMALL).any(axis=1)
        near = np.flatnonzero((far <= NEAR) & each.identified & ~singular)
        stretched = near[np.argsort(far[near])][-CHECKED:]
        if not len(near) or self._step_left(x, stretched) > TOLERANCE:
            return {}
        # quadratic interpolation as a weighted sum of what is at the points
        weights = np.linalg.solve(_monomials(self.points).T, _monomials(x).T)
        root = sum(w * one for w, one in zip(weights, roots, strict=True))
        logdet = sum(w * one for w, one in zip(weights, logdets, strict=True))
        at = at_root(each, unpack_together(thetas, each.patterns), root, logdet, [])
        ends = [Found(theta, np.nan, 0.0, True, len(self.points)) for theta in thetas]
        made = optima(each, at, ends, self.reml)
        return {int(each.level[j]): made[j] for j in near}

    def _step_left(self, x: np.ndarray, which: np.ndarray) -> float:
        """The largest entry of a Newton step from there by the exact gradient, in standard errors."""
        problems = [self.problem.without(self.each.place == j) for j in which]
        everything, thetas = np.arange(len(problems)), self._thetas(x[which])
        _, slopes = Batches(problems).values_and_gradients(everything, thetas, self.reml)
        return float(np.abs(slopes @ self.root / 2).max())


def _monomials(x: np.ndarray) -> np.ndarray:
    """Those up to degree 2 of points (m, d): (m, monomials)."""
    i, k = _squares(x.shape[1])
    return np.hstack([np.ones((len(x), 1)), x, x[:, i] * x[:, k]])


def _slopes(x: np.ndarray) -> np.ndarray:
    """The slopes of the same, (m, monomials, d)."""
    m, d = x.shape
    (i, k), eye = _squares(d), np.eye(d)
    quadratic = x[:, i, None] * eye[k] + x[:, k, None] * eye[i]
    return np.concatenate([np.zeros((m, 1, d)), np.broadcast_to(eye, (m, d, d)), quadratic], axis=1)


def _squares(d: int) -> np.ndarray:
    """The coordinates of which the monomials of degree 2 are products, (2, d (d + 1) / 2)."""
    return np.array(list(combinations_with_replacement(range(d), 2))).T


def _zeros(whole: np.ndarray, less: np.ndarray) -> np.ndarray:
    """Where the slopes of D - c_j are 0, (levels, d).

    Parameters
    ----------
    whole : ndarray, shape (monomials, d)
        The coefficients of the gradient of D.
    less : ndarray, shape (monomials, levels)
        Those of the c_j.
    """
    d, levels = whole.shape[1], less.shape[1]
    curvature = np.einsum("imd,mj->jid", _slopes(np.eye(d)) - _slopes(np.zeros((1, d))), less)
    x = np.zeros((levels, d))
    for _ in range(NEWTON_STEPS):
        slopes = _slopes(x)
        slope = _monomials(x) @ whole - np.einsum("jmd,mj->jd", slopes, less)
        bend = np.einsum("jmd,me->jed", slopes, whole) - curvature
        x = (x - np.linalg.solve(bend, slope[:, :, None])[:, :, 0]).clip(-2 * NEAR, 2 * NEAR)
    return x
