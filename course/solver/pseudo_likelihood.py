"""The pseudo-likelihood of a survey's weighted sample.

Each unit's log-likelihood counts as often as the units of the population that it stands for, given the unit
that contains it (Pfeffermann et al. 1998, doi 10.1111/1467-9868.00106; Rabe-Hesketh and Skrondal 2006, doi
10.1111/j.1467-985X.2006.00426.x). With rows i in clusters j,

    l = sum_j w_j log of the integral over u of  prod_i f(y_ij | u)^(w_i|j)  phi(u) du,

and a level between takes its weight to the power in the same manner. For normal responses the integral
has a closed form: weights multiply cross-products. With M = U'WU of a level's rows and the elimination of
`course.solver.elimination`,

    -2 l = N log(2 pi sigma^2) + sum of all units' weights * log|A| + r^2 / sigma^2,

where M+ of a unit enters the sum of the unit above times its conditional weight, log|A| counts with the
product of a unit's weight and those of the units that contain it, and N is the sum of the rows' products. The
same search finds the optimum, with the exact gradient.
"""

from __future__ import annotations

import numpy as np

from course.design.design import Design
from course.design.sampling_weights import SamplingWeights
from course.solver.elimination import Eliminated, Stage, Sums, cross_products, eliminate_levels
from course.solver.problem import Evaluation, Problem
from course.solver.small_matrices import product, transpose


class WeightedStage(Stage):
    """The elimination of one grouping whose levels count by their weights.

    Parameters
    ----------
    grouping, z, sums
        As of a `Stage`.
    weights : ndarray, shape (L,)
        Of each level within the level above, in the order of the arrays.
    counts : ndarray, shape (L,)
        The same times the weights of all that contains it.
    """

    def __init__(
        self, grouping: int, z: list[int], sums: Sums, weights: np.ndarray, counts: np.ndarray
    ):
        super().__init__(grouping, z, sums)
        self.weights, self.counts = weights, counts

    def eliminate(
        self, M: np.ndarray, Lambda: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Eliminated]:
        """M of this stage, shape (u, u, L), to M of the next; also log|A| by level and the tape."""
        tape, logdet = eliminate_levels(M[self.z], self.z, Lambda)
        M_plus = M - product(transpose(tape.M_z), tape.P)
        return self.sums.total(self.weights * M_plus), self.counts * logdet, tape

    def back(self, tape: Eliminated, M_bar: np.ndarray) -> np.ndarray:
        """The derivative by this stage's M, given that by the next stage's."""
        z = self.z
        M_bar = self.weights * self.sums.spread(M_bar)
        Q = product(tape.P, M_bar)
        M_bar[z] -= Q
        M_bar[:, z] -= transpose(Q)
        M_bar[self.zz] += product(Q, transpose(tape.P)) + self.counts * tape.W
        return M_bar

    def by_covariance(self, tape: Eliminated, M_bar: np.ndarray) -> np.ndarray:
        """What each level adds to the derivative by Lambda Lambda', given that by the next M: (k, k, L)."""
        M_bar = self.weights * self.sums.spread(M_bar)
        through = product(product(tape.M_plus, M_bar), transpose(tape.M_plus))
        return self.counts * tape.M_plus[:, self.z] - through


class PseudoProblem(Problem):
    """A design with sampling weights, reduced to weighted cross-products.

    Parameters
    ----------
    design : Design
        Its groupings nested.
    weights : SamplingWeights

    Attributes
    ----------
    stages : list of WeightedStage
    unit : float
        The mean weight at the top, by which these weights are divided here: estimates and their standard
        errors are the same, and the log-likelihood is that over `unit`.
    n : float
        The sum of the rows' weights in all.

    Examples
    --------
    Two rows of weight 2 and the same rows twice have one optimum:

    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.design.sampling_weights import read_sampling_weights
    >>> from course.formula.parse import parse_formula
    >>> from course.solver.estimates import estimate
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 7], "g": list("aabbcc"), "w": [1, 2, 1, 1, 2, 1]})
    >>> formula, keep = parse_formula("y ~ 1 + (1|g)"), np.ones(6, dtype=bool)
    >>> design = build_design(formula, data)
    >>> weights = read_sampling_weights({"row": "w"}, design, data, keep, None)
    >>> copied = Problem(build_design(formula, data.loc[data.index.repeat(data["w"])]))
    >>> for problem in (PseudoProblem(design, weights), copied):
    ...     print(round(float(estimate(problem, reml=False).sigma2), 6))
    0.764153
    0.764153
    """

    stages: list[WeightedStage]

    def __init__(self, design: Design, weights: SamplingWeights):
        self.weights = weights
        self.unit = float(weights.top.mean())
        super().__init__(design)
        self.n = float(self.sizes @ self.stages[0].counts)

    def _stages(self, chain: list[int], sums: list[Sums]) -> list[WeightedStage]:
        above = np.ones(1)
        stages: list[WeightedStage] = []
        for i in reversed(range(len(chain))):
            own = np.empty(len(self.weights.levels[i]))
            own[self.ranks[i]] = self.weights.levels[i]
            if not stages:
                own /= self.unit
            above = own * above[sums[i].parent]
            stages.insert(0, WeightedStage(chain[i], self.z[chain[i]], sums[i], own, above))
        return stages

    def _cross_products(self) -> np.ndarray:
        root = np.sqrt(self.weights.rows)
        self.sizes = np.bincount(self.leaves, self.weights.rows)
        return cross_products([root * row[:] for row in self.columns.rows], self.leaves)

    def with_response(self, y: np.ndarray, start: np.ndarray | None = None) -> PseudoProblem:
        """The same problem for another response."""
        return self.with_weights(self.weights, self.design.with_response(y), start)

    def with_weights(
        self,
        weights: SamplingWeights,
        design: Design | None = None,
        start: np.ndarray | None = None,
    ) -> PseudoProblem:
        """The same problem with other weights: those of a replicate, say.

        Parameters
        ----------
        weights : SamplingWeights
        design : Design, optional
            Where it has another response, too.
        start : ndarray, optional
            Where the search begins.
        """
        other = PseudoProblem(design or self.design, weights)
        if start is not None:
            other.start = start
        return other

    def conditional(self, at: Evaluation) -> dict[int, np.ndarray]:
        """By grouping the conditional covariances over sigma squared, (k, k, L): of each level once."""
        covariances = {}
        bar = np.zeros((len(self.M), len(self.M), 1))
        for stage, tape in reversed(self._steps(at)):
            covariances[stage.grouping] = stage.conditional(tape, bar)
            bar = Stage.back(stage, tape, bar)
        return covariances
