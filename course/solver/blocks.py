"""Crossed groupings once the one with most levels is eliminated: what couples the others.

Their matrix K = (cells) is block-diagonal: nothing couples two blocks. `Blocks` factors those of one size
at once, with the formulas of `course.solver.elimination`, M the block's matrix and z all of its columns.
`Bordered` has a second kind of columns, the border, that may be coupled to all: the blocks are
eliminated first, with the border's columns beside those of U, and then the border as one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from course.solver.elimination import LARGE, invert_batch


@dataclass
class Back:
    """What K says on the way back: derivatives by its cells, by K_tu, by Lambda's diagonals."""

    cells: np.ndarray
    K_tu: np.ndarray
    slopes: np.ndarray  # [d, column]: by Lambda[effect + d, effect] of the column's level, halved


@dataclass
class _Batch:
    """Blocks of one size q, m of them at once."""

    S: np.ndarray  # Lambda' K Lambda + I, (m, q, q)
    S_inverse: np.ndarray  # (m, q, q)
    D: np.ndarray  # the diagonals of Lambda, (depth, m, q)
    K: np.ndarray  # (m, q, q)
    tu: np.ndarray  # (m, q, u)

    def __post_init__(self) -> None:
        self.X = self.solve(self.tu)  # S^-1 Lambda' tu, (m, q, u)
        self.P = _lambda_times(self.X, self.D)  # W tu, (m, q, u)

    def solve(self, right: np.ndarray) -> np.ndarray:
        """S^-1 Lambda' times (m, q, c).

        Large effects of crossed groupings nearly cancel, and products with the inverse lose that:
        refined as in `course.solver.elimination.eliminate_levels`.
        """
        right = _times_lambda(right.swapaxes(1, 2), self.D).swapaxes(1, 2)
        X = self.S_inverse @ right
        if self.S.diagonal(axis1=1, axis2=2).max(initial=0) < LARGE:
            return X
        return X + self.S_inverse @ (right - self.S @ X)


class Blocks:
    """Independent blocks of columns, those of a block side by side.

    Parameters
    ----------
    sizes : ndarray of int
        Columns of each block, ascending.
    output : ndarray of int
        For each block the place, on the last axis of M, that it is eliminated from. All blocks with
        columns have one place, or each its own.
    """

    def __init__(self, sizes: np.ndarray, output: np.ndarray):
        self.sizes, self.output = sizes, output
        self.starts = np.concatenate([[0], np.cumsum(sizes)])  # first column of each block
        # first cell of each block
        self.offsets = np.concatenate([[0], np.cumsum(sizes.astype(np.int64) ** 2)])
        self.q, self.n_cells = int(self.starts[-1]), int(self.offsets[-1])
        self.block = np.repeat(np.arange(len(sizes)), sizes.astype(np.intp))  # of each column
        self.together = len(sizes) > 0 and (output == output[0]).all()

    def cell(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Where a cell of K is kept; -1 between two blocks."""
        if len(self.sizes) == 1:
            return row * self.q + column
        block = self.block[row]
        start, size = self.starts[block], self.sizes[block]
        inside = self.block[column] == block
        return np.where(inside, self.offsets[block] + (row - start) * size + column - start, -1)

    @cached_property
    def _batches(self) -> list[tuple[int, int, int]]:
        """Runs of blocks of one size: (first block, how many, size)."""
        sizes, first, count = np.unique(self.sizes, return_index=True, return_counts=True)
        return [(f, m, q) for f, m, q in zip(first, count, sizes, strict=True) if q]

    def eliminate(
        self, cells: np.ndarray, K_tu: np.ndarray, M: np.ndarray, diagonals: np.ndarray
    ) -> tuple[np.ndarray, float, list[_Batch]]:
        """M of U, (u, u, places), to what is left of it; also log|A| and the tape.

        ``diagonals[d, column]`` is Lambda[effect + d, effect] of the column's level.
        """
        M, logdet, batches = M.copy(), 0.0, []
        for first, m, q in self._batches:
            columns = slice(self.starts[first], self.starts[first] + m * q)
            D = diagonals[:, columns].reshape(-1, m, q)
            K = cells[self.offsets[first] : self.offsets[first] + m * q * q].reshape(m, q, q)
            S = _times_lambda(K, D)
            S = _times_lambda(S.swapaxes(1, 2), D)  # symmetric: Lambda' K Lambda
            S[:, range(q), range(q)] += 1
            S_inverse, more = invert_batch(S)
            logdet += more.sum()
            tu = K_tu[columns].reshape(m, q, -1)
            batch = _Batch(S, S_inverse, D, K, tu)
            P = batch.P
            if self.together:
                flat = tu.reshape(m * q, -1), P.reshape(m * q, -1)
                M[:, :, self.output[0]] -= flat[0].T @ flat[1]
            else:
                M[:, :, self.output[first : first + m]] -= (tu.swapaxes(1, 2) @ P).transpose(
                    1, 2, 0
                )
            batches.append(batch)
        return M, logdet, batches

    def back(self, tape: list[_Batch], M_bar: np.ndarray, depth: int) -> Back:
        """The derivatives, given that by what is left of M."""
        u = M_bar.shape[0]
        derivatives = Back(np.empty(self.n_cells), np.empty((self.q, u)), np.zeros((depth, self.q)))
        for (first, m, q), batch in zip(self._batches, tape, strict=True):
            columns = slice(self.starts[first], self.starts[first] + m * q)
            if self.together:
                R = (batch.tu.reshape(m * q, u) @ M_bar[:, :, self.output[0]]).reshape(m, q, u)
            else:
                R = batch.tu @ M_bar[:, :, self.output[first : first + m]].transpose(2, 0, 1)
            Q = _lambda_times(batch.solve(R), batch.D)
            # S^-1 Lambda' is _times_lambda of the symmetric inverse, seen from the other side
            S_inverse_L = _lambda_times(batch.S_inverse, batch.D)
            W = _lambda_times(S_inverse_L.swapaxes(1, 2), batch.D)
            K_bar = Q @ batch.P.swapaxes(1, 2) + W
            derivatives.cells[self.offsets[first] : self.offsets[first] + m * q * q] = K_bar.ravel()
            derivatives.K_tu[columns] = -Q.reshape(m * q, u)
            left = R - batch.K @ Q
            right = batch.X.swapaxes(1, 2)
            for d in range(min(depth, q)):
                rows, ends = slice(d, None), slice(None, q - d)
                slopes = np.einsum("mij,mji->mi", batch.K[:, rows], S_inverse_L[:, :, ends])
                slopes -= np.einsum("miu,mui->mi", left[:, rows], right[:, :, ends])
                derivatives.slopes[d, columns].reshape(m, q)[:, ends] = slopes
        return derivatives

    def effects(self, tape: list[_Batch], v: np.ndarray) -> np.ndarray:
        """Conditional means b by column, given the coefficients v of U, (u, places)."""
        return self._by_column([batch.P for batch in tape], v)

    def spherical(self, tape: list[_Batch], v: np.ndarray) -> np.ndarray:
        """u with b = Lambda u, in the form of `effects`."""
        return self._by_column([batch.X for batch in tape], v)

    def _by_column(self, of_u: list[np.ndarray], v: np.ndarray) -> np.ndarray:
        values = np.empty(self.q)
        for (first, m, q), left in zip(self._batches, of_u, strict=True):
            here = v[:, self.output[first : first + m]].T[:, :, None]
            values[self.starts[first] : self.starts[first] + m * q] = (left @ here).ravel()
        return values


class Bordered:
    """Blocks, and a border of s columns that may be coupled to every other; the border comes last.

    Parameters
    ----------
    sizes : ndarray of int
        Columns of each block, ascending.
    s : int
        Columns of the border.
    """

    def __init__(self, sizes: np.ndarray, s: int):
        self.inner = Blocks(sizes, np.zeros(len(sizes), dtype=np.int64))
        self.border = Blocks(np.array([s]), np.zeros(1, dtype=np.int64))
        self.q, self.s = self.inner.q + s, s
        self.first = self.inner.n_cells  # cell of K between the blocks and the border
        self.last = self.first + self.inner.q * s  # first cell of the border's own K
        self.n_cells = self.last + s * s

    def cell(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Where a cell of K is kept; -1 between two blocks, and below the border's rows."""
        m, s = self.inner.q, self.s
        inside = self.inner.cell(np.minimum(row, m - 1), np.minimum(column, m - 1))
        beside = self.first + row * s + column - m
        own = self.last + (row - m) * s + column - m
        where_row_inside = np.where(column < m, inside, beside)
        return np.where(row < m, where_row_inside, np.where(column < m, -1, own))

    def eliminate(
        self, cells: np.ndarray, K_tu: np.ndarray, M: np.ndarray, diagonals: np.ndarray
    ) -> tuple[np.ndarray, float, tuple]:
        """As `Blocks.eliminate`; M has one place."""
        m, s = self.inner.q, self.s
        beside = np.concatenate([cells[self.first : self.last].reshape(m, s), K_tu[:m]], axis=1)
        own = cells[self.last :].reshape(s, s)
        rest = np.block([[own, K_tu[m:]], [K_tu[m:].T, M[:, :, 0]]])[:, :, None]
        rest, logdet, inner = self.inner.eliminate(cells, beside, rest, diagonals[:, :m])
        rest = rest[:, :, 0]
        M, more, border = self.border.eliminate(
            rest[:s, :s].ravel(), rest[:s, s:], rest[s:, s:, None], diagonals[:, m:]
        )
        return M, logdet + more, (inner, border)

    def back(self, tape: tuple, M_bar: np.ndarray, depth: int) -> Back:
        """As `Blocks.back`."""
        inner, border = tape
        s = self.s
        later = self.border.back(border, M_bar, depth)
        own = later.cells.reshape(s, s)
        rest = np.block([[own, later.K_tu], [later.K_tu.T, M_bar[:, :, 0]]])[:, :, None]
        first = self.inner.back(inner, rest, depth)
        return Back(
            np.concatenate([first.cells, first.K_tu[:, :s].ravel(), later.cells]),
            np.concatenate([first.K_tu[:, s:], later.K_tu]),
            np.concatenate([first.slopes, later.slopes], axis=1),
        )

    def effects(self, tape: tuple, v: np.ndarray) -> np.ndarray:
        """As `Blocks.effects`."""
        inner, border = tape
        last = self.border.effects(border, v)
        return np.concatenate(
            [self.inner.effects(inner, np.concatenate([-last[:, None], v])), last]
        )

    def spherical(self, tape: tuple, v: np.ndarray) -> np.ndarray:
        """As `Blocks.spherical`."""
        inner, border = tape
        left = np.concatenate([-self.border.effects(border, v)[:, None], v])
        return np.concatenate([self.inner.spherical(inner, left), self.border.spherical(border, v)])


def _times_lambda(K: np.ndarray, diagonals: np.ndarray) -> np.ndarray:
    """K Lambda for a batch (m, q, q), the diagonals (m, q); effects of a level are adjacent."""
    result = K * diagonals[0][:, None]
    for d, values in enumerate(diagonals[1:], start=1):
        result[:, :, :-d] += K[:, :, d:] * values[:, None, :-d]
    return result


def _lambda_times(B: np.ndarray, diagonals: np.ndarray) -> np.ndarray:
    """Lambda B for a batch (m, q, c)."""
    result = diagonals[0][:, :, None] * B
    for d, values in enumerate(diagonals[1:], start=1):
        result[:, d:] += values[:, :-d, None] * B[:, :-d]
    return result
