"""The deviance over two SDs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from course.fit.model import MixedFit
from course.solver.estimates import lower_factor


class _Rise:
    """The deviance above its lowest value, by two relative SDs (SD over residual SD)."""

    def __init__(self, fit: MixedFit, places: list[tuple[int, int]], profiled: bool):
        self.problem, self.estimates, self.places = fit.model.problem, fit.estimates, places
        self.sigma2 = None if profiled else fit.scale / self.problem.y_scale**2
        self.best = np.array([np.linalg.norm(fit.estimates.factors[g][j]) for g, j in places])
        self.lowest = 0.0
        self.lowest = self(self.best)

    def __call__(self, relative_sds: Sequence[float] | np.ndarray) -> float:
        factors = [factor.copy() for factor in self.estimates.factors]
        for (g, j), sd in zip(self.places, relative_sds, strict=True):
            length = np.linalg.norm(factors[g][j])
            # The direction of a row of the factor holds the correlations; its length is the SD.
            factors[g][j] = sd * (factors[g][j] / length if length else np.eye(len(factors[g]))[j])
        groupings = self.problem.design.groupings
        standard = [
            lower_factor(np.linalg.solve(T, factor), grouping.blocks)
            for T, factor, grouping in zip(self.problem.T_z, factors, groupings, strict=True)
        ]
        at = self.problem.evaluate(self.problem.pack(standard))
        return self.problem.deviance(at, self.estimates.reml, self.sigma2) - self.lowest

    def reach(self, axis: int) -> tuple[float, float]:
        """How far to draw: to a rise of 20 where it gets there, and not below 0."""

        def along(value: float) -> float:
            point = self.best.copy()
            point[axis] = value
            return self(point) - 20

        best = self.best[axis]
        high = 2 * best + 0.05
        # With few levels the deviance hardly rises towards large SDs.
        while along(high) < 0 and high < 6 * best + 1:
            high *= 1.5
        high = high if along(high) < 0 else optimize.brentq(along, best, high, xtol=1e-3)
        low = 0.0 if along(0.0) < 0 else optimize.brentq(along, 0.0, best, xtol=1e-3)
        return low, high
