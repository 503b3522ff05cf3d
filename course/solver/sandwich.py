"""Standard errors of a pseudo-likelihood: the sandwich of scores between inverse curvatures.

The parameters are beta, the covariances G of the random effects and sigma^2, in the standardised units of the
problem. With s_j the score of cluster j at the top times its weight, H strata and J_h clusters in each,

    Cov = A^-1 B A^-1,    A = - sum_j d s_j,    B = sum_h J_h / (J_h - 1) sum_j in h (s_j - s_h)(s_j - s_h)',

(Binder 1983, doi 10.2307/1402588; Asparouhov 2006, doi 10.1080/03610920500476598). The scores are exact: with
M+ and Mbar+ as in `course.solver.elimination`, M+_zz - M+_z. Mbar+ M+_.z is the derivative of a unit's -2 l
by G / sigma^2. A is their derivative, to rounding, by complex steps (Squire and Trapp 1998, doi
10.1137/S003614459631241X).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from course.errors import CourseError
from course.solver.estimates import NEAR_ZERO
from course.solver.factors import lower_factor
from course.solver.pseudo_likelihood import PseudoProblem
from course.solver.small_matrices import product, transpose

STEP = 1e-30  # of the complex step: there is no difference of near numbers, so it may be as small


@dataclass(frozen=True, eq=False)
class SamplingErrors:
    """How far the estimates of a survey vary between samples, in the units of the data.

    Attributes
    ----------
    cov_beta : ndarray, shape (p, p)
    entries : tuple of (int, int, int)
        The q (co)variances of random effects whose errors are known, those of the edge of what is possible
        left out: grouping, row and column of the covariance matrix, the row not before the column.
    cov_variances : ndarray, shape (q + 1, q + 1)
        The covariance matrix of these and, last, of the residual variance.
    df : int
        Degrees of freedom: clusters at the top, less the strata or 1.
    """

    cov_beta: np.ndarray
    entries: tuple[tuple[int, int, int], ...]
    cov_variances: np.ndarray
    df: int

    def variance(self, grouping: int, a: int, b: int) -> float:
        """That of one (co)variance; NaN where it is not known."""
        entry = grouping, max(a, b), min(a, b)
        if entry not in self.entries:
            return np.nan
        at = self.entries.index(entry)
        return float(self.cov_variances[at, at])


def sandwich(problem: PseudoProblem, theta: np.ndarray) -> SamplingErrors:
    """The sandwich at an optimum.

    Parameters
    ----------
    problem : PseudoProblem
    theta : ndarray
        Where the search ended.

    Raises
    ------
    CourseError
        Where the curvature tells nothing of some parameter.
    """
    at = problem.evaluate(theta)
    sigma2 = at.r2 / problem.n
    blocks = [grouping.blocks for grouping in problem.design.groupings]
    lower = [lower_factor(f, own) for f, own in zip(at.factors, blocks, strict=True)]
    G = [sigma2 * factor @ factor.T for factor in lower]
    entries = [
        (g, a, b)
        for g, factor in enumerate(lower)
        for block in blocks[g]
        if (np.diagonal(factor)[list(block)] >= NEAR_ZERO).all()
        for b, a in combinations_with_replacement(block, 2)
    ]
    p, q = problem.p, len(entries)
    psi = np.array([*at.beta, *(G[g][a, b] for g, a, b in entries), sigma2])

    def scores(values: np.ndarray) -> np.ndarray:
        covariances = [matrix.astype(values.dtype) for matrix in G]
        for (g, a, b), value in zip(entries, values[p : p + q], strict=True):
            covariances[g][a, b] = covariances[g][b, a] = value
        by_beta, by_G, by_sigma2 = cluster_scores(problem, values[:p], covariances, values[-1])
        # an entry off the diagonal is in two places
        by_entry = [by_G[g][a, b] * (1 if a == b else 2) for g, a, b in entries]
        return np.stack([*by_beta, *by_entry, by_sigma2], axis=1)

    A = np.empty((len(psi), len(psi)))
    for i in range(len(psi)):
        moved = psi.astype(complex)
        moved[i] += STEP * 1j
        A[:, i] = -scores(moved).sum(axis=0).imag / STEP
    strata = problem.weights.strata
    size = problem.weights.top.size
    in_rank = np.zeros(size, dtype=int)
    if strata is not None:
        in_rank[problem.ranks[-1]] = strata
    B = _spread_of(scores(psi), in_rank)
    scale = np.sqrt(np.abs(np.diagonal(A)))
    try:
        inverse = np.linalg.inv(A / np.outer(scale, scale)) / np.outer(scale, scale)
    except np.linalg.LinAlgError as error:
        raise CourseError(UNKNOWN) from error
    covariance = inverse @ B @ inverse.T
    return _in_units_of_data(problem, entries, covariance, size - int(in_rank.max()) - 1)


UNKNOWN = (
    "the weighted rows tell nothing of some variance by itself, so that there are no standard errors: leave "
    "a random effect out"
)


def cluster_scores(
    problem: PseudoProblem, beta: np.ndarray, G: list[np.ndarray], sigma2: complex
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """The derivative of each top cluster's weighted log-likelihood, in standardised units.

    Parameters
    ----------
    problem : PseudoProblem
    beta : ndarray, shape (p,)
    G : list of ndarray, (k, k) each
        Covariance matrices of the effects.
    sigma2 : float
        Each may be complex.

    Returns
    -------
    by_beta : ndarray, shape (p, J)
    by_G : list of ndarray, (k, k, J) each
        By each entry as if it were alone: twice it for one that is in two places.
    by_sigma2 : ndarray, shape (J,)
    """
    relative = [matrix / sigma2 for matrix in G]
    M, sizes, tapes = problem.M, problem.sizes, []
    for i, stage in enumerate(problem.stages):
        M_z = M[stage.z]
        A = product(M_z[:, stage.z], relative[stage.grouping])
        A[np.diag_indices(len(A))] += 1
        T = np.linalg.inv(A.transpose(2, 0, 1)).transpose(1, 2, 0)
        M_plus_z = product(T, M_z)
        W = product(relative[stage.grouping], T)
        P = product(W, M_z)
        M = M - product(transpose(M_z), P)
        tapes.append((M_plus_z, W, P))
        if i + 1 < len(problem.stages):
            M = stage.sums.total(stage.weights * M)
            sizes = stage.sums.total(stage.weights * sizes)
    v = np.zeros(len(problem.M), dtype=np.result_type(beta, sigma2))
    v[problem.x], v[problem.y_at] = -beta, 1
    Mv = np.einsum("abj,b->aj", M, v)
    r2 = v @ Mv
    n_clusters = M.shape[2]
    weights = problem.stages[-1].weights
    by_sigma2 = sizes / sigma2 - r2 / sigma2**2
    bar = np.repeat((np.outer(v, v) / sigma2)[:, :, None], n_clusters, axis=2)
    counts, cluster = np.ones(n_clusters), np.arange(n_clusters)
    by_G: list[np.ndarray] = [np.zeros(0)] * len(G)
    for i, stage in reversed(list(enumerate(problem.stages))):
        M_plus_z, W, P = tapes[i]
        D = counts * M_plus_z[:, stage.z] - product(product(M_plus_z, bar), transpose(M_plus_z))
        # levels of one cluster stand side by side
        total = np.add.reduceat(D, np.flatnonzero(np.diff(cluster, prepend=-1)), axis=2)
        by_sigma2 = by_sigma2 - np.einsum("abj,ab->j", total, G[stage.grouping]) / sigma2**2
        by_G[stage.grouping] = -weights * total / (2 * sigma2)
        if i:
            below = problem.stages[i - 1]
            Q = product(P, bar)
            bar[stage.z] -= Q
            bar[:, stage.z] -= transpose(Q)
            bar[stage.zz] += product(Q, transpose(P)) + counts * W
            bar = below.weights * below.sums.spread(bar)
            counts = below.weights * below.sums.spread(counts)
            cluster = below.sums.spread(cluster)
    return weights * Mv[problem.x] / sigma2, by_G, -weights * by_sigma2 / 2


def _spread_of(scores: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """B, the covariance of the sum of the clusters' scores."""
    counts = np.bincount(strata)
    means = np.stack([np.bincount(strata, column) for column in scores.T], axis=1)
    apart = scores - (means / counts[:, None])[strata]
    return apart.T @ (apart * (counts / (counts - 1))[strata][:, None])


def _in_units_of_data(
    problem: PseudoProblem,
    entries: list[tuple[int, int, int]],
    covariance: np.ndarray,
    df: int,
) -> SamplingErrors:
    p, q, square = problem.p, len(entries), problem.y_scale**2
    T_x = problem.T_x * problem.y_scale
    # G in the data's units is T G T', so that an entry of it is a sum of those of its block
    J = np.zeros((q + 1, q + 1))
    J[-1, -1] = square
    for i, (g, c, d) in enumerate(entries):
        T = problem.T_z[g]
        for column, (h, a, b) in enumerate(entries):
            if h == g:
                both = T[c, a] * T[d, b] + (T[c, b] * T[d, a] if a != b else 0.0)
                J[i, column] = square * both
    return SamplingErrors(
        cov_beta=T_x @ covariance[:p, :p] @ T_x.T,
        entries=tuple(entries),
        cov_variances=J @ covariance[p:, p:] @ J.T,
        df=df,
    )
