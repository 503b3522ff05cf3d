"""One level of a grouping left out at a time: all at one theta, for little more than one evaluation."""

from __future__ import annotations

import copy

import numpy as np

from course.solver.elimination import Stage, Sums
from course.solver.problem import Evaluation, Problem
from course.solver.together import at_root


class EachLeftOut(Problem):
    """The problems without one level of a nested grouping each, side by side and at one theta.

    What a level adds to the M of its parent is a term of a sum. Without it the parent is eliminated once
    more, and so on up to the root; nothing else changes.
    """

    def __init__(self, problem: Problem, grouping: int):
        self.__dict__ |= copy.copy(problem.__dict__)
        at = [stage.grouping for stage in problem.stages].index(grouping)
        self.before, self.own, self.after = (
            problem.stages[:at],
            problem.stages[at],
            problem.stages[at + 1 :],
        )
        codes = problem.ranks[at][problem.design.groupings[grouping].codes]
        self.size = len(self.own.sums.parent)
        self.n = problem.n - np.bincount(codes, minlength=self.size)
        if problem.design.weights is not None:
            self.sum_log_weights = problem.sum_log_weights - np.bincount(
                codes, np.log(problem.design.weights), self.size
            )

    def with_factors(self, factors: list[np.ndarray]) -> Evaluation:
        """Arrays have the levels that are left out on their last axis."""
        M, logdet = self.M, np.zeros(self.M.shape[2])
        for stage in self.before:
            M, more, _ = stage.eliminate(M, factors[stage.grouping])
            logdet = stage.sums.total(logdet + more)
        left, more = _each(self.own, M, factors)
        gone, gone_logdet = left, logdet + more
        M, logdet = self.own.sums.total(left), self.own.sums.total(gone_logdet)
        parent = self.own.sums.parent
        for stage in self.after:
            left, more = _each(stage, M, factors)
            without, more_without = _each(stage, M[:, :, parent] - gone, factors)
            gone = left[:, :, parent] - without
            gone_logdet = gone_logdet + more[parent] - more_without
            M, logdet = stage.sums.total(left), stage.sums.total(logdet + more)
            parent = stage.sums.parent[parent]
        tiled = [np.repeat(factor[:, :, None], self.size, axis=2) for factor in factors]
        return at_root(self, tiled, M - gone, logdet - gone_logdet, [])


def _each(stage: Stage, M: np.ndarray, factors: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What each level by itself adds to the next M, and log|A|."""
    alone = Stage(stage.grouping, list(stage.z), Sums(np.arange(M.shape[2])))
    left, logdet, _ = alone.eliminate(M, factors[stage.grouping])
    return left, logdet
