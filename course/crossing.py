"""Elimination where groupings cross: pupils who change classrooms, primary and secondary schools.

The grouping with most effects (the head) is eliminated level by level as in `course.elimination`.
What it leaves couples the levels of the others (the tail): a level of the head that touches d levels
of the tail fills d x d cells. So the tail is factored densely, but by itself in each independent
block (no pupil of one block sits in a classroom of another), where the same formulas hold with
M the block's matrix and z all of its tail columns.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from course.coupling import couple
from course.elimination import Eliminated, eliminate_levels, product, transpose


@dataclass
class CrossedTape:
    head: Eliminated
    blocks: list  # for each size of block: what its factorisation left
    K_tu: np.ndarray  # (q, u): coupling of the tail to U, the head eliminated


@dataclass
class _Block:
    """Blocks of one size q, m of them at once."""

    S_inverse_L: np.ndarray  # Lambda S^-1, (m, q, q)
    W: np.ndarray  # Lambda S^-1 Lambda', (m, q, q)
    K: np.ndarray  # (m, q, q)
    P: np.ndarray  # W K_tu, (m, q, u)


class Crossing:
    """Groupings that cross, as one elimination; its output is one M per independent block.

    Parameters
    ----------
    U : ndarray, shape (n, u)
        All distinct columns.
    groupings : list of (int, list of int, ndarray)
        For each crossing grouping its number in the design, the positions of its columns in U, and
        its codes row by row; the head comes first.
    blocks : ndarray of int64, shape (n,)
        The independent block of each row.
    """

    def __init__(self, U: np.ndarray, groupings: list, blocks: np.ndarray):
        (self.head, self.z, head_codes), *tail = groupings
        self.tail = [(grouping, len(z)) for grouping, z, _ in tail]
        n_head, n_blocks = head_codes.max() + 1, blocks.max() + 1
        self.block_of_head = _first(head_codes, blocks, n_head)

        # tail columns: one for each effect of each level, those of a block side by side
        block, level, effect, part = [], [], [], []
        for number, (_, z, codes) in enumerate(tail):
            levels = np.arange(codes.max() + 1)
            block.append(np.repeat(_first(codes, blocks, len(levels)), len(z)))
            level.append(np.repeat(levels, len(z)))
            effect.append(np.tile(np.arange(len(z)), len(levels)))
            part.append(np.full(len(levels) * len(z), number))
        block, level, effect, part = map(np.concatenate, (block, level, effect, part))
        sizes = np.bincount(block, minlength=n_blocks)
        by_size = np.lexsort((np.arange(n_blocks), sizes))  # blocks of one size side by side
        rank = np.empty(n_blocks, dtype=np.int64)
        rank[by_size] = np.arange(n_blocks)
        order = np.lexsort((effect, level, part, rank[block]))
        self.level, self.effect, self.part = level[order], effect[order], part[order]
        self.q = len(order)
        self.sizes = sizes[by_size]  # by rank
        self.block_of_rank = by_size
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])  # first column of each block
        self.offsets = np.concatenate([[0], np.cumsum(self.sizes**2)])  # first cell of each block
        self.rank = rank[block[order]]  # of each column

        position = np.empty(self.q, dtype=np.int64)
        position[order] = np.arange(self.q)
        first = np.cumsum([0] + [(c.max() + 1) * len(z) for _, z, c in tail])
        # for each effect of each tail grouping: the tail column and its value, row by row
        entries = [
            (position[first[t] + codes * len(z) + i], U[:, z[i]])
            for t, (_, z, codes) in enumerate(tail)
            for i in range(len(z))
        ]
        rows = np.arange(len(U))
        self.Z_tail = sum(
            sparse.csr_array((value, (rows, column)), (len(U), self.q)) for column, value in entries
        )
        self.C_tu = self.Z_tail.T @ U
        C = sparse.coo_array(self.Z_tail.T @ self.Z_tail)
        self.C = np.bincount(self.cell(*C.coords), C.data, self.offsets[-1])
        self.coupling = couple(
            head_codes, U[:, self.z].T, entries, self.q, self.cell, self.offsets[-1]
        )

    def with_columns(self, U: np.ndarray) -> Crossing:
        """The same groups with other columns U, those of the Z's unchanged."""
        other = copy.copy(self)
        other.C_tu = self.Z_tail.T @ U
        return other

    def cell(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Where a cell of the block-diagonal tail matrix is kept; -1 between two blocks."""
        rank = self.rank[row]
        start, size = self.starts[rank], self.sizes[rank]
        inside = self.rank[column] == rank
        return np.where(inside, self.offsets[rank] + (row - start) * size + column - start, -1)

    def _batches(self):
        """Runs of blocks of one size: (first block, how many, size)."""
        sizes, first, count = np.unique(self.sizes, return_index=True, return_counts=True)
        return [(f, m, q) for f, m, q in zip(first, count, sizes, strict=True) if q]

    # -- Lambda of the tail, column by column -------------------------------------------------

    def _diagonals(self, factors: list[np.ndarray]) -> list[np.ndarray]:
        """d-th entry: Lambda[effect + d, effect] for each column (0 where there is none)."""
        found = []
        for d in range(max(k for _, k in self.tail)):
            values = np.zeros(self.q)
            for part, (grouping, k) in enumerate(self.tail):
                here = (self.part == part) & (self.effect + d < k)
                values[here] = np.diagonal(factors[grouping], -d)[self.effect[here]]
            found.append(values)
        return found

    @staticmethod
    def _times_lambda(K: np.ndarray, diagonals: list[np.ndarray]) -> np.ndarray:
        """K Lambda for a batch (m, q, q), the diagonals (m, q); effects of a level are adjacent."""
        result = K * diagonals[0][:, None]
        for d, values in enumerate(diagonals[1:], start=1):
            result[:, :, :-d] += K[:, :, d:] * values[:, None, :-d]
        return result

    # -- forward ------------------------------------------------------------------------------

    def eliminate(self, M: np.ndarray, factors: list[np.ndarray]):
        """M of the head's levels, (u, u, L), to that of the blocks; also log|A| and the tape."""
        head, logdet = eliminate_levels(M, self.z, factors[self.head])

        K_uu = self._sum_blocks(M - product(transpose(head.M_z), head.P))
        K_tu = self.C_tu - self.coupling.back_to_tail(head.P)
        cells = self.C - self.coupling.product(head.W)

        diagonals = self._diagonals(factors)
        blocks = []
        M_next = K_uu
        for first, m, q in self._batches():
            columns = slice(self.starts[first], self.starts[first] + m * q)
            D = [values[columns].reshape(m, q) for values in diagonals]
            K = cells[self.offsets[first] : self.offsets[first] + m * q * q].reshape(m, q, q)
            S = self._times_lambda(K, D)
            S = self._times_lambda(S.swapaxes(1, 2), D)  # symmetric: Lambda' K Lambda
            S[:, range(q), range(q)] += 1
            S_inverse, more = invert_batch(S)
            logdet += more
            # S^-1 Lambda' is _times_lambda of the symmetric inverse, seen from the other side
            L_S = self._lambda_times(S_inverse, D)
            W_t = self._lambda_times(L_S.swapaxes(1, 2), D)
            tu = K_tu[columns].reshape(m, q, -1)
            P_t = W_t @ tu
            here = self.block_of_rank[first : first + m]
            M_next[:, :, here] -= (tu.swapaxes(1, 2) @ P_t).transpose(1, 2, 0)
            blocks.append(_Block(L_S, W_t, K, P_t))
        return M_next, logdet, CrossedTape(head, blocks, K_tu)

    @staticmethod
    def _lambda_times(B: np.ndarray, diagonals: list[np.ndarray]) -> np.ndarray:
        """Lambda B for a batch (m, q, c)."""
        result = diagonals[0][:, :, None] * B
        for d, values in enumerate(diagonals[1:], start=1):
            result[:, d:] += values[:, :-d, None] * B[:, :-d]
        return result

    def _sum_blocks(self, values: np.ndarray) -> np.ndarray:
        """(u, u, levels of the head) to (u, u, blocks)."""
        u, n_blocks = len(values), len(self.sizes)
        if n_blocks == 1:
            return values.sum(axis=2, keepdims=True)
        flat = values.reshape(u * u, -1)
        cells = self.block_of_head + n_blocks * np.arange(u * u)[:, None]
        return np.bincount(cells.ravel(), flat.ravel(), u * u * n_blocks).reshape(u, u, n_blocks)

    # -- back ---------------------------------------------------------------------------------

    def _back_tail(self, tape: CrossedTape, M_bar: np.ndarray):
        """Derivatives by K_tt (cells) and by K_tu, given that by the blocks' M."""
        cells = np.empty(self.offsets[-1])
        K_tu_bar = np.empty_like(tape.K_tu)
        for (first, m, q), block in zip(self._batches(), tape.blocks, strict=True):
            bar = M_bar[:, :, self.block_of_rank[first : first + m]].transpose(2, 0, 1)
            Q = block.P @ bar
            K_bar = Q @ block.P.swapaxes(1, 2) + block.W
            cells[self.offsets[first] : self.offsets[first] + m * q * q] = K_bar.ravel()
            K_tu_bar[self.starts[first] : self.starts[first] + m * q] = -Q.reshape(m * q, -1)
        return cells, K_tu_bar

    def _head_middle(self, tape: CrossedTape, M_bar: np.ndarray) -> np.ndarray:
        """M_z. Mbar M_.z over tail and U together, for each level of the head: (k, k, L)."""
        cells, K_tu_bar = self._back_tail(tape, M_bar)
        M_z = tape.head.M_z
        middle = product(product(M_z, M_bar[:, :, self.block_of_head]), transpose(M_z))
        through_u = np.einsum("ilu,jul->ijl", self.coupling.through(K_tu_bar), M_z)
        return middle + through_u + transpose(through_u) + self.coupling.middle(cells)

    def gradient(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """The derivative by each grouping's Lambda, given that by the blocks' M."""
        head = tape.head
        M_zz = head.M_z[:, self.z]
        G = -product(M_zz, head.W)
        G[np.diag_indices(len(self.z))] += 1
        middle = product(G, self._head_middle(tape, M_bar))
        found = {self.head: 2 * product(M_zz - middle, head.H).sum(axis=2)}
        depth = max(k for _, k in self.tail)
        slopes = np.zeros((depth, self.q))  # [d, column]: derivative by Lambda[effect + d, effect]
        for (first, m, q), block in zip(self._batches(), tape.blocks, strict=True):
            columns = slice(self.starts[first], self.starts[first] + m * q)
            tu = tape.K_tu[columns].reshape(m, q, -1)
            bar = M_bar[:, :, self.block_of_rank[first : first + m]].transpose(2, 0, 1)
            M_plus = tu - block.K @ block.P
            left, right = M_plus @ bar, tu.swapaxes(1, 2) @ block.S_inverse_L
            for d in range(depth):
                rows, ends = slice(d, None), slice(None, q - d)
                one = np.einsum("mij,mji->mi", block.K[:, rows], block.S_inverse_L[:, :, ends])
                one -= np.einsum("miu,mui->mi", left[:, rows], right[:, :, ends])
                slopes[d, columns].reshape(m, q)[:, ends] = one
        for part, (grouping, k) in enumerate(self.tail):
            found[grouping] = np.zeros((k, k))
            for d in range(k):
                for j in range(k - d):
                    here = (self.part == part) & (self.effect == j)
                    found[grouping][j + d, j] = 2 * slopes[d, here].sum()
        return found

    # -- effects ------------------------------------------------------------------------------

    def effects(self, tape: CrossedTape, v: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional means by grouping, (k, L), given the coefficients v of U by block (u, blocks)."""
        b_tail = np.empty(self.q)
        for (first, m, q), block in zip(self._batches(), tape.blocks, strict=True):
            here = v[:, self.block_of_rank[first : first + m]].T[:, :, None]
            b_tail[self.starts[first] : self.starts[first] + m * q] = (block.P @ here).ravel()
        found = {
            grouping: self._by_level(b_tail, part) for part, (grouping, _) in enumerate(self.tail)
        }
        left = (tape.head.M_z * v[:, self.block_of_head]).sum(axis=1)
        left -= self.coupling.through(b_tail)
        found[self.head] = product(tape.head.W, left[:, None])[:, 0]
        return found

    def _by_level(self, values: np.ndarray, part: int) -> np.ndarray:
        k = self.tail[part][1]
        here = self.part == part
        found = np.empty((k, here.sum() // k))
        found[self.effect[here], self.level[here]] = values[here]
        return found

    def conditional(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional covariances over sigma squared by grouping, (k, k, L)."""
        head = tape.head
        middle = self._head_middle(tape, M_bar)
        found = {self.head: head.W + product(product(head.W, middle), head.W)}
        cells, _ = self._back_tail(tape, M_bar)
        diagonals = np.zeros((max(k for _, k in self.tail), self.q))
        for first, m, q in self._batches():
            K = cells[self.offsets[first] : self.offsets[first] + m * q * q].reshape(m, q, q)
            columns = slice(self.starts[first], self.starts[first] + m * q)
            for d in range(len(diagonals)):
                here = diagonals[d, columns].reshape(m, q)
                here[:, : q - d] = np.diagonal(K, -d, axis1=1, axis2=2)
        for part, (grouping, k) in enumerate(self.tail):
            by_level = [self._by_level(values, part) for values in diagonals]
            covariance = np.empty((k, k, by_level[0].shape[1]))
            for i in range(k):
                for j in range(i + 1):
                    covariance[i, j] = covariance[j, i] = by_level[i - j][j]
            found[grouping] = covariance
        return found


def _first(codes: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    found = np.empty(size, dtype=np.int64)
    found[codes] = values
    return found


def invert_batch(S: np.ndarray) -> tuple[np.ndarray, float]:
    """Inverses of positive definite matrices (m, q, q), and the sum of their log-determinants."""
    if len(S) > 1:
        _, logdet = np.linalg.slogdet(S)
        return np.linalg.inv(S), float(logdet.sum())
    # one large matrix: from its Cholesky factor, at a third of the cost
    factor, _ = lapack.dpotrf(S[0].T, lower=True)
    logdet = 2 * np.log(np.diagonal(factor)).sum()
    inverse, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)
    inverse += inverse.T  # the upper triangle was 0
    np.fill_diagonal(inverse, np.diagonal(inverse) / 2)
    return inverse[None], float(logdet)
