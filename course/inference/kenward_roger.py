"""Tests of fixed effects after Kenward and Roger (1997, doi 10.2307/2533558).

Estimated variances make the covariance matrix Phi of beta too small and too sure of itself. With V
linear in its parameters (V_i its derivative by the i-th of them) and everything at the estimates,

    P_i  = -X' V^-1 V_i V^-1 X
    Q_ij =  X' V^-1 V_i V^-1 V_j V^-1 X           K_ij = tr(V^-1 V_i V^-1 V_j)
    W    =  2 (K_ij - 2 tr(Phi Q_ij) + tr(Phi P_i Phi P_j))^-1       covariance of the parameters
    adjusted Phi = Phi + 2 Phi (sum_ij W_ij (Q_ij - P_i Phi P_j)) Phi

and an F statistic with the adjusted Phi, scaled, has the first two moments of an F distribution.

The parameters are the free entries of each grouping's covariance matrix, and the residual variance.
All of this depends only on the space that the V_i span, so V itself stands in for the residual's
V_i = I: its P, Q and K follow from the others without another product.

No matrix has a row per row of the data. With Z for all random effects, M = Z'Z and S their relative
covariance, V = I + Z S Z',

    R = Z' V^-1 Z = (I + M S)^-1 M         C = Z' V^-1 X = (I + M S)^-1 Z' X

hold all that is needed, for V_i = Z_a Z_b' + Z_b Z_a' only picks from them. They are exact; an independent
block of the data with q random effects costs q^3 operations and q^2 numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from course.design.groups import components
from course.errors import CourseError
from course.inference.marginal import inverse_products
from course.solver.estimates import Estimates
from course.solver.problem import Problem

MOST_EFFECTS = 6000  # in one block: matrices of 0.3 GB, about a minute
CHUNK = 2_000_000  # cells of R worked on at once, where there are many small blocks


class KenwardRoger:
    """The adjusted covariance matrix of the fixed effects, and tests with it.

    Parameters
    ----------
    problem : Problem
    estimates : Estimates
        Of that problem, by REML.

    Attributes
    ----------
    cov_beta : ndarray, shape (p, p)
        Adjusted, in the units of the data.

    Raises
    ------
    CourseError
        For estimates by ML, and where a block of the data holds too many random effects.

    Examples
    --------
    Six schools of four pupils, balanced: the mean has the 5 degrees of freedom of its schools.

    >>> import pandas as pd
    >>> from course import mixedlm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"school": np.repeat(list("ABCDEF"), 4)})
    >>> data["score"] = np.repeat(rng.normal(50, 5, 6), 4) + rng.normal(0, 3, 24)
    >>> fit = mixedlm("score ~ 1 + (1|school)", data).fit()
    >>> round(KenwardRoger(fit.model.problem, fit.estimates).df(np.array([1.0])), 6)
    5.0
    """

    def __init__(self, problem: Problem, estimates: Estimates):
        if not estimates.reml:
            raise CourseError(
                "Kenward-Roger is defined for REML estimates, and this fit is ML: fit with "
                'reml=True, or choose df="satterthwaite"'
            )
        at = problem.evaluate(estimates.theta_standard)
        Phi = at.XX_inverse  # all in standardised units and over sigma^2
        P, Q, K = _products(problem, at.factors, at.root[np.ix_(problem.x, problem.x)])
        PPhi = P @ Phi
        information = K - 2 * np.einsum("kl,ijlk->ij", Phi, Q)
        information += np.einsum("ikl,jlk->ij", PPhi, PPhi)
        self.W = 2 * _inverse(information)
        U = np.einsum("ij,ijkl->kl", self.W, Q) - np.einsum("ij,ikl,jlm->km", self.W, PPhi, P)
        adjusted = Phi + 2 * Phi @ U @ Phi
        self.P, self.Phi, self.to_data = P, Phi, problem.T_x
        self.cov_beta = (
            estimates.sigma2 * self.to_data @ (adjusted + adjusted.T) @ self.to_data.T / 2
        )

    def df(self, contrast: np.ndarray) -> float:
        """Degrees of freedom of one linear combination of the fixed effects.

        Parameters
        ----------
        contrast : ndarray, shape (p,)
            In the units of the data.
        """
        return self.scale_and_df(np.atleast_2d(contrast))[1]

    def scale_and_df(self, L: np.ndarray) -> tuple[float, float]:
        """The factor of the F statistic of L beta, and its denominator degrees of freedom.

        Parameters
        ----------
        L : ndarray, shape (q, p)
            Of full row rank, in the units of the data.

        Raises
        ------
        CourseError
            Where groups are so few that the moments of no F distribution fit.
        """
        q = len(L)
        L = L @ self.to_data
        Theta = L.T @ linalg.solve(L @ self.Phi @ L.T, L, assume_a="pos")
        change = Theta @ self.Phi @ self.P @ self.Phi  # (parameters, p, p)
        traces = np.einsum("ikk->i", change)
        A1 = traces @ self.W @ traces
        A2 = np.einsum("ij,ikl,jlk->", self.W, change, change)
        if q == 1:
            return 1.0, float(2 / A2)
        B = (A1 + 6 * A2) / (2 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        c1, c2, c3 = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
        mean, spread = 1 - A2 / q, 1 - c2 * B
        if abs(mean) < 1e-6 and abs(spread) < 1e-6:  # df 2 in balanced data, where F has no mean
            mean = spread = 1.0
        # variance over squared mean of the F statistic, over 2 / q
        ratio = (mean / spread) ** 2 * (1 + c1 * B) / (1 - c3 * B)
        df = 4 + (q + 2) / (ratio - 1)
        scale = 1.0 if abs(df - 2) < 0.01 else df / (df - 2) * mean
        if not (df > 0 and 0.5 < scale < 1.5):  # near df 2 mean and variance lose their meaning
            raise CourseError(
                f"too few groups for a Kenward-Roger test of {q} effects at once: test them one by "
                'one with wald, or choose df="satterthwaite"'
            )
        return float(scale), float(df)


# -- P, Q and K -------------------------------------------------------------------------------


def _products(
    problem: Problem, factors: list[np.ndarray], XX: np.ndarray
) -> tuple[np.ndarray, ...]:
    """P (m, p, p), Q (m, m, p, p) with Q_ij + Q_ji halved, and K (m, m); the last one is V itself."""
    parameters = [
        (g, a, b)
        for g, pattern in enumerate(problem.patterns)
        for a, b in np.argwhere(pattern).tolist()
    ]
    m, p = len(parameters) + 1, problem.p
    P, Q, K = np.zeros((m, p, p)), np.zeros((m, m, p, p)), np.zeros((m, m))
    P[-1], Q[-1, -1], K[-1, -1] = -XX, XX, problem.n
    for batch in _batches(problem):
        R, C = inverse_products(batch.ZZ, batch.ZX, factors, batch.counts)
        q = R.shape[1]
        picks = [batch.pairs(*parameter) for parameter in parameters]
        EC = np.zeros((len(R), q, m - 1, p))  # V_i = Z E_i Z'; E_i C
        for i, pairs in enumerate(picks):
            for a, b in pairs:
                EC[:, a, i] += C[:, b]
                K[i, -1] += np.einsum("zll->", R[:, a, b])
            for j in range(i + 1):
                # tr(R E_i R E_j)
                K[i, j] += sum(
                    np.vdot(R[:, a, d], R[:, b, c]) for a, b in pairs for c, d in picks[j]
                )
        EC_flat = EC.reshape(len(R), q, -1)
        P[:-1] -= (C.swapaxes(1, 2) @ EC_flat).sum(axis=0).reshape(p, m - 1, p).swapaxes(0, 1)
        QQ = (EC_flat.swapaxes(1, 2) @ (R @ EC_flat)).sum(axis=0).reshape(m - 1, p, m - 1, p)
        Q[:-1, :-1] += (QQ.transpose(0, 2, 1, 3) + QQ.transpose(2, 0, 1, 3)) / 2
    lower = np.tril_indices(m - 1, -1)
    K[lower[::-1]] = K[lower]
    K[-1, :-1] = K[:-1, -1]
    Q[-1, :-1] = Q[:-1, -1] = -P[:-1]
    return P, Q, K


@dataclass(frozen=True)
class _Batch:
    """Independent blocks of one make: as many levels of each grouping in each of them.

    The random effects of a block are in the order of grouping, effect, level.
    """

    counts: np.ndarray  # levels of each grouping
    widths: list[int]  # effects of each grouping
    ZZ: np.ndarray  # (blocks, q, q)
    ZX: np.ndarray  # (blocks, q, p)

    def pairs(self, grouping: int, a: int, b: int) -> list[tuple[slice, slice]]:
        """Where V_i = Z_a Z_b' + Z_b Z_a' (Z_a Z_a' for a variance) finds its columns."""
        count = self.counts[grouping]
        start = int(self.counts[:grouping] @ self.widths[:grouping])
        at = [slice(start + e * count, start + (e + 1) * count) for e in (a, b)]
        return [(at[0], at[0])] if a == b else [(at[0], at[1]), (at[1], at[0])]


def _batches(problem: Problem) -> Iterator[_Batch]:
    groupings = problem.design.groupings
    block = components(*[grouping.codes for grouping in groupings])
    n_blocks = block.max() + 1
    widths = [len(z) for z in problem.z]
    of_level = []
    for grouping in groupings:
        found = np.empty(grouping.n_levels, dtype=np.int64)
        found[grouping.codes] = block
        of_level.append(found)
    counts = np.stack([np.bincount(found, minlength=n_blocks) for found in of_level], axis=1)
    sizes = counts @ widths
    if sizes.max() > MOST_EFFECTS:
        raise CourseError(
            f"Kenward-Roger works with all random effects of an independent block of the data at "
            f"once; here one block has {sizes.max():,}, and {MOST_EFFECTS:,} is the most: choose "
            'df="satterthwaite" (with so many groups the two hardly differ)'
        )
    makes, make = np.unique(counts, axis=0, return_inverse=True)
    rank = np.empty(n_blocks, dtype=np.int64)  # blocks of one make side by side
    by_make = np.argsort(make.ravel(), kind="stable")
    rank[by_make] = np.arange(n_blocks)
    starts = np.concatenate([[0], np.cumsum(sizes[by_make])])
    Z = _random_columns(problem, of_level, rank, starts)
    ZX = Z.T @ problem.columns.XZ[problem.x].T
    ZZ = (Z.T @ Z).tocsr()
    first = 0
    for number, of_block in zip(np.bincount(make.ravel()), makes, strict=True):
        q = int(of_block @ widths)
        step = max(1, CHUNK // q**2)
        for low in range(first, first + number, step):
            high = min(low + step, first + number)
            here = slice(starts[low], starts[high])
            cells = ZZ[here].tocoo()
            row, column = cells.coords
            dense = np.zeros((high - low, q, q))
            dense[row // q, row % q, (column - starts[low]) % q] = cells.data
            yield _Batch(of_block, widths, dense, ZX[here].reshape(high - low, q, -1))
        first += number


def _random_columns(
    problem: Problem, of_level: list, rank: np.ndarray, starts: np.ndarray
) -> sparse.csr_array:
    """Z of all random effects, sparse (n, q): block by block, in it by grouping, effect, level."""
    rows = np.arange(problem.n)
    used = np.zeros(len(rank), dtype=np.int64)  # columns given away in each block
    parts = []
    for grouping, block, z in zip(problem.design.groupings, of_level, problem.z, strict=True):
        count = np.bincount(block, minlength=len(rank))
        order = np.argsort(block, kind="stable")
        within = np.empty(len(block), dtype=np.int64)  # number of the level in its block
        within[order] = np.arange(len(block)) - np.repeat(np.cumsum(count) - count, count)
        for effect, column in enumerate(z):
            position = starts[rank[block]] + used[block] + effect * count[block] + within
            parts.append((problem.columns.XZ[column], rows, position[grouping.codes]))
        used += len(z) * count
    values, row, place = map(np.concatenate, zip(*parts, strict=True))
    return sparse.csr_array((values, (row, place)), shape=(problem.n, starts[-1]))


def _inverse(information: np.ndarray) -> np.ndarray:
    """Inverse by eigenvalues; a direction without information (two terms, the same groups) is left out."""
    scale = 1 / np.sqrt(np.diagonal(information).clip(min=np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    kept = values > 1e-10 * values.max()
    vectors = scale[:, None] * vectors[:, kept]
    return (vectors / values[kept]) @ vectors.T
