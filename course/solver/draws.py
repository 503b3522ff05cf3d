"""Responses drawn from a model as the sums that the likelihood needs of them, without a single row.

The likelihood sees a response y through U'y within the finest groups and through y'y, U the distinct
columns of X and of the Z's. Within a group whose rows share all random effects, y = U c + e with c the
coefficients there, fixed and random together, and e ~ N(0, sigma^2 I). With M = U'U of the group,
F F' = M for an F with as many columns as M has rank r, and w a vector of r standard normals,

    U'y = M c + sigma F w,        y'y = c'M c + 2 sigma c'F w + sigma^2 (w'w + chi^2 with n - r df)

have the joint distribution of those sums: U'e ~ N(0, sigma^2 M) is a function of the projection of e on
the columns of U, whose squared length is sigma^2 w'w; what is left of e is independent of it, and its
squared length is sigma^2 chi^2. The chi^2 of all groups add up to one. So a response costs the number
of groups. Where groupings cross, the finest groups are the rows that share a level of each of them.
"""

from __future__ import annotations

import copy
from functools import reduce

import numpy as np

from course.design.groups import pair_numbers, renumber
from course.solver.elimination import cross_products
from course.solver.estimates import Optimum
from course.solver.problem import Problem
from course.solver.small_matrices import product

NO_DIRECTION = 1e-10  # share of the largest eigenvalue of M below which one is rounding


class Draws:
    """Responses of a problem's design, drawn from given parameters.

    Parameters
    ----------
    problem : Problem
    best : Optimum
        Of that problem: what to draw from.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> from course.solver.estimates import estimate
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> problem = Problem(build_design(parse_formula("y ~ 1 + (1|g)"), data))
    >>> drawn = Draws(problem, estimate(problem)).draw(np.random.default_rng(1))
    >>> drawn.M.shape == problem.M.shape
    True
    """

    def __init__(self, problem: Problem, best: Optimum):
        self.problem, groupings = problem, problem.design.groupings
        at = problem.evaluate(best.theta_standard)
        self.beta = at.beta
        self.sigma = np.sqrt(best.sigma2) / problem.y_scale
        self.factors = [self.sigma * factor for factor in at.factors]
        codes = [grouping.codes for grouping in groupings]
        self.group = _finest(codes) if problem.crossing else problem.leaves
        n_groups = int(self.group.max()) + 1
        self.levels = [np.empty(n_groups, dtype=np.int64) for _ in codes]
        for level, code in zip(self.levels, codes, strict=True):
            level[self.group] = code
        self.M = (
            cross_products(problem.columns.XZ, self.group)
            if problem.crossing
            else _without_y(problem)
        )
        values, vectors = np.linalg.eigh(self.M.transpose(2, 0, 1))
        kept = values > NO_DIRECTION * values[:, -1:]
        root = vectors * np.sqrt(np.where(kept, values, 0))[:, None]
        self.F = np.ascontiguousarray(root.transpose(1, 2, 0))
        self.kept = kept.T
        self.rest = problem.n - int(kept.sum())

    def draw(self, rng: np.random.Generator) -> Problem:
        """The problem with a response that is drawn; as `Problem.with_sums` it has no rows."""
        c = np.zeros(self.kept.shape)
        c[self.problem.x] = self.beta[:, None]
        for z, factor, level, grouping in zip(
            self.problem.z,
            self.factors,
            self.levels,
            self.problem.design.groupings,
            strict=True,
        ):
            effects = factor @ rng.standard_normal((len(factor), grouping.n_levels))
            c[z] += effects.take(level, axis=1)
        w = np.where(self.kept, rng.standard_normal(c.shape), 0.0)
        mean, error = (product(A, b[:, None])[:, 0] for A, b in ((self.M, c), (self.F, w)))
        squares = np.vdot(w, w) + (rng.chisquare(self.rest) if self.rest else 0.0)
        yy = np.vdot(c, mean + 2 * self.sigma * error) + self.sigma**2 * squares
        return self._with_sums(mean + self.sigma * error, yy)

    def _with_sums(self, Uy: np.ndarray, yy: float) -> Problem:
        """The problem with these sums U'y of each group, and this y'y."""
        problem, y_at = self.problem, self.problem.y_at
        other = copy.copy(problem)
        other.M = problem.M.copy()
        if problem.crossing:
            level = self.levels[problem.crossing.largest]
            other.crossing = problem.crossing.with_sums(
                y_at,
                [_by_level(Uy[z], level) for z, level in zip(problem.z, self.levels, strict=True)],
            )
            Uy = _by_level(Uy, level)
        other.M[:y_at, y_at] = other.M[y_at, :y_at] = Uy
        other.M[y_at, y_at] = 0.0
        other.M[y_at, y_at, 0] = yy  # only its sum counts
        return other


def _without_y(problem: Problem) -> np.ndarray:
    return problem.M[: problem.y_at, : problem.y_at]


def _finest(codes: list[np.ndarray]) -> np.ndarray:
    """Groups of rows that share a level of every grouping, numbered from 0."""

    def both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return renumber(pair_numbers(one, other, int(other.max()) + 1))[1]

    return reduce(both, codes, np.zeros_like(codes[0]))


def _by_level(sums: np.ndarray, level: np.ndarray) -> np.ndarray:
    """(a, groups) to (a, levels)."""
    return np.stack([np.bincount(level, row) for row in sums])
