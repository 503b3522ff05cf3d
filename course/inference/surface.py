"""The deviance of a fit over the standard deviations of two random effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from course.fit.model import MixedFit
from course.solver.factors import lower_factor


class DevianceRise:
    """How much the deviance rises above its lowest value as two SDs move away from their estimates.

    With t = (SD 1, SD 2) / sigma, the two relative SDs, and d the deviance, or the REML criterion after a
    fit by REML,

        rise(t) = d(t) - d(t_hat),

    where the fixed effects are at their best for each t, and all other relative SDs and the correlations
    keep their estimates (Bates et al. 2015, doi 10.18637/jss.v067.i01, section 3.4).

    Parameters
    ----------
    fit : MixedFit
    places : list of (int, int)
        The two random effects: which grouping factor, and which effect of it.
    profiled : bool
        Whether sigma, too, is at its best for each t; otherwise it keeps its estimate.

    Attributes
    ----------
    best : ndarray, shape (2,)
        The estimates of the two relative SDs.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> rise = DevianceRise(fit, [(0, 0), (1, 0)], profiled=True)
    >>> float(rise(rise.best)), bool(rise([0, rise.best[1]]) > 0)
    (0.0, True)
    """

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
