"""The same model fitted again and again: to other responses, or without some rows.

Such a search begins at the optimum of all data, where the curvature is known, and most need a few
quasi-Newton steps. Problems side by side take them together (`course.solver.together`), and the first step of
all responses is one (`course.solver.common_start`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from course.solver.common_start import CommonStart
from course.solver.estimates import Estimates, Optimum, optima
from course.solver.problem import SMALL, Problem
from course.solver.quasi_newton import Found, descend_together, tolerance
from course.solver.search import (
    Deviance,
    beside_zero,
    has_few_rows,
    is_no_worse,
    rises_from_zero,
    rival_starts,
    search,
    settle,
)
from course.solver.together import Batches

# A slope so small, measured by the curvature, is that of a point next to the optimum: the step that is left
# is taken on trust, and lands nearer than its length by the share to which the curvature is known.
TRUSTED = 5e-3  # of a drawn response, whose optimum is a standard error from that of any other
TRUSTED_OF_ROWS = 1e-4  # of the rows themselves
# A variance of which the first step leaves no more than so large a share of its root may be 0.
LIKELY_ZERO = 0.6
# Of all problems that are searched for together: their cross-products fill some MB.
LEVELS = 250_000
MOST_TOGETHER = 25


@dataclass(frozen=True, eq=False)
class Refitter:
    """A model to be fitted to other cross-products of the same design.

    Attributes
    ----------
    problem : Problem
    begin : CommonStart
        Where searches begin: the optimum of the problem.
    several_valleys : bool
        Whether the deviance may have more than one, wherever the search ends.
    """

    problem: Problem
    begin: CommonStart
    several_valleys: bool

    @classmethod
    def of(cls, problem: Problem, best: Optimum) -> Refitter:
        """Begin at this optimum of the problem."""
        theta = best.theta_standard
        # the deviance has slope 0 where an SD is 0, so that a search which starts there would stay
        start = np.where(problem.diagonal & (np.abs(theta) < SMALL), 5 * SMALL, theta)
        begin = CommonStart(problem, start, best.reml)
        return cls(problem, begin, bool(rival_starts(problem)))

    def fit(self, problems: Sequence[Problem]) -> list[Optimum | None]:
        """The optimum of each problem with another response; None where the fit breaks off."""
        if not problems:
            return []
        starts, inverses = self._first_step(problems)
        # near 0 a variance is known less well than its size there promises: shorter steps are long
        shares = inverses.diagonal(axis1=1, axis2=2) / self.begin.inverse.diagonal()
        trusted = TRUSTED * shares.min(axis=1, initial=1)
        return self.fit_from(problems, starts, inverses, trusted)

    def fit_alike(self, problems: Sequence[Problem]) -> list[Estimates | None]:
        """The same of responses much like the problem's own, so that their deviances bend as its does."""
        starts, _ = self._first_step(problems)
        root = self.begin.root
        inverses = np.tile(root @ root.T / 2, (len(problems), 1, 1))
        found = self.fit_from(problems, starts, inverses, effects=True)
        return cast(list[Estimates | None], found)

    def _first_step(self, problems: Sequence[Problem]) -> tuple[np.ndarray, np.ndarray]:
        """Where it leads, and the inverse curvatures to expect there."""
        begin = self.begin
        if begin.serves:
            return begin.step(begin.slopes(problems))
        starts = np.tile(begin.theta, (len(problems), 1))
        _, slopes = Batches(problems).values_and_gradients(
            np.arange(len(problems)), starts, begin.reml
        )
        return begin.step(slopes)

    def fit_responses(self, responses: Sequence[np.ndarray]) -> list[Optimum | None]:
        """The same for other responses of the rows."""
        return self.fit(self.problem.with_responses(responses))

    def fit_from(
        self,
        problems: Sequence[Problem],
        starts: np.ndarray,
        inverses: np.ndarray,
        trusted: float | np.ndarray = TRUSTED_OF_ROWS,
        effects: bool = False,
    ) -> list[Optimum | None]:
        """The optimum of each problem, searched for from a theta and an inverse curvature of its own.

        Parameters
        ----------
        problems : sequence of Problem
        starts : ndarray, shape (problems, n_theta)
        inverses : ndarray, shape (problems, n_theta, n_theta)
        trusted : float or ndarray
            The slope, by the curvature of each theta, from which the last step is taken on trust.
        effects : bool
            Whether `Estimates` are wanted, with the random effects.
        """
        batches = Batches(problems)
        ends = self._descend(batches, starts, inverses, trusted)
        at_zero = self._at_zero(batches, ends)
        pairs = zip(problems, ends, strict=True)
        found = [at_zero.get(i) or self._finish(*pair) for i, pair in enumerate(pairs)]
        results: list[Optimum | None] = [None] * len(problems)
        done = [(i, one) for i, one in enumerate(found) if one is not None]
        if not done:
            return results
        theta = np.stack([one.theta for _, one in done])
        for some, together, at in batches.evaluate(np.array([i for i, _ in done]), theta):
            made = optima(together, at, [one for _, one in done[some]], self.begin.reml)
            if effects:
                each = zip(made, together.effects_of_each(at), strict=True)
                made = [one and one.with_effects(own) for one, own in each]
            for (i, _), optimum in zip(done[some], made, strict=True):
                results[i] = optimum
        return results

    def _from_zero(
        self, batches: Batches, starts: np.ndarray, inverses: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same, but that a search which seems to lead to a variance of 0 begins there, and stays."""
        likely = LIKELY_ZERO * np.abs(self.begin.theta)
        zeros = self.problem.diagonal & (np.abs(starts) < likely)
        which = np.flatnonzero(zeros.any(axis=1))
        if self.several_valleys or not len(which):
            return starts, inverses
        starts, inverses = starts.copy(), inverses.copy()
        theta = np.where(zeros[which], 0.0, starts[which])
        rises = self._rises(batches, which, theta, zeros[which])
        for i, there in zip(which[rises], theta[rises], strict=True):
            starts[i] = there
            inverses[i][zeros[i]] = inverses[i][:, zeros[i]] = 0.0
        return starts, inverses

    def _rises(
        self, batches: Batches, which: np.ndarray, theta: np.ndarray, zeros: np.ndarray
    ) -> np.ndarray:
        """Whether the deviances of some of the problems rise from diagonals that are 0, (m,) of bool."""
        beside = beside_zero(theta, zeros)
        with np.errstate(all="ignore"):
            _, slopes = batches.values_and_gradients(which, beside, self.begin.reml)
        pairs = zip(slopes, zeros, strict=True)
        return np.array([rises_from_zero(self.problem, *pair) for pair in pairs])

    def _descend(
        self,
        batches: Batches,
        starts: np.ndarray,
        inverses: np.ndarray,
        trusted: float | np.ndarray,
    ) -> list[Found]:
        def function(which: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return batches.values_and_gradients(which, theta, self.begin.reml)

        least = np.array([tolerance(problem.n) for problem in batches.problems])
        begins = self._from_zero(batches, starts, inverses)
        return descend_together(function, *begins, np.maximum(trusted, least))

    def _at_zero(self, batches: Batches, ends: list[Found]) -> dict[int, Found]:
        """Where searches ended beside a variance of 0 that is 0 at the optimum: the optima, by problem."""
        problem = self.problem
        if self.several_valleys or has_few_rows(problem):
            return {}
        zeros = [one.converged & problem.diagonal & (np.abs(one.theta) < SMALL) for one in ends]
        which = np.array([i for i, zero in enumerate(zeros) if zero.any()], dtype=int)
        if not len(which):
            return {}
        zero = np.stack([zeros[i] for i in which])
        theta = np.where(zero, 0.0, np.stack([ends[i].theta for i in which]))
        with np.errstate(all="ignore"):
            values = batches.values(which, theta, self.begin.reml)
        rises = self._rises(batches, which, theta, zero)
        return {
            i: replace(ends[i], theta=own, value=value, evaluations=ends[i].evaluations + 2)
            for i, own, value, rising in zip(which, theta, values, rises, strict=True)
            if rising and is_no_worse(value, ends[i])
        }

    def _finish(self, problem: Problem, found: Found) -> Found | None:
        """Where the search went astray or may have found one valley of several, search by itself."""
        try:
            if found.converged:
                small = problem.diagonal & (np.abs(found.theta) < SMALL)
                again = self.several_valleys or small.any()
                if not again:
                    return found
                settled = settle(Deviance(problem, self.begin.reml), found)
                return replace(settled, evaluations=found.evaluations + settled.evaluations)
            return search(problem, self.begin.reml)
        except np.linalg.LinAlgError:
            return None


def how_many(problem: Problem) -> int:
    """How many problems like this one are best fitted together."""
    return int(np.clip(LEVELS // problem.M.shape[2], 1, MOST_TOGETHER))
