"""The same model fitted again and again: to other responses, or without some rows.

Such a search begins at the optimum of all data, where the curvature is known, and most need a few
quasi-Newton steps. Problems side by side take them together (`course.solver.together`), and the first step of
all responses is one (`course.solver.common_start`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from course.solver.common_start import CommonStart
from course.solver.estimates import Estimates, Optimum, optima
from course.solver.problem import SMALL, Problem
from course.solver.quasi_newton import Found, descend_together, tolerance
from course.solver.search import Deviance, rival_starts, search, settle
from course.solver.together import Batches

# A slope so small, measured by the curvature, is that of a point next to the optimum: the step that is left
# is taken on trust, and lands nearer than its length by the share to which the curvature is known.
TRUSTED = 5e-3  # of a drawn response, whose optimum is a standard error from that of any other
TRUSTED_OF_ROWS = 1e-4  # of the rows themselves
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
        pairs = zip(problems, self._descend(batches, starts, inverses, trusted), strict=True)
        found = [self._finish(problem, one) for problem, one in pairs]
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
        return descend_together(function, starts, inverses, np.maximum(trusted, least))

    def _finish(self, problem: Problem, found: Found) -> Found | None:
        """Where the search went astray or may have found one valley of several, search by itself."""
        try:
            if found.converged:
                small = problem.diagonal & (np.abs(found.theta) < SMALL)
                again = self.several_valleys or small.any()
                return settle(Deviance(problem, self.begin.reml), found) if again else found
            return search(problem, self.begin.reml)
        except np.linalg.LinAlgError:
            return None


def how_many(problem: Problem) -> int:
    """How many problems like this one are best fitted together."""
    return int(np.clip(LEVELS // problem.M.shape[2], 1, MOST_TOGETHER))
