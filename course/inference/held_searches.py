"""The least deviance with one parameter held; searches for many such points side by side.

A walk along a profile needs one point after another. It is written as a generator that yields what it
wants minimised and is sent what was found (`Walk`), so that the walks of all parameters, up and down, can
take their steps together (`run_together`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy import optimize

from course.inference.constrained import Held, HeldAlone, deviances
from course.solver.problem import SMALL
from course.solver.quasi_newton import Found, descend_together, tolerance

FLATTEST = 1e-3  # the least curvature that is believed, as a share of the expected one
BEYOND_DOUBT = 15.0  # an SD, measured by the curvature
CONTENT = 1e-4  # the slope, measured by the curvature, from which the last step is taken on trust

Result = TypeVar("Result")


@dataclass(frozen=True)
class Wanted:
    """A point whose neighbourhood is to be searched."""

    search: Search
    value: float
    start: np.ndarray
    inverse: np.ndarray  # of the second derivative by x, roughly; 0 for an x that is to stay


Walk = Generator[Wanted, Found, Result]


class Search:
    """Minimises over x with a parameter held.

    Attributes
    ----------
    held : Held or HeldAlone
    estimate : float
        Where the parameter has its estimate; `begin` finds the x there, ``start``.
    lowest : float
        The deviance there.
    ceiling : float
        How much higher it gets at most.
    """

    def __init__(self, held: Held | HeldAlone, estimate: float):
        self.held, self.estimate = held, estimate
        self.lowest, self.ceiling, self.start = 0.0, np.inf, held.start
        unit = 1 / np.sqrt(held.curvature)
        self.plain = self.round = np.diag(unit)

    def begin(self) -> Walk[None]:
        """Find the optimum with the parameter at its estimate, and the curvature there."""
        self.lowest, self.start = yield from self.minimise(self.estimate, self.held.start)
        if len(self.start):
            self.round = self._rounded()
        # Where one of its effects does not vary a correlation has no meaning: the deviance is then the
        # same for every value of it, and no value need be worse than that.
        # An effect that varies beyond doubt is another matter: without it the deviance is far too high.
        everything = self.round @ self.round.T
        doubtful = self.start < BEYOND_DOUBT * np.sqrt(np.diagonal(everything))
        for i in np.flatnonzero(self.held.positive & doubtful):
            others = np.arange(len(self.start)) != i
            inverse = everything * np.outer(others, others)
            found = yield Wanted(self, 0.0, np.where(others, self.start, 0.0), inverse)
            self.ceiling = min(self.ceiling, found.value - self.lowest)

    def _rounded(self) -> np.ndarray:
        """Coordinates in which the deviance is round at the estimate."""
        unit = np.diagonal(self.plain)
        around = [(self.estimate, self.start + step) for step in [*(1e-4 * self.plain), 0.0]]
        *slopes, here = [slope for _, slope in deviances([self.held] * len(around), around)]
        hessian = (np.array(slopes) - here) / 1e-4 * unit
        values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        return unit[:, None] * vectors / np.sqrt(np.abs(values).clip(min=FLATTEST))

    def minimise(self, value: float, start: np.ndarray) -> Walk[tuple[float, np.ndarray]]:
        """The least deviance (above `lowest`) with the parameter held, and where it is."""
        if not len(start):
            return self.held.deviance(value, start)[0] - self.lowest, start
        best, x = yield from self._descend(value, start)
        small = self.held.diagonal & (np.abs(x) < SMALL)
        if small.any():  # at an SD of 0 the slope is 0 whether or not that is the optimum
            other, there = yield from self._descend(value, np.where(small, 0.2, x))
            if other < best:
                best, x = other, there
        return min(best, self.ceiling), x

    def _descend(self, value: float, start: np.ndarray) -> Walk[tuple[float, np.ndarray]]:
        """Without bounds and, where that ends outside of them, with bounds."""
        found = yield Wanted(self, value, start, self.round @ self.round.T)
        deviance, x = found.value - self.lowest, found.theta
        if not found.converged:
            deviance, x = self._quasi_newton(value, start, self.round, None)
        # Turning the signs of both changes nothing: only the sign of their product counts.
        positive = self.held.positive
        if not positive.any() or np.prod(x[positive]) >= 0:
            return deviance, np.where(positive, np.abs(x), x)
        bounds = [(0 if p else None, None) for p in positive]
        start = np.where(positive, np.maximum(start, 0), start)
        return self._quasi_newton(value, start, self.plain, bounds)

    def _quasi_newton(
        self, value: float, start: np.ndarray, coordinates: np.ndarray, bounds: list | None
    ) -> tuple[float, np.ndarray]:
        def above(u: np.ndarray) -> tuple[float, np.ndarray]:
            deviance, gradient = self.held.deviance(value, coordinates @ u)
            return deviance - self.lowest, coordinates.T @ gradient

        with np.errstate(all="ignore"):
            result = optimize.minimize(
                above,
                np.linalg.solve(coordinates, start),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 1e-10, "gtol": 1e-5, "maxiter": 300},
            )
        return float(result.fun), coordinates @ result.x


def run_together(walks: Sequence[Walk[Result]], progress: bool = False) -> list[Result]:
    """What several walks return, their steps taken side by side."""
    from tqdm import tqdm

    results: dict[int, Result] = {}
    waiting: dict[int, Wanted] = {}
    sent: dict[int, Found | None] = dict.fromkeys(range(len(walks)))
    with tqdm(total=len(walks), desc="profile", unit="side", disable=not progress) as bar:
        while sent:
            waiting.clear()
            for i, found in sent.items():
                try:
                    waiting[i] = walks[i].send(found)  # type: ignore[arg-type]
                except StopIteration as end:
                    results[i] = end.value
                    bar.update()
            sent = dict(zip(waiting, _descend_all(list(waiting.values())), strict=True))
    return [results[i] for i in range(len(walks))]


def _descend_all(wanted: Sequence[Wanted]) -> list[Found]:
    if not wanted:
        return []
    size = max(len(one.start) for one in wanted)
    # vectors of all lengths side by side: what is beyond the end of one has no slope
    starts, inverses = np.zeros((len(wanted), size)), np.tile(np.eye(size), (len(wanted), 1, 1))
    for i, one in enumerate(wanted):
        k = len(one.start)
        starts[i, :k] = one.start
        inverses[i, :k, :k] = one.inverse

    def functions(which: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked = [wanted[i] for i in which]
        here = [(one.value, x[: len(one.start)]) for one, x in zip(asked, points, strict=True)]
        values, slopes = np.empty(len(which)), np.zeros((len(which), size))
        found = deviances([one.search.held for one in asked], here)
        for i, (value, slope) in enumerate(found):
            values[i], slopes[i, : len(slope)] = value, slope
        return values, slopes

    enough = [max(CONTENT, tolerance(one.search.held.n)) for one in wanted]
    ends = descend_together(functions, starts, inverses, np.array(enough))
    return [
        replace(found, theta=found.theta[: len(one.start)])
        for one, found in zip(wanted, ends, strict=True)
    ]
