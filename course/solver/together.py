"""Problems of one design, evaluated side by side: many responses, groups left out, parameters held.

They have the same groups and differ in their cross-products and in theta. On the last axis of the arrays of
`course.solver.elimination`, which carries levels, the levels of one problem follow those of another; the
root has one place for each problem. So one NumPy call serves all of them, and a problem costs its
arithmetic. Crossed groupings are factored as whole matrices, problem by problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from course.solver.elimination import Stage, Sums
from course.solver.problem import Evaluation, Problem
from course.solver.small_matrices import invert, product

# Levels side by side, so that a call costs little beside its arithmetic (of 6,000 to 130,000 the fastest).
LEVELS_AT_ONCE = 32_000


def parts(problems: Sequence[Problem]) -> list[slice]:
    """As many of the problems at a time as are best evaluated side by side."""
    size = max(1, LEVELS_AT_ONCE // problems[0].M.shape[2]) if problems else 1
    return [slice(first, first + size) for first in range(0, len(problems), size)]


class Batches:
    """Many problems, as many of them side by side as pays; the same ones are put together once.

    Parameters
    ----------
    problems : sequence of Problem
        As `Together` takes them.
    """

    def __init__(self, problems: Sequence[Problem]):
        self.problems = problems
        self.made: dict[tuple[int, ...], Together] = {}

    def evaluate(
        self, which: np.ndarray, theta: np.ndarray
    ) -> Iterator[tuple[slice, Together, Evaluation]]:
        """Some of the problems, each at its own theta: where among them, the problems, their evaluation.

        Parameters
        ----------
        which : ndarray of int, shape (m,)
        theta : ndarray, shape (m, n_theta)
        """
        for some in parts([self.problems[i] for i in which]):
            key = tuple(which[some].tolist())
            if key not in self.made:
                self.made[key] = Together([self.problems[i] for i in key])
            yield some, self.made[key], self.made[key].evaluate(theta[some])

    def values(self, which: np.ndarray, theta: np.ndarray, reml: bool) -> np.ndarray:
        """The deviances of some of the problems, (m,)."""
        values = np.empty(len(which))
        for some, together, at in self.evaluate(which, theta):
            values[some] = together.deviance(at, reml)
        return values

    def values_and_gradients(
        self, which: np.ndarray, theta: np.ndarray, reml: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The deviances of some of the problems, (m,), and their gradients, (m, n_theta)."""
        values, gradients = np.empty(len(which)), np.empty(theta.shape)
        for some, together, at in self.evaluate(which, theta):
            values[some] = together.deviance(at, reml)
            gradients[some] = together.gradient(at, reml)
        return values, gradients


def at_thetas(problem: Problem, thetas: np.ndarray) -> Iterator[tuple[Together, Evaluation]]:
    """One problem at several thetas, (m, n_theta): as many evaluations side by side as pays."""
    for some in parts([problem] * len(thetas)):
        together = Together([problem] * len(thetas[some]))
        yield together, together.evaluate(thetas[some])


class Together(Problem):
    """Problems side by side, each evaluated at a theta of its own.

    What `Problem` has for one it has for all: thetas, deviances and gradients have the problems on their
    first axis; the arrays of an `Evaluation` have them on their last.

    Parameters
    ----------
    problems : sequence of Problem
        Copies of one, with other cross-products.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> one = Problem(build_design(parse_formula("y ~ 1 + (1|g)"), data))
    >>> both = Together([one, one.with_response(data["y"].to_numpy() ** 2)])
    >>> at = both.evaluate(np.array([[0.4], [1.0]]))
    >>> both.deviance(at, reml=True).shape, both.gradient(at, reml=True).shape
    ((2,), (2, 1))
    """

    def __init__(self, problems: Sequence[Problem]):
        self.__dict__ |= problems[0].__dict__
        self.problems, self.size = problems, len(problems)
        for name in ("n", "y_scale", "y_shift", "sum_log_weights"):
            setattr(self, name, np.array([getattr(problem, name) for problem in problems]))
        del self.M
        if not self.crossing:
            self.stages = [_side_by_side(stage, self.size) for stage in self.stages]

    @cached_property
    def _whole(self) -> np.ndarray:
        """M of all problems side by side, which many of them never need."""
        if self.size == 1:
            return self.problems[0].M
        return np.concatenate([problem.M for problem in self.problems], axis=2)

    @cached_property
    def _together(self) -> tuple[np.ndarray, np.ndarray]:
        """What the first elimination needs of M where each parent has many children."""
        (first, *_), z = self.problems[0].stages, self.stages[0].z
        pairs = ((one.M[z], first.sums.total(one.M)) for one in self.problems)
        rows, totals = zip(*pairs, strict=True)
        return np.concatenate(rows, axis=2), np.concatenate(totals, axis=2)

    def unpack(self, theta: np.ndarray) -> list[np.ndarray]:
        return unpack_together(theta, self.patterns)

    def pack(self, factors: list[np.ndarray]) -> np.ndarray:
        return pack_together(factors, self.patterns)

    def with_factors(self, factors: list[np.ndarray]) -> Evaluation:
        if self.crossing:
            own = [[factor[:, :, i] for factor in factors] for i in range(self.size)]
            pairs = zip(self.problems, own, strict=True)
            each = [problem.with_factors(one) for problem, one in pairs]
            root = np.stack([at.root for at in each], axis=2)
            return at_root(self, factors, root, np.array([at.logdet for at in each]), each)
        M: Any = None
        logdet, tape = np.zeros(self.size), []
        for stage in self.stages:
            levels = len(stage.sums.parent) // self.size
            Lambda = np.repeat(factors[stage.grouping], levels, axis=2)
            M, more, step = self._eliminate(stage, M, Lambda)
            logdet += more.reshape(self.size, -1).sum(axis=1)
            tape.append(step)
        return at_root(self, factors, M, logdet, tape)

    def _eliminate(self, stage: Stage, M: np.ndarray | None, Lambda: np.ndarray) -> tuple:
        """One stage; the first has no M yet."""
        if M is None and stage.sums.many and self.size > 1:
            found = stage.eliminate_together(*self._together, Lambda)
            if found:
                return found
        return stage.eliminate(self._whole if M is None else M, Lambda)

    def by_factor(self, at: Evaluation, bar: np.ndarray) -> list[np.ndarray]:
        if self.crossing:
            parts = zip(self.problems, at.tape, np.moveaxis(bar, 2, 0), strict=True)
            each = [problem.by_factor(one, own) for problem, one, own in parts]
            return [np.stack(slopes, axis=2) for slopes in zip(*each, strict=True)]
        by_grouping = {}
        for i, (stage, tape) in reversed(list(enumerate(zip(self.stages, at.tape, strict=True)))):
            by_S = stage.by_covariance(tape, bar)
            by_S = by_S.reshape(*by_S.shape[:2], self.size, -1).sum(axis=3)
            by_grouping[stage.grouping] = 2 * product(by_S, at.factors[stage.grouping])
            if i:
                bar = stage.back(tape, bar)
        return [by_grouping[g] for g in range(len(self.patterns))]

    def effects_of_each(self, at: Evaluation) -> list[list[np.ndarray]]:
        """For each problem the conditional means of its random effects, as `Problem.effects`."""
        if self.crossing:
            pairs = zip(self.problems, at.tape, strict=True)
            return [problem.effects(one) for problem, one in pairs]
        means, v = {}, self.residual_coefficients(at)
        for stage, tape in reversed(list(zip(self.stages, at.tape, strict=True))):
            means[stage.grouping], v = stage.effects(tape, v)
        own = {g: b.reshape(len(b), self.size, -1) for g, b in means.items()}
        return [
            problem.in_units({g: b[:, i] for g, b in own.items()})
            for i, problem in enumerate(self.problems)
        ]


def at_root(
    problem: Problem, factors: list[np.ndarray], root: np.ndarray, logdet: np.ndarray, tape: list
) -> Evaluation:
    """An evaluation of several problems from their roots, (u, u, problems)."""
    XX, Xy = root[problem.xx], root[problem.x, problem.y_at]
    XX_inverse, logdet_XX = invert(XX.copy())
    beta = product(XX_inverse, Xy[:, None])[:, 0]
    beta += product(XX_inverse, (Xy - product(XX, beta[:, None])[:, 0])[:, None])[:, 0]
    r2 = root[problem.y_at, problem.y_at] - (Xy * beta).sum(axis=0)
    return Evaluation(factors, root, logdet, tape, beta, r2, XX_inverse, logdet_XX)


def unpack_together(theta: np.ndarray, patterns: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The thetas of m problems, (m, n_theta), to their factors, (k, k, m) for each grouping."""
    factors, start = [], 0
    for pattern in patterns:
        factors.append(np.zeros((*pattern.shape, len(theta))))
        stop = start + int(pattern.sum())
        factors[-1][_free(pattern)] = theta[:, start:stop].T
        start = stop
    return factors


def pack_together(factors: Sequence[np.ndarray], patterns: Sequence[np.ndarray]) -> np.ndarray:
    """Factors of m problems, (k, k, m) for each grouping, to their thetas, (m, n_theta)."""
    pairs = zip(factors, patterns, strict=True)
    return np.concatenate([factor[_free(pattern)] for factor, pattern in pairs]).T


def _free(pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a factor has its free entries, in the order of theta."""
    columns, rows = np.nonzero(pattern.T)
    return rows, columns


@lru_cache(maxsize=64)
def _side_by_side(stage: Stage, times: int) -> Stage:
    """The same elimination for the levels of several problems."""
    if times == 1:  # of very many levels it is one in chunks
        return stage
    parent = stage.sums.parent
    shifted = parent + (parent[-1] + 1) * np.arange(times)[:, None]
    return Stage(stage.grouping, stage.of_U, Sums(shifted.ravel()))
