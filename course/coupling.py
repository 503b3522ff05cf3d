"""How the levels of a head couple those of a tail: sums over all that one level touches.

With E the matrix Z_head' Z_tail, one row for each effect of each level of the head, elimination of the
head needs E' W E and, on the way back, the k x k blocks of E K E'. A pupil touches few
classrooms: `Pairs` lists for each level of the head the pairs of tail columns it touches, and costs
their number in time and memory. Where every level touches most of the tail (each item seen by each
subject) `Dense` multiplies whole matrices instead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

# pairs are worth listing below this share of the multiplications of a dense product (measured)
WORTH_LISTING = 5e-3


def couple(
    head: np.ndarray,
    Z_head: np.ndarray,
    tail: list[tuple[np.ndarray, np.ndarray]],
    q: int,
    cell: Callable[[np.ndarray, np.ndarray], np.ndarray],
    n_cells: int,
) -> Pairs | Dense:
    """The coupling of a head to its tail.

    Parameters
    ----------
    head : ndarray of int, shape (n,)
        The level of the head of each row.
    Z_head : ndarray, shape (k, n)
    tail : list of (ndarray of int, ndarray), each of shape (n,)
        For each effect of each tail grouping the tail column and its value, row by row.
    q : int
        Number of tail columns.
    cell : callable
        Row and column of a tail matrix to the position of its cell.
    n_cells : int
        Number of cells.
    """
    keys = np.concatenate([head * q + column for column, _ in tail])
    present, entry = np.unique(keys, return_inverse=True)
    values = np.stack(
        [
            np.bincount(entry, np.concatenate([z * value for _, value in tail]), len(present))
            for z in Z_head
        ]
    )
    level, column = np.divmod(present, q)
    n_levels = int(head.max()) + 1
    touched = np.bincount(level, minlength=n_levels).astype(float)
    if (touched**2).sum() / 2 > WORTH_LISTING * n_levels * q**2:
        return Dense(level, column, values, (n_levels, q), cell, n_cells)
    return Pairs(level, column, values, (n_levels, q), cell, n_cells)


class _Coupling:
    """The entries of E, and its products with narrow matrices."""

    def __init__(self, level, column, values, shape, cell, n_cells):
        self.shape, self.n_cells = shape, n_cells
        self.E = [sparse.csr_array((v, (level, column)), shape) for v in values]

    def through(self, tail: np.ndarray) -> np.ndarray:
        """E times a (q,) or (q, c) array: (k, L) or (k, L, c)."""
        return np.stack([E @ tail for E in self.E])

    def back_to_tail(self, head: np.ndarray) -> np.ndarray:
        """E' times (k, u, L): (q, u)."""
        return sum(E.T @ part.T for E, part in zip(self.E, head, strict=True))


class Pairs(_Coupling):
    """Every pair of tail columns that one level of the head touches."""

    def __init__(self, level, column, values, shape, cell, n_cells):
        super().__init__(level, column, values, shape, cell, n_cells)
        self.level, self.values = level, values
        # entry a is paired with itself and with the later entries of its level
        touched = np.bincount(level, minlength=shape[0])
        end = np.cumsum(touched)[level]
        count = end - np.arange(len(level))
        self.a = np.repeat(np.arange(len(level), dtype=np.int32), count)
        first = np.cumsum(count) - count
        self.b = self.a + (np.arange(len(self.a)) - first[self.a]).astype(np.int32)
        self.upper = cell(column[self.a], column[self.b])
        self.lower = cell(column[self.b], column[self.a])
        self.other = self.a != self.b
        self.levels_present, self.starts = np.unique(level[self.a], return_index=True)

    def product(self, W: np.ndarray) -> np.ndarray:
        """The cells of E' W E for W of shape (k, k, L)."""
        weighted = np.einsum("ije,je->ie", W[:, :, self.level], self.values)
        total = sum(v[self.a] * w[self.b] for v, w in zip(self.values, weighted, strict=True))
        cells = np.bincount(self.upper, total, self.n_cells)
        return cells + np.bincount(self.lower[self.other], total[self.other], self.n_cells)

    def middle(self, cells: np.ndarray) -> np.ndarray:
        """The blocks of E K E' by level, (k, k, L), for a symmetric K given by its cells."""
        k = len(self.values)
        found = np.zeros((k, k, self.shape[0]))
        K = cells[self.upper]
        for i in range(k):
            for j in range(i + 1):
                left, right = self.values[i], self.values[j]
                both = left[self.a] * right[self.b]
                both += np.where(self.other, left[self.b] * right[self.a], 0.0)
                sums = np.add.reduceat(K * both, self.starts)
                found[i, j, self.levels_present] = found[j, i, self.levels_present] = sums
        return found


class Dense(_Coupling):
    """The whole of E; the tail is one matrix of cells."""

    def __init__(self, level, column, values, shape, cell, n_cells):
        super().__init__(level, column, values, shape, cell, n_cells)
        self.E = [E.toarray() for E in self.E]
        q = shape[1]
        row, other = np.divmod(np.arange(q * q), q)
        self.cell = cell(row, other)
        self.inside = self.cell >= 0  # columns of two blocks have no cell

    def product(self, W: np.ndarray) -> np.ndarray:
        total = sum(
            one.T @ (W[i, j][:, None] * other)
            for i, one in enumerate(self.E)
            for j, other in enumerate(self.E)
        ).ravel()
        cells = np.zeros(self.n_cells)
        cells[self.cell[self.inside]] = total[self.inside]
        return cells

    def middle(self, cells: np.ndarray) -> np.ndarray:
        K = np.where(self.inside, cells[self.cell], 0.0).reshape(self.shape[1], -1)
        through = [E @ K for E in self.E]
        return np.array([[(T * E).sum(axis=1) for E in self.E] for T in through])
