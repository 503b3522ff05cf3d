"""Adaptive Gauss–Hermite quadrature: the integral over the one effect of each level, as exactly as is wanted.

For a level with mode u and curvature A = lambda^2 z'W z + 1 there, the integral of the likelihood over its
effect is, with nodes x_j and weights p_j for a standard normal variable and tau = A^(-1/2)
(Pinheiro and Chao 2006, doi 10.1198/106186006X96962),

    tau sum_j p_j exp(l(u_j) - u_j^2 / 2 + x_j^2 / 2)        u_j = u + tau x_j

One node is Laplace's approximation. The gradient follows the nodes: with pi_j the share of node j in the
sum, q_j = d(l(u_j) - u_j^2 / 2) / du_j, and a prime for the derivative by beta or lambda,

    sum_j pi_j l'(u_j)  +  (1 / tau + sum_j pi_j q_j x_j) tau'  +  (sum_j pi_j q_j) u'

where l'(u_j) is by beta or lambda with u_j held.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from course.design.design import Design
from course.errors import CourseError
from course.solver.families import Family
from course.solver.penalised import Generalised, LaplaceEvaluation

MOST_NODES = 25


def check_quadrature(design: Design) -> None:
    """Refuse models whose integral is not one of a single variable for each level."""
    if len(design.groupings) > 1 or len(design.groupings[0].effects) > 1:
        raise CourseError(
            "nagq above 1 is for one random effect of one grouping, as in (1|school): the integral over "
            "several effects has no such sum. Fit with nagq=1, Laplace's approximation"
        )


class Adaptive(Generalised):
    """A model whose effects, one for each level of one grouping, are integrated out by quadrature.

    Parameters
    ----------
    design : Design
    family : Family
    nagq : int
        Nodes for each level.
    """

    def __init__(self, design: Design, family: Family, nagq: int):
        check_quadrature(design)
        super().__init__(design, family)
        self.nodes, weights = special.roots_hermitenorm(nagq)
        self.log_weights = np.log(weights / weights.sum())
        (self.place,) = self.places
        ((at,),) = self.linear.z
        self.z = self.linear.columns.XZ[at]

    def _by_level(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.place, values, self.design.groupings[0].n_levels)

    def evaluate(
        self, beta: np.ndarray, theta: np.ndarray, start: list[np.ndarray] | None = None
    ) -> LaplaceEvaluation:
        """The deviance by quadrature, and its gradient."""
        laplace = super().evaluate(beta, theta, start)
        mode, lam, z = laplace.mode, theta[0], self.z
        rows, u = mode.rows, mode.u[0][0]
        slope = self.family.slope(mode.eta, self.y, self.weights)
        zzW = self._by_level(z**2 * rows.weight)
        A = lam**2 * zzW + 1
        tau = A**-0.5
        fixed = mode.eta - lam * z * u[self.place]
        at = u + tau * self.nodes[:, None]  # (nodes, levels)
        logs, scores = np.empty_like(at), []
        for j, node in enumerate(at):
            there = self.family.rows(fixed + lam * z * node[self.place], self.y, self.weights)
            logs[j] = self._by_level(there.loglik) - node**2 / 2
            scores.append(there.score)
        logs += (self.log_weights + self.nodes**2 / 2)[:, None]
        total = special.logsumexp(logs, axis=0)
        deviance = -2 * float((total + np.log(tau)).sum() + self.constant)

        # the way back: what is behind each u and tau, then by row and by lambda
        share = np.exp(logs - total)
        zr_at = np.stack([self._by_level(z * score) for score in scores])
        q = lam * zr_at - at
        by_tau = 1 / tau + (share * q * self.nodes[:, None]).sum(axis=0)
        by_A = -by_tau * tau**3 / 2
        zzzW = self._by_level(z**3 * slope)
        by_u = ((share * q).sum(axis=0) + by_A * lam**3 * zzzW) / A
        by_row = sum(s[self.place] * score for s, score in zip(share, scores, strict=True))
        by_row += by_A[self.place] * lam**2 * z**2 * slope
        by_row -= by_u[self.place] * lam * z * rows.weight
        by_lambda = (share * at * zr_at).sum() + (by_A * (2 * lam * zzW + lam**2 * zzzW * u)).sum()
        by_lambda += (by_u * (self._by_level(z * rows.score) - lam * u * zzW)).sum()
        laplace.deviance = deviance
        laplace.gradient = -2 * np.append(self.X.T @ by_row, by_lambda)
        return laplace
