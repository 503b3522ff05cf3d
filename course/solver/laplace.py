"""The search for the beta and theta of lowest deviance of a generalised model, and the check of its end.

Both are searched for together, since beta cannot be profiled out of Laplace's approximation. The search is
BFGS with the exact gradient, measured by the curvature at the start. It ends with steps of Newton, by a
Hessian of differences of gradients, so that at the end gradient and curvature are known. The deviance
is even in every column of Lambda: a theta of 0 is a stationary point, and where the curvature there is
negative the search leaves it along that direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, optimize

from course.solver.penalised import Generalised, LaplaceEvaluation
from course.solver.problem import SMALL
from course.solver.search import CLOSE, same_covariances

STEP = 1e-3  # of the differences of gradients, in units of the curvature at the start
CLOSE_ENOUGH = 1e-10  # expected gain in deviance of one more step of Newton
CONVERGED = 1e-5  # the same, of a search that counts as converged
NEAR = 1e-3  # in units of the curvature: a Hessian that far away is that of the optimum
FLAT = 1e-3  # of curvature in the same units, and of rounding
LEVEL = 1e-4  # a slope of a saddle
TINY = 1e-6  # of the largest curvature: what a step is measured by at least
GTOL = 1e-4
MOST_ROUNDS = 12
# from here on, looks at larger theta are enough to know a 0 from a side valley
MANY_ROWS = 2000
# SDs from which a search begins again where one came out as 0. Few rows of a rare event may have a second
# valley far out: a few events side by side are chance, or an SD of 2 between groups.
ELSEWHERE = (0.7, 2.0)
LARGE = 4.0  # an SD beyond this stretches the linear predictor, and other SDs are measured by it


@dataclass
class Optimum:
    """Where a search ended.

    Attributes
    ----------
    at : LaplaceEvaluation
    hessian : ndarray, shape (p + n_theta, p + n_theta)
        Second derivatives of the deviance by beta and theta, in standardised units.
    to_gain : float
        By how much one more step of Newton would lower the deviance.
    converged : bool
    evaluations : int
    """

    at: LaplaceEvaluation
    hessian: np.ndarray
    to_gain: float
    converged: bool
    evaluations: int


class Search:
    """Evaluations of one model on the way to its optimum, each from the mode of the best so far."""

    def __init__(self, model: Generalised, report: Callable[[float], None] | None = None):
        self.model, self.report = model, report
        self.evaluations = 0
        self.best: LaplaceEvaluation | None = None

    def evaluate(self, point: np.ndarray) -> LaplaceEvaluation:
        self.evaluations += 1
        start = None if self.best is None else self.best.mode.u
        p = self.model.p
        # far out, where a line search may look, numbers are no numbers, and matrices have no inverse
        with np.errstate(all="ignore"):
            try:
                at = self.model.evaluate(point[:p], point[p:], start)
            except np.linalg.LinAlgError:
                if self.best is None:
                    raise
                at = replace(self.best, beta=point[:p], theta=point[p:], deviance=np.inf)
        if not (np.isfinite(at.deviance) and np.isfinite(at.gradient).all()):
            at.deviance = np.inf
        if np.isfinite(at.deviance) and (self.best is None or at.deviance < self.best.deviance):
            self.best = at
            if self.report:
                self.report(at.deviance)
        return at

    def descend(
        self, start: np.ndarray, unit: np.ndarray, known: LaplaceEvaluation | None = None
    ) -> LaplaceEvaluation:
        """BFGS from a start; no further where that leads to a known optimum.

        `unit` (m, m) has as columns steps along which the curvature is about 1.
        """
        first = self.evaluate(start)
        with np.errstate(over="ignore"):
            slope = unit.T @ first.gradient
            # SciPy's first step has length 1: let that be the whole step of Newton
            length = max(float(np.linalg.norm(slope)), 1e-3)
        # far out, as where answers are separated, nothing can be followed
        if np.isinf(length) and self.best is not None:
            return self.best

        def measured(steps: np.ndarray) -> tuple[float, np.ndarray]:
            if not steps.any():
                return 0.0, slope / length
            at = self.evaluate(start + length * unit @ steps)
            if not np.isfinite(at.deviance):
                return np.inf, np.zeros_like(steps)
            return (at.deviance - first.deviance) / length**2, unit.T @ at.gradient / length

        def stop_where_known(intermediate_result: optimize.OptimizeResult) -> None:
            assert known is not None
            theta = (start + length * unit @ intermediate_result.x)[self.model.p :]
            above = first.deviance + length**2 * intermediate_result.fun - known.deviance
            if 0 <= above < CLOSE and same_covariances(self.model.linear, theta, known.theta):
                raise StopIteration

        with np.errstate(all="ignore"):
            optimize.minimize(
                measured,
                np.zeros_like(start),
                jac=True,
                method="BFGS",
                callback=stop_where_known if known else None,
                options={"gtol": GTOL / length, "maxiter": 500},
            )
        assert self.best is not None
        return self.best

    def hessian(self, at: LaplaceEvaluation, unit: np.ndarray) -> np.ndarray:
        """Second derivatives along the columns of `unit`, by central differences of gradients."""
        centre = np.concatenate([at.beta, at.theta])
        rows = []
        for step in STEP * unit.T:
            ends = [self.evaluate(centre + sign * step).gradient for sign in (1, -1)]
            rows.append(unit.T @ (ends[0] - ends[1]) / (2 * STEP))
        H = np.array(rows)
        return (H + H.T) / 2


def search(model: Generalised, report: Callable[[float], None] | None = None) -> Optimum:
    """Descend, and end on a checked optimum."""
    search = Search(model, report)
    start, unit = model.start
    at = search.descend(start, unit)
    optimum = _finish(search, at, unit)
    small = model.linear.diagonal & (np.abs(optimum.at.theta) < SMALL)
    if small.any() and not _leads_back(search, optimum.at, small):
        # 0 may be a side valley
        evaluations, first = search.evaluations, optimum
        stretched = max(1.0, np.abs(first.at.theta).max() / LARGE)
        for larger in ELSEWHERE:
            theta = np.where(small, larger * stretched, first.at.theta)
            other = Search(model, report)
            again = other.descend(np.concatenate([first.at.beta, theta]), unit, optimum.at)
            if again.deviance < optimum.at.deviance - CLOSE_ENOUGH:
                optimum = _finish(other, again, unit)
            evaluations += other.evaluations
        optimum.evaluations = evaluations
    return optimum


def _leads_back(search: Search, at: LaplaceEvaluation, small: np.ndarray) -> bool:
    """Whether many rows say, at larger theta in place of the small, that the way down is back to 0."""
    if search.model.design.n < MANY_ROWS:
        return False
    found = []
    for larger in (0.3, *ELSEWHERE):
        other = search.evaluate(np.concatenate([at.beta, np.where(small, larger, at.theta)]))
        found += [other.gradient[search.model.p :][small] > 0, [other.deviance > at.deviance]]
    search.best = at
    return bool(np.concatenate(found).all())


def _finish(search: Search, at: LaplaceEvaluation, unit: np.ndarray) -> Optimum:
    """Steps of Newton to the bottom, away from saddles, and theta that are nearly 0 to 0."""
    for _ in range(MOST_ROUNDS):
        at = _at_zero(search, at)
        H = search.hessian(at, unit)
        values, vectors = np.linalg.eigh(H)
        if values[0] < -FLAT and abs(vectors[:, 0] @ unit.T @ at.gradient) < LEVEL:
            # a saddle, such as a theta of 0 between two valleys that mirror each other
            at = search.descend(_point(at) + 0.5 * unit @ vectors[:, 0], unit)
            continue
        there, to_gain, way = _newton(search, at, unit, values, vectors)
        stays = there is at
        at = there
        if stays or way < NEAR:
            break
    turned = linalg.inv(unit)
    converged = to_gain < CONVERGED and values[0] > -FLAT
    return Optimum(at, turned.T @ H @ turned, to_gain, bool(converged), search.evaluations)


def _newton(
    search: Search,
    at: LaplaceEvaluation,
    unit: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
) -> tuple[LaplaceEvaluation, float, float]:
    """Steps with one Hessian, given by its eigenvalues and eigenvectors, while they lead down.

    Returns
    -------
    where they end, what one more step would gain, and how far the end is from the beginning
    """
    steep = np.maximum(np.abs(values), TINY * max(values.max(), 1.0))
    start = at
    for _ in range(MOST_ROUNDS):
        along = vectors.T @ unit.T @ at.gradient
        to_gain = float((along**2 / steep).sum() / 2)
        if to_gain < CLOSE_ENOUGH:
            break
        step = -unit @ (vectors @ (along / steep))
        for share in 0.5 ** np.arange(8):
            other = search.evaluate(_point(at) + share * step)
            if other.deviance < at.deviance:
                break
        else:
            break
        at = other
    way = np.linalg.norm(linalg.solve(unit, _point(at) - _point(start)))
    return at, to_gain, float(way)


def _point(at: LaplaceEvaluation) -> np.ndarray:
    return np.concatenate([at.beta, at.theta])


def _at_zero(search: Search, at: LaplaceEvaluation) -> LaplaceEvaluation:
    """Put diagonals that are nearly 0 at 0 where that is no worse: there the derivative is 0 too."""
    zero = search.model.linear.diagonal & (np.abs(at.theta) < SMALL) & (at.theta != 0)
    if not zero.any():
        return at
    other = search.evaluate(np.concatenate([at.beta, np.where(zero, 0.0, at.theta)]))
    return other if other.deviance <= at.deviance + 1e-8 else at
