"""The first steps of a search: Fisher scoring of the covariance matrices themselves.

With S = Lambda Lambda' and W the level's Z' V^-1 Z (that of one level, given all others), the deviance has

    the slope G by S,        the expected second derivative D -> sum over levels of W D W.

So the step of S is the D with sum W D W = -G. With Lambda' on its left and Lambda on its right that is an
equation of matrices without units, S = Lambda (I + E) Lambda': the levels' T = Lambda' W Lambda say how
much of each effect the data know (1 where it is known, 0 where all is shrunk away), and

    E_ij = -(Lambda' G Lambda)_ij / sum of T_ii T_jj

solves it where effects of a level hardly hang together. Where levels have many rows T is 1, and one step
ends at the mean square of the effects, which is the optimum; and a variance that is 0 gets there in a few
steps. A search over Lambda alone, with its log-like deviance, needs many: it halves an SD at a time.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from course.solver.factors import lower_factor
from course.solver.problem import LEAST_WEIGHT, Evaluation, Problem

STEPS = 3
# The least and the largest share of a variance that one step leaves of it.
LEAST_LEFT, MOST_LEFT = 0.01, 25.0


def step(problem: Problem, at: Evaluation, reml: bool) -> np.ndarray:
    """The theta after one step from an evaluation, at which no variance may be 0."""
    slopes = problem.by_factor(at, problem.bar(at, reml))
    factors = []
    for g, (Lambda, T) in enumerate(zip(at.factors, _shares(problem, at), strict=True)):
        pattern = problem.patterns[g]
        known = np.einsum("iil->il", T).clip(LEAST_WEIGHT, 1)
        # Lambda' G Lambda, its lower triangle
        half = np.where(pattern, Lambda.T @ slopes[g] / 2, 0)
        E = -(half + np.tril(half, -1).T) / (known @ known.T)
        values, vectors = np.linalg.eigh(np.eye(len(E)) + E)
        root = (vectors * np.sqrt(values.clip(LEAST_LEFT, MOST_LEFT))) @ vectors.T
        factors.append(lower_factor(Lambda @ root, problem.design.groupings[g].blocks))
    return problem.pack(factors)


def expected_curvature(problem: Problem, at: Evaluation) -> np.ndarray:
    """The expected second derivative of the deviance by theta, (n_theta, n_theta), one grouping by itself.

    No variance may be 0. What ties groupings together is left out.
    """
    blocks = []
    for Lambda, T, pattern in zip(at.factors, _shares(problem, at), problem.patterns, strict=True):
        back = np.linalg.inv(Lambda)
        half = np.einsum("ji,jkl->ikl", back, T)  # W Lambda
        W = np.einsum("ijl,jk->ikl", half, back)
        H = 2 * (np.einsum("ika,jla->ijkl", W, T) + np.einsum("ila,kja->ijkl", half, half))
        columns, rows = np.nonzero(pattern.T)
        blocks.append(H[rows[:, None], columns[:, None], rows, columns])
    return linalg.block_diag(*blocks)


def _shares(problem: Problem, at: Evaluation) -> list[np.ndarray]:
    """T = Lambda' W Lambda of all levels, (k, k, L) for each grouping.

    Lambda (I - T) Lambda' is the conditional covariance of the effects over sigma squared.
    """
    conditional, shares = problem.conditional(at), []
    for g, Lambda in enumerate(at.factors):
        back = np.linalg.inv(Lambda)
        left = np.einsum("ij,jkl,mk->iml", back, conditional[g], back)
        shares.append(np.eye(len(Lambda))[:, :, None] - left)
    return shares
