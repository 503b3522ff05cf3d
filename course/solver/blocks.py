"""Crossed groupings once the one with most levels is eliminated: solving what couples the others.

The matrix S = Lambda' K Lambda + I is block-diagonal: nothing couples two blocks. `Blocks` factors those
of one size at once. `Bordered` has a second kind of columns, the border, that may be coupled to all: the
blocks are eliminated first, and then the border as one block. Of symmetric matrices only what is on and
above the diagonal is given, taken and, where it is large, computed.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import blas, lapack

from course.solver.elimination import LARGE
from course.solver.small_matrices import invert_batch


class Blocks:
    """Independent blocks of columns, those of a block side by side.

    Parameters
    ----------
    sizes : ndarray of int
        Columns of each block, ascending.
    """

    def __init__(self, sizes: np.ndarray):
        self.sizes = sizes
        self.starts = np.concatenate([[0], np.cumsum(sizes)])  # first column of each block
        # first cell of each block
        self.offsets = np.concatenate([[0], np.cumsum(sizes.astype(np.int64) ** 2)])
        self.q, self.n_cells = int(self.starts[-1]), int(self.offsets[-1])
        self.block = np.repeat(np.arange(len(sizes)), sizes.astype(np.intp))  # of each column

    def cell(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Where a cell of the matrix is kept; -1 between two blocks."""
        if len(self.sizes) == 1:
            return row * self.q + column
        block = self.block[row]
        start, size = self.starts[block], self.sizes[block]
        inside = self.block[column] == block
        return np.where(inside, self.offsets[block] + (row - start) * size + column - start, -1)

    @cached_property
    def batches(self) -> list[tuple[slice, slice, tuple[int, int]]]:
        """Runs of blocks of one size: their columns, their cells, how many and of what size."""
        sizes, first, count = np.unique(self.sizes, return_index=True, return_counts=True)
        return [
            (
                slice(self.starts[f], self.starts[f] + m * q),
                slice(self.offsets[f], self.offsets[f] + m * q * q),
                (int(m), int(q)),
            )
            for f, m, q in zip(first, count, sizes, strict=True)
            if q
        ]

    def factor(self, cells: np.ndarray) -> FactoredBlocks:
        """The matrix with these cells, 0 below the diagonal; they are overwritten."""
        return FactoredBlocks(self, cells)


class FactoredBlocks:
    """A matrix of `Blocks` that can be solved with.

    Parameters
    ----------
    blocks : Blocks
    cells : ndarray, shape (n_cells,)
        Overwritten.
    """

    def __init__(self, blocks: Blocks, cells: np.ndarray):
        self.blocks, self.parts = blocks, []
        for _, where, (m, q) in blocks.batches:
            S = cells[where].reshape(m, q, q)
            self.parts.append(Single(S[0]) if m == 1 else Several(S))
        self.logdet = sum((part.logdet for part in self.parts), 0.0)

    def solve(self, right: np.ndarray) -> np.ndarray:
        """S^-1 times (q, c)."""
        X = np.empty_like(right)
        for (columns, _, (m, q)), part in zip(self.blocks.batches, self.parts, strict=True):
            X[columns] = part.solve(right[columns].reshape(m, q, -1)).reshape(m * q, -1)
        return X

    @cached_property
    def inverse(self) -> np.ndarray:
        """The cells of S^-1; of these below the diagonal no two methods make the same."""
        if len(self.parts) == 1:
            return self.parts[0].inverse.ravel()
        cells = np.empty(self.blocks.n_cells)
        for (_, where, _), part in zip(self.blocks.batches, self.parts, strict=True):
            cells[where] = part.inverse.ravel()
        return cells

    def plus(self, cells: np.ndarray, Y: np.ndarray, middle: np.ndarray) -> None:
        """Add Y middle Y' to the cells, Y (q, c)."""
        for columns, where, (m, q) in self.blocks.batches:
            here = Y[columns].reshape(m, q, -1)
            cells[where] += ((here @ middle) @ here.swapaxes(1, 2)).ravel()


class Several:
    """Small positive definite matrices S, (m, q, q)."""

    def __init__(self, S: np.ndarray):
        q = S.shape[1]
        self.S = S + S.swapaxes(1, 2)
        self.S[:, range(q), range(q)] /= 2
        self.inverse, logdet = invert_batch(self.S)
        self.logdet = logdet.sum()

    def solve(self, right: np.ndarray) -> np.ndarray:
        """S^-1 times (m, q, c).

        Large effects of crossed groupings nearly cancel, and products with the inverse lose that:
        refined as in `course.solver.elimination.eliminate_levels`.
        """
        X = self.inverse @ right
        if self.S.diagonal(axis1=1, axis2=2).max(initial=0) < LARGE:
            return X
        return X + self.inverse @ (right - self.S @ X)


class Single:
    """A positive definite matrix S, (q, q), overwritten by its Cholesky factor.

    For 1,000 columns and more that is nearly all the time that an evaluation takes, so the inverse, which
    costs twice as much as the factor, is formed only where somebody asks for it.
    """

    def __init__(self, S: np.ndarray):
        large = S.diagonal().max() >= LARGE
        self.S = S.copy() if large else None
        # LAPACK counts by columns: what is lower to it is upper here
        self.L, failed = lapack.dpotrf(S.T, lower=True, clean=False, overwrite_a=True)
        diagonal = np.diagonal(self.L)
        self.logdet = np.nan if failed else 2 * np.log(diagonal).sum()

    def solve(self, right: np.ndarray) -> np.ndarray:
        """S^-1 times (1, q, c), refined as by `Several`."""
        X = lapack.dpotrs(self.L, right[0], lower=True)[0]
        if self.S is not None:
            left = right[0] - blas.dsymm(1.0, self.S.T, X, lower=True)
            X += lapack.dpotrs(self.L, left, lower=True)[0]
        return X[None]

    @cached_property
    def inverse(self) -> np.ndarray:
        """S^-1, (q, q), on and above the diagonal."""
        return lapack.dpotri(self.L, lower=True)[0].T


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
        self.inner = Blocks(sizes)
        self.q, self.s = self.inner.q + s, s
        self.first = self.inner.n_cells  # cell between the blocks and the border
        self.last = self.first + self.inner.q * s  # first cell of the border's own matrix
        self.n_cells = self.last + s * s

    def cell(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Where a cell is kept; -1 between two blocks, and below the border's rows."""
        m, s = self.inner.q, self.s
        inside = self.inner.cell(np.minimum(row, m - 1), np.minimum(column, m - 1))
        beside = self.first + row * s + column - m
        own = self.last + (row - m) * s + column - m
        where_row_inside = np.where(column < m, inside, beside)
        return np.where(row < m, where_row_inside, np.where(column < m, -1, own))

    def factor(self, cells: np.ndarray) -> FactoredBordered:
        """As `Blocks.factor`."""
        return FactoredBordered(self, cells)


class FactoredBordered:
    """A matrix of `Bordered` that can be solved with: block elimination, the blocks first."""

    def __init__(self, bordered: Bordered, cells: np.ndarray):
        self.bordered, (m, s) = bordered, (bordered.inner.q, bordered.s)
        self.beside = cells[bordered.first : bordered.last].reshape(m, s)
        self.inner = bordered.inner.factor(cells[: bordered.first])
        self.Y = self.inner.solve(self.beside)
        self.border = Single(cells[bordered.last :].reshape(s, s) - self.beside.T @ self.Y)
        self.logdet = self.inner.logdet + self.border.logdet

    def solve(self, right: np.ndarray) -> np.ndarray:
        """As `FactoredBlocks.solve`."""
        m = len(self.Y)
        first = self.inner.solve(right[:m])
        last = self.border.solve((right[m:] - self.beside.T @ first)[None])[0]
        return np.concatenate([first - self.Y @ last, last])

    @cached_property
    def inverse(self) -> np.ndarray:
        """As `FactoredBlocks.inverse`."""
        upper = np.triu(self.border.inverse)
        own = upper + np.triu(upper, 1).T
        cells = self.inner.inverse
        self.inner.plus(cells, self.Y, own)
        return np.concatenate([cells, (-self.Y @ own).ravel(), own.ravel()])
